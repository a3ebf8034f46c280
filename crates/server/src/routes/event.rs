//! What happens, as it happens: server-sent events. What people did has numbers and is never missed; how batches,
//! their users, tests and verifications go on is told as it stands.

mod watch;

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::Query,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use self::watch::Watch;
use crate::{Context, door::Caller, problem::Problem};

/// A stream ends after so long; the browser comes back, and whether it still may is asked anew.
const LONGEST: Duration = Duration::from_secs(900);

/// From where on.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// Go on behind this number, as `Last-Event-ID` does; from now on without either.
    after: Option<u64>,
}

/// What happens, as server-sent events
///
/// `change`: somebody did something (to accounts and sessions: for administrators); its id goes on with `Last-Event-ID`. `batch`: a batch as it stands now, without
/// an id. `user`: a user whose status, reason or score is another one than before, as it stands now. `endpoint-test` and
/// `verification`: how far one is that was ordered; what it found is read by its id. A stream ends after a quarter of an hour: ask again with the last id.
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
        None => from.after.unwrap_or(u64::MAX),
    };
    // From now on; also for whoever has numbers of a trail that was longer, before a backup was restored.
    let after = after.min(context.store.audit_end().await?);
    let ends = context.clock.elapsed() + LONGEST;
    let watch = Watch::of(context, caller.role, after, ends);
    Ok(Sse::new(watched(watch)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn watched(watch: Watch) -> impl Stream<Item = std::result::Result<Event, Infallible>> {
    // The first says at once that the stream stands, and where: whoever loses it before anything happened goes on there.
    let open = stream::iter([Event::default().comment("mailferry").id(watch.after.to_string())]);
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
