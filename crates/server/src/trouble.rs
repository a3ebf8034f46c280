//! What keeps the service from working although it answers: told by whoever runs the work, read by the routes.
//!
//! Held in memory, because the store that is out of order cannot be written.

use std::sync::{Arc, Mutex, PoisonError};

/// Looks whether there is room for what has to be written: why there is not.
type Room = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Why no work is done at the moment, if there is a reason.
#[derive(Clone, Default)]
pub struct Trouble {
    why: Arc<Mutex<Option<String>>>,
    room: Option<Room>,
}

impl Trouble {
    /// None yet; `room` is asked, outside the runtime, whenever somebody wants to know whether the service is well.
    pub fn of(room: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self { room: Some(Arc::new(room)), ..Self::default() }
    }

    /// From now on this is why; nothing: all is well again.
    pub fn is(&self, why: Option<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why no work is done.
    pub(crate) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why nothing more can be written.
    pub(crate) async fn no_room(&self) -> Option<String> {
        let room = self.room.clone()?;
        let looked = tokio::task::spawn_blocking(move || room()).await;
        looked.unwrap_or_else(|e| Some(format!("It cannot be told whether there is room: {e}.")))
    }

    /// The finer reason of a batch that would be worked on.
    pub(crate) fn detail(&self) -> Option<String> {
        self.why().map(|why| format!("StoreOutOfOrder: {why}"))
    }
}
