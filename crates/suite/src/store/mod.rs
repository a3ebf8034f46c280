//! What every store must keep: one function a sentence of the port's contract.
//!
//! Each takes an empty store of its own. What only a real database shows (a kill, two processes, damage) is
//! tested beside the store.

use std::{future::Future, pin::Pin};

use mailferry_model::{Error, Kind, Side, port::Store};

mod account;
mod allowance;
mod answer;
mod approval;
mod audit;
mod batch;
mod channel;
mod config;
mod domain;
mod endpoint;
mod endpoint_test;
mod ledger;
mod readiness;
mod samples;
mod scan;
mod secret;
mod together;
mod user;
mod verification;
mod work;

/// What a test says: nothing, or what is wrong.
pub type Outcome = Result<(), String>;

/// A test under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One sentence of the contract.
pub struct Test {
    /// The sentence, as a name.
    pub name: &'static str,
    /// Checks it on an empty store.
    pub run: for<'a> fn(&'a dyn Store) -> Running<'a>,
}

/// Every test.
pub fn tests() -> Vec<Test> {
    let nouns = [
        domain::tests(),
        endpoint::tests(),
        batch::tests(),
        user::tests(),
        approval::tests(),
        readiness::tests(),
        ledger::tests(),
        work::tests(),
        secret::tests(),
        audit::tests(),
        together::tests(),
        account::tests(),
        answer::tests(),
        endpoint_test::tests(),
        verification::tests(),
        scan::tests(),
        config::tests(),
        allowance::tests(),
        channel::tests(),
    ];
    nouns.into_iter().flatten().collect()
}

/// A table of tests: `sentences!("noun": first_test, second_test)`.
macro_rules! sentences {
    ($noun:literal: $($test:ident),+ $(,)?) => {
        /// The tests of this noun.
        pub(super) fn tests() -> Vec<$crate::store::Test> {
            vec![$($crate::store::Test {
                name: concat!($noun, "::", stringify!($test)),
                run: |store| Box::pin($test(store)),
            }),+]
        }
    };
}
use sentences;

/// Fails with a sentence unless a condition holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
use ensure;

/// Fails unless two values are equal.
macro_rules! same {
    ($left:expr, $right:expr, $what:expr) => {
        match (&$left, &$right) {
            (left, right) if left == right => {}
            (left, right) => return Err(format!("{}: {left:?} instead of {right:?}", $what)),
        }
    };
}
use same;

/// A call that should have gone well.
fn said(error: Error) -> String {
    format!("{error:?}")
}

/// A call must be refused on our side with this kind; its error.
fn refused<T>(result: Result<T, Error>, kind: Kind, what: &str) -> Result<Error, String> {
    match result {
        Ok(_) => Err(format!("{what}: accepted instead of {kind:?}")),
        Err(error) if error.kind() == kind && error.side() == Side::Us => Ok(error),
        Err(error) => Err(format!("{what}: {error:?} instead of {kind:?}, side us")),
    }
}
