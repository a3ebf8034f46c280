//! The rows that will be asked. Today each is `not-run` and says so.

use mailferry_model::{
    finding::{Check, Step},
    port::Probe,
    settings::{MailboxAddress, Settings},
};

use crate::checks::later;

static CHECKS: [Check; 7] = [
    Check::of(Step::Dns, "dns-resolves", "The services' names are known"),
    Check::of(Step::Tcp, "tcp-connects", "The services answer"),
    Check::of(Step::Tls, "tls-trusted", "How the connection is secured"),
    Check::of(Step::Protocol, "m365-answers", "Microsoft 365 answers"),
    Check::of(Step::Auth, "m365-signs-in", "The application signs in"),
    Check::of(Step::Permission, "m365-permissions", "Each permission is granted"),
    Check::of(Step::Mailbox, "m365-mailbox-opens", "The mailbox opens"),
];

/// The probes.
pub fn probes(_: &Settings, _: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    later::probes(&CHECKS)
}
