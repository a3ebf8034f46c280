//! The memory budget of bodies in flight: one for the process.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mailferry_model::port::{Budget, BudgetGuard};
use tokio::sync::Semaphore;

/// Bytes of bodies in flight that one process holds by default (32 MiB).
pub const DEFAULT_BYTES: u64 = 32 << 20;

/// The unit in which memory is counted.
const UNIT: u64 = 1 << 10;

/// A budget of so many bytes, first come, first served.
pub struct SharedBudget {
    units: Arc<Semaphore>,
    total: u32,
}

impl SharedBudget {
    /// A budget of `bytes`.
    pub fn of(bytes: u64) -> Self {
        let total = (bytes / UNIT).clamp(1, u64::from(u32::MAX)) as u32;
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }
}

impl Budget for SharedBudget {
    fn take(&self, bytes: u64) -> BoxFuture<'_, BudgetGuard> {
        let wanted = bytes.div_ceil(UNIT).clamp(1, u64::from(self.total)) as u32;
        let units = self.units.clone();
        Box::pin(async move {
            let permit = units.acquire_many_owned(wanted).await.ok();
            BudgetGuard::new(move || drop(permit))
        })
    }
}
