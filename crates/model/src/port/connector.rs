//! `Connector`: one kind of mail system, as source, target and subject of probes.

use async_trait::async_trait;

use crate::{
    error::Result,
    finding::Finding,
    port::{Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, Settings},
};

/// One kind of mail system. Registered in one line of `connect`.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it is called and what it must be told.
    fn manifest(&self) -> &'static Manifest;

    /// Judges settings alone, without any network; one sentence for each fault.
    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>>;

    /// The settings that a URL of one of its schemes stands for, and whose mailbox it names.
    ///
    /// # Errors
    /// A sentence for the person who typed it. A password inside is refused.
    fn account_of_url(&self, url: &str) -> std::result::Result<(Settings, MailboxAddress), String>;

    /// Finds out by an address what the settings leave open, such as the server (R2). The settings as they came where
    /// they leave nothing open.
    ///
    /// # Errors
    /// The row that says what was tried.
    async fn discover(&self, cx: &Cx, settings: &Settings) -> std::result::Result<Settings, Finding> {
        _ = cx;
        Ok(settings.clone())
    }

    /// What to ask the live system, in order.
    fn probes(&self, settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>>;

    /// Opens a mailbox for reading: signs in once, tries no password twice.
    async fn source(&self, cx: &Cx, settings: &Settings, mailbox: &MailboxAddress)
    -> Result<Box<dyn Source>>;

    /// Opens a mailbox for writing.
    async fn target(&self, cx: &Cx, settings: &Settings, mailbox: &MailboxAddress)
    -> Result<Box<dyn Target>>;
}
