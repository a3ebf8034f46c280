//! Google Workspace by a service account with domain-wide delegation.
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
pub struct GoogleWorkspace;

static SETTINGS: [SettingSpec; 12] = SettingSpec::joined(&[&OWN, &reach::SETTINGS]);

const OWN: [SettingSpec; 5] = [
    SettingSpec {
        required: true,
        ..SettingSpec::optional(
            "admin-email",
            Takes::Text,
            None,
            "A super administrator, in whose name the directory is read.",
        )
    },
    SettingSpec::optional("service-account-key", Takes::Secret, None, "The service account's key (JSON)."),
    SettingSpec::optional("test-mailbox", Takes::Text, None, "The mailbox that tests open."),
    SettingSpec::optional(
        "token-uri",
        Takes::Url,
        Some("https://oauth2.googleapis.com/token"),
        "Where tokens are given out.",
    ),
    SettingSpec::optional(
        "api-base",
        Takes::Url,
        Some("https://www.googleapis.com"),
        "The base URL of Google's APIs.",
    ),
];

static MANIFEST: Manifest = Manifest {
    kind: "google",
    title: "Google Workspace",
    naming: "GWS-Source",
    source: true,
    target: false,
    moves: false,
    schemes: &[],
    settings: &SETTINGS,
    guide: include_str!("guide.md"),
};

#[async_trait]
impl Connector for GoogleWorkspace {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        client::check(settings)
    }

    fn account_of_url(&self, _: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        Err("a Google Workspace mailbox has no URL of its own; make an endpoint".to_owned())
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
