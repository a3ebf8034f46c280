//! What the last passes of mailboxes found; as files it is [`file`]'s.

pub(crate) mod file;

use axum::{Json, extract::Path, http::StatusCode};

use crate::{
    Context,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::ReportView,
};

/// What the last pass of each mailbox found, in numbers
#[utoipa::path(get, path = "/reports", operation_id = "listReports", tag = "reports", params(PageQuery), responses((status = 200, description = "A report a mailbox", body = Vec<ReportView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<ReportView>, Problem> {
    let kept = context.reports.reports().await?;
    page.cut_by_place(kept.iter().map(ReportView::of).collect())
}

/// What the last passes of a user's mailboxes found
#[utoipa::path(get, path = "/users/{address}/reports", operation_id = "listUserReports", tag = "reports", params(("address" = String, Path, description = "The user's address")), responses((status = 200, description = "A report a mailbox", body = Vec<ReportView>)))]
pub(crate) async fn of_user(
    context: Context,
    Path(address): Path<String>,
) -> Result<Json<Vec<ReportView>>, Problem> {
    let users = context.store.users_by_address(&address).await?;
    if users.is_empty() {
        let detail = format!("There is no user {address}.");
        return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail));
    }
    let mut found = Vec::new();
    for mailbox in users.iter().filter_map(|user| user.mailbox) {
        found.extend(context.reports.report(mailbox).await?.as_ref().map(ReportView::of));
    }
    Ok(Json(found))
}
