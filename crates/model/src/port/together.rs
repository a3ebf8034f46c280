//! Several writes that happen together or not at all: a thing, its secrets, and what the audit trail says of it.

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    account::{Account, Session, Token, TokenHash},
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
        AccountId, BatchId, ChannelId, EndpointId, MailboxId, ScanId, SessionId, TokenId, UserId,
        VerificationId,
    },
    job::Job,
    port::store::Sealing,
    readiness::{Point, Tick},
    scan::{Scan, ScanMailbox},
    user::User,
    verification::Verification,
};

/// One write; what it is refused for is said where the single call is described.
pub enum Write<'a> {
    /// As [`super::Endpoints::add_endpoint`].
    AddEndpoint(&'a Endpoint),
    /// As [`super::Endpoints::set_endpoint`].
    SetEndpoint(&'a Endpoint),
    /// As [`super::Endpoints::remove_endpoint`].
    RemoveEndpoint(EndpointId),
    /// As [`super::EndpointTests::add_endpoint_test`].
    AddEndpointTest(&'a EndpointTest),
    /// As [`super::Verifications::add_verification`].
    AddVerification(&'a Verification),
    /// As [`super::Verifications::remove_verification`].
    RemoveVerification(VerificationId),
    /// As [`super::Scans::add_scan`].
    AddScan(&'a Scan, &'a [ScanMailbox]),
    /// As [`super::Scans::stop_scan`].
    StopScan(ScanId),
    /// As [`super::Scans::resume_scan`].
    ResumeScan(ScanId),
    /// As [`super::Scans::remove_scan`].
    RemoveScan(ScanId),
    /// As [`super::Batches::add_batch`].
    AddBatch(&'a Batch, &'a [User]),
    /// Adds users to batches that are there.
    AddUsers(&'a [User]),
    /// As [`super::Batches::set_batch`].
    SetBatch(&'a Batch),
    /// As [`super::Batches::remove_batch`].
    RemoveBatch(BatchId),
    /// As [`super::Users::set_user`].
    SetUser(&'a User),
    /// As [`super::Users::remove_user`].
    RemoveUser(UserId),
    /// As [`super::Work::stop_job`].
    StopJob(UserId),
    /// As [`super::Work::stop_jobs`].
    StopJobs(BatchId),
    /// As [`super::Approvals::approve`].
    Approve(&'a [Approval]),
    /// As [`super::Approvals::unapprove`].
    Unapprove(MailboxId, &'a [ApprovedItem]),
    /// As [`super::Readiness::tick`].
    Tick(&'a Tick),
    /// As [`super::Readiness::untick`].
    Untick(Point, Option<BatchId>),
    /// As [`super::Secrets::seal_all`].
    Seal(&'a [Sealing<'a>]),
    /// Forgets one secret of an owner. `NotFound` if there is none of that name.
    ForgetSecret(Uuid, &'a str),
    /// As [`super::Secrets::forget_secrets`].
    ForgetSecrets(Uuid),
    /// As [`super::Accounts::add_account`].
    AddAccount(&'a Account),
    /// As [`super::Accounts::add_first_account`].
    AddFirstAccount(&'a TokenHash, &'a Account),
    /// As [`super::Accounts::set_account`].
    SetAccount(&'a Account),
    /// As [`super::Accounts::remove_account`].
    RemoveAccount(AccountId),
    /// As [`super::Sessions::add_session`].
    AddSession(&'a Session),
    /// As [`super::Sessions::remove_session`].
    RemoveSession(SessionId),
    /// As [`super::Sessions::remove_sessions`].
    RemoveSessions(AccountId, Option<SessionId>),
    /// As [`super::Tokens::add_token`].
    AddToken(&'a Token),
    /// As [`super::Tokens::remove_token`].
    RemoveToken(TokenId),
    /// Nothing, if the job is in the hands of who claimed it at that epoch; else `Conflict`, and so nothing of all.
    Fence(&'a Job),
    /// As [`super::Domains::keep_domain`].
    KeepDomain(&'a Domain),
    /// As [`super::Domains::remove_domain`].
    RemoveDomain(&'a str),
    /// As [`super::Channels::add_channel`].
    AddChannel(&'a Channel),
    /// As [`super::Channels::set_channel`].
    SetChannel(&'a Channel),
    /// As [`super::Channels::remove_channel`].
    RemoveChannel(ChannelId),
    /// As [`super::Channels::add_delivery`].
    AddDelivery(&'a Delivery),
    /// As [`super::Configs::set_config`].
    SetConfig(&'a Config),
    /// As [`super::Audits::record`]. It comes last: others wait until it is done.
    Record(&'a AuditEntry),
}

/// Writes that belong together.
#[async_trait]
pub trait Together: Send + Sync {
    /// Makes all of these in their order, or none of them if one is refused; its refusal.
    async fn together(&self, writes: &[Write<'_>]) -> Result<()>;
}
