//! What keeps the service from working although it answers: told by whoever runs the work, read by the routes.
//!
//! Held in memory, because the store that is out of order cannot be written.

use std::sync::{Arc, Mutex, PoisonError};

/// Why no work is done at the moment, if there is a reason.
#[derive(Clone, Debug, Default)]
pub struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// From now on this is why; nothing: all is well again.
    pub fn is(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// The finer reason of a batch that would be worked on.
    pub(crate) fn detail(&self) -> Option<String> {
        let why = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        why.map(|why| format!("StoreOutOfOrder: {why}"))
    }
}
