//! Approvals: somebody says that items which stay behind may do so, or takes that back; one item, all with a code, or all.
//!
//! Only what the last pass named can be approved. What is approved completes; nothing is started here.

use std::collections::BTreeMap;

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    approval::{Approval, Approvals, ApprovedItem, Meant, approvable, with_gate},
    batch::Batch,
    catalogue,
    id::MailboxId,
    port::Write,
    user::User,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{again::until_it_fits, batch::change::checked_notes, entry, user};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    view::{BatchView, UserView},
};

/// Which items: all, those with codes, or one by folder and uid.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Approving {
    /// All that stay behind now.
    all: bool,
    /// All with one of these codes.
    codes: Vec<String>,
    /// The folder of one item; of a user alone.
    folder: Option<String>,
    /// The uid of one item, as `/items` tells it.
    uid: Option<String>,
    /// Why they may stay behind; not where an approval is taken back.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Only judge: the answer says what would be done, and nothing changes.
    dry_run: bool,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Approve,
    Unapprove,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Unapprove => "unapprove",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Unapprove => "no longer approved",
        }
    }
}

/// What was asked for, judged.
struct Wanted {
    deed: Deed,
    meant: Meant,
    comment: String,
    dry_run: bool,
}

impl Approving {
    fn judged(self, deed: Deed) -> Result<Wanted, Problem> {
        let malformed = |detail: &str| Problem::refused("REQUEST_MALFORMED", detail);
        let meant = match (self.all, self.codes.is_empty(), self.folder, self.uid) {
            (true, true, None, None) => Meant::All,
            (false, false, None, None) => Meant::Codes(self.codes),
            (false, true, Some(folder), Some(uid)) => Meant::One { folder, uid },
            _ => {
                return Err(malformed(
                    "Say which items: all, codes, or folder and uid of one; one of the three.",
                ));
            }
        };
        if let Meant::Codes(codes) = &meant
            && let Some(code) = codes.iter().find(|code| catalogue::find(&code.to_uppercase()).is_none())
        {
            return Err(malformed(&format!("There is no code {code:?}; item list shows those of items.")));
        }
        let comment = checked_notes(self.comment)?;
        let comment = match (deed, comment) {
            (Deed::Approve, Some(comment)) if !comment.trim().is_empty() => comment,
            (Deed::Approve, _) => return Err(malformed("An approval says why: comment is missing.")),
            (Deed::Unapprove, None) => String::new(),
            (Deed::Unapprove, Some(_)) => return Err(malformed("What is taken back has no comment.")),
        };
        Ok(Wanted { deed, meant, comment, dry_run: self.dry_run })
    }
}

/// Approve items of a batch that stay behind
#[utoipa::path(post, path = "/batches/{name}/approve", operation_id = "approveBatch", tag = "approvals", params(("name" = String, Path, description = "The batch")), request_body = Approving, responses((status = 200, description = "As it is now, and what was done", body = BatchView)))]
pub(crate) async fn of_batch(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(body): Body<Approving>,
) -> Result<Versioned<BatchView>, Problem> {
    batch(&context, &if_match, &name, body.judged(Deed::Approve)?).await
}

/// Take approvals of items of a batch back
#[utoipa::path(post, path = "/batches/{name}/unapprove", operation_id = "unapproveBatch", tag = "approvals", params(("name" = String, Path, description = "The batch")), request_body = Approving, responses((status = 200, description = "As it is now, and what was done", body = BatchView)))]
pub(crate) async fn back_of_batch(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(body): Body<Approving>,
) -> Result<Versioned<BatchView>, Problem> {
    batch(&context, &if_match, &name, body.judged(Deed::Unapprove)?).await
}

/// Approve items of one user that stay behind
#[utoipa::path(post, path = "/batches/{name}/users/{address}/approve", operation_id = "approveUser", tag = "approvals", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), request_body = Approving, responses((status = 200, description = "As it is now, and what was done", body = UserView)))]
pub(crate) async fn of_user(
    context: Context,
    if_match: IfMatch,
    Path(member): Path<(String, String)>,
    Body(body): Body<Approving>,
) -> Result<Versioned<UserView>, Problem> {
    one(&context, &if_match, &member, body.judged(Deed::Approve)?).await
}

/// Take approvals of items of one user back
#[utoipa::path(post, path = "/batches/{name}/users/{address}/unapprove", operation_id = "unapproveUser", tag = "approvals", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), request_body = Approving, responses((status = 200, description = "As it is now, and what was done", body = UserView)))]
pub(crate) async fn back_of_user(
    context: Context,
    if_match: IfMatch,
    Path(member): Path<(String, String)>,
    Body(body): Body<Approving>,
) -> Result<Versioned<UserView>, Problem> {
    one(&context, &if_match, &member, body.judged(Deed::Unapprove)?).await
}

async fn batch(
    context: &Context,
    if_match: &IfMatch,
    name: &str,
    wanted: Wanted,
) -> Result<Versioned<BatchView>, Problem> {
    if matches!(wanted.meant, Meant::One { .. }) {
        let detail = "One item is of one user: POST /batches/{name}/users/{address}/approve.";
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    let subject = format!("The batch {name}");
    let notice = until_it_fits(&subject, || async {
        let batch = context.store.batch(name).await?;
        if let Err(problem) = if_match.check(batch.version) {
            return Ok(Err(problem));
        }
        let users = context.store.users(batch.id).await?;
        write(context, &wanted, &users, &format!("batch {}", batch.name)).await.map(Ok)
    })
    .await?;
    (context.bell)();
    let batch = context.store.batch(name).await?;
    let mut body = BatchView::of(context, batch).await?;
    body.notices.push(notice);
    Ok(Versioned { status: StatusCode::OK, version: body.version(), body })
}

async fn one(
    context: &Context,
    if_match: &IfMatch,
    (name, address): &(String, String),
    wanted: Wanted,
) -> Result<Versioned<UserView>, Problem> {
    let notice = until_it_fits(address, || async {
        let (batch, user) = user::find(context, name, address).await?;
        if let Err(problem) = if_match.check(user.version) {
            return Ok(Err(problem));
        }
        if let Meant::One { folder, uid } = &wanted.meant
            && !names(context, &user, &wanted.meant).await?
        {
            let detail = format!("No item {uid} of {folder} stays behind for {address}.");
            return Ok(Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail)));
        }
        let subject = format!("user {} of batch {}", user.address, batch.name);
        write(context, &wanted, &[user], &subject).await.map(Ok)
    })
    .await?;
    (context.bell)();
    let (batch, user) = user::find(context, name, address).await?;
    let mut answer = user::view(StatusCode::OK, &batch, &user);
    answer.body.notices.push(notice);
    Ok(answer)
}

/// Whether the last pass named what is meant.
async fn names(context: &Context, user: &User, meant: &Meant) -> mailferry_model::Result<bool> {
    let Some(mailbox) = user.mailbox else { return Ok(false) };
    let kept = context.reports.report(mailbox).await?;
    Ok(kept.is_some_and(|kept| approvable(&kept.findings).any(|named| meant.fits(named))))
}

/// What is written of one mailbox.
struct Change {
    mailbox: MailboxId,
    approve: Vec<Approval>,
    unapprove: Vec<ApprovedItem>,
    users: Vec<User>,
    /// How many items, by their codes.
    items: BTreeMap<String, u64>,
}

/// Writes what is wanted of these users, all or nothing; what was done, in a sentence.
async fn write(
    context: &Context,
    wanted: &Wanted,
    users: &[User],
    subject: &str,
) -> mailferry_model::Result<String> {
    let mut changes = Vec::new();
    for user in users {
        changes.extend(of_mailbox(context, wanted, user).await?);
    }
    let mut items: BTreeMap<String, u64> = BTreeMap::new();
    for (code, n) in changes.iter().flat_map(|change| &change.items) {
        *items.entry(code.clone()).or_default() += n;
    }
    let n: u64 = items.values().sum();
    let (of, done) = (changes.len(), wanted.deed.done());
    let counted =
        |n: u64, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    let (items_of, mailboxes) = (counted(n, "item", "items"), counted(of as u64, "mailbox", "mailboxes"));
    if n == 0 {
        return Ok(format!("There is nothing to {}.", wanted.deed.word()));
    }
    if wanted.dry_run {
        return Ok(format!("{items_of} of {mailboxes} would be {done}."));
    }
    let mut writes = Vec::new();
    for change in &changes {
        writes.push(match wanted.deed {
            Deed::Approve => Write::Approve(&change.approve),
            Deed::Unapprove => Write::Unapprove(change.mailbox, &change.unapprove),
        });
        writes.extend(change.users.iter().map(Write::SetUser));
    }
    let comment = Some(&wanted.comment).filter(|comment| !comment.is_empty());
    let told = json!({ "comment": comment, "items": items, "mailboxes": of }).to_string();
    let noun = subject.split(' ').next().unwrap_or_default();
    let entry = entry(context, &format!("{noun}.{}", wanted.deed.word()), subject.to_owned(), Some(told));
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await?;
    let is = if n == 1 { "is" } else { "are" };
    Ok(format!("{items_of} of {mailboxes} {is} {done}."))
}

/// What is to be written of a mailbox; nothing if nothing of it is meant.
async fn of_mailbox(
    context: &Context,
    wanted: &Wanted,
    user: &User,
) -> mailferry_model::Result<Option<Change>> {
    let Some(mailbox) = user.mailbox else { return Ok(None) };
    let Some(kept) = context.reports.report(mailbox).await? else { return Ok(None) };
    let mut all = context.store.approvals(mailbox).await?;
    let before = Approvals::of(all.clone());
    let is_new = |approved: bool| approved == (wanted.deed == Deed::Unapprove);
    let meant = approvable(&kept.findings).filter(|named| wanted.meant.fits(named));
    let meant: Vec<_> = meant.filter(|named| is_new(before.find(named).is_some())).collect();
    if meant.is_empty() {
        return Ok(None);
    }
    let (approve, unapprove, users) = (Vec::new(), Vec::new(), Vec::new());
    let mut change = Change { mailbox, approve, unapprove, users, items: BTreeMap::new() };
    for named in meant {
        let item = ApprovedItem::of(named);
        *change.items.entry(named.code.clone()).or_default() += named.weight();
        all.retain(|approval| approval.item != item);
        match wanted.deed {
            Deed::Approve => change.approve.push(Approval {
                mailbox,
                item,
                items: named.items,
                comment: wanted.comment.clone(),
                by: context.actor.clone(),
                at: context.clock.now(),
            }),
            Deed::Unapprove => change.unapprove.push(item),
        }
    }
    all.extend(change.approve.iter().cloned());
    let lacking = Approvals::of(all).lacking(&kept.findings);
    // The same mailbox may be in several batches, one after another.
    for other in context.store.users_by_address(&user.address).await? {
        if other.mailbox == Some(mailbox) {
            let batch: Batch = context.store.batch_by_id(other.batch).await?;
            let counted = User { unapproved: Some(lacking), ..other };
            change.users.push(with_gate(counted, &batch, context.clock.now()));
        }
    }
    Ok(Some(change))
}
