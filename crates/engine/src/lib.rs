//! Moves mailboxes, exactly once. Knows no protocol, no format, no SQL.
//!
//! [`pass::run`] is one pass over one mailbox: initial, incremental and final are the same code. Start reading
//! there; [`plan`] and [`pass::matching`] are pure.

pub mod budget;
pub mod pass;
pub mod plan;
pub mod seeded;
pub mod verify;
