//! A test as people see it: one row a check, with cause and fix where they are needed.

use mailferry_model::finding::{Finding, TestResult, Verdict};

use serde_json::Value;

use super::Asked;
use crate::out::{self, Column, Out};

/// The columns of a test as a list.
pub const COLUMNS: [Column; 8] = [
    Column::of("ID", "/id"),
    Column::of("STEP", "/step"),
    Column::of("OUTCOME", "/outcome"),
    Column::of("NATIVE", "/native"),
    Column::of("EVIDENCE", "/evidence"),
    Column::of("MS", "/elapsedMs"),
    Column::of("CODE", "/code"),
    Column::of("CAUSE", "/cause"),
];

/// What people want to see of a test.
pub struct Wanted {
    /// What Microsoft's own framework would say.
    native: bool,
    /// Everything that was seen (`-vv`).
    detail: bool,
}

impl Wanted {
    /// As the flags say.
    pub fn of(asked: &Asked<'_>, native: bool) -> Self {
        Self { native, detail: asked.global.verbose > 1 }
    }
}

/// One row a check; what failed says why and what to do.
pub fn show(out: &Out, result: &TestResult, wanted: &Wanted) {
    let native = wanted.native;
    for row in &result.steps {
        out.say(&row_of(row, native, out.columns_of_terminal()));
        if wanted.detail {
            detail(row).iter().for_each(|line| out.say(&format!("      {line}")));
        }
        // What people should know of a provider before they move anything stands there without being asked for.
        provider(row).iter().for_each(|line| out.say(&format!("      {line}")));
        let decides = native && row.native == Verdict::Fail;
        let told = decides || matches!(row.outcome, Verdict::Fail | Verdict::Warn);
        if let Some(cause) = row.cause.as_ref().filter(|_| told) {
            out.say(&format!("      cause: {cause}"));
        }
        // Microsoft's own framework knows none of our flags.
        let fix = if decides { &row.native_fix } else { &row.fix };
        fix.iter().filter(|_| told).for_each(|fix| out.say(&format!("      fix:   {fix}")));
    }
    for change in &result.changes {
        out.say(&format!("      since the last good test: {change}"));
    }
    let failing = result.steps.iter().find(|s| s.outcome == Verdict::Fail);
    match failing {
        Some(row) => out.say(&format!("Failed at {}.", step(row))),
        None if result.is_without_sign_in() => {
            out.say("Success, but nobody signed in: name the account (--username USER --password-file FILE) or a mailbox (--mailbox ADDRESS).");
        }
        None => out.say(&format!("{}.", result.result)),
    }
    if let Some(row) = result.unasked() {
        out.say(&format!("      cause: {}", row.cause.as_deref().unwrap_or_default()));
        row.fix.iter().for_each(|fix| out.say(&format!("      fix:   {fix}")));
    }
    if let Some(outside) = result.steps.iter().find_map(|row| row.seen.get("fromOutside")?.as_str()) {
        out.say(&format!("All of this is seen from here; the view from outside: {outside}"));
    }
    if let Some(repeated) = &result.repeated {
        let [least, middle, most_of, most] = repeated.latency_ms;
        out.say(&format!(
            "Connected {} times: {} failed ({} reset); {least} ms at the least, {middle} in the middle, {most_of} for 95 of 100, {most} at the most.",
            repeated.times, repeated.failed, repeated.resets
        ));
        repeated.codes.iter().for_each(|(code, times)| out.say(&format!("      {code}: {times} times")));
    }
    if native {
        out.say(&format!("Microsoft's own framework: {}.", result.native));
    }
}

/// Who was recognised, and what is known of it, a line each.
fn provider(row: &Finding) -> Vec<String> {
    let Some(name) = row.seen.get("provider").and_then(Value::as_str) else { return Vec::new() };
    let notes = row.seen.get("providerNotes").and_then(Value::as_array);
    let notes = notes.into_iter().flatten().filter_map(Value::as_str).map(|note| format!("note:  {note}"));
    std::iter::once(format!("provider: {name}")).chain(notes).collect()
}

/// Everything that was seen of a row: all of the other side's words, and what they were found to say.
fn detail(row: &Finding) -> Vec<String> {
    let words = row.evidence.lines().map(str::trim).filter(|line| !line.is_empty());
    let words = words.map(|line| format!("heard: {line}"));
    let seen = row.seen.iter().filter(|(name, _)| !name.starts_with("provider"));
    let seen = seen.map(|(name, value)| match value {
        Value::String(text) => format!("seen:  {name} {text}"),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            format!("seen:  {name} {}", all.join(", "))
        }
        other => format!("seen:  {name} {other}"),
    });
    words.chain(seen).collect()
}

/// One line; evidence is cut only where the terminal is narrower.
fn row_of(row: &Finding, native: bool, width: Option<usize>) -> String {
    let word = |verdict| match verdict {
        Verdict::Pass => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::NotRun => "-",
        Verdict::Unknown => "?",
    };
    let told = match row.outcome {
        Verdict::NotRun => "not run".to_owned(),
        _ => row.evidence.lines().map(str::trim).collect::<Vec<_>>().join(" "),
    };
    let code = row.code.as_ref().map(|c| format!(" [{c}]")).unwrap_or_default();
    let beside = if native { format!("{:<5} ", word(row.native)) } else { String::new() };
    let time = match row.outcome {
        Verdict::NotRun => String::new(),
        _ => format!("  {}", out::duration(row.elapsed_ms as f64 / 1000.0)),
    };
    let before = format!("{:<5} {beside}{:<10} {}: ", word(row.outcome), step(row), row.title);
    let taken = [&before, &code, &time].map(|part| part.chars().count()).into_iter().sum::<usize>();
    // Of evidence that is cut at least so much stays, and the line is broken by the terminal.
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(taken).max(20));
    let told = match told.chars().count() > room {
        true => told.chars().take(room - 1).chain(['…']).collect(),
        false => told,
    };
    format!("{before}{told}{code}{time}")
}

fn step(row: &Finding) -> String {
    format!("{:?}", row.step).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_and_what_is_known_of_it_are_shown_unasked() {
        let check = mailferry_model::finding::Check {
            id: "imap.x",
            step: mailferry_model::finding::Step::Protocol,
            title: "IMAP",
        };
        let mut row = Finding::pass(&check, "ready", 5);
        assert!(provider(&row).is_empty());
        row.seen.insert("provider".to_owned(), "Gmail".into());
        row.seen.insert("providerNotes".to_owned(), vec!["One.", "Two."].into());
        assert_eq!(provider(&row), ["provider: Gmail", "note:  One.", "note:  Two."]);
        assert_eq!(detail(&row), ["heard: ready"]);
    }

    #[test]
    fn evidence_is_cut_on_narrow_terminals_alone_and_shows_it() {
        let evidence = "a".repeat(200);
        let check = mailferry_model::finding::Check {
            id: "imap.x",
            step: mailferry_model::finding::Step::Tls,
            title: "TLS",
        };
        let row = Finding::pass(&check, &evidence, 5);
        assert!(row_of(&row, false, None).contains(&evidence));
        let cut = row_of(&row, false, Some(80));
        assert_eq!(cut.chars().count(), 80, "{cut}");
        assert!(cut.contains("a…  5 ms"), "{cut}");
    }
}
