//! Acceptance: what people tick of mailboxes since their completion, one mailbox or all of a batch; and taking it back.
//!
//! Nothing is started here, and nothing becomes of the source: it stays as it is.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    acceptance::{is_accepted, is_completed, keeps_source, lacking, tick, words},
    pilot::{Check, give, take_back},
    port::Write,
    user::User,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{again::until_it_fits, batch::change::checked_notes, entry, user};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    view::{BatchView, UserView},
};

/// What people found in order.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Accepting {
    /// `mail-flow`, `calendar`, `mobile`; at least one.
    #[schema(min_items = 1)]
    ticks: Vec<String>,
    /// For people.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Take them back instead.
    #[serde(default)]
    take_back: bool,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// The same, judged.
struct Wanted {
    ticks: Vec<Check>,
    comment: Option<String>,
    deed: Deed,
    dry_run: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Give,
    TakeBack,
}

impl Accepting {
    fn judged(self) -> Result<Wanted, Problem> {
        let unknown = |word: &str| {
            let detail = format!("There is no tick {word:?}; there are {}.", words());
            Problem::refused("REQUEST_MALFORMED", detail)
        };
        if self.ticks.is_empty() {
            return Err(Problem::refused("REQUEST_MALFORMED", format!("Say which ticks: {}.", words())));
        }
        let ticks: Result<Vec<Check>, Problem> =
            self.ticks.iter().map(|word| tick(word).ok_or_else(|| unknown(word))).collect();
        let deed = if self.take_back { Deed::TakeBack } else { Deed::Give };
        Ok(Wanted { ticks: ticks?, comment: checked_notes(self.comment)?, deed, dry_run: self.dry_run })
    }
}

impl Wanted {
    /// The user as it is then.
    fn on(&self, context: &Context, mut user: User, ticks: &[Check]) -> User {
        let who = (context.actor.as_str(), context.clock.now());
        match self.deed {
            Deed::Give => give(&mut user.acceptance, ticks, who, self.comment.as_deref()),
            Deed::TakeBack => take_back(&mut user.acceptance, ticks),
        }
        user
    }

    /// What the audit trail keeps of it.
    fn told(&self, mailboxes: usize) -> String {
        let ticks: Vec<&str> = self.ticks.iter().map(|tick| tick.word()).collect();
        let taken_back = self.deed == Deed::TakeBack;
        serde_json::json!({ "ticks": ticks, "takenBack": taken_back, "comment": self.comment, "mailboxes": mailboxes })
            .to_string()
    }
}

/// Tick what works of a completed mailbox at its new place, or take that back
#[utoipa::path(post, path = "/batches/{name}/users/{address}/accept", operation_id = "acceptUser", tag = "acceptance", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), request_body = Accepting, responses((status = 200, description = "As it is now", body = UserView)))]
pub(crate) async fn of_user(
    context: Context,
    if_match: IfMatch,
    Path((name, address)): Path<(String, String)>,
    Body(body): Body<Accepting>,
) -> Result<Versioned<UserView>, Problem> {
    let wanted = body.judged()?;
    let (batch, after) = until_it_fits(&address, || async {
        let (batch, before) = user::find(&context, &name, &address).await?;
        if let Err(problem) = if_match.check(before.version) {
            return Ok(Err(problem));
        }
        if wanted.deed == Deed::Give && !is_completed(&before) {
            return Ok(Err(uncompleted(&before.address, before.status.label())));
        }
        let after = wanted.on(&context, before, &wanted.ticks);
        if wanted.dry_run {
            return Ok(Ok((batch, after)));
        }
        let subject = format!("user {} of batch {}", after.address, batch.name);
        let entry = entry(&context, "user.accept", subject, Some(wanted.told(1)));
        context.store.together(&[Write::SetUser(&after), Write::Record(&entry)]).await?;
        Ok(Ok((batch, context.store.user(after.id).await?)))
    })
    .await?;
    let mut answer = user::view(StatusCode::OK, &batch, &after);
    answer.body.notices.push(of_one(&after));
    Ok(answer)
}

/// Tick what works of all completed mailboxes of a batch, or take that back
///
/// A tick that stands keeps its name and time. Mailboxes that are not completed get none, and are counted.
#[utoipa::path(post, path = "/batches/{name}/accept", operation_id = "acceptBatch", tag = "acceptance", params(("name" = String, Path, description = "The batch")), request_body = Accepting, responses((status = 200, description = "As it is now, and what was done", body = BatchView)))]
pub(crate) async fn of_batch(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(body): Body<Accepting>,
) -> Result<Versioned<BatchView>, Problem> {
    let wanted = body.judged()?;
    let (batch, users, notice) = until_it_fits(&format!("The batch {name}"), || async {
        let batch = context.store.batch(&name).await?;
        if let Err(problem) = if_match.check(batch.version) {
            return Ok(Err(problem));
        }
        let users = context.store.users(batch.id).await?;
        let completed = users.iter().filter(|user| is_completed(user)).count();
        if wanted.deed == Deed::Give && completed == 0 {
            return Ok(Err(uncompleted(&batch.name, batch.status.label())));
        }
        let after: Vec<User> = users.iter().map(|user| of_many(&context, &wanted, user)).collect();
        let is_new = |(before, after): &(&User, &User)| before.acceptance != after.acceptance;
        let changed: Vec<&User> = users.iter().zip(&after).filter(is_new).map(|(_, after)| after).collect();
        if !wanted.dry_run && !changed.is_empty() {
            let subject = format!("batch {}", batch.name);
            let entry = entry(&context, "batch.accept", subject, Some(wanted.told(changed.len())));
            let mut writes: Vec<Write<'_>> = changed.iter().copied().map(Write::SetUser).collect();
            writes.push(Write::Record(&entry));
            context.store.together(&writes).await?;
        }
        let notice = of_all(&wanted, &after, changed.len());
        Ok(Ok((batch, after, notice)))
    })
    .await?;
    let mut body = BatchView::with(&context, batch, &users).await?;
    body.notices.push(notice);
    body.notices.extend(keeps_source(&users));
    Ok(Versioned { status: StatusCode::OK, version: body.version(), body })
}

/// Of several: what stands is not given anew, and what is not completed is left alone.
fn of_many(context: &Context, wanted: &Wanted, user: &User) -> User {
    let open = lacking(user);
    let fits = |tick: &Check| match wanted.deed {
        Deed::Give => is_completed(user) && open.contains(tick),
        Deed::TakeBack => true,
    };
    let ticks: Vec<Check> = wanted.ticks.iter().copied().filter(fits).collect();
    wanted.on(context, user.clone(), &ticks)
}

fn uncompleted(name: &str, status: impl std::fmt::Display) -> Problem {
    let detail = format!("{name} is {status}: what is not completed is not accepted.");
    Problem::conflict("NOT_COMPLETED", detail)
}

fn of_one(user: &User) -> String {
    let lacking: Vec<&str> = lacking(user).into_iter().map(Check::word).collect();
    match is_accepted(user) {
        true => format!("{} is accepted.", user.address),
        false => format!("{} still lacks: {}.", user.address, lacking.join(", ")),
    }
}

fn of_all(wanted: &Wanted, users: &[User], changed: usize) -> String {
    let accepted = users.iter().filter(|user| is_accepted(user)).count();
    let open = users.iter().filter(|user| !is_completed(user)).count();
    let verb = match (wanted.deed, wanted.dry_run) {
        (Deed::Give, false) => "are ticked",
        (Deed::Give, true) => "would be ticked",
        (Deed::TakeBack, false) => "have lost ticks",
        (Deed::TakeBack, true) => "would lose ticks",
    };
    let left = match open {
        0 => String::new(),
        n => format!("; {n} not completed yet"),
    };
    let are = if wanted.dry_run { "would be" } else { "are" };
    format!("{changed} of {} mailboxes {verb}, {accepted} {are} accepted{left}.", users.len())
}
