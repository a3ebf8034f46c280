//! What somebody has tried of a mailbox of a pilot, and says that it works.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    pilot::{Check, give, take_back, unsigned},
    port::Write,
    user::User,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{find, view};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{batch::change::checked_notes, entry},
    view::UserView,
};

/// What works, or no longer.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Signing {
    /// `mail-flow`, `calendar`, `mobile`, `desktop`, `shared-mailboxes`; none: all of them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    checks: Vec<Check>,
    /// For people.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Take it back instead.
    #[serde(default)]
    withdraw: bool,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// Say that a mailbox of a pilot works at its new place, or take that back
#[utoipa::path(post, path = "/batches/{name}/users/{address}/sign-off", operation_id = "signOffUser", tag = "users", params(("name" = String, Path, description = "The pilot"), ("address" = String, Path, description = "The address")), request_body = Signing, responses((status = 200, description = "As it is now", body = UserView)))]
pub(crate) async fn sign_off(
    context: Context,
    if_match: IfMatch,
    Path((name, address)): Path<(String, String)>,
    Body(wanted): Body<Signing>,
) -> Result<Versioned<UserView>, Problem> {
    let (batch, before) = find(&context, &name, &address).await?;
    if_match.check(before.version)?;
    if !batch.pilot {
        let detail = format!("The batch {name} is no pilot: its mailboxes are not signed off.");
        return Err(Problem::conflict("NO_PILOT", detail));
    }
    let comment = checked_notes(wanted.comment)?;
    let checks = if wanted.checks.is_empty() { Check::ALL.to_vec() } else { wanted.checks };
    let mut user = before.clone();
    match wanted.withdraw {
        true => take_back(&mut user.sign_offs, &checks),
        false => {
            let who = (context.actor.as_str(), context.clock.now());
            give(&mut user.sign_offs, &checks, who, comment.as_deref());
        }
    }
    if !wanted.dry_run {
        let words: Vec<&str> = checks.iter().map(|check| check.word()).collect();
        let change = serde_json::json!({ "checks": words, "withdrawn": wanted.withdraw, "comment": comment });
        let subject = format!("user {} of batch {}", user.address, batch.name);
        let entry = entry(&context, "user.sign-off", subject, Some(change.to_string()));
        if_match.kept(context.store.together(&[Write::SetUser(&user), Write::Record(&entry)]).await)?;
        (context.bell)();
        user = context.store.user(user.id).await?;
    }
    let mut answer = view(StatusCode::OK, &batch, &user);
    answer.body.notices.push(told(&user));
    Ok(answer)
}

fn told(user: &User) -> String {
    let lacking: Vec<&str> = unsigned(user).into_iter().map(Check::word).collect();
    match lacking.is_empty() {
        true => format!("{} is signed off.", user.address),
        false => format!("{} still lacks: {}.", user.address, lacking.join(", ")),
    }
}
