//! Work: leases on mailboxes, and the queue of jobs with their permits.
//!
//! [`work`] is the port, [`lease`] the leases, [`claim`] picks the next job under the endpoints' limits.
//! Who works, and what a pass does, is the engine's business.

mod claim;
mod lease;
mod work;

pub(crate) use claim::IN_USE;
pub(crate) use lease::{taken_over, until};
