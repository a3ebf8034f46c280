//! Testing an endpoint: asks its probes in order and stops at the step that fails.

use std::time::Duration;

use mailferry_model::{
    finding::{Finding, Repeated, Step, TestResult, Verdict},
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};

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
        if row.outcome == Verdict::Fail {
            failed.get_or_insert(row.step);
        }
        rows.push(row);
    }
    TestResult::of(rows)
}

/// Connects again and again for so long, as far as the system speaks and no further: nobody signs in, so nothing is
/// locked by it.
pub async fn repeat(connector: &dyn Connector, settings: &Settings, cx: &Cx, how_long: Duration) -> Repeated {
    let nobody = Settings { secrets: std::collections::BTreeMap::new(), ..settings.clone() };
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
