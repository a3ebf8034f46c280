//! Conformance suites: one function for each sentence of the port contracts, called by every connector and
//! store. A function names a capability, never a connector. They say what is wrong, they do not panic.

pub mod source;
pub mod store;
pub mod target;

/// `Err` says which sentence of a contract does not hold, and how.
pub type Check = Result<(), String>;

/// Returns an error with a message unless a condition holds.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}

/// An error of a port as a sentence.
pub(crate) fn failed(what: &str) -> impl Fn(mailferry_model::Error) -> String + '_ {
    move |error| format!("{what}: {error:?}")
}
