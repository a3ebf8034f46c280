//! The store under the suite on both engines, and what only a real database shows.
//!
//! PostgreSQL is tested when `MAILFERRY_TEST_POSTGRES_URL` names one; each test makes a schema of its own.

#![expect(clippy::unwrap_used, reason = "what a test builds for itself is there")]

mod damage;
mod kill;
mod places;
mod schema;
mod sealed;
mod suite;
mod two;
