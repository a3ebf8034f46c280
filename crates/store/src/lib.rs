//! What mailferry remembers: SQLite inside, PostgreSQL when one machine is not enough.
//!
//! [`SqlStore`] implements [`mailferry_model::port::Store`] with one SQL text for both engines; `dialect`
//! holds the few statements that differ. It knows no protocol and decides nothing: the rules of a migration
//! live in the engine. It reads no environment and no process clock: leases use the database's.

mod account;
mod allowance;
mod answer;
mod approval;
mod audit;
mod batch;
mod bell;
mod channel;
mod config;
mod dialect;
mod domain;
mod endpoint;
mod endpoint_test;
mod keeping;
mod key;
mod ledger;
mod locks;
mod open;
mod queue;
mod readiness;
mod report;
mod row;
mod scan;
mod secret;
mod session;
mod shared;
mod sql;
mod together;
mod token;
mod user;
mod verification;

pub use bell::Bell;
pub use keeping::{Looked, look};
pub use key::MasterKey;
pub use locks::{Alone, hold_alone};
pub use open::{DATABASE, Location, OPEN, SqlStore, newest_schema};
pub use shared::{Shared, look_at_shared};
