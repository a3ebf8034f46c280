//! The native statuses of batches and users, as pure transition tables. Finer reasons are a status *detail*.

mod batch;
mod user;

pub use batch::{BatchEvent, BatchStatus};
pub use user::{StatusSummary, UserEvent, UserStatus};
