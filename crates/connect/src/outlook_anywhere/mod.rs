//! Outlook Anywhere: Exchange 2003 to 2016 by RPC over HTTP, Microsoft's way of cutover migrations.
//!
//! `source` and `target` say that nothing moves yet.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
};

use crate::checks::web::{setting, settings};

mod checks;
mod client;
mod source;
mod target;

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutlookAnywhere;

static SETTINGS: [SettingSpec; 23] = {
    let [
        server,
        port,
        username,
        password,
        auth,
        sample,
        ca,
        fingerprint,
        verify,
        expires,
        resolver,
        timeout,
        proxy,
        proxy_user,
        proxy_password,
        no_proxy,
    ] = settings();
    let rpc =
        setting("rpc-proxy-server", Takes::Host, None, "The RPC proxy's name, where it is another server.");
    let exchange =
        setting("exchange-server", Takes::Host, None, "The Exchange server's own name, where it differs.");
    let nspi = setting("nspi-server", Takes::Host, None, "The address book's server, where it differs.");
    let permission = setting(
        "mailbox-permission",
        Takes::OneOf(&["admin", "full-access"]),
        None,
        "By which right the account opens mailboxes.",
    );
    let legacy =
        setting("source-mailbox-legacy-dn", Takes::Text, None, "The test mailbox by its legacyExchangeDN.");
    let email = setting("email", Takes::Text, None, "A mailbox's address, for Autodiscover.");
    let autodiscover = setting(
        "autodiscover",
        Takes::Switch,
        None,
        "Find the server by Autodiscover; without it remote-server is needed.",
    );
    [
        server,
        port,
        rpc,
        exchange,
        nspi,
        permission,
        legacy,
        email,
        autodiscover,
        username,
        password,
        auth,
        sample,
        ca,
        fingerprint,
        verify,
        expires,
        resolver,
        timeout,
        proxy,
        proxy_user,
        proxy_password,
        no_proxy,
    ]
};

static MANIFEST: Manifest = Manifest {
    kind: "outlook-anywhere",
    title: "Outlook Anywhere",
    naming: "Cutover-OutlookAnywhere",
    source: true,
    target: false,
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
        client::check(settings)
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
