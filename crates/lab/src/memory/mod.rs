//! The memory connector: a reference source and target over one world of folders, and a ledger in memory.
//!
//! It is the double in all tests of the engine: small enough to be obviously right, and able to be as bad as
//! real systems are (`Traits`, [`crate::fault`]).

mod convert;
mod ledger;
mod source;
mod target;
mod world;

pub use convert::{MendingConvert, PlainConvert};
pub use ledger::MemoryLedger;
pub use source::MemorySource;
pub use target::MemoryTarget;
pub use world::{Ability, Mail, Seen, Subscribed, World, keys};
