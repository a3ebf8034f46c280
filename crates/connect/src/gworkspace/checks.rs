//! The rows that will be asked. Today each is `not-run` and says so.

use async_trait::async_trait;
use mailferry_model::{
    finding::{Check, Finding, Step},
    port::{Cx, Probe},
    settings::{MailboxAddress, Settings},
};

static CHECKS: [Check; 7] = [
    Check { step: Step::Dns, id: "dns-resolves", title: "The services' names are known" },
    Check { step: Step::Tcp, id: "tcp-connects", title: "The services answer" },
    Check { step: Step::Tls, id: "tls-trusted", title: "The connection is secured and trusted" },
    Check { step: Step::Protocol, id: "google-answers", title: "Google Workspace answers" },
    Check { step: Step::Auth, id: "google-signs-in", title: "The service account signs in" },
    Check { step: Step::Permission, id: "google-permissions", title: "Each scope is granted" },
    Check { step: Step::Mailbox, id: "google-mailbox-opens", title: "The mailbox opens" },
];

/// The probes.
pub fn probes(_: &Settings, _: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    CHECKS.iter().map(|check| Box::new(Later(check)) as Box<dyn Probe>).collect()
}

/// A row that a later version asks.
struct Later(&'static Check);

#[async_trait]
impl Probe for Later {
    fn check(&self) -> &'static Check {
        self.0
    }

    async fn ask(&self, _: &Cx) -> Finding {
        crate::checks::later(self.0)
    }
}
