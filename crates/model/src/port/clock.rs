//! Time as an argument: only the binary and `lab::clock` own one.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// What tells the time and waits.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Ends after `how_long`. Dropping it is harmless.
    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()>;
}
