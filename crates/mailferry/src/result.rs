//! The one object with which `copy`, `verify` and a waited-for batch end under `-o json`, and its text.

use mailferry_engine::pass::Report;
use mailferry_model::{
    catalogue,
    filter::Unmatched,
    folder::FolderPath,
    report::{Findings, Named, Score, Totals, Warning},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    exit::{self, Failure},
    out::{self, Column, Out},
};

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It moved items.
    Move,
    /// It only looked.
    Look,
}

/// A folder that is called differently at the target.
#[derive(Clone, Debug, Serialize)]
pub struct Renamed {
    /// At the source.
    pub folder: String,
    /// At the target.
    pub target: String,
    /// Why.
    pub reason: String,
}

/// The mapping names a folder in vain.
pub fn unmapped(folder: &FolderPath) -> Warning {
    let folder = folder.to_string();
    let message = format!("--map {folder}=…: the source has no folder {folder}; nothing went by this rule.");
    Warning { code: "FOLDER_NOT_AT_SOURCE".into(), folder, user: None, message }
}

/// A pattern of `--include` or `--exclude` means no folder.
pub fn unmatched(pattern: &Unmatched) -> Warning {
    let (folder, message) = match pattern {
        Unmatched::Include(p) => {
            (p, format!("--include {p}: the source has no such folder; nothing moves because of it."))
        }
        Unmatched::Exclude(p) => {
            (p, format!("--exclude {p}: the source has no such folder; nothing was left out because of it."))
        }
    };
    Warning { code: "FOLDER_NOT_AT_SOURCE".into(), folder: folder.to_string(), user: None, message }
}

/// Warnings for people, on standard error; the object has them all.
pub fn warn<'a>(out: &Out, warnings: impl ExactSizeIterator<Item = (&'a str, &'a str)>) {
    let more = warnings.len().saturating_sub(SHOWN);
    for (code, message) in warnings.take(SHOWN) {
        out.note(&format!("warning: {message} [{code}]"));
    }
    if more > 0 {
        out.note(&format!("warning: {more} more; -o json has all"));
    }
}

/// The exit code of findings.
pub fn code_of(findings: &Findings) -> u8 {
    if findings.is_clean() { exit::OK } else { exit::PARTIAL }
}

/// The object of a run that came to its end.
pub fn finished(report: &Report, renamed: &[Renamed]) -> Value {
    let code = code_of(&report.findings);
    let deeds = report.deeds;
    let mut object = of_findings(&report.findings, code);
    put(&mut object, "score", json!(report.score));
    put(&mut object, "renamed", json!(renamed));
    put(&mut object, "movedMs", json!(report.moved_in.as_millis() as u64));
    put(&mut object, "verifyMs", json!(report.verified_in.as_millis() as u64));
    for (name, n) in [
        ("put", deeds.put),
        ("found", deeds.found),
        ("flagged", deeds.flagged),
        ("moved", deeds.moved),
        ("removed", deeds.removed),
        ("foldersCreated", deeds.folders_created),
        ("foldersRenamed", deeds.folders_renamed),
    ] {
        put(&mut object, name, json!(n));
    }
    object
}

/// The object of a run that failed: what had moved until then, and why it ended.
pub fn failed(failure: &Failure, totals: Totals) -> Value {
    let findings = Findings {
        identified: totals.identified,
        placed: totals.placed,
        bytes: totals.bytes,
        ..Findings::default()
    };
    let mut object = of_findings(&findings, failure.exit_code());
    let (cause, fix) = failure.advice();
    put(&mut object, "result", json!("failed"));
    put(&mut object, "score", Value::Null);
    let sentence = match failure.is_refusal() {
        true => failure.sentence(),
        false => format!("The migration does NOT look good: it ended early. {}", failure.sentence()),
    };
    put(&mut object, "sentence", json!(sentence));
    let code = failure.code();
    let title = catalogue::find(&code).map(|entry| entry.title.clone());
    put(&mut object, "title", json!(title));
    put(&mut object, "detail", json!(failure.sentence()));
    put(&mut object, "code", json!(code));
    if let Failure::Problem(problem) = failure
        && !problem.blockers.is_empty()
    {
        put(&mut object, "blockers", json!(problem.blockers));
    }
    let error = json!({ "code": code, "message": failure.sentence(), "cause": cause, "fix": fix });
    put(&mut object, "error", error);
    object
}

fn of_findings(findings: &Findings, code: u8) -> Value {
    let mut object = json!({
        "result": if code == exit::OK { "success" } else { "partial" },
        "exitCode": code,
        "score": findings.score(),
        "sentence": findings.sentence(),
        "warnings": [],
    });
    if let (Value::Object(all), Ok(Value::Object(fields))) = (&mut object, serde_json::to_value(findings)) {
        all.extend(fields);
    }
    object
}

/// Adds a field.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

/// The object of a dry run: what would be put, and no score, because nothing was looked at.
pub fn pretended(report: &Report) -> Value {
    let mut object = finished(report, &[]);
    put(&mut object, "dryRun", json!(true));
    put(&mut object, "score", Value::Null);
    put(&mut object, "sentence", json!(dry_run_sentence(report)));
    object
}

/// The columns of items that a report kept, with when they were found and who approved them.
pub const KEPT_COLUMNS: [Column; 13] = [
    Column::of("USER", "/user"),
    Column::of("KIND", "/kind"),
    Column::of("FOLDER", "/folder"),
    Column::of("UID", "/uid"),
    Column::of("SIZE", "/size"),
    Column::of("CODE", "/code"),
    Column::of("REASON", "/reason"),
    Column::wide("MESSAGE-ID", "/messageId"),
    Column::wide("FOUND", "/found"),
    Column::of("APPROVED", "/approved"),
    Column::of("APPROVED BY", "/approvedBy"),
    Column::wide("APPROVED AT", "/approvedAt"),
    Column::wide("COMMENT", "/approvalComment"),
];

/// The columns of the items of a run, as CSV and as names: all were found now.
pub const ITEM_COLUMNS: &[Column] = KEPT_COLUMNS.split_at(KEPT_COLUMNS.len() - 5).0;

/// The items that a result names, one row each, with the name of their list as `kind`.
pub fn items(object: &Value, user: Option<&str>) -> Vec<Value> {
    let of = |list: &str| {
        let rows = object[list].as_array().cloned().unwrap_or_default();
        let list = list.to_owned();
        rows.into_iter().map(move |mut row| {
            put(&mut row, "kind", json!(list));
            if let Some(user) = user {
                put(&mut row, "user", json!(user));
            }
            row
        })
    };
    LISTS.into_iter().flat_map(of).collect()
}

/// The lists of items in a result.
pub const LISTS: [&str; 6] =
    ["skipped", "missing", "doubled", "changedAtTarget", "rewritten", "notMigratable"];

/// The text of a dry run.
pub fn tell_pretended(out: &Out, report: &Report) {
    let findings = &report.findings;
    findings.skipped.iter().take(SHOWN).for_each(|item| out.say(&line("skipped", item)));
    let deeds = report.deeds;
    if deeds.folders_created > 0 {
        out.say(&format!("{} would be made at the target", counted(deeds.folders_created, "folder")));
    }
    out.say(&dry_run_sentence(report));
}

fn dry_run_sentence(report: &Report) -> String {
    report.findings.dry_run_sentence(report.deeds.put, report.deeds.removed)
}

/// A number with what it counts.
pub fn counted(n: u64, what: &str) -> String {
    match (n, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        _ => format!("{n} {what}{}", if what.ends_with(['x', 'h']) { "es" } else { "s" }),
    }
}

/// The text of a run that came to its end.
pub fn tell(out: &Out, report: &Report, renamed: &[Renamed], did: Did) {
    let findings = &report.findings;
    for (what, items) in [
        ("skipped", &findings.skipped),
        ("MISSING", &findings.missing),
        ("DOUBLED", &findings.doubled),
        ("changed at the target", &findings.changed_at_target),
        ("rewritten", &findings.rewritten),
        ("not migratable", &findings.not_migratable),
    ] {
        items.iter().take(SHOWN).for_each(|item| out.say(&line(what, item)));
        if items.len() > SHOWN {
            out.say(&format!("{what}: {} more; mailferry item list has all", items.len() - SHOWN));
        }
    }
    for folder in renamed {
        out.say(&format!("renamed: {} is {} at the target: {}", folder.folder, folder.target, folder.reason));
    }
    let deeds = report.deeds;
    let times = [report.moved_in, report.verified_in].map(|d| out::duration(d.as_secs_f64()));
    if did == Did::Look {
        out.say(&format!("verified in {}", times[1]));
    } else {
        let mut done = vec![format!("{} put", deeds.put)];
        let flagged = if deeds.flagged == 1 { "flag change" } else { "flag changes" };
        for (n, what) in [
            (deeds.found, "found there already"),
            (deeds.flagged, flagged),
            (deeds.moved, "moved"),
            (deeds.removed, "removed"),
        ] {
            if n > 0 {
                done.push(format!("{n} {what}"));
            }
        }
        out.say(&format!("{} in {}, verified in {}", done.join(", "), times[0], times[1]));
    }
    out.say(&format!("{} (score: {})", findings.sentence(), word(report.score)));
}

/// Items of a kind that are named on a terminal.
const SHOWN: usize = 20;

fn line(what: &str, item: &Named) -> String {
    let id = item.message_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    let size = out::bytes(item.size);
    format!("{what}: {} {}{id} ({size}): {} [{}]", item.folder, item.uid, item.reason, item.code)
}

fn word(score: Score) -> String {
    format!("{score:?}")
}

/// CPU time of this process so far, in milliseconds; 0 where the system does not tell.
pub fn cpu_ms() -> u64 {
    // The kernel counts in hundredths of a second. Behind the name in brackets, user and system time are the
    // 12th and 13th field.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}
