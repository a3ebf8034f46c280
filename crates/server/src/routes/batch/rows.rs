//! The rows of a CSV as a batch takes them: judged by themselves, against each other, and against what other batches move.

use mailferry_model::{
    batch::Batch,
    csv::{self, Encoding, Needs, Parsed, Passwords, Reading, Unknown},
    endpoint::Endpoint,
    id::UserId,
    port::Sealing,
    secret::Secret,
    settings::MailboxAddress,
    user::User,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::taken;
use crate::{
    Context,
    problem::{Problem, RowProblem},
    routes::same,
    view::signs_in_for_all,
};

/// What would become of a file.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BatchJudgement)]
pub(crate) struct Judgement {
    name: String,
    total: usize,
    rejected: Vec<RowProblem>,
    /// What people should know of the file.
    notices: Vec<String>,
}

impl Judgement {
    pub fn of(name: String, parsed: Parsed) -> Self {
        let rejected = parsed.rejected.iter().map(RowProblem::of).collect();
        Self { name, total: parsed.rows.len(), rejected, notices: parsed.notices }
    }
}

/// A file as it came, and how it is to be read.
pub(super) struct Sheet<'a> {
    pub csv: &'a str,
    pub allow_unknown_columns: bool,
    pub domain_map: &'a [String],
}

impl Sheet<'_> {
    /// Its rows, those rejected that cannot move between these endpoints.
    pub async fn judged(
        &self,
        context: &Context,
        (source, target): (&Endpoint, &Endpoint),
    ) -> Result<Parsed, Problem> {
        let needs = Needs { source: needed(context, source).await?, target: needed(context, target).await? };
        let reading = self.reading(needs)?;
        let mut parsed =
            csv::parse(self.csv.as_bytes(), &reading).map_err(|r| Problem::refused(r.code, r.message))?;
        let open = taken::open(context).await?;
        parsed.reject(taken::sources(context, &open, &parsed).await?);
        parsed.reject(same::rows(context, (source, target), &parsed));
        parsed.reject(taken::twice(context, target, &parsed));
        parsed.reject(taken::targets(context, &open, target, &parsed).await?);
        Ok(parsed)
    }

    fn reading(&self, needs: Needs) -> Result<Reading, Problem> {
        let malformed = |why: String| Problem::refused("REQUEST_MALFORMED", why);
        let domains = self.domain_map.iter().map(|text| text.parse().map_err(malformed));
        let domains = domains.collect::<Result<_, _>>()?;
        let unknown = if self.allow_unknown_columns { Unknown::Allowed } else { Unknown::Told };
        Ok(Reading { unknown, domains, encoding: Encoding::Utf8, ..Reading::of(needs) })
    }
}

/// Refuses a file with faulty rows, unless they are to be left out and others stay.
pub(in crate::routes) fn check_rejected(parsed: &Parsed, skips: bool) -> Result<(), Problem> {
    if parsed.rejected.is_empty() || (skips && !parsed.rows.is_empty()) {
        return Ok(());
    }
    let (n, of) = (parsed.rejected.len(), parsed.rows.len() + parsed.rejected.len());
    let detail = format!("{n} of {of} rows cannot be used.");
    let rows = parsed.rejected.iter().map(RowProblem::of).collect();
    Err(Problem { rows, ..Problem::refused("CSV_ROWS_REJECTED", detail) })
}

/// The passwords of new users.
pub(super) fn passwords<'a>(users: &[User], rows: &'a [csv::Row]) -> Vec<Sealing<'a>> {
    let both = |(user, row): (&User, &'a csv::Row)| {
        let (source, target) = (row.source.password.as_ref(), row.target.password.as_ref());
        let named = [("source-password", source), ("target-password", target)];
        let id = user.id.0;
        named.into_iter().filter_map(move |(name, secret)| Some((id, name, secret?)))
    };
    users.iter().zip(rows).flat_map(both).collect()
}

/// The users that rows make, without their passwords.
pub(super) fn users_of(context: &Context, batch: &Batch, rows: &[csv::Row]) -> Vec<User> {
    rows.iter().map(|row| user_of(context, batch, row)).collect()
}

fn user_of(context: &Context, batch: &Batch, row: &csv::Row) -> User {
    let bare = |m: &MailboxAddress| MailboxAddress { password: None::<Secret<String>>, ..m.clone() };
    let (id, ends) = (UserId(context.store.new_id()), (bare(&row.source), bare(&row.target)));
    let user = User::queued(id, batch.id, row.source.address.clone(), ends);
    User { overrides: row.overrides.clone(), ..user }.timed(context.clock.now())
}

async fn needed(context: &Context, endpoint: &Endpoint) -> Result<Passwords, Problem> {
    Ok(match signs_in_for_all(context, endpoint).await? {
        true => Passwords::None,
        false => Passwords::Each,
    })
}
