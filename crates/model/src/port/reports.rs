//! `Reports`: what the last pass of each mailbox found, kept for whoever asks later.

use async_trait::async_trait;

use crate::{error::Result, id::MailboxId, report::Kept};

/// Keeps the findings of the last pass of each mailbox.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Keeps one; replaces the mailbox's older one.
    async fn keep_report(&self, kept: &Kept) -> Result<()>;

    /// The last one of a mailbox.
    async fn report(&self, mailbox: MailboxId) -> Result<Option<Kept>>;

    /// All of them, by user.
    async fn reports(&self) -> Result<Vec<Kept>>;
}
