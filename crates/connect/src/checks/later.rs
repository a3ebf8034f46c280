//! What a later version will ask and move: the rows are there and claim nothing.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Retry, Scope,
    finding::{Check, Finding, Verdict},
    port::{Cx, Probe},
};

use super::Fault;

/// Rows that are `not-run` and say why.
pub fn probes(checks: &'static [Check]) -> Vec<Box<dyn Probe>> {
    checks.iter().map(|check| Box::new(Later(check)) as Box<dyn Probe>).collect()
}

/// Why no mailbox is opened, in the kind's own words.
pub fn not_yet(cx: &Cx, text: &str) -> Error {
    Error::new(Kind::Unsupported, cx.side, "open mailbox", text)
        .scope_of(Scope::Endpoint)
        .retry_of(Retry::AfterFix)
}

struct Later(&'static Check);

#[async_trait]
impl Probe for Later {
    fn check(&self) -> &'static Check {
        self.0
    }

    async fn ask(&self, _: &Cx) -> Finding {
        let fault = Fault::fail("KIND_NOT_YET").natively(Verdict::Unknown);
        Finding { outcome: Verdict::NotRun, ..fault.into_finding(self.0, 0) }
    }
}
