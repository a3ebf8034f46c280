//! `Courier`: takes one notice to one channel.

use async_trait::async_trait;

use crate::{
    channel::{Channel, Delivery},
    error::Result,
    port::Cx,
    secret::Secret,
};

/// What sends.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Sends it once; `Ok` once the other side has taken it. An error's context may be shown: it holds no secret.
    async fn send(
        &self,
        cx: &Cx,
        channel: &Channel,
        secrets: &[(String, Secret<String>)],
        delivery: &Delivery,
    ) -> Result<()>;
}
