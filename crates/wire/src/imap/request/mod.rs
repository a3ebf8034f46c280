//! What a client asks, one value a command, for emulators.
//!
//! `verb` has the values, `parse` reads them from a frame.

mod parse;
mod verb;

pub use verb::{Appended, Asked, Mailboxes, Request, RequestedModifier, Resync, StoreRequest, Verb};
