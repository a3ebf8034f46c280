//! Looking at items without taking them: header keys, and digests of bodies that are read and forgotten.
//!
//! Used by source and target alike. Answers with UIDs; what they mean is the caller's.

mod body;
mod digests;
mod search;
mod standing;
mod traces;

pub use body::{beginning, body};
pub use digests::digests;
pub(in crate::imap) use search::found;
pub use search::{PAGE, left_out, parts, search_ask, searched, there, uids};
pub use standing::{check, of_folder, renumbered};
pub use traces::{Range, Seen, date, flags, traces};
