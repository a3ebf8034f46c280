//! Microsoft 365 through Microsoft Graph, as source and as target.
//!
//! `source` and `target` say that nothing moves yet.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
};

use crate::net::reach;

mod checks;
mod client;
mod source;
mod target;

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct M365;

static SETTINGS: [SettingSpec; 14] = SettingSpec::joined(&[&OWN, &reach::SETTINGS]);

const OWN: [SettingSpec; 7] = [
    SettingSpec {
        required: true,
        ..SettingSpec::optional("tenant", Takes::Text, None, "The tenant: its id or one of its domains.")
    },
    SettingSpec {
        required: true,
        ..SettingSpec::optional(
            "client-id",
            Takes::Text,
            None,
            "The application (client) id of the app registration.",
        )
    },
    SettingSpec::optional("client-secret", Takes::Secret, None, "The application's secret."),
    SettingSpec::optional(
        "certificate",
        Takes::Secret,
        None,
        "The application's certificate with its key (PEM).",
    ),
    SettingSpec::optional("test-mailbox", Takes::Text, None, "The mailbox that tests open."),
    SettingSpec::optional(
        "login-authority",
        Takes::Url,
        Some("https://login.microsoftonline.com"),
        "The sign-in service.",
    ),
    SettingSpec::optional(
        "graph-base",
        Takes::Url,
        Some("https://graph.microsoft.com"),
        "The base URL of Microsoft Graph.",
    ),
];

static MANIFEST: Manifest = Manifest {
    kind: "m365",
    title: "Microsoft 365",
    naming: "M365-Target",
    source: true,
    target: true,
    moves: false,
    schemes: &[],
    settings: &SETTINGS,
    guide: include_str!("guide.md"),
};

#[async_trait]
impl Connector for M365 {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        client::check(settings)
    }

    fn account_of_url(&self, _: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        Err("a Microsoft 365 mailbox has no URL of its own; make an endpoint".to_owned())
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
