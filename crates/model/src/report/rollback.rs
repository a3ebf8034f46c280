//! The rollback page of a batch: what was moved, that the source is as it was, where mail goes again, the steps, and what
//! each mailbox has at the target by now.
//!
//! Plain blocks; how they are written (HTML, Markdown) is no business of it. What mailferry does not know is left as a
//! line to fill in, never guessed.

use jiff::{SignedDuration, Timestamp};

use super::{Findings, summary::Summary};
use crate::{
    rollback::{Approved, GoBack},
    user::User,
    words::quoted,
};

/// A part of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// The beginning of a section.
    Heading(&'static str),
    /// The sentence that matters most.
    Said(String),
    /// Words.
    Words(String),
    /// Names and values; where nobody knows one there is room to write it.
    Facts(Vec<(&'static str, Option<String>)>),
    /// What to do, in order, each with commands to be copied.
    Steps(Vec<(String, Vec<String>)>),
}

/// A side of the batch.
#[derive(Clone, Debug)]
pub struct End {
    /// The endpoint.
    pub name: String,
    /// Its kind of system, for people.
    pub kind: String,
    /// The servers that it names.
    pub hosts: Vec<String>,
}

/// What the page is made of beside the mailboxes.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The batch.
    pub batch: &'a str,
    /// Where the mailboxes came from.
    pub source: End,
    /// Where they went.
    pub target: End,
    /// Whether it is approved.
    pub approved: Approved<'a>,
    /// Its mailboxes, counted.
    pub summary: &'a Summary,
    /// When the first of them was completed: what arrived since may be at the target alone.
    pub completed: Option<Timestamp>,
    /// Why the source is kept, if it is.
    pub source_kept: Option<String>,
}

/// The columns of the list of mailboxes.
pub const COLUMNS: [&str; 6] =
    ["Mailbox", "Back at the source as", "Status", "Completed (UTC)", "Items moved", "Changed at the target"];

/// A line of that list: the last cell counts what people moved, edited or deleted at the target, as far as the last look
/// saw it.
pub fn row(user: &User, found: Option<&Findings>) -> [String; 6] {
    let source = user.source.user.as_deref().unwrap_or(&user.source.address);
    let completed = user.times.completed.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    [
        user.address.clone(),
        source.to_owned(),
        user.status.label(),
        completed.unwrap_or_default(),
        user.totals.placed.to_string(),
        found.map(|found| found.changed_at_target.len().to_string()).unwrap_or_default(),
    ]
}

impl Plan<'_> {
    /// What stands before the list of mailboxes.
    pub fn before(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Said(format!(
            "Nothing at {} was changed: going back means to send mail and people there again.",
            self.source.name
        ))];
        blocks.extend(self.approval());
        blocks.extend([Block::Heading("What was moved"), self.moved(), Block::Words(self.kept())]);
        blocks.extend([
            Block::Heading("Where mail and programs go again"),
            Block::Facts(self.values()),
            Block::Words(
                "mailferry does not read DNS for this page: what is empty here, whoever keeps the domain writes in. Note \
                 the values before they are changed, and lower their TTL to 300 seconds two days ahead."
                    .to_owned(),
            ),
            Block::Heading("Steps"),
            Block::Steps(self.steps()),
            Block::Heading("What is at the target alone"),
            Block::Words(self.alone()),
        ]);
        blocks
    }

    fn approval(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Heading("Approval")];
        let given = match self.approved {
            Approved::No => None,
            Approved::Yes(approval) => Some(approval),
            Approved::Outdated(approval) => {
                let words = "This approval was given for other mailboxes or endpoints than the batch has now: it has to \
                             be given again.";
                blocks.push(Block::Words(words.to_owned()));
                Some(approval)
            }
        };
        let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let mut facts = vec![
            ("Approved by", given.map(|approval| approval.approver.clone())),
            ("On", given.map(|approval| day(approval.at))),
        ];
        if let Some(approval) = given {
            facts.push(("Recorded by", Some(approval.by.clone())));
            facts.extend(approval.comment.clone().map(|comment| ("Comment", Some(comment))));
        }
        blocks.push(Block::Facts(facts));
        blocks
    }

    fn values(&self) -> Vec<(&'static str, Option<String>)> {
        let none = GoBack::default();
        let values = match self.approved {
            Approved::No => &none,
            Approved::Yes(approval) | Approved::Outdated(approval) => &approval.values,
        };
        let hosts = Some(self.source.hosts.join(", ")).filter(|hosts| !hosts.is_empty());
        vec![
            ("MX", values.mx.clone()),
            ("Autodiscover", values.autodiscover.clone()),
            ("Server that people sign in to", hosts),
        ]
    }

    fn moved(&self) -> Block {
        let Summary { total, completed, placed, identified, .. } = self.summary;
        let end = |end: &End| Some(format!("{} ({})", end.name, end.kind));
        Block::Facts(vec![
            ("From", end(&self.source)),
            ("To", end(&self.target)),
            ("Mailboxes", Some(format!("{total}, {completed} of them completed"))),
            ("Items", Some(format!("{placed} of {identified} at the target"))),
        ])
    }

    fn kept(&self) -> String {
        let read = "mailferry only reads a source: no message of it was moved, flagged or deleted, and no setting changed.";
        match &self.source_kept {
            Some(kept) => format!("{read} {kept}"),
            None => format!("{read} Every mailbox was accepted at its new place."),
        }
    }

    fn steps(&self) -> Vec<(String, Vec<String>)> {
        let name = quoted(self.batch);
        let step = |text: &str, commands: Vec<String>| (text.to_owned(), commands);
        vec![
            step(
                "Tell the help desk and whoever approved this page that you go back, and from when on.",
                vec![],
            ),
            step(
                "Stop the batch, so that nothing more is moved.",
                vec![format!("mailferry batch stop {name}")],
            ),
            step(
                "Point MX and Autodiscover at the values above. Until the old TTL is over, mail arrives at both places.",
                vec![],
            ),
            step("Send a message from outside to one mailbox, and see it arrive at the source.", vec![]),
            step(
                "Bring what arrived at the target alone back to the source: a batch the other way round, from the time of \
                 the first completion on. What is at the source already is recognised and not put twice. The CSV names the \
                 same people.",
                vec![self.other_way()],
            ),
            step(
                "Tell people to sign in at the old server again. Programs that were set up anew are set up once more.",
                vec![],
            ),
            step(
                "Leave the mailboxes at the target as they are until nobody misses anything; mailferry deletes none of them.",
                vec![],
            ),
        ]
    }

    /// The batch that brings back what arrived since.
    fn other_way(&self) -> String {
        let since = self.completed.map(|at| {
            // A message may have been under way to the old server, or the clocks differ.
            let early = at.checked_sub(SignedDuration::from_hours(1)).unwrap_or(at);
            format!(" --since {}", early.strftime("%Y-%m-%dT%H:%M:%SZ"))
        });
        format!(
            "mailferry batch new {} --source {} --target {} --csv FILE{}",
            quoted(&format!("{}-back", self.batch)),
            quoted(&self.target.name),
            quoted(&self.source.name),
            since.unwrap_or_default()
        )
    }

    fn alone(&self) -> String {
        let since = self.completed.map_or_else(
            || "No mailbox is completed yet: mail still arrives at the source.".to_owned(),
            |at| format!("The first mailbox was completed {}.", at.strftime("%Y-%m-%d %H:%M UTC")),
        );
        format!(
            "{since} What arrived at the target since then is there alone, and mailferry keeps no list of it: \
             look into the mailboxes. What people moved, edited or deleted of that is counted below, as the last look saw \
             it; it stays so at the target, and the source has it as it was before."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Batch,
        id::{BatchId, EndpointId},
        rollback::{Covers, RollbackApproval},
    };

    fn plan<'a>(approved: Approved<'a>, summary: &'a Summary) -> Plan<'a> {
        let end =
            |name: &str| End { name: name.into(), kind: "IMAP".into(), hosts: vec![format!("imap.{name}")] };
        Plan {
            batch: "wave 1",
            source: end("old"),
            target: end("new"),
            approved,
            summary,
            completed: Some("2026-12-01T18:00:00Z".parse().unwrap()),
            source_kept: Some("Keep it.".into()),
        }
    }

    fn fact(blocks: &[Block], wanted: &str) -> Option<String> {
        let facts = blocks.iter().filter_map(|block| match block {
            Block::Facts(facts) => Some(facts),
            _ => None,
        });
        facts.flatten().find(|(name, _)| *name == wanted).unwrap().1.clone()
    }

    #[test]
    fn what_nobody_said_is_left_to_be_written_and_what_was_said_stands_there() {
        let summary = Summary::default();
        let blocks = plan(Approved::No, &summary).before();
        for open in ["Approved by", "On", "MX", "Autodiscover"] {
            assert_eq!(fact(&blocks, open), None, "{open}");
        }
        assert_eq!(fact(&blocks, "Server that people sign in to").as_deref(), Some("imap.old"));
        let id = uuid::Uuid::nil();
        let batch =
            Batch::created(BatchId(id), "w".into(), (EndpointId(id), EndpointId(id)), Timestamp::UNIX_EPOCH);
        let approval = RollbackApproval {
            approver: "Head of IT".into(),
            by: "dana".into(),
            at: Timestamp::UNIX_EPOCH,
            comment: None,
            values: GoBack { mx: Some("10 mail.old.".into()), autodiscover: None },
            covers: Covers::of(&batch, &[]),
        };
        let blocks = plan(Approved::Yes(&approval), &summary).before();
        assert_eq!(fact(&blocks, "Approved by").as_deref(), Some("Head of IT"));
        assert_eq!(
            (fact(&blocks, "MX").as_deref(), fact(&blocks, "Autodiscover")),
            (Some("10 mail.old."), None)
        );
        let outdated = plan(Approved::Outdated(&approval), &summary).before();
        let is_told = |block: &Block| matches!(block, Block::Words(text) if text.contains("given again"));
        assert!(outdated.iter().any(is_told) && !blocks.iter().any(is_told));
    }

    #[test]
    fn the_way_back_for_late_mail_is_a_batch_from_an_hour_before_the_first_completion() {
        let summary = Summary::default();
        let plan = plan(Approved::No, &summary);
        let commands: Vec<String> = plan.steps().into_iter().flat_map(|(_, commands)| commands).collect();
        assert_eq!(
            commands,
            [
                "mailferry batch stop \"wave 1\"",
                "mailferry batch new \"wave 1-back\" --source new --target old --csv FILE --since 2026-12-01T17:00:00Z",
            ]
        );
    }
}
