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

/// When a batch does what by itself.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Schedule {
    /// Its mailboxes do not begin before.
    start_after: Option<Timestamp>,
    /// What is synced then, or later, is completed.
    complete_after: Option<Timestamp>,
    /// So many hours after the last sync what is synced is synced again; 0: never.
    #[schema(default = 24, maximum = 1440)]
    sync_every_hours: Option<u32>,
    /// The hours in which its mailboxes move: `Mon-Fri 19:00-07:00, Sat-Sun`.
    windows: Option<String>,
    /// The zone in which times are shown and windows are meant.
    time_zone: Option<String>,
}

/// What a completion would meet.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Plan {
    /// How many sync at once.
    together: u32,
    /// Mailboxes that would be completed.
    ready: u64,
    /// All that are not completed yet.
    open: u64,
    /// What stands in the way: subject, code, reason.
    #[schema(value_type = Vec<Object>)]
    blockers: (),
    /// Since when nothing was synced, of the mailbox that waits longest.
    unsynced_since: Option<Timestamp>,
    /// Mailboxes of which a later sync was measured.
    measured: u64,
    /// Items that the last sync is likely to carry; none where not all are measured.
    items: Option<Range>,
    /// Seconds until all are completed; none where not all are measured.
    seconds: Option<Range>,
}

/// A guess from what was measured.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Range {
    from: u64,
    to: u64,
}

/// What a domain's DNS shall say.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct DomainWanted {
    /// The hosts that take its mail, all of them.
    mx: Option<Vec<String>>,
    /// What SPF contains: `include:spf.example.org`.
    spf: Option<String>,
    /// Selectors, and the name or the text that each shall be; empty where any will do.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    dkim: (),
    /// What DMARC contains: `p=quarantine`; empty where any will do.
    dmarc: Option<String>,
    /// The host that autodiscover leads to.
    autodiscover: Option<String>,
}

/// A record of a domain.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct DomainRow {
    /// `mx`, `spf`, `dkim`, `dmarc` or `autodiscover`.
    kind: String,
    name: String,
    /// What is there.
    now: Vec<String>,
    /// What shall be there.
    wanted: Option<String>,
    /// Seconds that others may keep it.
    ttl: Option<u32>,
    /// `AsWanted`, `Differs`, `Missing`, `NotAsked` or `Unknown`.
    verdict: String,
    notes: Vec<String>,
}

/// How long a part of a project takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Stretch {
    mailboxes: u64,
    items: u64,
    bytes: u64,
    /// Seconds in which mailboxes move.
    seconds: Range,
    /// When it begins: not before the hours in which mailboxes move.
    begins: Timestamp,
    /// When it ends, `from` and `to`; null where that is more than five years away.
    #[schema(value_type = Object)]
    ends: (),
    /// `LargestMailbox`, `Slots` or `Bandwidth`.
    decides: String,
    /// The largest mailbox.
    largest: Option<String>,
    /// How long that one takes alone.
    largest_seconds: Range,
}

/// One wave of a project.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct WavePlan {
    number: u64,
    departments: Vec<String>,
    members: Vec<String>,
    #[schema(inline)]
    #[serde(flatten)]
    stretch: Stretch,
}

/// How long a project takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Forecast {
    #[schema(inline)]
    #[serde(flatten)]
    stretch: Stretch,
    /// How many move at once.
    together: u32,
    /// `fast` and `slow`, each bytesPerHour and itemsPerHour of one mailbox, and of how many that was `measured`; 0: assumed.
    #[schema(value_type = Object)]
    paces: (),
    waves: Vec<WavePlan>,
    /// What it rests on and what would change it.
    notes: Vec<String>,
}

/// How many skipped items a mailbox may have before it fails: a number, or `Unlimited`; no limit where none is given.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct ItemLimits {
    /// Items skipped for other reasons than their size.
    bad_item_limit: Option<ItemLimit>,
    /// Items skipped for their size.
    large_item_limit: Option<ItemLimit>,
}

/// So many items, or `Unlimited`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum ItemLimit {
    Number(u32),
    Word(String),
}

/// Which batches go first where several want the same slots.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum Priority {
    Low,
    Normal,
    High,
}

/// What a test of an endpoint found.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct TestResult {
    /// `Success` or `Failed`.
    result: String,
    /// What all of it means for Microsoft's own framework: `Success`, `Failed` or `Unknown`.
    native: String,
    /// One row per check.
    steps: Vec<Finding>,
    /// Whether somebody signed in, where somebody has to.
    #[schema(rename = "signedIn")]
    signed_in: Option<bool>,
    /// When it was made.
    at: Option<Timestamp>,
    /// As what it was tested: `source`, `target`, or both.
    roles: Option<Vec<String>>,
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
    /// When it arrived at the source, where that is known.
    #[schema(required = false)]
    date: Option<String>,
    /// How often it was tried and refused, where that was counted.
    #[schema(required = false)]
    tries: Option<u32>,
}

/// Numbers of one mailbox.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Statistics {
    /// Bytes at the target for each minute in which it was worked on; none before the first second is over.
    rate_bytes_per_minute: Option<u64>,
    /// Waiting for its turn.
    queued_seconds: u64,
    /// Worked on.
    in_progress_seconds: u64,
    /// Up to date, and not completed.
    synced_seconds: u64,
    /// Waiting for a reason that has a name.
    stalled_seconds: u64,
    /// Seconds until its first sync ends; none where nobody can know.
    eta_seconds: Option<Range>,
}

/// What a verification found, as `verify -o json` tells it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Verified {
    /// `success`, or `partial` where something is skipped, missing or doubled, or a mailbox could not be looked at.
    result: String,
    /// 0 or 3, as the command ends.
    exit_code: u8,
    /// `Perfect`, `Good`, `Investigate` or `Poor`; none without mailboxes.
    score: Option<String>,
    /// The verdict.
    sentence: String,
    mailboxes: u64,
    /// Mailboxes that could not be looked at.
    failed: Vec<Unverified>,
    #[schema(value_type = Vec<Object>)]
    warnings: (),
    identified: u64,
    placed: u64,
    bytes: u64,
    /// The batch that was asked for.
    batch: Option<String>,
    /// The address that was asked for.
    user: Option<String>,
    skipped: Vec<VerifiedItem>,
    missing: Vec<VerifiedItem>,
    doubled: Vec<VerifiedItem>,
    changed_at_target: Vec<VerifiedItem>,
    rewritten: Vec<VerifiedItem>,
    not_migratable: Vec<VerifiedItem>,
}

/// A mailbox that could not be looked at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Unverified {
    user: String,
    /// Catalogue code.
    code: String,
    /// Why.
    reason: String,
}

/// An item that a verification names.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct VerifiedItem {
    user: String,
    /// The list that it is in.
    kind: String,
    folder: String,
    uid: String,
    message_id: Option<String>,
    size: u64,
    /// Catalogue code.
    code: String,
    /// Why.
    reason: String,
    /// Of a folder that could not be read: how many of its items are not at the target, 0 where nobody knows.
    items: Option<u64>,
    /// When it arrived at the source, where that is known.
    #[schema(required = false)]
    date: Option<String>,
    /// How often it was tried and refused, where that was counted.
    #[schema(required = false)]
    tries: Option<u32>,
}

/// Why something ended early.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Ended {
    /// Catalogue code.
    code: String,
    /// What happened.
    kind: String,
    /// `Source`, `Target` or `Us`.
    side: String,
    /// How far it reaches: `Item`, `Folder`, `Mailbox` or `Endpoint`.
    scope: String,
    /// What was tried.
    op: String,
    /// The other side's words, or ours.
    context: String,
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
    /// Whether somebody was told that it has lasted too long.
    #[schema(required = false)]
    escalated: bool,
}

/// How many may be under way at an endpoint now, and why.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Allowance {
    /// At most so many mailboxes at once; none: as many as the limits say.
    allowed: Option<u32>,
    /// The incremental limit while a batch completes.
    raised: Option<u32>,
    /// The batch that completes.
    raised_for: Option<String>,
    /// The last changes, newest first.
    changes: Vec<AllowanceChange>,
}

/// A change of how many may be under way.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct AllowanceChange {
    /// When.
    at: Timestamp,
    /// From how many to how many, and why.
    why: String,
}

/// Somebody's word that something of a mailbox works.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct SignOff {
    /// `mail-flow`, `calendar`, `mobile`, `desktop` or `shared-mailboxes`.
    check: String,
    /// Who says so.
    by: String,
    /// When.
    at: Timestamp,
    /// For people.
    comment: Option<String>,
}

/// How messages of a channel are written.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum ChannelKind {
    /// JSON, signed, to a program.
    Webhook,
    /// A card, to a workflow of Microsoft Teams.
    Teams,
    /// A mail, by a server that takes it.
    Mail,
}

/// How the way to a mail server is secured.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) enum MailSecurity {
    /// TLS from the start.
    Tls,
    /// TLS before anything is said that matters.
    Starttls,
    /// Not at all.
    None,
}

/// Why mailboxes wait.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct Stall {
    /// Catalogue code.
    code: String,
    /// A few words.
    title: String,
    /// Since when; of several since the first.
    since: Timestamp,
    /// When it is tried again by itself; of several the first.
    next_try: Option<Timestamp>,
    /// What was last seen or answered.
    evidence: String,
    /// What helps.
    remedy: Vec<String>,
    /// When somebody has to look, if it lasts.
    escalates: Option<Timestamp>,
    /// Whether somebody was told to.
    escalated: bool,
    /// What to do then.
    next_step: Option<String>,
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

/// How a readiness checklist stands.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct ReadinessSum {
    /// Points in order.
    done: usize,
    /// Points that work and should be looked at.
    look: usize,
    /// Points not in order, or not yet.
    open: usize,
    /// Points of which nothing is known.
    unknown: usize,
    /// `ready`, `nearly ready` or `not ready`.
    verdict: String,
    /// What it means, in words.
    sentence: String,
}

/// A point of a readiness checklist.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a shape is read by the document alone")]
pub(crate) struct ReadinessPoint {
    /// Which.
    point: String,
    /// For people.
    title: String,
    /// `machine` or `people`.
    confirmed: String,
    /// `done`, `look`, `open` or `unknown`.
    state: String,
    /// What was seen or said.
    evidence: String,
    /// When.
    at: Option<Timestamp>,
    /// Who said it.
    by: Option<String>,
    /// What to do, each to be copied.
    how: Vec<String>,
    /// Whether a batch does not begin before it is in order.
    blocks: bool,
}
