//! The store's ports: one trait per noun, together a [`Store`]. Kept on SQLite and on PostgreSQL alike.
//!
//! All calls are atomic. Times are arguments, except for leases, which use the store's own clock. A lost
//! store answers `Busy` or `Locked` (side us); a row that is not there is `NotFound` (side us).

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    account::{Account, Answer, KeptAnswer, Session, Token, TokenHash},
    allowance::{Allowance, InUse, Pulse},
    approval::{Approval, ApprovedItem},
    audit::AuditEntry,
    batch::Batch,
    channel::{Channel, Delivery},
    config::Config,
    domain::Domain,
    endpoint::Endpoint,
    endpoint_test::EndpointTest,
    error::Result,
    id::{
        AccountId, BatchId, ChannelId, EndpointId, EndpointTestId, JobId, MailboxId, ScanId, SessionId,
        TokenId, UserId, VerificationId,
    },
    job::{Claim, Held, Job, JobSpec, PassKind},
    ledger::{Commit, Entry, FolderNo, Head, Lease, Window},
    port::Together,
    readiness::{Point, Tick},
    scan::{Scan, ScanMailbox, ScanOutcome},
    secret::Secret,
    status::UserStatus,
    user::{Census, User},
    verification::Verification,
};

/// Endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Adds one. `AlreadyExists` if the name (compared without case) is taken.
    async fn add_endpoint(&self, endpoint: &Endpoint) -> Result<()>;
    /// Replaces one by id. `Conflict` if `endpoint.version` is not the stored one; stored with version + 1.
    async fn set_endpoint(&self, endpoint: &Endpoint) -> Result<()>;
    /// One by name, without case.
    async fn endpoint(&self, name: &str) -> Result<Endpoint>;
    /// One by id.
    async fn endpoint_by_id(&self, id: EndpointId) -> Result<Endpoint>;
    /// All, by name.
    async fn endpoints(&self) -> Result<Vec<Endpoint>>;
    /// Removes one. `Locked` if a batch refers to it; the context lists which.
    async fn remove_endpoint(&self, id: EndpointId) -> Result<()>;
}

/// Batches.
#[async_trait]
pub trait Batches: Send + Sync {
    /// Adds a batch with its users. `AlreadyExists` if the name is taken.
    async fn add_batch(&self, batch: &Batch, users: &[User]) -> Result<()>;
    /// Replaces one by id; `Conflict` if `version` is not the stored one; stored with version + 1.
    async fn set_batch(&self, batch: &Batch) -> Result<()>;
    /// One by name, without case.
    async fn batch(&self, name: &str) -> Result<Batch>;
    /// One by id.
    async fn batch_by_id(&self, id: BatchId) -> Result<Batch>;
    /// All, by name.
    async fn batches(&self) -> Result<Vec<Batch>>;
    /// Removes a batch with its users and their work; ledgers stay. `Locked` while work of it is leased.
    async fn remove_batch(&self, id: BatchId) -> Result<()>;
}

/// Users: the mailboxes of batches.
#[async_trait]
pub trait Users: Send + Sync {
    /// Replaces one by id; `Conflict` if `version` is not the stored one; stored with version + 1.
    async fn set_user(&self, user: &User) -> Result<()>;
    /// One by id.
    async fn user(&self, id: UserId) -> Result<User>;
    /// All with this address, in any batch.
    async fn users_by_address(&self, address: &str) -> Result<Vec<User>>;
    /// The batches in which any of these addresses stands, in no order: one pair for each user, with the address
    /// in lower case. Any number of addresses, compared without case.
    async fn batches_of(&self, addresses: &[String]) -> Result<Vec<(String, BatchId)>>;
    /// The users whose mailbox at the target has one of these names, in any batch and at any endpoint, in no order.
    /// Any number of names, compared without case.
    async fn users_into(&self, mailboxes: &[String]) -> Result<Vec<User>>;
    /// Removes one with its secrets and its work; its ledger stays. `Locked` while its work is leased.
    async fn remove_user(&self, id: UserId) -> Result<()>;
    /// All of a batch, by address.
    async fn users(&self, batch: BatchId) -> Result<Vec<User>>;
    /// How many users of each batch have which status, and how many of them have work; nothing is said of batches
    /// without users.
    async fn census(&self) -> Result<Vec<(BatchId, Census)>>;
    /// Those of a batch that come behind this one, or the first ones, by address: at most 500. Empty behind the last.
    async fn users_behind(&self, batch: BatchId, last: Option<&User>) -> Result<Vec<User>>;
}

/// Approvals of items that stay behind.
#[async_trait]
pub trait Approvals: Send + Sync {
    /// Keeps them, all or none; one of the same mailbox, item and code is replaced.
    async fn approve(&self, approvals: &[Approval]) -> Result<()>;
    /// Takes back those of these items of a mailbox, all or none. Nothing happens where there is none.
    async fn unapprove(&self, mailbox: MailboxId, items: &[ApprovedItem]) -> Result<()>;
    /// All of a mailbox, in no order. They stay when its users are removed, as its ledger does.
    async fn approvals(&self, mailbox: MailboxId) -> Result<Vec<Approval>>;
}

/// What people have ticked of the readiness checklist.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Keeps one; one of the same point and batch is replaced.
    async fn tick(&self, tick: &Tick) -> Result<()>;
    /// Takes one back. Nothing happens where there is none.
    async fn untick(&self, point: Point, batch: Option<BatchId>) -> Result<()>;
    /// All of them. Those of a batch go with it.
    async fn ticks(&self) -> Result<Vec<Tick>>;
}

/// The ledgers of mailboxes.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The ledger's mailbox for a copy named by `identity` (source and target as stable text); made if new.
    async fn mailbox(&self, identity: &str) -> Result<MailboxId>;
    /// Folders and open windows.
    async fn head(&self, mailbox: MailboxId) -> Result<Head>;
    /// Opens windows: durable when it returns. A window that is open already keeps its older mark.
    /// `Conflict` if the lease's epoch is not the newest.
    async fn open(&self, lease: Lease, windows: &[Window]) -> Result<()>;
    /// Writes a commit, all or nothing; durable when it returns if [`Commit::is_lasting`]. `Conflict` if the lease's epoch is not the newest.
    async fn commit(&self, lease: Lease, commit: &Commit) -> Result<()>;
    /// All entries of a folder, newest state of each.
    async fn read(&self, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>>;
    /// Rewrites a folder's journal as a compact segment and forgets entries that are `Gone` with no target id.
    /// `Conflict` if the lease's epoch is not the newest.
    async fn pack(&self, lease: Lease, folder: FolderNo) -> Result<()>;
    /// Forgets a mailbox's ledger altogether.
    async fn forget(&self, lease: Lease) -> Result<()>;
}

/// Leases on mailboxes and the queue of work.
#[async_trait]
pub trait Work: Send + Sync {
    /// Takes the lease of a mailbox for `how_long`, with the next epoch. `Locked` while another living holder
    /// has it. The answer says whether the holder before ended without giving it back, and when its lease ends
    /// or ended; an owner that takes it again ended now.
    async fn lease(&self, mailbox: MailboxId, owner: Uuid, how_long: Duration) -> Result<Claim>;
    /// Prolongs it. `Conflict` if it was taken over.
    async fn heartbeat(&self, lease: Lease, how_long: Duration) -> Result<()>;
    /// Gives it back in order.
    async fn release(&self, lease: Lease) -> Result<()>;
    /// Adds work, unless work of that user is already waiting or running; the row that stands.
    async fn add_job(&self, job: &JobSpec) -> Result<JobId>;
    /// Adds work for the users of a batch who have one of these statuses and none: with each the pass that it asks
    /// for; how many. A user whose pass ends at that moment gets none.
    async fn add_missing_jobs(
        &self,
        batch: &Batch,
        wanted: &[(UserStatus, PassKind)],
        run_at: Timestamp,
    ) -> Result<u64>;
    /// Claims at most so many jobs, one after another: each time the next that is due at `now`, whose endpoints have a
    /// free slot of its pool on both sides, for `how_long`; fewer if there is nothing more now. Whose holder was lost
    /// comes first. Of batches that wait the one with the higher priority is next, then the one with fewer jobs under
    /// way, then the one whose turn is longest ago, then the one whose job is due first.
    async fn claims(&self, owner: Uuid, now: Timestamp, how_long: Duration, most: usize) -> Result<Vec<Job>>;
    /// One of them, if there is one.
    async fn claim(&self, owner: Uuid, now: Timestamp, how_long: Duration) -> Result<Option<Job>> {
        Ok(self.claims(owner, now, how_long, 1).await?.pop())
    }
    /// Prolongs those of these jobs that this owner still holds, and says what they are; the others were taken over or
    /// ended.
    async fn keep_jobs(&self, owner: Uuid, jobs: &[JobId], how_long: Duration) -> Result<Vec<Held>>;
    /// What this owner holds.
    async fn held_jobs(&self, owner: Uuid) -> Result<Vec<Held>>;
    /// Takes a duty that one process of an installation does, or prolongs it; whether it is this owner's for
    /// `how_long`. With no time at all it is given back.
    async fn take_duty(&self, name: &str, owner: Uuid, how_long: Duration) -> Result<bool>;
    /// Prolongs a claimed job. `Conflict` if it was taken over; the answer says whether it shall stop.
    async fn keep_job(&self, job: &Job, how_long: Duration) -> Result<bool>;
    /// Ends a claimed job; with `again_at` it waits for then, unless it shall stop. `Conflict` if it was taken
    /// over.
    async fn end_job(&self, job: &Job, again_at: Option<Timestamp>) -> Result<()>;
    /// Asks the jobs of a batch to stop, removes those not yet claimed.
    async fn stop_jobs(&self, batch: BatchId) -> Result<()>;
    /// Asks the job of a user to stop, or removes it if it is not yet claimed. Nothing happens without one.
    async fn stop_job(&self, user: UserId) -> Result<()>;
    /// All jobs of a batch.
    async fn jobs(&self, batch: BatchId) -> Result<Vec<Job>>;
}

/// A secret to be sealed: whose (endpoint, user, account), under which name, and what.
pub type Sealing<'a> = (Uuid, &'a str, &'a Secret<String>);

/// Secrets, sealed at rest.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Seals a secret of an owner (endpoint or user) under a name; replaces an older one.
    async fn seal(&self, owner: Uuid, name: &str, secret: &Secret<String>) -> Result<()>;
    /// Seals any number of secrets of any owners, all or none; replaces older ones. Of two with the same owner
    /// and name the later one stays.
    async fn seal_all(&self, secrets: &[Sealing<'_>]) -> Result<()>;
    /// Opens all secrets of an owner, by name. Fails if the master key is not the one they were sealed with.
    async fn unseal(&self, owner: Uuid) -> Result<Vec<(String, Secret<String>)>>;
    /// Forgets all secrets of an owner.
    async fn forget_secrets(&self, owner: Uuid) -> Result<()>;
}

/// The audit trail: written once, never changed.
#[async_trait]
pub trait Audits: Send + Sync {
    /// Adds an entry at the end of the chain; its number.
    async fn record(&self, entry: &AuditEntry) -> Result<u64>;
    /// The entries after a number, oldest first, at most 500.
    async fn audit(&self, after: u64) -> Result<Vec<(u64, AuditEntry)>>;
    /// The number of the newest entry; 0 if there is none.
    async fn audit_end(&self) -> Result<u64>;
    /// Number and hash of the newest entry: whoever noted them can tell later whether the trail up to there is still the
    /// same. None if there is no entry.
    async fn audit_head(&self) -> Result<Option<(u64, Vec<u8>)>>;
    /// Checks the hash chain; the number of the first entry that does not fit or is missing. At the end it is missing if
    /// one was written there once, or if there is an endpoint, a batch or an account and nobody ever told of anything.
    async fn check_audit(&self) -> Result<Option<u64>>;
}

/// Accounts, and the code with which the first one is made.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds one. `AlreadyExists` if the name (compared without case) is taken.
    async fn add_account(&self, account: &Account) -> Result<()>;
    /// Replaces one by id. `Conflict` if `account.version` is not the stored one; stored with version + 1.
    async fn set_account(&self, account: &Account) -> Result<()>;
    /// One by name, without case.
    async fn account(&self, name: &str) -> Result<Account>;
    /// One by id.
    async fn account_by_id(&self, id: AccountId) -> Result<Account>;
    /// All, by name.
    async fn accounts(&self) -> Result<Vec<Account>>;
    /// Removes one with its sessions, tokens and secrets.
    async fn remove_account(&self, id: AccountId) -> Result<()>;
    /// Keeps the hash of the set-up code; replaces an older one. `Conflict` if there are accounts already.
    async fn keep_setup_code(&self, code: &TokenHash) -> Result<()>;
    /// Adds the first account and forgets the code. `Conflict` if there are accounts already, `Forbidden` if the
    /// code is another one or there is none.
    async fn add_first_account(&self, code: &TokenHash, account: &Account) -> Result<()>;
}

/// Sign-ins.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Adds one. `NotFound` if there is no such account.
    async fn add_session(&self, session: &Session) -> Result<()>;
    /// The one with that token.
    async fn session_by_hash(&self, hash: &TokenHash) -> Result<Session>;
    /// All, newest first.
    async fn sessions(&self) -> Result<Vec<Session>>;
    /// Writes down that it was used. Nothing happens if it is gone.
    async fn see_session(&self, id: SessionId, seen: Timestamp) -> Result<()>;
    /// Ends one.
    async fn remove_session(&self, id: SessionId) -> Result<()>;
    /// Ends all of an account, but for one.
    async fn remove_sessions(&self, account: AccountId, but: Option<SessionId>) -> Result<()>;
    /// Forgets those that ended before a time.
    async fn forget_sessions(&self, before: Timestamp) -> Result<()>;
}

/// Tokens for programs.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Adds one. `NotFound` if there is no such account, `AlreadyExists` if that account has one of that name.
    async fn add_token(&self, token: &Token) -> Result<()>;
    /// The one with that token.
    async fn token_by_hash(&self, hash: &TokenHash) -> Result<Token>;
    /// All, oldest first.
    async fn tokens(&self) -> Result<Vec<Token>>;
    /// Writes down that it was used. Nothing happens if it is gone.
    async fn use_token(&self, id: TokenId, at: Timestamp) -> Result<()>;
    /// Revokes one.
    async fn remove_token(&self, id: TokenId) -> Result<()>;
}

/// Answers to requests that must not be carried out twice.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Begins a request under a key; what stands there already, if anything does. What was begun by a process that is
    /// gone, or so long ago that nobody carries it out any more, is begun anew.
    async fn begin_answer(
        &self,
        key: [u8; 32],
        request: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<KeptAnswer>>;
    /// Keeps the answer to a request that was begun.
    async fn keep_answer(&self, key: [u8; 32], answer: &Answer) -> Result<()>;
    /// Forgets a request, so that it may be made again.
    async fn forget_answer(&self, key: [u8; 32]) -> Result<()>;
    /// Forgets those begun before a time.
    async fn forget_answers(&self, before: Timestamp) -> Result<()>;
}

/// Tests of endpoints that were ordered.
#[async_trait]
pub trait EndpointTests: Send + Sync {
    /// Adds one.
    async fn add_endpoint_test(&self, test: &EndpointTest) -> Result<()>;
    /// One by id.
    async fn endpoint_test(&self, id: EndpointTestId) -> Result<EndpointTest>;
    /// All, newest first.
    async fn endpoint_tests(&self) -> Result<Vec<EndpointTest>>;
    /// How many have not ended.
    async fn endpoint_tests_under_way(&self) -> Result<u64>;
    /// Takes the oldest that nobody has begun: it is `Running`, and this owner's for `how_long`.
    async fn claim_endpoint_test(&self, owner: Uuid, how_long: Duration) -> Result<Option<EndpointTest>>;
    /// Holds one for longer. `Conflict` if it is no longer this owner's.
    async fn hold_endpoint_test(&self, id: EndpointTestId, owner: Uuid, how_long: Duration) -> Result<()>;
    /// Replaces one that this owner holds by what came of it, and forgets its secrets. `Conflict` if it is no longer
    /// this owner's.
    async fn end_endpoint_test(&self, test: &EndpointTest, owner: Uuid) -> Result<()>;
    /// Those whose owner is gone or whose time is over are `Interrupted`; those ordered before a time are forgotten,
    /// unless they run. The secrets of both are forgotten.
    async fn sweep_endpoint_tests(&self, before: Timestamp) -> Result<()>;
}

/// Verifications that were ordered.
#[async_trait]
pub trait Verifications: Send + Sync {
    /// Adds one.
    async fn add_verification(&self, verification: &Verification) -> Result<()>;
    /// One by id.
    async fn verification(&self, id: VerificationId) -> Result<Verification>;
    /// All, newest first, without their outcomes: those of many mailboxes are long.
    async fn verifications(&self) -> Result<Vec<Verification>>;
    /// How many have not ended.
    async fn verifications_under_way(&self) -> Result<u64>;
    /// Takes the oldest that nobody has begun: it is `Running`, and this owner's for `how_long`.
    async fn claim_verification(&self, owner: Uuid, how_long: Duration) -> Result<Option<Verification>>;
    /// Holds one for longer, and keeps how many mailboxes it has looked at. `Conflict` if it is no longer this owner's.
    async fn hold_verification(
        &self,
        id: VerificationId,
        owner: Uuid,
        how_long: Duration,
        looked_at: u64,
    ) -> Result<()>;
    /// Replaces one that this owner holds by what came of it, and tells the audit trail so, if `told` says what.
    /// `Conflict` if it is no longer this owner's.
    async fn end_verification(
        &self,
        verification: &Verification,
        owner: Uuid,
        told: Option<&AuditEntry>,
    ) -> Result<()>;
    /// Forgets one, also while it runs: its owner finds that it is no longer its own.
    async fn remove_verification(&self, id: VerificationId) -> Result<()>;
    /// Makes those `Interrupted` whose owner is gone, and forgets what was asked for before a time and does not run.
    async fn sweep_verifications(&self, before: Timestamp) -> Result<()>;
}

/// Scans that were ordered.
#[async_trait]
pub trait Scans: Send + Sync {
    /// Adds one with its mailboxes, none of them looked at.
    async fn add_scan(&self, scan: &Scan, mailboxes: &[ScanMailbox]) -> Result<()>;
    /// One by id.
    async fn scan(&self, id: ScanId) -> Result<Scan>;
    /// All, newest first.
    async fn scans(&self) -> Result<Vec<Scan>>;
    /// How many have not ended, but for those that were stopped.
    async fn scans_under_way(&self) -> Result<u64>;
    /// The mailboxes of one after a number, by number, at most so many.
    async fn scan_mailboxes(&self, id: ScanId, after: u64, most: usize) -> Result<Vec<ScanMailbox>>;
    /// The mailboxes of one at which nobody has looked, by number, at most so many.
    async fn scan_mailboxes_left(&self, id: ScanId, most: usize) -> Result<Vec<ScanMailbox>>;
    /// Takes the oldest that waits, or this one if it waits: it is `Running`, and this owner's for `how_long`.
    async fn claim_scan(&self, owner: Uuid, how_long: Duration, only: Option<ScanId>)
    -> Result<Option<Scan>>;
    /// Holds one for longer. `Conflict` if it is no longer this owner's.
    async fn hold_scan(&self, id: ScanId, owner: Uuid, how_long: Duration) -> Result<()>;
    /// Keeps what came of a mailbox, and forgets the secrets that are its own. `Conflict` if the scan is no longer this
    /// owner's.
    async fn keep_scanned(
        &self,
        id: ScanId,
        owner: Uuid,
        mailbox: &ScanMailbox,
        outcome: &ScanOutcome,
    ) -> Result<()>;
    /// Gives one that this owner holds the state and error of `scan`, and tells the audit trail so, if `told` says what.
    /// `Conflict` if it is no longer this owner's.
    async fn end_scan(&self, scan: &Scan, owner: Uuid, told: Option<&AuditEntry>) -> Result<()>;
    /// Stops one that has not ended: its owner finds that it is no longer its own. `Conflict` if it has ended.
    async fn stop_scan(&self, id: ScanId) -> Result<()>;
    /// Lets one that has mailboxes left and that nobody is at wait for a worker again, without an error.
    /// `Conflict` if nothing is left or somebody is at it.
    async fn resume_scan(&self, id: ScanId) -> Result<()>;
    /// Forgets one with its mailboxes and their own secrets, also while it runs.
    async fn remove_scan(&self, id: ScanId) -> Result<()>;
    /// Lets those whose owner is gone wait for a worker again.
    async fn sweep_scans(&self) -> Result<()>;
}

/// What holds for the whole tenant.
#[async_trait]
pub trait Configs: Send + Sync {
    /// As it is; as it comes where nobody has set it.
    async fn config(&self) -> Result<Config>;
    /// Sets it. Claims follow at once.
    async fn set_config(&self, config: &Config) -> Result<()>;
}

/// What holds at endpoints beside their limits, and what workers saw of them.
#[async_trait]
pub trait Allowances: Send + Sync {
    /// Of all endpoints of which there is one, in no order.
    async fn allowances(&self) -> Result<Vec<Allowance>>;
    /// Sets one. Claims follow at once. `NotFound` if there is no such endpoint.
    async fn set_allowance(&self, allowance: &Allowance) -> Result<()>;
    /// Permits that are in use, pool by pool.
    async fn permits(&self) -> Result<Vec<InUse>>;
    /// Keeps what a worker saw, in place of what it saw before of the same endpoints; what is older than a day goes.
    async fn keep_pulses(&self, pulses: &[Pulse]) -> Result<()>;
    /// What workers saw since then.
    async fn pulses(&self, since: Timestamp) -> Result<Vec<Pulse>>;
}

/// Domains whose mail flow is looked at.
#[async_trait]
pub trait Domains: Send + Sync {
    /// Keeps one; of version 0 it is new. `Conflict` where somebody else made or changed it, `NotFound` where it is gone.
    async fn keep_domain(&self, domain: &Domain) -> Result<()>;
    /// One by its name; `NotFound`.
    async fn domain(&self, name: &str) -> Result<Domain>;
    /// All, by name.
    async fn domains(&self) -> Result<Vec<Domain>>;
    /// Forgets one; `NotFound`.
    async fn remove_domain(&self, name: &str) -> Result<()>;
}

/// Channels for notices, and what is on its way to them.
#[async_trait]
pub trait Channels: Send + Sync {
    /// Adds one. `AlreadyExists` if the name (compared without case) is taken. With the first one, what the audit trail
    /// holds by then counts as told.
    async fn add_channel(&self, channel: &Channel) -> Result<()>;
    /// Replaces one by id; `Conflict` if `version` is not the stored one; stored with version + 1.
    async fn set_channel(&self, channel: &Channel) -> Result<()>;
    /// One by name, without case.
    async fn channel(&self, name: &str) -> Result<Channel>;
    /// All, by name.
    async fn channels(&self) -> Result<Vec<Channel>>;
    /// Removes one with its secrets and what is on its way to it.
    async fn remove_channel(&self, id: ChannelId) -> Result<()>;
    /// The number of the last audit entry of which notices were made.
    async fn noticed(&self) -> Result<u64>;
    /// Adds deliveries and moves that number from `from` to `upto`, all or nothing. `Conflict` if it is not `from`: then
    /// somebody else made them.
    async fn add_notices(&self, from: u64, upto: u64, deliveries: &[Delivery]) -> Result<()>;
    /// Adds one delivery. `NotFound` if there is no such channel.
    async fn add_delivery(&self, delivery: &Delivery) -> Result<()>;
    /// Those whose try is due, the longest first, at most so many.
    async fn due_deliveries(&self, now: Timestamp, most: usize) -> Result<Vec<Delivery>>;
    /// Those of a channel, newest first, at most so many.
    async fn deliveries(&self, channel: ChannelId, most: usize) -> Result<Vec<Delivery>>;
    /// Replaces one by id. Nothing happens if it is gone.
    async fn set_delivery(&self, delivery: &Delivery) -> Result<()>;
    /// Forgets those that ended before a time.
    async fn forget_deliveries(&self, before: Timestamp) -> Result<()>;
}

/// The whole store.
pub trait Store:
    Endpoints
    + EndpointTests
    + Verifications
    + Scans
    + Configs
    + Allowances
    + Channels
    + Domains
    + Approvals
    + Readiness
    + Batches
    + Users
    + Ledger
    + Work
    + Secrets
    + Audits
    + Accounts
    + Sessions
    + Tokens
    + Answers
    + Together
{
    /// A new id: unique, growing with time.
    fn new_id(&self) -> Uuid;
}
