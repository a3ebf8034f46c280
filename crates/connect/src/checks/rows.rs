//! A test in progress as probes: one row each, over what they find out together.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mailferry_model::{
    Kind,
    finding::{Check, Finding},
    port::{Cx, Probe},
    secret::Secret,
};
use tokio::sync::Mutex;

use super::{Fault, Told};
use crate::net::tcp::within;

/// What a row may take altogether.
const WHOLE: Duration = Duration::from_secs(120);

/// What a row answers; nothing where it was not asked.
pub type Row = Result<Option<Told>, Fault>;

/// What rows find out together.
#[async_trait]
pub trait Asking: Send + 'static {
    /// Asks for the row of that check.
    async fn row(&mut self, cx: &Cx, id: &str) -> Row;

    /// Whether a test may go on without an answer to that row.
    fn is_optional(&self, _: &str) -> bool {
        false
    }

    /// How long a single answer may take.
    fn answer(&self) -> Duration;

    /// What no evidence may show.
    fn password(&self) -> Option<Secret<String>>;
}

/// A probe for each check; behind one that fails nothing is asked.
pub fn probes<A: Asking>(checks: impl Iterator<Item = &'static Check>, asking: A) -> Vec<Box<dyn Probe>> {
    let shared = Arc::new(Mutex::new(Shared { asking, over: false }));
    checks.map(|check| Box::new(Asked { check, shared: shared.clone() }) as Box<dyn Probe>).collect()
}

/// Asks for a row that comes to an end, also where it asks many questions and each is answered in time.
///
/// # Errors
/// What the row says, or that it came to no end.
pub async fn bounded<A: Asking>(cx: &Cx, asking: &mut A, id: &str) -> Row {
    let cx = &Cx { put_timeout: cx.put_timeout.min(asking.answer()), ..cx.clone() };
    let answer = within(cx, "probe", WHOLE, asking.row(cx, id)).await;
    answer.unwrap_or_else(|error| {
        if error.kind() != Kind::Timeout {
            return Err(Fault::of_error(&error));
        }
        let fault = |fault: Fault| fault.with("words", error.context()).shown(error.context());
        match asking.is_optional(id) {
            true => Ok(Some(Told::pass("").but(Some(fault(Fault::warn("WEB_NO_END")))))),
            false => Err(fault(Fault::fail("WEB_NO_END"))),
        }
    })
}

struct Shared<A> {
    asking: A,
    over: bool,
}

struct Asked<A> {
    check: &'static Check,
    shared: Arc<Mutex<Shared<A>>>,
}

#[async_trait]
impl<A: Asking> Probe for Asked<A> {
    fn check(&self) -> &'static Check {
        self.check
    }

    async fn ask(&self, cx: &Cx) -> Finding {
        let mut shared = self.shared.lock().await;
        let began = cx.clock.elapsed();
        let answer = match shared.over {
            true => Ok(None),
            false => bounded(cx, &mut shared.asking, self.check.id).await,
        };
        let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
        shared.over |= answer.is_err();
        super::row(self.check, answer, elapsed_ms, shared.asking.password().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{
        Side,
        finding::{Step, Verdict},
    };

    use super::*;
    use crate::testing::cx;

    static CHECKS: [Check; 3] = [
        Check::of(Step::Protocol, "optional", "One without which it goes on"),
        Check::of(Step::Protocol, "needed", "One without which it does not"),
        Check::of(Step::Auth, "behind", "One behind it"),
    ];

    /// Many questions, each answered in time, and no end of them.
    struct Many;

    #[async_trait]
    impl Asking for Many {
        async fn row(&mut self, cx: &Cx, _: &str) -> Row {
            loop {
                cx.clock.sleep(Duration::from_secs(40)).await;
            }
        }

        fn is_optional(&self, id: &str) -> bool {
            id == "optional"
        }

        fn answer(&self) -> Duration {
            Duration::from_secs(45)
        }

        fn password(&self) -> Option<Secret<String>> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_of_many_questions_comes_to_an_end() {
        let cx = cx(Side::Source);
        let mut told = Vec::new();
        for probe in probes(CHECKS.iter(), Many) {
            let row = probe.ask(&cx).await;
            assert!(
                row.outcome == Verdict::NotRun || (119_000..130_000).contains(&row.elapsed_ms),
                "{row:?}"
            );
            told.push((row.outcome, row.code));
        }
        let no_end = || Some("WEB_NO_END".to_owned());
        assert_eq!(told, [(Verdict::Warn, no_end()), (Verdict::Fail, no_end()), (Verdict::NotRun, None)]);
    }
}
