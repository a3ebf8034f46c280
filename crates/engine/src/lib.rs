//! Moves mailboxes, exactly once. Knows no protocol, no format, no SQL.
//!
//! [`pass::run`] is one pass over one mailbox: initial, incremental and final are the same code. Start reading
//! there; [`plan`] and [`pass::matching`] are pure. [`copy`] puts a pass between a lease and two opened
//! mailboxes; [`tasks`] run copies for batches.

pub mod budget;
pub mod copy;
pub mod lease;
pub mod meter;
pub mod open;
pub mod parking;
pub mod pass;
pub mod plan;
pub mod probing;
pub mod seeded;
pub mod tasks;
pub mod throttle;
pub mod verify;
