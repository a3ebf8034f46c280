//! How long a project takes, foretold from what a scan found and from what was measured: a range, never a date that
//! nobody can promise. Pure: the time is an argument.
//!
//! A mailbox is moved by one worker at a time, so that the largest one may take longer than all others together; the plan
//! says when that is so, because more at once do not help then.

mod pace;
mod slots;
mod waves;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use pace::{Pace, Paces, Sample};
pub use waves::{Member, Split, split};

use crate::{completion::Range, schedule::Schedule};

/// The longest that is foretold: what takes longer is told as that.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 365 * 5);

/// What is known of the project.
#[derive(Clone, Debug)]
pub struct Project<'a> {
    /// Its mailboxes, in the order in which they would move.
    pub members: &'a [Member],
    /// Mailboxes of which nobody knows what they hold: they are not foretold.
    pub unknown: usize,
    /// What was measured.
    pub paces: Paces,
    /// How many move at once.
    pub together: u32,
    /// Bytes a second that may be moved in all; no limit, if none.
    pub bandwidth: Option<u64>,
    /// When it begins, and in which hours it moves: the time zone and the windows of a batch.
    pub schedule: &'a Schedule,
    /// Into which waves it is cut.
    pub waves: Option<(Split, SignedDuration)>,
}

/// What decides how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Decides {
    /// One mailbox takes longer than all others do beside it.
    LargestMailbox,
    /// How many move at once.
    Slots,
    /// The limit of bandwidth.
    Bandwidth,
}

/// Between two times, each none where it is further away than anything that is foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Between {
    /// If all goes as the best of what was measured.
    pub from: Option<Timestamp>,
    /// If it goes as the worst.
    pub to: Option<Timestamp>,
}

/// How long a part of it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stretch {
    /// Mailboxes.
    pub mailboxes: usize,
    /// Their items.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Seconds in which mailboxes move.
    pub seconds: Range,
    /// When it begins: not before the hours in which mailboxes move.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Between,
    /// What decides that.
    pub decides: Decides,
    /// Its largest mailbox.
    pub largest: Option<String>,
    /// How long that one takes alone.
    pub largest_seconds: Range,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// From 1.
    pub number: usize,
    /// Its departments, by name.
    pub departments: Vec<String>,
    /// Its mailboxes, in their order.
    pub members: Vec<String>,
    /// How long it takes.
    #[serde(flatten)]
    pub stretch: Stretch,
}

/// How long a project takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// All of it, without waves.
    #[serde(flatten)]
    pub stretch: Stretch,
    /// How many move at once.
    pub together: u32,
    /// By which paces it was foretold.
    pub paces: Paces,
    /// Its waves, where some are wanted.
    pub waves: Vec<Wave>,
    /// What it rests on and what would change it, a sentence each.
    pub notes: Vec<String>,
}

/// Foretells it.
pub fn foretell(project: &Project<'_>, now: Timestamp) -> Forecast {
    let begins = project.schedule.starts_at(now).unwrap_or(now);
    let all: Vec<&Member> = project.members.iter().collect();
    let stretch = stretch(project, &all, begins);
    let waves = project.waves.as_ref().map(|waves| in_waves(project, waves, begins)).unwrap_or_default();
    let notes = notes(project, &stretch, &waves);
    Forecast { stretch, together: project.together, paces: project.paces, waves, notes }
}

/// Each begins its distance after the one before, or as soon as that one has surely ended, whichever is later; where no
/// distance is given, then.
fn in_waves(project: &Project<'_>, (how, every): &(Split, SignedDuration), first: Timestamp) -> Vec<Wave> {
    let mut begins = first;
    let mut waves = Vec::new();
    for (number, places) in (1..).zip(split(project.members, *how)) {
        let members: Vec<&Member> = places.iter().filter_map(|at| project.members.get(*at)).collect();
        let stretch = stretch(project, &members, begins);
        let mut departments: Vec<String> = members.iter().filter_map(|m| m.department.clone()).collect();
        departments.sort();
        departments.dedup();
        begins = match every.is_zero() {
            true => stretch.ends.to.unwrap_or(begins),
            false => begins.checked_add(*every).unwrap_or(begins),
        };
        let members = members.iter().map(|member| member.address.clone()).collect();
        waves.push(Wave { number, departments, members, stretch });
    }
    waves
}

fn stretch(project: &Project<'_>, members: &[&Member], begins: Timestamp) -> Stretch {
    let (items, bytes) = members.iter().fold((0_u64, 0_u64), |(items, bytes), m| {
        (items.saturating_add(m.items), bytes.saturating_add(m.bytes))
    });
    let taken = |pace: fn(&Paces) -> Pace| {
        let seconds: Vec<u64> =
            members.iter().map(|m| pace(&project.paces).seconds(m.items, m.bytes)).collect();
        let wire = project.bandwidth.filter(|limit| *limit > 0).map_or(0, |limit| bytes.div_ceil(limit));
        (slots::busy(&seconds, project.together), seconds.iter().copied().max().unwrap_or(0), wire)
    };
    let (fast, slow) = (taken(|paces| paces.fast), taken(|paces| paces.slow));
    let seconds = Range { from: fast.0.max(fast.2), to: slow.0.max(slow.2) };
    let decides = match slow {
        (busy, _, wire) if wire > busy => Decides::Bandwidth,
        // Without it the others would be done in half of the time.
        (busy, longest, _) if longest > busy / 2 && members.len() > 1 => Decides::LargestMailbox,
        _ => Decides::Slots,
    };
    let largest = members.iter().max_by_key(|m| (m.bytes, m.items));
    let ends = |seconds| slots::ends_at(project.schedule, begins, seconds, LONGEST);
    Stretch {
        mailboxes: members.len(),
        items,
        bytes,
        seconds,
        begins: project.schedule.opens_at(begins).unwrap_or(begins),
        ends: Between { from: ends(seconds.from), to: ends(seconds.to) },
        decides,
        largest: largest.map(|m| m.address.clone()),
        largest_seconds: Range { from: fast.1, to: slow.1 },
    }
}

fn notes(project: &Project<'_>, all: &Stretch, waves: &[Wave]) -> Vec<String> {
    let mut notes = vec![match project.paces.measured {
        0 => {
            "Nothing was measured between these endpoints yet: the paces are assumed. A pilot measures them."
                .to_owned()
        }
        1 => "The paces are those of the one mailbox that moved between these endpoints.".to_owned(),
        n => format!(
            "The paces are those of the middle half of {n} mailboxes that moved between these endpoints."
        ),
    }];
    if project.unknown > 0 {
        notes.push(format!(
            "Mailboxes of which nobody knows what they hold are not in it: {}.",
            project.unknown
        ));
    }
    let largest = all.largest.as_deref().unwrap_or_default();
    match all.decides {
        Decides::LargestMailbox => notes.push(format!(
            "Your largest mailbox decides: {largest} alone takes most of the time, and more at once do not shorten it. Let it \
             begin first, or move what is old of it beforehand (batch start --mode pre-stage)."
        )),
        Decides::Slots if project.together > 0 => notes.push(format!(
            "How many move at once decides: {} do (MaxConcurrentMigrations of both endpoints, the tenant's ceiling).",
            project.together
        )),
        Decides::Slots => {}
        Decides::Bandwidth => {
            notes.push("The limit of bandwidth decides: mailboxes could move faster.".to_owned());
        }
    }
    if all.ends.to.is_none() {
        notes.push("In these hours it may not end within five years.".to_owned());
    }
    for pair in waves.windows(2) {
        if let [before, after] = pair
            && before.stretch.ends.to.is_none_or(|end| end > after.stretch.begins)
        {
            notes.push(format!(
                "Wave {} may still move when wave {} begins: they would share the slots.",
                before.number, after.number
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests;
