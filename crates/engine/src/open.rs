//! Opening: from an endpoint's settings and a mailbox's address to a source or a target that a pass can use.
//!
//! This is the one place where what stands around a source or target is put together.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    id::MailboxId,
    mapping::RunOptions,
    outward::Outward,
    place::Place,
    port::{Budget, Clock, Connector, Convert, Cx, Meter, Source, Store, Target},
    settings::{MailboxAddress, Settings},
};
use uuid::Uuid;

/// Connections a side unless somebody says otherwise.
pub const CONNECTIONS: u16 = 4;

/// What all copies of this process share.
#[derive(Clone)]
pub struct House {
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Memory for bodies.
    pub budget: Arc<dyn Budget>,
    /// Traffic and throttling.
    pub meter: Arc<dyn Meter>,
    /// The formats.
    pub convert: Arc<dyn Convert>,
    /// This process, as the owner of leases.
    pub owner: Uuid,
    /// How long an answer to a put may take.
    pub put_timeout: Duration,
    /// Which addresses may be connected to.
    pub outward: Arc<Outward>,
    /// Mailboxes that this process is at: the store tells processes apart, not tasks.
    pub busy: Arc<Mutex<HashSet<MailboxId>>>,
}

impl House {
    /// The context of calls on one side.
    pub fn cx(&self, side: Side, cancel: &Cancel, connections: Option<u16>) -> Cx {
        Cx {
            cancel: cancel.clone(),
            clock: self.clock.clone(),
            budget: self.budget.clone(),
            meter: self.meter.clone(),
            side,
            connections: connections.unwrap_or(CONNECTIONS).max(1),
            put_timeout: self.put_timeout,
            outward: self.outward.clone(),
        }
    }
}

/// One mailbox at one mail system, ready to be opened.
#[derive(Clone)]
pub struct End {
    /// The kind of system.
    pub connector: Arc<dyn Connector>,
    /// Where it is and how to sign in.
    pub settings: Settings,
    /// Whose mailbox.
    pub mailbox: MailboxAddress,
}

impl End {
    /// Opens it for reading.
    ///
    /// # Errors
    /// What the connector says; `Unsupported` if such a system cannot be read.
    pub async fn source(&self, cx: &Cx) -> Result<Arc<dyn Source>> {
        if !self.connector.manifest().source {
            return Err(self.no_role(Side::Source, "be read"));
        }
        Ok(self.connector.source(cx, &self.settings, &self.mailbox).await?.into())
    }

    /// Opens it for writing.
    ///
    /// # Errors
    /// What the connector says; `Unsupported` if such a system cannot be written.
    pub async fn target(&self, cx: &Cx) -> Result<Arc<dyn Target>> {
        if !self.connector.manifest().target {
            return Err(self.no_role(Side::Target, "be written"));
        }
        Ok(self.connector.target(cx, &self.settings, &self.mailbox).await?.into())
    }

    fn no_role(&self, side: Side, what: &str) -> Error {
        let text = format!("{} cannot {what}", self.connector.manifest().title);
        Error::new(Kind::Unsupported, side, "open", text)
    }

    /// Where the mailbox is.
    pub fn place(&self) -> Place<'_> {
        Place { manifest: self.connector.manifest(), settings: &self.settings, mailbox: &self.mailbox }
    }

    /// The mailbox as stable text: kind, place and user, never how one signs in.
    pub fn identity(&self) -> String {
        self.place().identity()
    }
}

/// A copy as stable text: what its ledger is found by. Filters may change between passes; where folders go
/// may not, so the mapping belongs to it.
pub fn identity(source: &End, target: &End, options: &RunOptions) -> String {
    let mut rules: Vec<String> = options.map.iter().map(|r| format!("{}={}", r.from, r.to)).collect();
    rules.sort();
    let mut text = format!("{} -> {}", source.identity(), target.identity());
    if !rules.is_empty() {
        text.push_str(&format!(" map={rules:?}"));
    }
    text
}
