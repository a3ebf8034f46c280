//! A mailbox of which nothing has moved for five minutes names why, as far as it can be known.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{Kind, Side, port::Clock, report::Totals, stall::StallCode, user::Detail};

use crate::pass::Progress;

/// After so long without progress a mailbox is stalled.
pub(super) const QUIET: Duration = Duration::from_secs(300);

/// What moves of a mailbox, looked at again and again.
pub(super) struct Motion {
    seen: (Totals, u64, &'static str),
    at: Timestamp,
    elapsed: Duration,
}

impl Motion {
    pub(super) fn of(progress: &Progress, clock: &dyn Clock) -> Self {
        Self { seen: seen(progress), at: clock.now(), elapsed: clock.elapsed() }
    }

    /// Looks; whether something has moved since the last look.
    pub(super) fn look(&mut self, progress: &Progress, clock: &dyn Clock) -> bool {
        let now = seen(progress);
        let moved = now != self.seen;
        if moved {
            *self = Self { seen: now, at: clock.now(), elapsed: clock.elapsed() };
        }
        moved
    }

    /// Why nothing moves, once it has not for [`QUIET`].
    pub(super) fn stalled(&self, progress: &Progress, clock: &dyn Clock) -> Option<Detail> {
        let quiet = clock.elapsed().saturating_sub(self.elapsed);
        if quiet < QUIET {
            return None;
        }
        let minutes = quiet.as_secs() / 60;
        let (code, text, next_try) = match progress.pause() {
            Some(pause) => {
                let left =
                    SignedDuration::try_from(pause.until.saturating_sub(clock.elapsed())).unwrap_or_default();
                let code = StallCode::of(pause.side, Kind::Throttled).0;
                let words = format!("the server asked to wait: {:?}", pause.evidence);
                (code, words, clock.now().checked_add(left).ok())
            }
            None => {
                let side = if progress.phase() == "verifying" { Side::Target } else { Side::Source };
                let code = StallCode::of(side, Kind::Bug).0;
                (code, format!("nothing has moved for {minutes} minutes while {}", progress.phase()), None)
            }
        };
        Some(Detail { next_try, ..Detail::fresh(code, text, self.at) })
    }
}

/// Counts, bytes under way and what is being done: any of them moves while a mailbox does.
fn seen(progress: &Progress) -> (Totals, u64, &'static str) {
    (progress.totals(), progress.moved(), progress.phase())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mailferry_lab::clock::LabClock;
    use mailferry_model::port::Meter;

    use super::*;
    use crate::meter::{Gauge, MailboxMeter};

    #[tokio::test(start_paused = true)]
    async fn slow_is_not_stalled_and_what_is_stalled_says_why() {
        let clock = Arc::new(LabClock::default());
        let (progress, meter) = (
            Progress::default(),
            Arc::new(MailboxMeter::of(Arc::new(Gauge::of(clock.clone(), None)), clock.clone())),
        );
        progress.set_meter(meter.clone());
        let mut motion = Motion::of(&progress, &*clock);
        // One large message on a slow line: no item is placed, and bytes move.
        for _ in 0..10 {
            clock.sleep(Duration::from_secs(120)).await;
            meter.moved(Side::Source, 1);
            assert!(motion.look(&progress, &*clock) && motion.stalled(&progress, &*clock).is_none());
        }
        clock.sleep(QUIET).await;
        assert!(!motion.look(&progress, &*clock));
        let told = motion.stalled(&progress, &*clock).unwrap();
        assert_eq!((told.code.as_str(), told.next_try), ("StalledDueToSource_UnknownReason", None));
        assert!(told.text.contains("for 5 minutes"), "{}", told.text);
        meter.throttled(Side::Target, Duration::from_secs(600), "Suggested Backoff Time: 600000");
        let told = motion.stalled(&progress, &*clock).unwrap();
        assert_eq!(told.code, "StalledDueToTarget_Throttled");
        assert_eq!(told.next_try, clock.now().checked_add(SignedDuration::from_secs(600)).ok());
        meter.moved(Side::Target, 1);
        assert!(motion.look(&progress, &*clock) && motion.stalled(&progress, &*clock).is_none());
    }
}
