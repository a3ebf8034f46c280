//! `Courier`: takes one notice to one channel.

use async_trait::async_trait;

use crate::{
    channel::{Channel, Delivery, Taken},
    error::Result,
    port::Cx,
    secret::Secret,
};

/// What is taken to a channel.
#[derive(Clone, Copy)]
pub struct Parcel<'a> {
    /// Where to.
    pub channel: &'a Channel,
    /// What only the courier may see of the channel.
    pub secrets: &'a [(String, Secret<String>)],
    /// What.
    pub delivery: &'a Delivery,
    /// The tables that go with it.
    pub tables: &'a Tables,
}

/// The tables of a batch that came to rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tables {
    /// The notice has none.
    #[default]
    Without,
    /// They are too large to be sent, or could not be written.
    Apart,
    /// They go with it.
    With(Vec<Table>),
}

/// One table as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name of the file.
    pub name: String,
    /// What is in it: CSV in UTF-8.
    pub body: Vec<u8>,
}

/// What sends.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Sends it once; `Ok` once the other side has taken it, at least for some. An error's context may be shown: it
    /// holds no secret.
    async fn send(&self, cx: &Cx, parcel: Parcel<'_>) -> Result<Taken>;
}

/// What writes the tables that go with a mail.
#[async_trait]
pub trait Tabulate: Send + Sync {
    /// Which mailboxes of a batch are how far, and what was left behind; nothing if that is more than so many bytes.
    async fn tables(&self, batch: &str, most_bytes: usize) -> Result<Option<Vec<Table>>>;
}
