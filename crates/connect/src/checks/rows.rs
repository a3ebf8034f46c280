//! A test in progress as probes: one row each, over what they find out together.

use std::sync::Arc;

use async_trait::async_trait;
use mailferry_model::{
    finding::{Check, Finding},
    port::{Cx, Probe},
    secret::Secret,
};
use tokio::sync::Mutex;

use super::{Fault, Told};

/// What a row answers; nothing where it was not asked.
pub type Row = Result<Option<Told>, Fault>;

/// What rows find out together.
#[async_trait]
pub trait Asking: Send + 'static {
    /// Asks for the row of that check.
    async fn row(&mut self, cx: &Cx, id: &str) -> Row;

    /// What no evidence may show.
    fn password(&self) -> Option<Secret<String>>;
}

/// A probe for each check; behind one that fails nothing is asked.
pub fn probes<A: Asking>(checks: impl Iterator<Item = &'static Check>, asking: A) -> Vec<Box<dyn Probe>> {
    let shared = Arc::new(Mutex::new(Shared { asking, over: false }));
    checks.map(|check| Box::new(Asked { check, shared: shared.clone() }) as Box<dyn Probe>).collect()
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
            false => shared.asking.row(cx, self.check.id).await,
        };
        let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
        shared.over |= answer.is_err();
        super::row(self.check, answer, elapsed_ms, shared.asking.password().as_ref())
    }
}
