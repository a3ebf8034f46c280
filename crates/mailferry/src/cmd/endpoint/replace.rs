//! `endpoint replace`: asks again until no batch has to come to rest any more.

use std::time::Duration;

use axum::http::Method;
use clap::Args;
use mailferry_model::finding::{TestResult, TestedAs};
use serde_json::{Value, json};

use super::{
    super::{run_options::length, to_remove},
    Asked, How, Role, Subject, ask, shown,
};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// By what, and how.
#[derive(Args)]
pub struct Replacing {
    /// The endpoint that is replaced
    name: String,
    /// Its successor, which is there; it is tested first unless it was
    #[arg(long = "with", value_name = "ENDPOINT")]
    successor: String,
    /// Batches that have begun stay with the old one; only those not started are moved
    #[arg(long)]
    keep_running: bool,
    /// Remove the old one when nothing refers to it any more
    #[arg(long)]
    remove: bool,
    /// Only say what would be done; the successor is not tested
    #[arg(short = 'n', long, visible_alias = "what-if")]
    dry_run: bool,
    /// Give up after so long: 90s, 5m; batches that were paused stay paused then
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = length)]
    timeout: Duration,
}

const COLUMNS: [Column; 5] = [
    Column::of("REPOINTED", "/repointed"),
    Column::of("RESUMED", "/resumed"),
    Column::of("KEPT", "/kept"),
    Column::wide("PAUSED", "/paused"),
    Column::wide("WAITING", "/waiting"),
];

/// Replaces it.
pub async fn run(asked: &Asked<'_>, reach: &Reach, args: &Replacing) -> Result<u8, Failure> {
    let api = &reach.api();
    if args.dry_run {
        return pretend(asked, api, args).await;
    }
    if let Some(code) = untested(asked, reach, args).await? {
        return Ok(code);
    }
    let path = format!("/endpoints/{}", segment(&args.name));
    if args.remove {
        to_remove(asked, &format!("the endpoint {} once nothing refers to it", args.name))?;
    }
    let (mut repointed, mut resumed) = (Vec::new(), Vec::new());
    let mut left = args.timeout;
    let mut last = loop {
        let body = json!({ "with": args.successor, "keepRunning": args.keep_running });
        let answer = api.post(&format!("{path}/replace"), body).await?;
        repointed.extend(names(&answer["repointed"]));
        resumed.extend(names(&answer["resumed"]));
        let waiting = names(&answer["waiting"]);
        if waiting.is_empty() {
            break answer;
        }
        if left.is_zero() {
            let text = format!("{} did not come to rest in time; they stay paused.", waiting.join(", "));
            return Err(Failure::Limit(text));
        }
        let pause = LOOK.min(left);
        left -= pause;
        tokio::time::sleep(pause).await;
    };
    (last["repointed"], last["resumed"]) = (json!(repointed), json!(resumed));
    let kept = names(&last["kept"]);
    let removed = args.remove && kept.is_empty();
    if removed {
        api.call(Method::DELETE, &path, None).await?;
    }
    last["removed"] = json!(removed);
    match asked.out.is_for_people() {
        false => asked.out.show(&last, &COLUMNS),
        true => {
            asked.out.say(&format!("{} takes the place of {}.", args.successor, args.name));
            let told = |what: &str, names: &[String]| {
                if !names.is_empty() {
                    asked.out.say(&format!("{what}: {}", names.join(", ")));
                }
            };
            told("Point at it now", &repointed);
            told("Go on", &resumed);
            if let Reach::Here(_) = reach {
                for name in &resumed {
                    asked.out.say(&format!("Without a service: mailferry batch start {name}"));
                }
            }
            told("Stay with the old one", &kept);
            match (args.remove, removed) {
                (true, true) => asked.out.say(&format!("The endpoint {} is removed.", args.name)),
                (true, false) => {
                    asked.out.say(&format!("The endpoint {} stays: they refer to it.", args.name))
                }
                (false, _) => {}
            }
        }
    }
    Ok(exit::OK)
}

/// Says what would be done.
async fn pretend(asked: &Asked<'_>, api: &Api, args: &Replacing) -> Result<u8, Failure> {
    let body = json!({ "with": args.successor, "keepRunning": args.keep_running, "dryRun": true });
    let mut answer = api.post(&format!("/endpoints/{}/replace", segment(&args.name)), body).await?;
    let kept = names(&answer["kept"]);
    answer["removed"] = json!(args.remove && kept.is_empty());
    if !asked.out.is_for_people() {
        asked.out.show(&answer, &COLUMNS);
        return Ok(exit::OK);
    }
    names(&answer["notices"]).iter().for_each(|notice| asked.out.say(notice));
    for (what, all) in [
        ("Would pause", names(&answer["paused"])),
        ("Would point at it", names(&answer["repointed"])),
        ("Would go on", names(&answer["resumed"])),
        ("Would stay with the old one", kept),
    ] {
        if !all.is_empty() {
            asked.out.say(&format!("{what}: {}", all.join(", ")));
        }
    }
    if answer["removed"] == true {
        asked.out.say(&format!("The endpoint {} would be removed.", args.name));
    }
    asked.out.say("Nothing was done.");
    Ok(exit::OK)
}

/// A successor without a good test is tested now; the exit code if that fails.
async fn untested(asked: &Asked<'_>, reach: &Reach, args: &Replacing) -> Result<Option<u8>, Failure> {
    let name = &args.successor;
    let successor = reach.api().get(&format!("/endpoints/{}", segment(name))).await?;
    let role = role(reach, &args.name).await?;
    let test = serde_json::from_value::<TestResult>(successor["lastTest"].clone());
    let fits = |test: &TestResult| role == Role::Source || test.is_of(TestedAs::Target);
    if test.is_ok_and(|test| test.result != "Failed" && fits(&test)) {
        return Ok(None);
    }
    asked.out.note(&format!("{name} is tested first."));
    let how = How::of(role);
    let result = ask(asked, reach, &Subject::Stored(name.clone()), &how).await?.result;
    if result.result != "Failed" {
        return Ok(None);
    }
    match asked.out.is_for_people() {
        true => shown::show(asked.out, &result, &shown::Wanted::of(asked, false)),
        false => asked.out.show(&json!(result), &[]),
    }
    Ok(Some(result.exit_code(how.role.tested_as())))
}

fn names(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// As what an endpoint is used: a target where a batch writes to it, which is tested by writing, else a source.
async fn role(reach: &Reach, name: &str) -> Result<Role, Failure> {
    let batches = reach.api().get("/batches").await?;
    let written =
        |batch: &Value| batch["target"].as_str().is_some_and(|target| target.eq_ignore_ascii_case(name));
    let is_target = batches.as_array().is_some_and(|all| all.iter().any(written));
    Ok(if is_target { Role::Target } else { Role::Source })
}
