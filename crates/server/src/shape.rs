//! The shapes of what the model defines, for the document of the API. The model itself knows no documents.

use std::collections::BTreeMap;

use jiff::Timestamp;
use utoipa::ToSchema;

/// The two throttles of an endpoint.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Limits {
    /// Mailboxes in their initial sync at once.
    max_concurrent_migrations: u32,
    /// Mailboxes in an incremental or final sync at once.
    max_concurrent_incremental_syncs: u32,
}

/// What holds for the whole tenant.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Config {
    /// Mailboxes that are synced at once over all endpoints; no endpoint's limit is above it.
    tenant_ceiling: u32,
}

/// What a test of an endpoint found.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct TestResult {
    /// `Success`, `Warning` or `Failed`.
    result: String,
    /// The same for Microsoft's own framework.
    native: String,
    /// One row per check.
    steps: Vec<Finding>,
    /// When it was made.
    at: Option<Timestamp>,
    /// When the last good test was made, where something is different since.
    since: Option<Timestamp>,
    /// What is different since the last good test.
    changes: Option<Vec<String>>,
}

/// An answer to one question of a test.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Finding {
    step: Step,
    /// The check.
    id: String,
    /// For people.
    title: String,
    /// What it means for us.
    outcome: Outcome,
    /// What it means for Microsoft's own framework.
    native: Outcome,
    /// The other side's words.
    evidence: String,
    /// How long it took.
    elapsed_ms: u64,
    /// Why, unless it passed.
    cause: Option<String>,
    /// Catalogue code, unless it passed.
    code: Option<String>,
    /// What to do.
    fix: Vec<String>,
    /// What to do for Microsoft's own framework, where it minds.
    native_fix: Option<Vec<String>>,
    /// Where to read on.
    docs: Option<String>,
}

/// The steps of a test, in their order.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum Step {
    Dns,
    Tcp,
    Tls,
    Protocol,
    Auth,
    Permission,
    Mailbox,
}

/// How a question of a test was answered.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum Outcome {
    Pass,
    Warn,
    Fail,
    NotRun,
    Unknown,
}

/// An item named in a report.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Named {
    /// Its folder.
    folder: String,
    /// Its id at the source.
    uid: String,
    /// Its Message-ID, where it has one.
    message_id: Option<String>,
    /// Its size in bytes.
    size: u64,
    /// Catalogue code.
    code: String,
    /// Why.
    reason: String,
    /// Of a folder that could not be read: how many of its items are not at the target, 0 where nobody knows.
    items: Option<u64>,
}

/// The finer reason of a status.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Detail {
    /// Catalogue code.
    code: String,
    /// One sentence.
    text: String,
    /// Since when.
    since: Timestamp,
}

/// What somebody may do.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum Role {
    Viewer,
    Operator,
    Administrator,
}

/// Settings by their names.
pub(crate) type Settings = BTreeMap<String, String>;
