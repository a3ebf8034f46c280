//! Testing an endpoint: asks its probes in order and stops at the step that fails.

use std::time::Duration;

use mailferry_model::{
    Kind, Result, catalogue, certificate,
    endpoint::Endpoint,
    finding::{Check, Finding, Repeated, Step, TestResult, TestedAs, Verdict},
    port::{Connector, Cx, Store, Write},
    settings::{MailboxAddress, Manifest, Settings},
};

use crate::parking;

/// The setting that names the mailbox which tests open.
pub const SAMPLE: &str = "test-mailbox";
/// The setting by which a test of a target writes nothing there.
const WRITES: &str = "probe-append";
/// The setting by which a connector finds its system itself.
const FINDS: &str = "autodiscover";
/// The word for a way to a system that does not hold.
const LOSSY: &str = "CONNECTION_LOSSY";
/// Between two connections of a test that repeats.
const BETWEEN: Duration = Duration::from_secs(1);

/// Asks a system everything that its connector asks before trusting it. What comes after the failing step is
/// not run; within the permission step all rows are asked, because each names another right.
pub async fn probe(
    connector: &dyn Connector,
    settings: &Settings,
    mailbox: Option<&MailboxAddress>,
    cx: &Cx,
) -> TestResult {
    let mut rows: Vec<Finding> = Vec::new();
    let mut failed: Option<Step> = None;
    for probe in connector.probes(settings, mailbox) {
        let check = probe.check();
        let ask = match failed {
            None => !cx.cancel.is_cancelled(),
            Some(step) => step == Step::Permission && check.step == Step::Permission,
        };
        let row = if ask { probe.ask(cx).await } else { Finding::not_run(check) };
        let row = for_kind(connector.manifest(), row);
        if row.outcome == Verdict::Fail {
            failed.get_or_insert(row.step);
        }
        rows.push(row);
    }
    TestResult::of(rows)
}

/// The same row without remedies that the kind does not know, where there are others; and with those that name what its
/// settings lack.
fn for_kind(manifest: &Manifest, mut row: Finding) -> Finding {
    if row.code.as_deref() == Some("SETTINGS_REFUSED") {
        let words = format!("{} {}", row.evidence, row.cause.as_deref().unwrap_or_default());
        row.fix.splice(0..0, manifest.flags_named(&words));
        row.fix
            .iter_mut()
            .for_each(|fix| *fix = fix.replace("--type KIND", &format!("--type {}", manifest.kind)));
    }
    if row.fix.iter().any(|fix| manifest.knows_flags_of(fix)) {
        row.fix.retain(|fix| manifest.knows_flags_of(fix));
    }
    row
}

/// The mailbox that a test opens where nobody names one: the settings' sample; without one an account of its own shows
/// whether it signs in. An administrator who acts for others may have no mailbox at all.
pub fn sample(settings: &Settings) -> Option<MailboxAddress> {
    let own = settings.get("username").filter(|_| settings.get("admin-style").is_none());
    let of = |address: &str| MailboxAddress { address: address.to_owned(), ..MailboxAddress::default() };
    settings.get(SAMPLE).or(own).map(of)
}

/// Settings with the secrets of their owner.
///
/// # Errors
/// What the store says.
pub async fn with_secrets(store: &dyn Store, settings: Settings, owner: uuid::Uuid) -> Result<Settings> {
    let secrets = store.unseal(owner).await?;
    Ok(secrets.into_iter().fold(settings, |all, (name, secret)| all.with_secret(&name, secret)))
}

/// The same settings for a test that no person ordered: nothing is written by itself.
pub fn read_only(settings: Settings) -> Settings {
    settings.with(WRITES, "no")
}

/// Keeps with an endpoint what a test of it found, and tells the result what is different since the last good one.
/// Nothing is kept if somebody changed the endpoint meanwhile, or if only a mailbox that was named for this test was
/// refused: that says nothing about the endpoint.
///
/// # Errors
/// What the store says.
pub async fn keep(
    store: &dyn Store,
    tested: &Endpoint,
    named: Option<&MailboxAddress>,
    result: &mut TestResult,
) -> Result<()> {
    let refused = |row: &Finding| row.outcome == Verdict::Fail && row.step >= Step::Auth;
    if named.is_some() && result.steps.iter().any(refused) {
        return Ok(());
    }
    let mut endpoint = tested.clone();
    let waits = endpoint.keep_test(result);
    let at = result.at.unwrap_or(tested.modified);
    let expiring = certificate::expiring(&mut endpoint.certificate_told, result, at);
    let expiring = expiring.map(|expiring| parking::expiring(&endpoint, &expiring, at));
    let recovers = tested.told_waiting && !endpoint.told_waiting;
    let parked = waits.map(|why| {
        let code = result.refusal().and_then(|row| row.code.as_deref());
        parking::parked(&endpoint, (&why, code), at)
    });
    let recovered = recovers.then(|| parking::recovered(&endpoint, at));
    let mut writes = vec![Write::SetEndpoint(&endpoint)];
    writes.extend(parked.iter().chain(&recovered).chain(&expiring).map(Write::Record));
    let kept = store.together(&writes).await;
    match kept {
        Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => Ok(()),
        other => other,
    }
}

/// Makes a test as it is kept: all steps with the mailbox that is named or else the sample, then, where asked for, so
/// long of connecting again and again.
pub async fn test(
    connector: &dyn Connector,
    settings: &Settings,
    (named, repeats): (Option<&MailboxAddress>, Option<Duration>),
    cx: &Cx,
) -> TestResult {
    let mailbox = named.cloned().or_else(|| sample(settings));
    let mut result = probe(connector, settings, mailbox.as_ref(), cx).await;
    result.at = Some(cx.clock.now());
    result.roles = vec![TestedAs::of(cx.side)];
    if let Some(how_long) = repeats.filter(|_| !cx.cancel.is_cancelled()) {
        let repeated = repeat(connector, settings, cx, how_long).await;
        if result.result != "Failed" {
            let steps = result.steps.into_iter().chain([steadiness(&repeated)]).collect();
            result = TestResult { at: result.at, roles: result.roles, ..TestResult::of(steps) };
        }
        result.repeated = Some(repeated);
    }
    result
}

static STEADY: Check = Check::of(Step::Tcp, "connects-steadily", "Connections hold, one after the other");

/// A row about connecting again and again: what is lost now and then is a warning, what is often lost a failure.
fn steadiness(repeated: &Repeated) -> Finding {
    const OFTEN: u64 = 4;
    let Repeated { times, failed, resets, codes, latency_ms } = repeated;
    let shown = format!("{times} times, {failed} failed, {resets} of them reset");
    let row = Finding::pass(&STEADY, shown, latency_ms[1]);
    if *failed == 0 {
        return row;
    }
    let codes: Vec<String> = codes.iter().map(|(code, times)| format!("{code}: {times}")).collect();
    let facts = [("times", times.to_string()), ("failed", failed.to_string()), ("codes", codes.join(", "))];
    let verdict = if failed * OFTEN >= *times { Verdict::Fail } else { Verdict::Warn };
    let (cause, fix) = catalogue::find(LOSSY).map(|entry| entry.told(&facts)).unwrap_or_default();
    Finding {
        outcome: verdict,
        native: verdict,
        cause: Some(cause),
        code: Some(LOSSY.to_owned()),
        fix,
        docs: Some(format!("docs/reference/codes.md#{}", LOSSY.to_lowercase())),
        ..row
    }
}

/// Connects again and again for so long, as far as the system speaks and no further: nobody signs in, so nothing is
/// locked by it. What finds itself is looked for once, because that may take a sign-in.
pub async fn repeat(connector: &dyn Connector, settings: &Settings, cx: &Cx, how_long: Duration) -> Repeated {
    let mut nobody = settings.clone();
    if nobody.get(FINDS).is_some()
        && let Ok(found) = connector.discover(cx, settings).await
    {
        nobody = found;
        nobody.values.remove(FINDS);
    }
    nobody.secrets.clear();
    let (until, mut worked, mut failed) = (cx.clock.elapsed() + how_long, Vec::new(), Vec::new());
    while cx.clock.elapsed() < until && !cx.cancel.is_cancelled() {
        let began = cx.clock.elapsed();
        let (mut code, mut connected) = (None, false);
        for probe in connector.probes(&nobody, None) {
            let row = probe.ask(cx).await;
            if row.outcome == Verdict::Fail {
                code = Some(row.code.unwrap_or_default());
            }
            connected |= row.step == Step::Tcp;
            if code.is_some() || (connected && row.step == Step::Protocol) {
                break;
            }
        }
        let took = cx.clock.elapsed().saturating_sub(began);
        match code {
            Some(code) => failed.push(code),
            None => worked.push(took.as_millis() as u64),
        }
        cx.clock.sleep(BETWEEN.saturating_sub(took)).await;
    }
    Repeated::of(worked, &failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_warning_and_much_loss_a_failure() {
        for (worked, failed, outcome) in [
            (8, 0, Verdict::Pass),
            (19, 1, Verdict::Warn),
            (4, 4, Verdict::Fail),
            (0, 3, Verdict::Fail),
            (0, 0, Verdict::Pass),
        ] {
            let repeated = Repeated::of(vec![3; worked], &vec!["TCP_RESET".to_owned(); failed]);
            let row = steadiness(&repeated);
            assert_eq!(row.outcome, outcome, "{worked} {failed}");
            let told = row.cause.is_some_and(|cause| cause.contains("TCP_RESET") && !cause.contains('{'));
            assert_eq!(told, failed > 0);
        }
    }
}
