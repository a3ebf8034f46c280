//! Several writes in one transaction.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    port::{Together, Write},
};

use crate::{SqlStore, sql::Tx};

#[async_trait]
impl Together for SqlStore {
    async fn together(&self, writes: &[Write<'_>]) -> Result<()> {
        let mut tx = self.db.write("write").await?;
        for write in writes {
            self.write_in(&mut tx, write).await?;
        }
        // What a person changes of a user is written into the audit trail with it.
        let is_told = writes.iter().any(|write| matches!(write, Write::Record(_)));
        let wakes = writes.iter().any(|w| wakes(w) || (is_told && matches!(w, Write::SetUser(_))));
        if wakes {
            tx.ring().await?;
        }
        tx.commit().await?;
        if wakes {
            self.rope.send_replace(());
        }
        Ok(())
    }
}

/// Whether workers are woken for it. Users alone are not among them: what moves is written all the time.
fn wakes(write: &Write<'_>) -> bool {
    matches!(
        write,
        Write::SetBatch(_)
            | Write::SetEndpoint(_)
            | Write::SetConfig(_)
            | Write::AddEndpointTest(_)
            | Write::AddVerification(_)
            | Write::AddScan(..)
            | Write::ResumeScan(_)
            | Write::StopJobs(_)
            | Write::StopJob(_)
    )
}

impl SqlStore {
    async fn write_in(&self, tx: &mut Tx, write: &Write<'_>) -> Result<()> {
        match *write {
            Write::AddEndpoint(endpoint) => self.add_endpoint_in(tx, endpoint).await,
            Write::SetEndpoint(endpoint) => self.set_endpoint_in(tx, endpoint).await,
            Write::RemoveEndpoint(id) => self.remove_endpoint_in(tx, id).await,
            Write::AddEndpointTest(test) => self.add_endpoint_test_in(tx, test).await,
            Write::AddVerification(verification) => self.add_verification_in(tx, verification).await,
            Write::RemoveVerification(id) => self.remove_verification_in(tx, id).await,
            Write::AddScan(scan, mailboxes) => self.add_scan_in(tx, scan, mailboxes).await,
            Write::StopScan(id) => self.stop_scan_in(tx, id).await,
            Write::ResumeScan(id) => self.resume_scan_in(tx, id).await,
            Write::RemoveScan(id) => self.remove_scan_in(tx, id).await,
            Write::AddBatch(batch, users) => self.add_batch_in(tx, batch, users).await,
            Write::AddUsers(users) => self.add_users_in(tx, users).await,
            Write::SetBatch(batch) => self.set_batch_in(tx, batch).await,
            Write::RemoveBatch(id) => self.remove_batch_in(tx, id).await,
            Write::SetUser(user) => self.set_user_in(tx, user).await,
            Write::RemoveUser(id) => self.remove_user_in(tx, id).await,
            Write::StopJob(user) => self.stop_job_in(tx, user).await,
            Write::StopJobs(batch) => self.stop_jobs_in(tx, batch).await,
            Write::Approve(approvals) => self.approve_in(tx, approvals).await,
            Write::Unapprove(mailbox, items) => self.unapprove_in(tx, mailbox, items).await,
            Write::Tick(tick) => self.tick_in(tx, tick).await,
            Write::Untick(point, batch) => self.untick_in(tx, point, batch).await,
            Write::Seal(secrets) => self.seal_all_in(tx, secrets).await,
            Write::ForgetSecret(owner, name) => self.forget_secret_in(tx, owner, name).await,
            Write::ForgetSecrets(owner) => self.forget_secrets_in(tx, owner).await,
            Write::AddAccount(account) => self.add_account_in(tx, account).await,
            Write::AddFirstAccount(code, account) => self.add_first_account_in(tx, code, account).await,
            Write::SetAccount(account) => self.set_account_in(tx, account).await,
            Write::RemoveAccount(id) => self.remove_account_in(tx, id).await,
            Write::AddSession(session) => self.add_session_in(tx, session).await,
            Write::RemoveSession(id) => self.remove_session_in(tx, id).await,
            Write::RemoveSessions(account, but) => self.remove_sessions_in(tx, account, but).await,
            Write::AddToken(token) => self.add_token_in(tx, token).await,
            Write::RemoveToken(id) => self.remove_token_in(tx, id).await,
            Write::Fence(job) => self.fence_in(tx, job).await,
            Write::KeepDomain(domain) => self.keep_domain_in(tx, domain).await,
            Write::RemoveDomain(name) => self.remove_domain_in(tx, name).await,
            Write::AddChannel(channel) => self.add_channel_in(tx, channel).await,
            Write::SetChannel(channel) => self.set_channel_in(tx, channel).await,
            Write::RemoveChannel(id) => self.remove_channel_in(tx, id).await,
            Write::AddDelivery(delivery) => self.add_delivery_in(tx, delivery).await,
            Write::SetConfig(config) => self.set_config_in(tx, config).await,
            Write::Record(entry) => self.record_in(tx, entry).await.map(drop),
        }
    }
}
