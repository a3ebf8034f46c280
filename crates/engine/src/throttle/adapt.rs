//! How many mailboxes an endpoint sustains at once, judged from what was seen of it in the last interval. Pure: no clock,
//! no store.
//!
//! At first it is as many as the limit says: what is configured is what somebody wants. Frequent *throttling* (the server
//! asks to wait) and *stalls* lower at once; what is known to be too much is approached again in ever smaller steps, and tried
//! again now and then, because servers recover. Whether mailboxes only wait for each other at the server is found by trying
//! fewer for two minutes: where they move as much together, its load was the bound, which nobody sees from outside and which
//! is therefore told as inferred. More are tried the same way.

use serde::{Deserialize, Serialize};

/// Between two judgements, seconds.
pub const INTERVAL: u64 = 30;
/// After throttling or stalls nothing is raised for so long, seconds; longer if the server asks for it.
const QUIET: u64 = 60;
/// But no longer than this, whatever it asks for: a server that asks for a day may have meant something else.
const LONGEST: u64 = 900;
/// What was too much is tried again after so long, seconds.
const FORGET: u64 = 600;
/// This part of what was too much is approached without trying more.
const BELOW: f64 = 0.92;
/// Throttled, it goes down to this part of what was under way.
const DOWN: f64 = 0.75;
/// Tries go to this part of what is allowed, and where that was too little, to this.
const STEPS: [f64; 2] = [0.75, 0.9];
/// Fewer that move this part of what more moved are as good.
const AS_GOOD: f64 = 0.95;
/// With fewer mailboxes than this nothing is tried: they differ too much.
const FEW: u32 = 8;
/// So many intervals a number is held before another is tried, and after tries that led nowhere.
const HOLD: (u32, u32) = (10, 60);
/// So many intervals a try takes; in the first half those of before still end.
const TRY: u32 = 4;

/// What was seen of an endpoint in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Mailboxes under way, on the average.
    pub in_use: u32,
    /// What they moved: bytes, and for each body as much again as makes a small one count for what it costs.
    pub work: u64,
    /// How often the server asked to wait.
    pub throttled: u32,
    /// The longest wait that it asked for, seconds.
    pub asked: u64,
    /// Mailboxes that stall at it.
    pub stalled: u32,
    /// Whether more mailboxes wait for a slot.
    pub wanted: bool,
}

/// What is remembered between judgements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// How many are allowed; none: as many as the limit says.
    pub allowed: Option<u32>,
    /// What was too much, and since how many seconds.
    too_much: Option<(u32, u64)>,
    /// How often a little more was borne since then.
    well: u32,
    /// Seconds for which nothing is raised.
    rests: u64,
    /// Intervals since the last change, and what was moved in one of them, smoothed.
    held: u32,
    rate: f64,
    /// What is being tried: how many there were before, and what they moved.
    tries: Option<(u32, f64)>,
    /// Which of the steps is tried next; beyond the last: more instead of fewer.
    step: usize,
}

/// A judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What is remembered.
    pub state: State,
    /// Why it changed, in a sentence; none where it did not.
    pub why: Option<String>,
}

impl State {
    /// How many may be under way under a limit.
    pub fn within(&self, limit: u32) -> u32 {
        self.allowed.unwrap_or(limit).clamp(1, limit.max(1))
    }

    /// Judges what was seen under a limit.
    pub fn judge(&self, seen: &Seen, limit: u32) -> Judged {
        let limit = limit.max(1);
        let before = self.within(limit);
        let mut next = self.clone();
        next.rests = next.rests.saturating_sub(INTERVAL);
        next.held = next.held.saturating_add(1);
        next.too_much = next.too_much.map(|(n, age)| (n, age + INTERVAL));
        // One alone may have its own reason: its account's daily limit, its lock.
        let is_frequent = |n: u32| n > 1 && n * 8 > seen.in_use;
        let changed = if is_frequent(seen.throttled) || is_frequent(seen.stalled) {
            next.lower(seen, before)
        } else {
            next.learn(seen);
            next.weigh(seen, before, limit)
        };
        let why = changed.map(|(to, why)| {
            let to = to.clamp(1, limit);
            // As many as are configured are allowed again: it follows whoever changes that.
            next.allowed = (to < limit).then_some(to);
            next.held = 0;
            if to == before { format!("{to} stays: {why}") } else { format!("{before} -> {to}: {why}") }
        });
        Judged { state: next, why }
    }

    /// It was too much.
    fn lower(&mut self, seen: &Seen, before: u32) -> Option<(u32, String)> {
        let was = seen.in_use.clamp(1, before);
        // Mailboxes of before are still ending: what they are told says nothing of fewer.
        if self.rests > 0 && seen.in_use > before {
            return None;
        }
        self.rests = QUIET.max(seen.asked.min(LONGEST));
        (self.too_much, self.well) = (Some((was, 0)), 0);
        (self.tries, self.step, self.rate) = (None, 0, 0.0);
        let why = match seen.throttled {
            0 => format!("{} of {} mailboxes stall at it", seen.stalled, seen.in_use),
            n => told_of_throttling(n, seen.asked),
        };
        Some((part(was, DOWN), why))
    }

    /// Keeps what is moved in an interval; not what is moved right after a change.
    fn learn(&mut self, seen: &Seen) {
        let work = seen.work as f64;
        self.rate = match self.held {
            held if held <= TRY / 2 => 0.0,
            held => {
                let n = f64::from(held - TRY / 2);
                self.rate + (work - self.rate) / n.min(8.0)
            }
        };
    }

    /// Nobody asked for less: whether another number is better.
    fn weigh(&mut self, seen: &Seen, before: u32, limit: u32) -> Option<(u32, String)> {
        if let Some((from, rate)) = self.tries {
            return if self.held < TRY { None } else { self.tried(seen, before, (from, rate)) };
        }
        let is_used = seen.in_use + 1 >= before && seen.wanted;
        if self.rests > 0 || !is_used {
            return None;
        }
        if let Some((bad, age)) = self.too_much {
            let good = part(bad, BELOW);
            if before < good {
                let half = before + (good - before).div_ceil(2);
                return Some((half, "the server asks for no more pauses".to_owned()));
            }
            if age >= FORGET && before < limit {
                let more = part(bad, 0.05 * f64::from(1 << self.well.min(3)));
                self.well += 1;
                self.too_much = (before + more < limit).then_some((bad + more, 0));
                let why =
                    format!("it has asked for no pause for {} minutes, so a few more are tried", age / 60);
                return Some((before + more, why));
            }
            // What it bears is known: fewer would be less.
            return None;
        }
        let hold = if self.step > STEPS.len() { HOLD.1 } else { HOLD.0 };
        if before < FEW || self.held < hold {
            return None;
        }
        if self.step > STEPS.len() {
            self.step = 0;
        }
        let to = match STEPS.get(self.step) {
            Some(step) => part(before, *step),
            None => limit.min(before + part(before, 0.1)),
        };
        if to == before {
            self.step += 1;
            return None;
        }
        self.tries = Some((before, self.rate));
        let what = if to < before { "fewer move as much" } else { "more move more" };
        Some((to, format!("tried for two minutes, to see whether {what}")))
    }

    /// What came of a try.
    fn tried(&mut self, seen: &Seen, now: u32, (from, rate): (u32, f64)) -> Option<(u32, String)> {
        self.tries = None;
        // Mailboxes became fewer meanwhile: that says nothing.
        if seen.in_use + 1 < now || !seen.wanted {
            return Some((from, "too few mailboxes were under way to tell".to_owned()));
        }
        let gain = self.rate / rate.max(1.0);
        let percent = (gain * 100.0).round();
        let wanted = if now < from { AS_GOOD } else { 1.0 + (f64::from(now) / f64::from(from) - 1.0) / 2.0 };
        if gain >= wanted {
            self.held = 0;
            let why = match now < from {
                true => format!(
                    "{now} move {percent} % of what {from} did: the others only waited at the server (inferred: its load is not seen)"
                ),
                false => format!("{now} move {percent} % of what {from} did"),
            };
            // It stays so; the sentence is told as a change of its own.
            return Some((now, why));
        }
        self.step += 1;
        Some((from, format!("{now} move only {percent} % of what {from} did")))
    }
}

/// That part of a number, at least one.
fn part(n: u32, of: f64) -> u32 {
    ((f64::from(n) * of) as u32).max(1)
}

fn told_of_throttling(times: u32, asked: u64) -> String {
    let times = match times {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    match asked {
        0 => format!("the server asked {times} to slow down"),
        asked => format!("the server asked {times} to slow down, for up to {asked} s"),
    }
}

#[cfg(test)]
mod tests;
