//! `verify BATCH|USER`: the mailboxes of a batch one after another, as their passes sign in. Nothing is written.

use mailferry_engine::pass::Depth;
use mailferry_model::{
    Error, Kind, Scope, Side,
    cancel::Cancel,
    report::{Findings, Score, Warning},
    user::User,
};
use serde_json::{Value, json};

use super::{Asked, waiting::new_password};
use crate::{
    args::Form,
    exit::{self, Failure},
    instance::{Instance, Pace},
    out::Column,
    result, signals,
};

/// What was found in all of them.
#[derive(Default)]
struct Sum {
    findings: Findings,
    score: Option<Score>,
    /// The items, each with its user and the name of its list.
    items: Vec<Value>,
    failed: Vec<Value>,
    warnings: Vec<Warning>,
}

/// Verifies the mailboxes of a batch, or of an address in whichever batches.
pub async fn verify(asked: &Asked<'_>, name: &str, depth: Depth, pace: Pace) -> Result<u8, Failure> {
    // Not repeated: there may be a password in it.
    if name.contains("://") || name.starts_with("maildir:") {
        return Err(Failure::usage("verify takes two accounts, or the name of a batch or a user"));
    }
    crate::reach::check_local(asked, "verify")?;
    let instance = Instance::open(asked.global, asked.connectors.clone()).await?;
    let (called, users) = users(&instance, name).await?;
    let worker = instance.worker(pace);
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let mut sum = Sum::default();
    for user in &users {
        match worker.verify(user, depth, &cancel).await {
            Ok(report) => {
                sum.score = sum.score.max(Some(report.score));
                if report.findings.identified == 0 {
                    let filter = instance.store.batch_by_id(user.batch).await?.options.filter;
                    let empty = Warning::of_empty_source(&user.address, &report.findings, &filter);
                    sum.warnings.extend(empty.map(|w| w.of_user(&user.address)));
                }
                sum.items.extend(result::items(&json!(report.findings), Some(&user.address)));
                sum.findings.add(report.findings);
            }
            // The same password would be refused for all others.
            Err(e) if e.kind() == Kind::Unauthenticated && e.scope() == Scope::Endpoint => {
                return Err(Failure::Advised(e, vec![new_password("NAME")]));
            }
            Err(e) if e.kind() == Kind::Cancelled => return Err(e.into()),
            Err(e) => {
                sum.failed.push(json!({ "user": user.address, "code": e.code(), "reason": e.to_string() }));
            }
        }
    }
    Ok(tell(asked, (called, name), &users, sum))
}

/// The mailboxes, and what the name turned out to be: `batch` or `user`.
async fn users(instance: &Instance, name: &str) -> Result<(&'static str, Vec<User>), Failure> {
    match instance.store.batch(name).await {
        Ok(batch) => Ok(("batch", instance.store.users(batch.id).await?)),
        Err(e) if e.kind() == Kind::NotFound => {
            let users = instance.store.users_by_address(name).await?;
            let text = format!("no batch and no user is called {name}; an account needs a second one");
            match users.is_empty() {
                true => Err(Error::new(Kind::NotFound, Side::Us, "verify", text).into()),
                false => Ok(("user", users)),
            }
        }
        Err(e) => Err(e.into()),
    }
}

fn tell(asked: &Asked<'_>, (called, name): (&str, &str), users: &[User], sum: Sum) -> u8 {
    let (out, unwell) = (asked.out, Score::of_failed(sum.failed.len(), users.len()));
    let score = sum.score.max(unwell);
    let clean = sum.findings.is_clean() && sum.failed.is_empty();
    let code = if clean { exit::OK } else { exit::PARTIAL };
    let sentence = match unwell {
        None => sum.findings.sentence(),
        Some(_) => format!(
            "The migration does NOT look good: {} of {} mailboxes could not be verified; each says why.",
            sum.failed.len(),
            users.len()
        ),
    };
    let mut object = json!({
        "result": if clean { "success" } else { "partial" },
        "exitCode": code,
        "score": score,
        "sentence": sentence,
        "mailboxes": users.len(),
        "failed": sum.failed,
        "warnings": sum.warnings,
        "identified": sum.findings.identified,
        "placed": sum.findings.placed,
        "bytes": sum.findings.bytes,
    });
    result::put(&mut object, called, json!(name));
    result::warn(out, sum.warnings.iter().map(|w| (w.code, w.message.as_str())));
    for list in result::LISTS {
        let of: Vec<&Value> = sum.items.iter().filter(|i| i["kind"] == list).collect();
        result::put(&mut object, list, json!(of));
    }
    match out.form {
        Form::Json => out.document(&object),
        Form::Jsonl => {
            result::put(&mut object, "type", json!("summary"));
            out.event(&object);
        }
        Form::Yaml => out.show(&object, &[]),
        Form::Csv => out.whole(sum.items, result::ITEM_COLUMNS),
        Form::Name => {
            let names = users.iter().map(|u| json!({ "name": u.address })).collect();
            out.whole(names, &[Column::of("NAME", "/name")]);
        }
        Form::Table | Form::Wide => {
            let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
            for row in &sum.failed {
                out.say(&format!(
                    "FAILED {}: {} [{}]",
                    text(row, "user"),
                    text(row, "reason"),
                    text(row, "code")
                ));
            }
            if !sum.items.is_empty() {
                out.whole(sum.items, result::ITEM_COLUMNS);
            }
            let score = score.map_or_else(|| "none".to_owned(), |s| format!("{s:?}"));
            out.say(&format!("{sentence} (score: {score})"));
        }
    }
    code
}
