//! Work that nobody waits for: reconcilers without input that look at the store and do what is wanted.
//!
//! [`batch`] moves batches along with their users, [`user`] runs one pass of one mailbox, [`gate`] lets one
//! sign-in try an endpoint before all others do, [`held`] keeps the jobs that run here, [`clock`] does what a schedule
//! says, [`concurrency`] what endpoints sustain and [`bandwidth`] what the timetable says, [`stalled`] says why nothing moves and [`escalate`]
//! whom that should worry, [`before`] has endpoints tested
//! before a batch begins and [`monitor`] on a timer, [`ordered`] takes what somebody ordered, which is made by
//! [`endpoint_test`], [`verification`] and [`scan`] (a mailbox by [`assess`]), and [`simulated`] takes the place of passes
//! in benchmarks. [`Worker`] runs them on a bell and on a timer. All of it may be killed at any moment and run anywhere
//! else again.

mod assess;
mod bandwidth;
mod batch;
mod before;
mod clock;
mod concurrency;
mod credentials;
mod digest;
mod domain;
mod endpoint_test;
mod escalate;
mod gate;
mod gated;
mod held;
mod monitor;
mod notices;
mod ordered;
mod scan;
mod simulated;
mod stalled;
mod user;
mod verdict;
mod verification;
mod verify;
mod worker;

pub use notices::Post;
pub use simulated::Length;
pub use worker::{Event, Worker};
