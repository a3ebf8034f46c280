//! `Zones`: what the DNS says of a domain.

use async_trait::async_trait;

use crate::{
    domain::{Domain, Record},
    port::Cx,
};

/// Who asks the DNS.
#[async_trait]
pub trait Zones: Send + Sync {
    /// Everything that belongs to a domain's mail flow, the selectors that are wanted too: a record for each name, in the
    /// order of their kinds. What could not be asked for says so in its record; nothing is refused as a whole.
    async fn look(&self, cx: &Cx, domain: &Domain) -> Vec<Record>;
}
