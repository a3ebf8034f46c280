//! The ports: the traits through which the engine meets mail systems, converters, clocks and the store.
//!
//! Object-safe, `Send + Sync`, `&self` throughout, so that calls overlap. A method's comment is its contract;
//! `suite` has a test for each sentence of it.

pub mod clock;
pub mod connector;
pub mod convert;
pub mod courier;
pub mod cx;
pub mod probe;
pub mod reports;
pub mod source;
pub mod store;
pub mod target;
pub mod together;
pub mod zones;

pub use clock::Clock;
pub use connector::Connector;
pub use convert::Convert;
pub use courier::Courier;
pub use cx::{Budget, BudgetGuard, Cx, Meter};
pub use probe::Probe;
pub use reports::Reports;
pub use source::{Fetched, Source};
pub use store::{
    Accounts, Allowances, Answers, Approvals, Audits, Batches, Channels, Configs, Domains, EndpointTests,
    Endpoints, Ledger, Readiness, Scans, Sealing, Secrets, Sessions, Store, Tokens, Users, Verifications,
    Work,
};
pub use target::{Edit, EditKind, Edited, Ensured, Outcome, Put, Setting, Target};
pub use together::{Together, Write};
pub use zones::Zones;
