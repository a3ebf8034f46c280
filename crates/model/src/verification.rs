//! A verification of mailboxes of batches: what is asked for, and the one object in which it is told what was found.
//!
//! One that is ordered at a service is a row: a worker makes it, and whoever ordered it reads what came of it. Without
//! a service only [`Verified`] is used.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue,
    error::{Error, Kind, Scope, Side},
    id::{BatchId, VerificationId},
    report::{Findings, Named, Score, Warning},
};

/// A verification that was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// Which mailboxes.
    pub subject: Subject,
    /// How much is read.
    pub depth: VerificationDepth,
    /// How far it is.
    pub state: VerificationState,
    /// Mailboxes that were looked at so far.
    pub looked_at: u64,
    /// What came of it, once it is done.
    pub outcome: Option<Outcome>,
    /// Who ordered it.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
}

/// Which mailboxes: of a batch, of an address in whichever batches, or of an address in one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// All of a batch.
    Batch(BatchId),
    /// This address, in whichever batches.
    User(String),
    /// This address in this batch.
    Member(BatchId, String),
}

/// How much a verification reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerificationDepth {
    /// Header keys and sizes of every item.
    Keys,
    /// Bodies too.
    Deep,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerificationState {
    /// Nobody has begun.
    Ordered,
    /// A worker is at it.
    Running,
    /// It has an outcome.
    Done,
    /// Its worker ended before it did. It is not made again by itself: sign-ins may have been tried.
    Interrupted,
}

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Every mailbox was looked at, or says why it was not.
    Verified(Box<Verified>),
    /// It ended early, for a reason that all mailboxes share.
    Ended(Ended),
}

/// An error as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    kind: Kind,
    side: Side,
    scope: Scope,
    op: String,
    context: String,
    code: String,
}

impl Ended {
    /// What is kept of an error.
    pub fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            side: error.side(),
            scope: error.scope(),
            op: error.op().to_owned(),
            context: error.context().to_owned(),
            code: error.code(),
        }
    }

    /// The error again, without what lay underneath.
    pub fn error(&self) -> Error {
        let error = Error::new(self.kind, self.side, self.op.clone(), &*self.context).scope_of(self.scope);
        match catalogue::find(&self.code).filter(|_| error.code() != self.code) {
            Some(entry) => error.code_of(&entry.code),
            None => error,
        }
    }
}

/// What a verification found, in the fields of `verify -o json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Whether everything is as it should be.
    pub result: Clean,
    /// 0, or 3 where something is not as it should be.
    pub exit_code: u8,
    /// The lowest of all mailboxes; none where there was no mailbox.
    pub score: Option<Score>,
    /// The verdict in one sentence.
    pub sentence: String,
    /// How many mailboxes.
    pub mailboxes: u64,
    /// Those that could not be looked at.
    pub failed: Vec<Unverified>,
    /// What is worth a look.
    pub warnings: Vec<Warning>,
    /// Items at the sources that shall move.
    pub identified: u64,
    /// Items found at the targets.
    pub placed: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// The batch that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// The address that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The items that are named, by the lists of [`Findings`].
    #[serde(flatten)]
    pub items: Lists,
}

/// Whether everything is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clean {
    /// It is.
    Success,
    /// Something is skipped, missing or doubled, or a mailbox could not be looked at.
    Partial,
}

/// A mailbox that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unverified {
    /// Its address.
    pub user: String,
    /// Catalogue code.
    pub code: String,
    /// One sentence.
    pub reason: String,
}

/// An item that is named, with its mailbox and the name of its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The item.
    #[serde(flatten)]
    pub item: Named,
    /// The list.
    pub kind: String,
    /// The mailbox.
    pub user: String,
}

/// The lists of [`Findings`], over many mailboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lists {
    /// Refused or unreadable.
    pub skipped: Vec<Found>,
    /// Should be there and are not.
    pub missing: Vec<Found>,
    /// There too often.
    pub doubled: Vec<Found>,
    /// Changed there by people.
    pub changed_at_target: Vec<Found>,
    /// Changed by the target itself.
    pub rewritten: Vec<Found>,
    /// What the target has no place for.
    pub not_migratable: Vec<Found>,
}

impl Lists {
    fn add(&mut self, user: &str, findings: &Findings) {
        for (kind, list, items) in [
            ("skipped", &mut self.skipped, &findings.skipped),
            ("missing", &mut self.missing, &findings.missing),
            ("doubled", &mut self.doubled, &findings.doubled),
            ("changedAtTarget", &mut self.changed_at_target, &findings.changed_at_target),
            ("rewritten", &mut self.rewritten, &findings.rewritten),
            ("notMigratable", &mut self.not_migratable, &findings.not_migratable),
        ] {
            let found = |item: &Named| Found { item: item.clone(), kind: kind.into(), user: user.into() };
            list.extend(items.iter().map(found));
        }
    }
}

/// What was found so far, mailbox by mailbox.
#[derive(Debug, Default)]
pub struct Sum {
    mailboxes: u64,
    findings: Findings,
    score: Option<Score>,
    items: Lists,
    failed: Vec<Unverified>,
    warnings: Vec<Warning>,
}

impl Sum {
    /// Adds a mailbox that was looked at.
    pub fn add(&mut self, user: &str, (findings, score): (Findings, Score), warning: Option<Warning>) {
        self.mailboxes += 1;
        self.score = self.score.max(Some(score));
        self.warnings.extend(warning.map(|w| w.of_user(user)));
        self.items.add(user, &findings);
        self.findings.add(findings);
    }

    /// Adds one that could not be.
    pub fn fail(&mut self, user: &str, error: &Error) {
        self.mailboxes += 1;
        self.failed.push(Unverified { user: user.into(), code: error.code(), reason: error.to_string() });
    }

    /// How many mailboxes it is so far.
    pub fn mailboxes(&self) -> u64 {
        self.mailboxes
    }

    /// The verdict, under the names that were asked for.
    pub fn verified(self, batch: Option<String>, user: Option<String>) -> Verified {
        let of = usize::try_from(self.mailboxes).unwrap_or(usize::MAX);
        let unwell = Score::of_failed(self.failed.len(), of);
        let is_clean = self.findings.is_clean() && self.failed.is_empty();
        let sentence = match unwell {
            None => self.findings.sentence(),
            Some(_) => format!(
                "The migration does NOT look good: {} of {of} mailboxes could not be verified; each says why.",
                self.failed.len()
            ),
        };
        Verified {
            result: if is_clean { Clean::Success } else { Clean::Partial },
            exit_code: if is_clean { 0 } else { 3 },
            score: self.score.max(unwell),
            sentence,
            mailboxes: self.mailboxes,
            failed: self.failed,
            warnings: self.warnings,
            identified: self.findings.identified,
            placed: self.findings.placed,
            bytes: self.findings.bytes,
            batch,
            user,
            items: self.items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_it_was_kept() {
        let error = Error::new(Kind::Unauthenticated, Side::Target, "sign in", "no").scope_of(Scope::Mailbox);
        let back = Ended::of(&error).error();
        assert_eq!((format!("{back:?}"), back.code()), (format!("{error:?}"), error.code()));
        let coded = Ended::of(&error.code_of("SERVICE_LOCAL_ONLY")).error();
        assert_eq!(coded.code(), "SERVICE_LOCAL_ONLY");
    }

    #[test]
    fn a_mailbox_that_could_not_be_looked_at_is_no_success() {
        let mut sum = Sum::default();
        sum.add("a@x", (Findings { identified: 2, placed: 2, ..Findings::default() }, Score::Perfect), None);
        sum.fail("b@x", &Error::new(Kind::Unreachable, Side::Source, "connect", "no"));
        let verified = sum.verified(Some("w".into()), None);
        assert_eq!((verified.exit_code, verified.score, verified.mailboxes), (3, Some(Score::Poor), 2));
        let text = serde_json::to_string(&verified).unwrap();
        assert_eq!(serde_json::from_str::<Verified>(&text).unwrap(), verified);
        assert!(!text.contains("\"user\":null") && text.contains("\"changedAtTarget\":[]"), "{text}");
    }
}
