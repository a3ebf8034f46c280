//! Testing an endpoint: asks its probes in order and stops at the step that fails.

use mailferry_model::{
    finding::{Finding, Step, TestResult, Verdict},
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};

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
