//! Outlook Anywhere: Exchange 2003 to 2016 by RPC over HTTP, Microsoft's way of cutover migrations.
//!
//! `source` and `target` say that nothing moves yet.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
};

use crate::checks::web::{DISCOVERY, settings};

mod checks;
mod client;
mod source;
mod target;

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutlookAnywhere;

static SETTINGS: [SettingSpec; 28] = settings(&SettingSpec::joined::<7>(&[&OWN, &DISCOVERY]));

const OWN: [SettingSpec; 5] = [
    SettingSpec::optional(
        "rpc-proxy-server",
        Takes::Host,
        None,
        "The RPC proxy's name, where it is another server.",
    ),
    SettingSpec::optional(
        "exchange-server",
        Takes::Host,
        None,
        "The Exchange server's own name, where it differs.",
    ),
    SettingSpec::optional("nspi-server", Takes::Host, None, "The address book's server, where it differs."),
    SettingSpec::optional(
        "mailbox-permission",
        Takes::OneOf(&["admin", "full-access"]),
        None,
        "By which right the account opens mailboxes.",
    ),
    SettingSpec::optional(
        "source-mailbox-legacy-dn",
        Takes::Text,
        None,
        "The test mailbox by its legacyExchangeDN.",
    ),
];

static MANIFEST: Manifest = Manifest {
    kind: "outlook-anywhere",
    title: "Outlook Anywhere",
    naming: "Cutover-OutlookAnywhere",
    source: true,
    target: false,
    moves: false,
    schemes: &[],
    settings: &SETTINGS,
    guide: include_str!("guide.md"),
};

#[async_trait]
impl Connector for OutlookAnywhere {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        client::session(settings).map(drop)
    }

    fn account_of_url(&self, _: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        Err("an Outlook Anywhere mailbox has no URL of its own; make an endpoint".to_owned())
    }

    fn probes(&self, settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
        checks::probes(settings, mailbox)
    }

    async fn source(&self, cx: &Cx, _: &Settings, _: &MailboxAddress) -> Result<Box<dyn Source>> {
        Err(source::not_yet(cx))
    }

    async fn target(&self, cx: &Cx, _: &Settings, _: &MailboxAddress) -> Result<Box<dyn Target>> {
        Err(target::not_yet(cx))
    }
}

#[cfg(test)]
mod tests;
