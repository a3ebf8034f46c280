//! Who was told to wait, until when, and who came back too early.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{quirk::Words, server::lock, verdict::Verdict};

/// What was under way when the answer was written must not count against the client.
const GRACE: Duration = Duration::from_millis(50);

/// Pauses by user.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<BTreeMap<String, Pause>>);

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Instant,
    wait: Duration,
    words: Words,
}

/// What a pause means for a command.
#[derive(Debug)]
pub(super) enum Judged {
    Free,
    /// Refused, but the client may not have known.
    Early(Verdict),
    /// Refused, and the client knew.
    Violation(Verdict),
}

impl Throttle {
    /// Begins a pause.
    pub(super) fn pause(&self, user: &str, wait: Duration, words: Words) {
        if !wait.is_zero() {
            lock(&self.0).insert(user.to_owned(), Pause { since: Instant::now(), wait, words });
        }
    }

    /// Whether a command that arrived now may be done.
    pub(super) fn judge(&self, user: &str, began: Instant) -> Judged {
        let Some(pause) = lock(&self.0).get(user).copied() else { return Judged::Free };
        let waited = began.saturating_duration_since(pause.since);
        if waited >= pause.wait {
            return Judged::Free;
        }
        let (condition, code, text) = pause.words.answer(pause.wait - waited);
        let verdict = Verdict::create(condition, code, text);
        if waited > GRACE { Judged::Violation(verdict) } else { Judged::Early(verdict) }
    }
}
