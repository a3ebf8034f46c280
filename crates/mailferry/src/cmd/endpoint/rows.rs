//! `endpoint test --csv`: each mailbox of a CSV signs in once, before a batch is made of it.

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use mailferry_model::{
    csv::{self, Needs, Passwords, Reading},
    finding::{Finding, Step, TestResult, Verdict},
    settings::MailboxAddress,
};
use serde_json::{Value, json};

use super::{Asked, How, Role, Subject, ask};
use crate::{
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// Mailboxes that sign in at once.
const AT_ONCE: usize = 4;

const COLUMNS: [Column; 6] = [
    Column::of("ROW", "/row"),
    Column::of("MAILBOX", "/emailAddress"),
    Column::of("OUTCOME", "/outcome"),
    Column::of("STEP", "/step"),
    Column::of("CODE", "/code"),
    Column::of("CAUSE", "/cause"),
];

/// Tests them all; the exit code is that of the first that fails.
pub async fn run(
    asked: &Asked<'_>,
    reach: &Reach,
    subject: &Subject,
    (file, role): (&Path, Role),
) -> Result<u8, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("--csv {shown}: {e}")))?;
    let for_all = subject.signs_in_for_all(&reach.api()).await?;
    let signs_in = if for_all { Passwords::None } else { Passwords::Each };
    let needs = match role {
        Role::Source => Needs { source: signs_in, target: Passwords::None },
        Role::Target => Needs { source: Passwords::None, target: signs_in },
    };
    let parsed = csv::parse(&bytes, &Reading::of(needs))
        .map_err(|r| Failure::Usage(r.code, format!("{shown}: {}", r.message)))?;
    let mailboxes = parsed.rows.into_iter().map(|row| match role {
        Role::Source => (row.number, row.source),
        Role::Target => (row.number, row.target),
    });
    let one = async |mailbox: MailboxAddress| {
        let how = How { mailbox: Some(mailbox), keeps: false, ..How::of(role) };
        ask(asked, reach, subject, &how).await.map(|came| came.result)
    };
    let tested = all(one, mailboxes.collect()).await?;
    let first = tested.iter().find_map(|t| t.result.as_ref().filter(|r| r.result == "Failed"));
    let code = first.map_or(exit::OK, |result| result.exit_code(role.tested_as()));
    let mut rows: Vec<Value> = parsed.rejected.iter().map(rejected).collect();
    rows.extend(tested.iter().map(Tested::row));
    rows.sort_by_key(|row| row["row"].as_u64());
    asked.out.list(&json!(rows), &COLUMNS)?;
    let bad = rows.iter().filter(|row| row["outcome"] != "pass").count();
    asked.out.say(&format!("{} of {} mailboxes sign in.", rows.len() - bad, rows.len()));
    Ok(if code == exit::OK && bad > 0 { exit::PARTIAL } else { code })
}

/// A mailbox and what came of it; nothing where it was not tried.
struct Tested {
    number: u64,
    address: String,
    result: Option<TestResult>,
}

/// The first alone: where it finds no server, none is asked again; where it shows the sign-in that others use too and
/// is refused, only mailboxes with a password of their own go on, so that a wrong one is tried once.
async fn all(
    ask: impl AsyncFn(MailboxAddress) -> Result<TestResult, Failure>,
    mailboxes: Vec<(u64, MailboxAddress)>,
) -> Result<Vec<Tested>, Failure> {
    let one = async |(number, mailbox): (u64, MailboxAddress)| {
        let address = mailbox.address.clone();
        Ok::<_, Failure>(Tested { number, address, result: Some(ask(mailbox).await?) })
    };
    // One that uses the shared sign-in comes first, if there is one.
    let (shared, own): (Vec<_>, Vec<_>) = mailboxes.into_iter().partition(|(_, m)| m.password.is_none());
    let mut left = shared.into_iter().chain(own);
    let Some(first) = left.next() else { return Ok(Vec::new()) };
    let is_own = first.1.password.is_some();
    let first = one(first).await?;
    let failed = first.result.as_ref().and_then(failing).map(|row| row.step);
    let mut tested = vec![first];
    let (goes_on, stays): (Vec<_>, Vec<_>) = left.partition(|(_, m)| match failed {
        Some(step) if step < Step::Auth => false,
        Some(Step::Auth) if !is_own => m.password.is_some(),
        _ => true,
    });
    tested.extend(stays.into_iter().map(|(number, m)| Tested { number, address: m.address, result: None }));
    tested.extend(stream::iter(goes_on).map(one).buffered(AT_ONCE).try_collect::<Vec<_>>().await?);
    tested.sort_by_key(|t| t.number);
    Ok(tested)
}

fn failing(result: &TestResult) -> Option<&Finding> {
    result.steps.iter().find(|row| row.outcome == Verdict::Fail)
}

impl Tested {
    fn row(&self) -> Value {
        let mut row = json!({ "row": self.number, "emailAddress": self.address });
        match (&self.result, self.result.as_ref().and_then(failing)) {
            (None, _) => row["outcome"] = json!("not-run"),
            (Some(_), None) => row["outcome"] = json!("pass"),
            (Some(_), Some(failing)) => {
                row["outcome"] = json!("fail");
                row["step"] = json!(failing.step);
                row["code"] = json!(failing.code);
                row["cause"] = json!(failing.cause);
                row["fix"] = json!(failing.fix);
            }
        }
        row
    }
}

fn rejected(row: &csv::Rejected) -> Value {
    json!({
        "row": row.number,
        "outcome": "rejected",
        "code": row.code,
        "cause": row.message,
        "fix": [row.suggestion],
    })
}
