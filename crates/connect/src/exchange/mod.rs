//! Exchange on premises by its web services (EWS). What Microsoft calls an Exchange Remote endpoint.
//!
//! Today it is tested and not yet moved: `source` and `target` say so.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    finding::Finding,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings},
};

use crate::checks::web::{DISCOVERY, settings};

mod checks;
mod client;
mod source;
mod target;

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchange;

static SETTINGS: [SettingSpec; 23] = settings(&DISCOVERY);

static MANIFEST: Manifest = Manifest {
    kind: "exchange-remote",
    title: "Exchange Remote (EWS)",
    naming: "Hybrid-RemoteMove",
    source: true,
    target: true,
    moves: false,
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
        client::session(settings).map(drop)
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
