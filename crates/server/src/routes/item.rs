//! Items that a person should know about: skipped, missing, doubled, changed, rewritten, left out.

use axum::{
    Json,
    extract::{Query, State},
};
use mailferry_model::report::Findings;
use serde::Deserialize;

use crate::{
    Context,
    problem::Problem,
    view::{ItemView, kinds},
};

/// Which items.
#[derive(Default, Deserialize)]
pub(crate) struct Which {
    batch: Option<String>,
    user: Option<String>,
    kind: Option<String>,
}

pub(crate) async fn list(
    State(context): State<Context>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<ItemView>>, Problem> {
    let kinds = kinds(&Findings::default()).map(|(kind, _)| kind);
    if let Some(kind) =
        which.kind.as_ref().filter(|k| !kinds.iter().any(|known| known.eq_ignore_ascii_case(k)))
    {
        let detail = format!("{kind:?} is no kind of item; there are {}.", kinds.join(", "));
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    let mut kept = context.reports.reports().await?;
    if let Some(batch) = &which.batch {
        let batch = context.store.batch(batch).await?;
        let users = context.store.users(batch.id).await?;
        kept.retain(|k| users.iter().any(|u| u.mailbox == Some(k.mailbox)));
    }
    if let Some(user) = &which.user {
        kept.retain(|k| k.user.to_lowercase() == user.to_lowercase());
    }
    let mut items: Vec<ItemView> = kept.into_iter().flat_map(ItemView::all).collect();
    if let Some(kind) = &which.kind {
        items.retain(|i| i.kind.eq_ignore_ascii_case(kind));
    }
    Ok(Json(items))
}
