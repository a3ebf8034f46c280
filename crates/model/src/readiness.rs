//! The readiness checklist (R30): what should be in order before a batch moves, which of it mailferry sees by itself, and
//! what people say.
//!
//! Pure, and only told: what really holds a batch back is `engine::tasks::before`'s, and a point that does so says it. How
//! each point is judged is [`points`]'s.

mod points;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{batch::Batch, endpoint::Endpoint, finding::TestedAs, id::BatchId, user::User};

/// A line of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// Names, connections, certificates and what is spoken (Autodiscover and web services among them).
    ServersAnswer,
    /// No certificate ends before the plan does.
    CertificateLasts,
    /// A mailbox was opened for a test.
    SampleMailbox,
    /// The endpoints are of the kinds that the servers are.
    KindFits,
    /// The target lets us in and lets us write.
    Permissions,
    /// Each mailbox of the batch was opened at both sides.
    MailboxesOpen,
    /// What goes first has gone well.
    PilotClean,
    /// People know what comes.
    UsersInformed,
    /// Somebody answers their questions.
    HelpDeskReady,
    /// The way back is written down and approved.
    RollbackDescribed,
    /// Where mail will go is planned.
    MailFlowPlanned,
}

/// Who says whether a point is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confirmed {
    /// mailferry sees it.
    Machine,
    /// A person says it.
    People,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::ServersAnswer,
        Self::CertificateLasts,
        Self::SampleMailbox,
        Self::KindFits,
        Self::Permissions,
        Self::MailboxesOpen,
        Self::PilotClean,
        Self::UsersInformed,
        Self::HelpDeskReady,
        Self::RollbackDescribed,
        Self::MailFlowPlanned,
    ];

    /// As flags and the API call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ServersAnswer => "servers-answer",
            Self::CertificateLasts => "certificate-lasts",
            Self::SampleMailbox => "sample-mailbox",
            Self::KindFits => "kind-fits",
            Self::Permissions => "permissions",
            Self::MailboxesOpen => "mailboxes-open",
            Self::PilotClean => "pilot-clean",
            Self::UsersInformed => "users-informed",
            Self::HelpDeskReady => "help-desk-ready",
            Self::RollbackDescribed => "rollback-described",
            Self::MailFlowPlanned => "mail-flow-planned",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ServersAnswer => "Autodiscover and servers answer with a valid certificate",
            Self::CertificateLasts => "Certificate lasts longer than the plan",
            Self::SampleMailbox => "A sample mailbox opens at the source",
            Self::KindFits => "Endpoint kind fits the server",
            Self::Permissions => "All permissions granted at the target",
            Self::MailboxesOpen => "Every mailbox opens at source and target",
            Self::PilotClean => "Pilot is clean",
            Self::UsersInformed => "Users are informed",
            Self::HelpDeskReady => "Help desk is ready",
            Self::RollbackDescribed => "Rollback is described",
            Self::MailFlowPlanned => "MX and Autodiscover change is planned",
        }
    }

    /// Who says whether it is in order.
    pub fn confirmed(self) -> Confirmed {
        match self {
            Self::UsersInformed | Self::HelpDeskReady | Self::RollbackDescribed | Self::MailFlowPlanned => {
                Confirmed::People
            }
            _ => Confirmed::Machine,
        }
    }

    /// The point of that name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.word() == word)
    }

    /// The names of those that people tick, for messages.
    pub fn of_people() -> String {
        let theirs = Self::ALL.into_iter().filter(|point| point.confirmed() == Confirmed::People);
        theirs.map(Self::word).collect::<Vec<_>>().join(", ")
    }
}

/// How a point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In order.
    Done,
    /// Works, but somebody should look.
    Look,
    /// Not in order, or not yet.
    Open,
    /// Nobody has looked, or it was long ago changed what was looked at.
    Unknown,
}

impl State {
    /// As flags and the API call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Look => "look",
            Self::Open => "open",
            Self::Unknown => "unknown",
        }
    }
}

/// A person's tick, of one batch or of the whole project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// Which point.
    pub point: Point,
    /// Of which batch; none: of all.
    pub batch: Option<BatchId>,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// For people.
    pub comment: Option<String>,
}

/// What a checklist is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// The endpoints, in the roles that they play.
    pub ends: &'a [(&'a Endpoint, TestedAs)],
    /// The batches that it is about, with their users.
    pub batches: &'a [(Batch, Vec<User>)],
    /// Pilots at these endpoints, and what each lacks.
    pub pilots: &'a [(Batch, Vec<String>)],
    /// What people have ticked.
    pub ticks: &'a [Tick],
    /// When it is judged.
    pub now: Timestamp,
}

/// A point, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Which.
    pub point: Point,
    /// For people.
    pub title: &'static str,
    /// Who says so.
    pub confirmed: Confirmed,
    /// How it stands.
    pub state: State,
    /// What was seen or said.
    pub evidence: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Who said it.
    pub by: Option<String>,
    /// What to do, each to be copied; nothing where it is done.
    pub how: Vec<String>,
    /// Whether a batch does not begin before it is in order.
    pub blocks: bool,
}

/// All lines, in order.
pub fn lines(looked: &Looked<'_>) -> Vec<Line> {
    Point::ALL.into_iter().map(|point| points::judged(point, looked)).collect()
}

/// The lines summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// In order.
    pub done: usize,
    /// To be looked at.
    pub look: usize,
    /// Not in order.
    pub open: usize,
    /// Not known.
    pub unknown: usize,
    /// `ready`, `nearly ready` or `not ready`.
    pub verdict: &'static str,
    /// What it means, in words.
    pub sentence: String,
}

/// Sums lines up: ready is what is done throughout; what blocks, or what mailferry sees open or does not know, is not
/// ready; the rest nearly is.
pub fn sum(lines: &[Line]) -> Sum {
    let count = |state| lines.iter().filter(|line| line.state == state).count();
    let [done, look, open, unknown] = [State::Done, State::Look, State::Open, State::Unknown].map(count);
    let blocking: Vec<&str> = lines.iter().filter(|line| line.blocks).map(|line| line.title).collect();
    let is_unseen = |line: &Line| {
        line.confirmed == Confirmed::Machine && matches!(line.state, State::Open | State::Unknown)
    };
    let verdict = match () {
        () if done == lines.len() => "ready",
        () if !blocking.is_empty() || lines.iter().any(is_unseen) => "not ready",
        () => "nearly ready",
    };
    let unseen: Vec<&str> = lines.iter().filter(|line| is_unseen(line)).map(|line| line.title).collect();
    let sentence = match (&blocking[..], &unseen[..]) {
        ([], _) if verdict == "ready" => "Everything is in order.".to_owned(),
        ([], []) => "It may start: nothing open blocks it.".to_owned(),
        ([], titles) => {
            format!("Nothing keeps it from starting, but this is not in order: {}.", titles.join("; "))
        }
        (titles, _) => format!("It does not begin before this is in order: {}.", titles.join("; ")),
    };
    Sum { done, look, open, unknown, verdict, sentence }
}
