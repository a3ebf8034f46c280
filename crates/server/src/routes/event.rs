//! What happens, as it happens: server-sent events. What people did has numbers and is never missed; how batches
//! go on is told as it stands.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use axum::{
    extract::Query,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use mailferry_model::{Result, account::Role};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::{
    Context,
    door::{Caller, Door},
    problem::Problem,
    view::BatchView,
};

/// How often the store is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A stream ends after so long; the browser comes back, and whether it still may is asked anew.
const LONGEST: Duration = Duration::from_secs(900);

/// From where on.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// Go on behind this number, as `Last-Event-ID` does; from now on without either.
    after: Option<u64>,
}

/// Where a stream stands.
struct Watch {
    context: Context,
    role: Role,
    after: u64,
    /// The last that was told of each batch.
    told: HashMap<String, Value>,
    ends: Duration,
}

/// What happens, as server-sent events
///
/// `change`: somebody did something (to accounts and sessions: for administrators); its id goes on with `Last-Event-ID`. `batch`: a batch as it stands now, without
/// an id. A stream ends after a quarter of an hour: ask again with the last id.
#[utoipa::path(get, path = "/events", operation_id = "watchEvents", tag = "events", params(From, ("Last-Event-ID" = Option<String>, Header, description = "Go on behind this event")), responses((status = 200, description = "Events", body = String, content_type = "text/event-stream")))]
pub(crate) async fn events(
    context: Context,
    caller: Caller,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> std::result::Result<impl IntoResponse, Problem> {
    let last = headers.get("last-event-id").filter(|id| !id.is_empty());
    let after = match last.map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok())) {
        Some(Some(id)) => id,
        Some(None) => return Err(Problem::refused("REQUEST_MALFORMED", "Last-Event-ID is a number.")),
        None => match from.after {
            Some(after) => after,
            None => context.store.audit_end().await?,
        },
    };
    let ends = context.clock.elapsed() + LONGEST;
    let watch = Watch { context, role: caller.role, after, told: HashMap::new(), ends };
    Ok(Sse::new(watched(watch)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn watched(watch: Watch) -> impl Stream<Item = std::result::Result<Event, Infallible>> {
    // The first comment says at once that the stream stands.
    let open = stream::iter([Event::default().comment("mailferry")]);
    let rest = stream::unfold(watch, |mut watch| async move {
        loop {
            let found = watch.look().await.ok()?;
            if !found.is_empty() {
                return Some((stream::iter(found), watch));
            }
            if !watch.rest().await {
                return None;
            }
        }
    });
    open.chain(rest.flatten()).map(Ok)
}

impl Watch {
    /// What is new.
    async fn look(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for (no, entry) in self.context.store.audit(self.after).await? {
            self.after = no;
            // Who signs in and out is for administrators, as the audit trail is.
            let is_open = ["endpoint.", "batch.", "verification.", "user."]
                .iter()
                .any(|noun| entry.action.starts_with(noun));
            if !is_open && self.role < Role::Administrator {
                continue;
            }
            let told = json!({
                "at": entry.at, "actor": entry.actor, "action": entry.action, "subject": entry.subject,
            });
            events.push(Event::default().event("change").id(no.to_string()).data(told.to_string()));
        }
        for batch in self.context.store.batches().await? {
            let name = batch.name.clone();
            let quiet = !batch.status.is_active();
            let version = batch.version;
            let same = |told: &Value| quiet && told["version"] == version && told["settled"] == true;
            if self.told.get(&name).is_some_and(same) {
                continue;
            }
            let view = BatchView::of(&self.context, batch).await?;
            let mut shown = serde_json::to_value(&view).unwrap_or_default();
            let data = shown.to_string();
            shown["settled"] = quiet.into();
            if self.told.get(&name) != Some(&shown) {
                events.push(Event::default().event("batch").data(data));
                self.told.insert(name, shown);
            }
        }
        Ok(events)
    }

    /// Waits for the next look; whether there is to be one.
    async fn rest(&self) -> bool {
        let wait = self.context.clock.sleep(LOOK);
        match &self.context.door {
            Door::Inside => wait.await,
            Door::Listening(keeper) => {
                futures_util::pin_mut!(wait);
                let closed = std::pin::pin!(keeper.closing.cancelled());
                futures_util::future::select(wait, closed).await;
                if keeper.closing.is_cancelled() {
                    return false;
                }
            }
        }
        self.context.clock.elapsed() < self.ends
    }
}
