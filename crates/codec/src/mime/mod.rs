//! Internet messages as bytes: what they are recognised by, and named repairs.
//!
//! Only the head is ever parsed; a mover never rebuilds MIME.

mod digest;
mod head;
mod repair;

pub use digest::Digester;
pub use head::{HEAD_LIMIT, HEAD_MAX, Head, head, is_whole_head};
pub use repair::{Fault, Rewriting, faults, mend, rewritings};
