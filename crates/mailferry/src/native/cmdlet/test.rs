//! `Test-MigrationServerAvailability`: a stored endpoint, or settings that nothing keeps.

use mailferry_model::{
    finding::{Finding, TestResult, TestedAs, Verdict},
    secret::Secret,
    settings::{MailboxAddress, Settings},
};
use mailferry_server::Problem;

use super::{Answer, Desk, endpoint, is_what_if};
use crate::{
    cmd::endpoint::{How, Role, Subject, ask, check_known},
    exit::Failure,
    native::{
        bind::Bound,
        datum::{Datum, Rows, What},
    },
};

const CMDLET: &str = "Test-MigrationServerAvailability";
const PROPERTIES: [&str; 8] =
    ["Result", "Message", "ErrorDetail", "Fix", "NativeResult", "SupportsCutover", "TestedEndpoint", "Steps"];

/// Asks, and ends with the code of the step that fails.
pub(super) async fn run(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    let stored = bound.text("endpoint");
    let name = stored.clone().or_else(|| bound.text("setting remote-server"));
    if is_what_if(desk, bound, CMDLET, name.as_deref().unwrap_or("the server")) {
        return Ok(Answer::done());
    }
    let mailbox = bound
        .text("setting test-mailbox")
        .map(|address| MailboxAddress { address, ..MailboxAddress::default() });
    let subject = match &stored {
        Some(name) => Subject::Stored(name.clone()),
        None => ad_hoc(desk, bound)?,
    };
    let how = How { mailbox, ..How::of(Role::Source) };
    let result = ask(desk.asked, desk.reach, &subject, &how).await?.result;
    let rows = Rows::new(What::Other, &PROPERTIES, &[], vec![row(&result, stored.as_deref())]);
    Ok(Answer { datum: Datum::Rows(rows), code: result.exit_code(TestedAs::Source) })
}

fn ad_hoc(desk: &Desk<'_>, bound: &Bound) -> Result<Subject, Failure> {
    let kind = endpoint::kind(bound, CMDLET)?;
    let (values, secrets) = endpoint::settings(bound, kind)?;
    check_known(desk.asked, kind, &values)?;
    let connector = desk.asked.connectors.iter().find(|c| c.manifest().kind == kind);
    let Some(connector) = connector else {
        let known: Vec<&str> = desk.asked.connectors.iter().map(|c| c.manifest().kind).collect();
        let detail = format!("{kind:?} is none of {}.", known.join(", "));
        let unknown = Failure::Problem(Box::new(Problem::refused("SETTINGS_UNKNOWN_KIND", detail)));
        return Err(endpoint::of_kind(unknown, kind));
    };
    let mut settings = Settings::default();
    for (name, value) in &values {
        settings = settings.with(name, value.as_str().unwrap_or_default());
    }
    for (name, value) in &secrets {
        settings = settings.with_secret(name, Secret::new(value.as_str().unwrap_or_default().to_owned()));
    }
    let faults = connector.manifest().check(&settings);
    if !faults.is_empty() {
        return Err(Failure::Usage("SETTINGS_REFUSED", faults.join("; ")));
    }
    Ok(Subject::AdHoc(connector.manifest().kind, settings))
}

fn row(result: &TestResult, stored: Option<&str>) -> Vec<Datum> {
    let failing = result.steps.iter().find(|s| s.outcome == Verdict::Fail);
    let warned = result.steps.iter().find(|s| s.outcome == Verdict::Warn);
    let told = |f: &Finding| {
        let code = f.code.as_ref().map(|c| format!(" [{c}]")).unwrap_or_default();
        format!("{}{code}", f.cause.as_deref().unwrap_or(&f.title))
    };
    let unasked = result.unasked();
    let message = match (failing.or(unasked), warned) {
        (Some(f), _) if unasked.is_some() => Some(told(f)),
        (Some(f), _) => Some(format!("Failed at {}: {}", step(f), told(f))),
        (None, Some(f)) => Some(told(f)),
        (None, None) if result.is_without_sign_in() => {
            Some("Nobody signed in; -TestMailbox ADDRESS tries it on a mailbox.".to_owned())
        }
        _ => None,
    };
    let said = failing.or(warned).or(unasked);
    let detail = said.map(|f| f.evidence.trim().to_owned()).filter(|t| !t.is_empty());
    let fix = said.map(|f| remedies(f).join("\n")).filter(|t| !t.is_empty());
    let steps =
        result.steps.iter().map(|s| Datum::Text(format!("{} {}", step(s), outcome(s.outcome)))).collect();
    vec![
        Datum::Text(result.result.clone()),
        Datum::text(message.as_deref()),
        Datum::text(detail.as_deref()),
        Datum::text(fix.as_deref()),
        Datum::Text(result.native.clone()),
        Datum::Bool(false),
        Datum::text(stored),
        Datum::List(steps),
    ]
}

/// What to do for us, and what for Microsoft's own framework where it minds and that is something else.
fn remedies(finding: &Finding) -> Vec<String> {
    let ours = finding.fix.iter().cloned();
    let natively = finding.native_fix.iter().filter(|fix| !finding.fix.contains(fix));
    match finding.native {
        Verdict::Fail => ours.chain(natively.map(|fix| format!("Natively: {fix}"))).collect(),
        _ => ours.collect(),
    }
}

fn step(finding: &Finding) -> String {
    format!("{:?}", finding.step).to_lowercase()
}

fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::NotRun => "not run",
        Verdict::Unknown => "unknown",
    }
}
