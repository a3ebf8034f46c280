//! An endpoint as it is shown.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    allowance::{Allowance, Change, InUse},
    batch::Batch,
    endpoint::Endpoint,
    finding::TestResult,
    limits::Limits,
    settings::{Settings, Takes, signs_in},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, etag::Versioned, shape};

/// An endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Endpoint)]
pub(crate) struct EndpointView {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// `Connected`, `NeedsToConnect`, `Failed` or `NotTested`.
    status: &'static str,
    #[schema(value_type = shape::Settings)]
    settings: Settings,
    /// Names of the secrets that are kept, never their values.
    secrets: Vec<String>,
    /// Whether mailboxes need no password of their own.
    signs_in_for_all: bool,
    #[serde(flatten)]
    #[schema(value_type = shape::Limits)]
    limits: Limits,
    /// Mailboxes that are under way at it now.
    in_use: u32,
    /// How many may be under way now, where adaptive control or a completion allows another number than the limits.
    #[schema(value_type = Option<shape::Allowance>)]
    concurrency: Option<Concurrency>,
    needs_to_connect: Option<String>,
    #[schema(value_type = Option<shape::TestResult>)]
    last_test: Option<TestResult>,
    #[schema(value_type = Option<shape::TestResult>)]
    last_good_test: Option<TestResult>,
    batches: Vec<String>,
    created: Timestamp,
    modified: Timestamp,
    version: u64,
    id: String,
    /// What came otherwise than one might think, in the answer to what made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) notices: Vec<String>,
}

/// How many may be under way now, and why.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Concurrency {
    /// At most so many mailboxes at once; none: as many as the limits say.
    allowed: Option<u32>,
    /// The incremental limit while a batch completes.
    raised: Option<u32>,
    raised_for: Option<String>,
    /// The last changes, newest first.
    changes: Vec<Change>,
}

impl Versioned<EndpointView> {
    /// The same with something to say.
    pub(crate) fn noting(mut self, notice: Option<String>) -> Self {
        self.body.notices.extend(notice);
        self
    }
}

/// What views of endpoints are made of beside them, read once for all.
pub(crate) struct Around<'a> {
    batches: &'a [Batch],
    permits: Vec<InUse>,
    allowances: Vec<Allowance>,
}

impl<'a> Around<'a> {
    /// As it is now, with all batches.
    pub(crate) async fn of(context: &Context, batches: &'a [Batch]) -> Result<Self> {
        let (permits, allowances) = (context.store.permits().await?, context.store.allowances().await?);
        Ok(Self { batches, permits, allowances })
    }
}

impl EndpointView {
    pub(crate) async fn of(context: &Context, endpoint: Endpoint, around: &Around<'_>) -> Result<Self> {
        let secrets = context.store.unseal(endpoint.id.0).await?.into_iter().map(|(name, _)| name).collect();
        let signs_in_for_all = signs_in_for_all(context, &endpoint).await?;
        let uses = |b: &&Batch| b.source == endpoint.id || b.target == endpoint.id;
        let status = match (&endpoint.needs_to_connect, &endpoint.last_test) {
            (Some(_), _) => "NeedsToConnect",
            (None, Some(test)) if test.result != "Failed" => "Connected",
            (None, Some(_)) => "Failed",
            (None, None) => "NotTested",
        };
        let here =
            around.permits.iter().filter(|used| used.source == endpoint.id || used.target == endpoint.id);
        let allowance = around.allowances.iter().find(|one| one.endpoint == endpoint.id);
        let concurrency = allowance.cloned().map(|one| Concurrency {
            allowed: one.allowed,
            raised: one.raised,
            raised_for: one.raised_for,
            changes: one.changes,
        });
        Ok(Self {
            in_use: here.map(|used| used.mailboxes).sum(),
            concurrency,
            batches: around.batches.iter().filter(uses).map(|b| b.name.clone()).collect(),
            id: endpoint.id.to_string(),
            name: endpoint.name,
            kind: endpoint.kind,
            status,
            settings: endpoint.settings,
            secrets,
            signs_in_for_all,
            limits: endpoint.limits,
            needs_to_connect: endpoint.needs_to_connect,
            last_test: endpoint.last_test,
            last_good_test: endpoint.last_good_test,
            created: endpoint.created,
            modified: endpoint.modified,
            version: endpoint.version,
            notices: Vec::new(),
        })
    }
}

impl EndpointView {
    /// Where it stands in lists.
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }

    /// What an `ETag` says.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// All that a status may be.
    pub(crate) const STATUSES: [&str; 4] = ["Connected", "NeedsToConnect", "Failed", "NotTested"];

    /// Whether its kind and status are the ones asked for.
    pub(crate) fn fits(&self, kind: Option<&str>, status: Option<&str>) -> bool {
        kind.is_none_or(|k| k.eq_ignore_ascii_case(&self.kind))
            && status.is_none_or(|s| s.eq_ignore_ascii_case(self.status))
    }
}

/// Whether mailboxes of this endpoint need no password of their own: it has one for all, or asks for none.
pub(crate) async fn signs_in_for_all(context: &Context, endpoint: &Endpoint) -> Result<bool> {
    let manifest = context.manifests.iter().find(|m| m.kind == endpoint.kind);
    let asks =
        manifest.is_some_and(|m| m.settings.iter().any(|s| s.takes == Takes::Secret && signs_in(s.name)));
    Ok(!asks || context.store.unseal(endpoint.id.0).await?.iter().any(|(name, _)| signs_in(name)))
}
