//! `Probe`: one question to a live system. Not being able to ask is an answer too.

use async_trait::async_trait;

use crate::{finding::Finding, port::Cx};

/// One question to a live system.
#[async_trait]
pub trait Probe: Send + Sync {
    /// What it asks: step, id and title.
    fn check(&self) -> &'static crate::finding::Check;

    /// Asks. Never panics, never hangs longer than the context's put timeout.
    async fn ask(&self, cx: &Cx) -> Finding;
}
