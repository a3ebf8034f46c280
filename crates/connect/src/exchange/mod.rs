//! Exchange on premises by its web services (EWS). What Microsoft calls an Exchange Remote endpoint.
//!
//! Today it is tested and not yet moved: `source` and `target` say so.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    finding::Finding,
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
pub struct Exchange;

static SETTINGS: [SettingSpec; 18] = {
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
    kind: "exchange-remote",
    title: "Exchange Remote (EWS)",
    naming: "Hybrid-RemoteMove",
    source: true,
    target: true,
    schemes: &[],
    settings: &SETTINGS,
    guide: include_str!("guide.md"),
};

#[async_trait]
impl Connector for Exchange {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        client::Session::from_settings(settings).map(drop)
    }

    fn account_of_url(&self, _: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        Err("an Exchange mailbox has no URL of its own; make an endpoint".to_owned())
    }

    async fn discover(&self, cx: &Cx, settings: &Settings) -> std::result::Result<Settings, Finding> {
        checks::find(cx, settings).await
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
