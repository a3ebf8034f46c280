//! A scan as it is shown: how far it is, its mailboxes, and all of them together.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mailferry_model::{
    Result,
    scan::{Assessment, Hybrid, Scan, ScanMailbox, ScanOutcome, Total, looks_hybrid},
    verification::Ended,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, door::known, shape};

/// So many mailboxes are read from the store in one go.
const HANDFUL: usize = 200;

/// A scan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Scan)]
pub(crate) struct ScanView {
    id: String,
    /// `Ordered`, `Running`, `Done`, or `Stopped`.
    state: &'static str,
    /// The endpoint that is read; none where it is gone.
    source: Option<String>,
    /// The endpoint that folder names are held against.
    target: Option<String>,
    /// The batch, where its mailboxes are read.
    batch: Option<String>,
    /// The limit that was given.
    max_size: Option<u64>,
    mailboxes: u64,
    /// Mailboxes that have been looked at so far, the failed ones too.
    looked_at: u64,
    /// Why it ended early, if it did.
    #[schema(value_type = Option<shape::Ended>)]
    error: Option<Ended>,
    asked_by: String,
    asked: Timestamp,
    /// All mailboxes together. Lists leave it out.
    #[schema(value_type = Option<Object>)]
    total: Option<Total>,
    /// Whether it looks like a hybrid project, with the reasons. Lists leave it out.
    #[schema(value_type = Option<Object>)]
    hybrid: Option<Hybrid>,
}

impl ScanView {
    /// Without what its mailboxes hold.
    pub(crate) async fn of(context: &Context, scan: Scan) -> Result<Self> {
        let store = &context.store;
        let source = known(store.endpoint_by_id(scan.source).await)?.map(|e| e.name);
        let target = match scan.target {
            Some(id) => known(store.endpoint_by_id(id).await)?.map(|e| e.name),
            None => None,
        };
        let batch = match scan.batch {
            Some(id) => known(store.batch_by_id(id).await)?.map(|b| b.name),
            None => None,
        };
        Ok(Self {
            id: scan.id.to_string(),
            state: scan.state.label(),
            source,
            target,
            batch,
            max_size: scan.max_size,
            mailboxes: scan.mailboxes,
            looked_at: scan.looked_at,
            error: scan.error,
            asked_by: scan.asked_by,
            asked: scan.asked,
            total: None,
            hybrid: None,
        })
    }

    /// With all mailboxes together, which are read one handful after another.
    pub(crate) async fn whole(context: &Context, scan: Scan) -> Result<Self> {
        let (mut total, mut after) = (Total::default(), 0);
        loop {
            let mailboxes = context.store.scan_mailboxes(scan.id, after, HANDFUL).await?;
            let Some(last) = mailboxes.last() else { break };
            after = last.number;
            mailboxes.iter().for_each(|mailbox| total.add(mailbox));
        }
        let mut servers: BTreeSet<_> = context.store.batches().await?.iter().map(|b| b.source).collect();
        servers.insert(scan.source);
        let hybrid = looks_hybrid(&total, servers.len());
        Ok(Self { total: Some(total), hybrid, ..Self::of(context, scan).await? })
    }
}

/// A mailbox of a scan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanMailbox)]
pub(crate) struct ScanMailboxView {
    /// Its place in the scan, from 1.
    number: u64,
    email_address: String,
    target_address: String,
    department: Option<String>,
    group: Option<String>,
    /// `Left`, `Assessed` or `Failed`.
    outcome: &'static str,
    /// What it holds, once it was read.
    #[schema(value_type = Option<Object>)]
    found: Option<Box<Assessment>>,
    /// Items a second while it was read.
    items_per_second: Option<u64>,
    /// Who else may open it: no system that is read today tells.
    permissions: &'static str,
    /// Why it could not be read.
    error: Option<Told>,
}

/// Why a mailbox could not be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScanFailure)]
pub(crate) struct Told {
    code: String,
    reason: String,
}

impl ScanMailboxView {
    pub(crate) fn of(mailbox: ScanMailbox) -> Self {
        let (outcome, found, error) = match mailbox.outcome {
            None => ("Left", None, None),
            Some(ScanOutcome::Assessed(found)) => ("Assessed", Some(found), None),
            Some(ScanOutcome::Failed(ended)) => {
                let error = ended.error();
                ("Failed", None, Some(Told { code: error.code(), reason: error.to_string() }))
            }
        };
        let rate = |found: &Assessment| found.mail.items.saturating_mul(1000) / found.milliseconds.max(1);
        Self {
            number: mailbox.number,
            email_address: mailbox.source.address,
            target_address: mailbox.target.address,
            department: mailbox.department,
            group: mailbox.group,
            outcome,
            items_per_second: found.as_deref().map(rate),
            found,
            permissions: "not known",
            error,
        }
    }
}
