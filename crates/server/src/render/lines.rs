//! The lines of a table, in parts: mailboxes are read from the store by the hundred, reports and ledgers one by one.

use std::collections::VecDeque;

use mailferry_model::{
    Result,
    approval::{Approvals, approvable},
    report::{
        Kept, Score, reconciliation,
        sheet::{Row, Sheet},
        skipped, users,
    },
    user::User,
};

use super::Report;

/// The mailboxes of a batch, by address.
pub(super) struct Mailboxes<'a> {
    report: &'a Report,
    read: VecDeque<User>,
    last: Option<User>,
    is_over: bool,
}

impl<'a> Mailboxes<'a> {
    pub fn of(report: &'a Report) -> Self {
        Self { report, read: VecDeque::new(), last: None, is_over: false }
    }

    /// The next one; none behind the last.
    pub async fn next(&mut self) -> Result<Option<User>> {
        if self.read.is_empty() && !self.is_over {
            let Report { context, batch, .. } = self.report;
            self.read = context.store.users_behind(batch.id, self.last.as_ref()).await?.into();
            self.last = self.read.back().cloned();
            self.is_over = self.read.is_empty();
        }
        Ok(self.read.pop_front())
    }

    /// What the last pass of one found.
    pub async fn found(&self, user: &User) -> Result<Option<Kept>> {
        let Some(mailbox) = user.mailbox else { return Ok(None) };
        self.report.context.reports.report(mailbox).await
    }

    /// The same of one of which something may stay behind: that of a perfect one need not be read.
    pub async fn left(&self, user: &User) -> Result<Option<Kept>> {
        let is_perfect = user.totals.skipped == 0 && user.score.is_none_or(|score| score == Score::Perfect);
        if is_perfect { Ok(None) } else { self.found(user).await }
    }
}

/// The lines of a table.
pub(super) struct Lines<'a> {
    sheet: Sheet,
    report: &'a Report,
    mailboxes: Mailboxes<'a>,
}

impl<'a> Lines<'a> {
    pub fn of(report: &'a Report, sheet: Sheet) -> Self {
        Self { sheet, report, mailboxes: Mailboxes::of(report) }
    }

    /// The lines of the next mailbox, which may be none; nothing behind the last one.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>> {
        let Some(user) = self.mailboxes.next().await? else { return Ok(None) };
        let Report { context, batch, now } = self.report;
        let rows = match self.sheet {
            Sheet::Users => vec![users::row(&batch.name, &user, *now)],
            Sheet::Skipped => match self.mailboxes.left(&user).await? {
                Some(kept) if approvable(&kept.findings).next().is_some() => {
                    let approvals = Approvals::of(context.store.approvals(kept.mailbox).await?);
                    skipped::rows(&batch.name, &user.address, &kept.findings, &approvals)
                }
                _ => Vec::new(),
            },
            Sheet::Reconciliation => match user.mailbox {
                Some(mailbox) => {
                    let folders = context.store.head(mailbox).await?.folders;
                    let kept = self.mailboxes.found(&user).await?;
                    let findings = kept.as_ref().map(|kept| &kept.findings);
                    reconciliation::rows(&batch.name, &user.address, &folders, findings)
                }
                None => Vec::new(),
            },
        };
        Ok(Some(rows))
    }
}
