//! One pass over one mailbox. Initial, incremental and final syncs are this same code: a delta from what the
//! ledger knows, which at first is nothing.
//!
//! Order: listings → plan → folders → changes → settling → moves → puts → flags → removals → doubts →
//! verification → windows closed. [`run`] is the way through; each step is a file.

mod again;
mod anew;
mod carry;
mod check;
mod compare;
mod early;
mod elsewhere;
mod finish;
mod follow;
mod gather;
mod hierarchy;
mod judging;
mod known;
pub mod matching;
mod owed;
mod paced;
mod reading;
mod removals;
mod renames;
mod returned;
mod rising;
mod run;
mod settle;
mod shared;
mod steps;
mod stray;
mod subscriptions;
mod terms;
mod together;
mod unmade;
mod unseen;
mod would;
mod writer;

pub use again::verify;
pub use run::run;
pub use terms::{Deeds, Depth, Progress, Report, Sides, Terms};
