//! The other side, for tests and the demo. It never uses `connect`, so that it cannot share its mistakes.

pub mod clock;
pub mod fake;
pub mod fault;
pub mod imap;
pub mod memory;
