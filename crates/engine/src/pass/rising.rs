//! Marks move up while a pass runs, so that after a crash there is little to look through.
//!
//! A mark may move up only to one that was read before the oldest put was sent whose outcome is not in the same
//! commit or an earlier one. So all marks are read together; then whatever was sent until their answer came is waited
//! for; then they are written behind its outcomes. Whoever is in doubt, or began in doubt, keeps the first marks. The
//! windows that a pass verifies by, and looks for extra copies in, stay as they were: only the ledger's move.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use mailferry_model::{Result, ledger::Window};
use tokio::sync::Notify;

use super::shared::{Shared, locked};
use crate::seeded::Bug;

/// The puts under way, and whether marks may still move.
#[derive(Default)]
pub(crate) struct Rising {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    under_way: BTreeSet<u64>,
    /// Outcomes recorded since marks were last read.
    recorded: usize,
    barred: bool,
}

/// A put under way. Dropped before its outcome was recorded, it keeps all marks where they are.
pub(crate) struct UnderWay<'a> {
    rising: &'a Rising,
    number: u64,
    recorded: Option<usize>,
}

impl UnderWay<'_> {
    /// The outcomes of so many items were handed to the ledger's writer.
    pub fn recorded(mut self, items: usize) {
        self.recorded = Some(items);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.rising.state);
        state.under_way.remove(&self.number);
        match self.recorded {
            Some(items) => state.recorded += items,
            None => state.barred = true,
        }
        drop(state);
        self.rising.ended.notify_waiters();
    }
}

impl Rising {
    /// Marks never move in a pass that begins with open windows: what was put before it may still land.
    pub fn of(windows: &[Window]) -> Self {
        let state = State { barred: !windows.is_empty(), ..State::default() };
        Self { state: Mutex::new(state), ended: Notify::new() }
    }

    /// A put is about to be sent.
    pub fn begin(&self) -> UnderWay<'_> {
        let mut state = locked(&self.state);
        let number = state.next;
        state.next += 1;
        state.under_way.insert(number);
        UnderWay { rising: self, number, recorded: None }
    }

    /// Whether it is time to read marks; for one caller alone.
    fn is_due(&self, every: usize) -> bool {
        let mut state = locked(&self.state);
        let due = !state.barred && state.recorded >= every;
        if due {
            state.recorded = 0;
        }
        due
    }

    /// Returns when all that was sent until now is recorded.
    async fn caught_up(&self) {
        let until = locked(&self.state).next;
        loop {
            let ended = self.ended.notified();
            if locked(&self.state).under_way.first().is_none_or(|oldest| *oldest >= until) {
                return;
            }
            ended.await;
        }
    }
}

/// Moves the marks up when enough was put since they last moved. A target that does not tell them now keeps them.
///
/// # Errors
/// The ledger cannot be written.
pub(super) async fn rise(shared: &Arc<Shared>) -> Result<()> {
    // A bug that puts from within a put would wait for itself.
    if Bug::BlindRetry.is_on() || !shared.rising.is_due(shared.terms.rise_items) {
        return Ok(());
    }
    let folders: Vec<_> = locked(&shared.windows).keys().cloned().collect();
    let Ok(marks) = shared.sides.target.marks(&folders).await else { return Ok(()) };
    if !Bug::MarkTooEarly.is_on() {
        shared.rising.caught_up().await;
    }
    let in_doubt = locked(&shared.last_doubt).is_some() || locked(&shared.rising.state).barred;
    if in_doubt || !shared.all_ids_known() {
        return Ok(());
    }
    let windows = folders.into_iter().zip(marks).map(|(folder, mark)| Window { folder, mark }).collect();
    tracing::debug!("marks move up");
    shared.writer.raise_marks(windows).await
}
