//! Items that a person should know about: skipped, missing, doubled, changed, rewritten, left out.

use axum::extract::Query;
use mailferry_model::{
    approval::{Approvals, approvable},
    report::Findings,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Context,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::{ItemView, kinds},
};

/// Which items.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only of this batch.
    batch: Option<String>,
    /// Only of this user.
    user: Option<String>,
    /// `skipped`, `missing`, `doubled`, `changedAtTarget`, `rewritten` or `notMigratable`.
    kind: Option<String>,
}

/// Items that a person should know about
#[utoipa::path(get, path = "/items", operation_id = "listItems", tag = "items", params(Which, PageQuery), responses((status = 200, description = "By mailbox and kind", body = Vec<ItemView>)))]
pub(crate) async fn list(
    context: Context,
    Query(which): Query<Which>,
    page: Page,
) -> Result<Part<ItemView>, Problem> {
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
    let mut items = Vec::new();
    for kept in kept {
        let approvals = match approvable(&kept.findings).next() {
            Some(_) => Approvals::of(context.store.approvals(kept.mailbox).await?),
            None => Approvals::default(),
        };
        items.extend(ItemView::all(kept, &approvals));
    }
    if let Some(kind) = &which.kind {
        items.retain(|i| i.kind.eq_ignore_ascii_case(kind));
    }
    page.cut_by_place(items)
}
