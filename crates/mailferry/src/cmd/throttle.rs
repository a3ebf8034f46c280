//! How a run ends while one side still asks to wait: as throttled, whatever ended it.

use jiff::SignedDuration;
use mailferry_engine::meter::{Gauge, Pause};
use mailferry_model::{Error, Kind, port::Clock};

use super::run_options::Reached;
use crate::exit::Failure;

/// The pause that a side asked for at the latest, and how far the run was then.
#[derive(Default)]
pub struct Throttle(Option<(Pause, u64)>);

impl Throttle {
    /// Called now and then, with how many items are placed. A pause that is over is remembered until something
    /// moves: between two refusals nobody has been let through.
    pub fn look(&mut self, meter: &Gauge, placed: u64) {
        match (meter.pause(), &self.0) {
            (Some(pause), _) => self.0 = Some((pause, placed)),
            (None, Some((_, then))) if placed > *then => self.0 = None,
            (None, _) => {}
        }
    }

    /// What a run ends with that ended with this error, maybe because a limit was reached.
    pub fn failure(self, error: Error, limit: Option<Reached>, clock: &dyn Clock) -> Failure {
        let stopped = limit.filter(|_| error.kind() == Kind::Cancelled);
        match (self.0, stopped) {
            (Some((pause, _)), Some(Reached::Duration)) => told(&pause, Reached::Duration.sentence(), clock),
            (_, Some(limit)) => Failure::Limit(limit.sentence()),
            (Some((pause, _)), None) if error.kind() == Kind::Throttled && error.side() == pause.side => {
                told(
                    &pause,
                    "It was waited for as often as one run does; the same command goes on.".into(),
                    clock,
                )
            }
            _ => error.into(),
        }
    }
}

/// Who asked, until when, in which words, and why it was not waited for any longer.
fn told(pause: &Pause, why: String, clock: &dyn Clock) -> Failure {
    let (now, here) = (clock.now(), clock.elapsed());
    let left = SignedDuration::try_from(pause.until).unwrap_or_default()
        - SignedDuration::try_from(here).unwrap_or_default();
    let until = now.checked_add(left).unwrap_or(now).strftime("%Y-%m-%d %H:%M:%S UTC");
    let text = format!("asked to wait until {until} ({:?}). {why}", pause.evidence);
    Failure::Error(Error::new(Kind::Throttled, pause.side, "pause", text))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use mailferry_lab::clock::LabClock;
    use mailferry_model::{Side, port::Meter};

    use super::*;

    fn cancelled() -> Error {
        Error::new(Kind::Cancelled, Side::Us, "stop", "stopped")
    }

    /// How a run ends whose target asked for three seconds, of which so many are over, after which so much moved.
    async fn ends(limit: Option<Reached>, error: Error, later: u64, moved: u64) -> Failure {
        let clock = Arc::new(LabClock::default());
        let gauge = Gauge::of(clock.clone(), None);
        let mut throttle = Throttle::default();
        gauge.throttled(Side::Target, Duration::from_secs(3), "Suggested Backoff Time: 3000");
        throttle.look(&gauge, 7);
        clock.sleep(Duration::from_secs(later)).await;
        throttle.look(&gauge, 7 + moved);
        throttle.failure(error, limit, &*clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_ends_while_a_side_asks_to_wait_is_throttled() {
        let asked = Error::new(Kind::Throttled, Side::Target, "append", "Suggested Backoff Time: 3000");
        for (limit, error, later, moved, code) in [
            (Some(Reached::Duration), cancelled(), 1, 0, 5),
            (Some(Reached::Duration), cancelled(), 4, 0, 5),
            (Some(Reached::Duration), cancelled(), 4, 1, 8),
            (Some(Reached::Transfer), cancelled(), 1, 0, 8),
            (None, asked, 1, 0, 5),
            (None, cancelled(), 1, 0, 130),
        ] {
            let failure = ends(limit, error, later, moved).await;
            assert_eq!(failure.exit_code(), code, "{limit:?} {later} {moved}: {failure:?}");
            let told = failure.sentence();
            assert_eq!(told.starts_with("target: ") && told.contains(" UTC ("), code == 5, "{told}");
        }
    }
}
