//! `verify BATCH|USER`: the mailboxes of a batch one after another, as their passes sign in. Nothing is written.
//!
//! In this process, or by the service that the command speaks to: what is told is the same object.

use std::time::Duration;

use mailferry_model::{
    Error, Kind, Scope, Side,
    cancel::Cancel,
    verification::{Ended, Subject, VerificationDepth},
};
use serde_json::{Value, json};

use super::{Asked, waiting::new_password};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    instance::{Instance, Pace},
    out::Column,
    reach::Reach,
    result, signals,
};

/// Between two looks at a verification that a service makes.
const LOOK: Duration = Duration::from_millis(300);

/// What a name turned out to be.
enum Named {
    Batch(Value),
    User,
}

/// Verifies the mailboxes of a batch, or of an address in whichever batches.
pub async fn verify(
    asked: &Asked<'_>,
    name: &str,
    depth: VerificationDepth,
    pace: Pace,
) -> Result<u8, Failure> {
    // Not repeated: there may be a password in it.
    if name.contains("://") || name.starts_with("maildir:") {
        return Err(Failure::usage("verify takes two accounts, or the name of a batch or a user"));
    }
    let reach = Reach::of(asked).await?;
    let api = reach.api();
    let named = named(&api, name).await?;
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let verified = match &reach {
        Reach::Here(instance) => here(instance, (&named, name), (depth, pace), &cancel).await?,
        Reach::There(_) => {
            pace.check_unset()?;
            there(&api, (order((&named, name), depth), &named), &cancel).await?
        }
    };
    if asked.out.form == Form::Name {
        let users = match named {
            Named::Batch(_) => format!("/batches/{}/users", segment(name)),
            Named::User => format!("/users/{}", segment(name)),
        };
        asked.out.list(&api.get(&users).await?, &[Column::of("NAME", "/emailAddress")])?;
    }
    Ok(tell(asked, verified))
}

async fn named(api: &Api, name: &str) -> Result<Named, Failure> {
    let is_missing = |failure: &Failure| matches!(failure, Failure::Problem(p) if p.status == 404);
    match api.get(&format!("/batches/{}", segment(name))).await {
        Ok(batch) => Ok(Named::Batch(batch)),
        Err(failure) if is_missing(&failure) => match api.get(&format!("/users/{}", segment(name))).await {
            Ok(_) => Ok(Named::User),
            Err(failure) if is_missing(&failure) => {
                let text = format!("no batch and no user is called {name}; an account needs a second one");
                Err(Error::new(Kind::NotFound, Side::Us, "verify", text).into())
            }
            Err(failure) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

/// By a worker in this process.
async fn here(
    instance: &Instance,
    (named, name): (&Named, &str),
    (depth, pace): (VerificationDepth, Pace),
    cancel: &Cancel,
) -> Result<Value, Failure> {
    let subject = match named {
        Named::Batch(batch) => {
            let id = batch["id"].as_str().and_then(|id| id.parse().ok());
            Subject::Batch(id.ok_or_else(|| Failure::own("the batch has no id"))?)
        }
        Named::User => Subject::User(name.to_owned()),
    };
    let verified = instance.worker(pace).verify(&subject, depth, cancel, &|_| {}).await;
    Ok(json!(verified.map_err(|error| failed(error, named))?))
}

/// What all mailboxes would meet is told with what to do about it.
fn failed(error: Error, named: &Named) -> Failure {
    if error.kind() != Kind::Unauthenticated || error.scope() != Scope::Endpoint {
        return error.into();
    }
    let fix = match named {
        Named::Batch(batch) => {
            let end = if error.side() == Side::Target { "target" } else { "source" };
            vec![new_password(batch[end].as_str().unwrap_or("ENDPOINT"))]
        }
        Named::User => {
            let which = "mailferry endpoint list shows the endpoints of source and target.";
            vec![which.to_owned(), new_password("ENDPOINT")]
        }
    };
    Failure::Advised(error, fix)
}

fn order((named, name): (&Named, &str), depth: VerificationDepth) -> Value {
    let deep = depth == VerificationDepth::Deep;
    match named {
        Named::Batch(_) => json!({ "batch": name, "deep": deep }),
        Named::User => json!({ "user": name, "deep": deep }),
    }
}

/// Has the service make it, and waits for that.
async fn there(api: &Api, (order, named): (Value, &Named), cancel: &Cancel) -> Result<Value, Failure> {
    let mut verification = api.post("/verifications", order).await?;
    let path = format!("/verifications/{}", segment(verification["id"].as_str().unwrap_or_default()));
    loop {
        match verification["state"].as_str() {
            Some("Done") => break,
            Some("Ordered" | "Running") => {}
            _ => {
                let text =
                    "The service ended before the verification did; sign-ins may have been tried. Ask again.";
                return Err(Failure::Interrupted(text.to_owned()));
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {
                let text = format!(
                    "The service goes on verifying: GET /api/v1{path} tells what it finds, DELETE stops it."
                );
                return Err(Failure::Interrupted(text));
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        verification = api.get(&path).await?;
    }
    let strange = |e: serde_json::Error| Failure::own(format!("the service's verification: {e}"));
    match serde_json::from_value::<Option<Ended>>(verification["error"].take()).map_err(strange)? {
        Some(ended) => Err(failed(ended.error(), named)),
        None => Ok(verification["result"].take()),
    }
}

/// Tells the object; its exit code.
fn tell(asked: &Asked<'_>, mut object: Value) -> u8 {
    let out = asked.out;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = |object: &Value, name: &str| object[name].as_array().cloned().unwrap_or_default();
    let warnings = rows(&object, "warnings");
    let words = |w| (text(w, "code"), text(w, "message"));
    let warnings: Vec<(String, String)> = warnings.iter().map(words).collect();
    result::warn(out, warnings.iter().map(|(code, message)| (code.as_str(), message.as_str())));
    let code = object["exitCode"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::OTHER);
    let items = || result::LISTS.iter().flat_map(|list| rows(&object, list)).collect::<Vec<_>>();
    match out.form {
        Form::Json => out.document(&object),
        Form::Jsonl => {
            result::put(&mut object, "type", json!("summary"));
            out.event(&object);
        }
        Form::Yaml => out.show(&object, &[]),
        Form::Csv => out.whole(items(), result::ITEM_COLUMNS),
        // Told already: the mailboxes, not what was found in them.
        Form::Name => {}
        Form::Table | Form::Wide => {
            for row in rows(&object, "failed") {
                let (user, reason, code) = (text(&row, "user"), text(&row, "reason"), text(&row, "code"));
                out.say(&format!("FAILED {user}: {reason} [{code}]"));
            }
            let items = items();
            if !items.is_empty() {
                out.whole(items, result::ITEM_COLUMNS);
            }
            let score = object["score"].as_str().unwrap_or("none");
            out.say(&format!("{} (score: {score})", text(&object, "sentence")));
        }
    }
    code
}
