//! The domain of mailferry as plain data and rules, and the [`port`]s that the other rooms implement.
//!
//! Nothing here does I/O, reads a clock or draws random numbers: time and ids are arguments.
//! A newcomer reads [`item`], [`folder`] and [`error`] first, then [`port`].

pub mod acceptance;
pub mod account;
pub mod alarm;
pub mod allowance;
pub mod approval;
pub mod audit;
pub mod batch;
pub mod cancel;
pub mod caps;
pub mod catalogue;
pub mod certificate;
pub mod channel;
pub mod completion;
pub mod config;
pub mod csv;
pub mod digest;
pub mod domain;
pub mod endpoint;
pub mod endpoint_test;
pub mod error;
pub mod filter;
pub mod finding;
pub mod flags;
pub mod folder;
pub mod id;
pub mod intent;
pub mod item;
pub mod job;
pub mod key;
pub mod ledger;
pub mod limits;
pub mod mapping;
pub mod message;
pub mod mode;
pub mod notice;
pub mod outward;
pub mod pilot;
pub mod place;
pub mod planner;
pub mod port;
pub mod readiness;
pub mod report;
pub mod rollback;
pub mod scan;
pub mod schedule;
pub mod secret;
pub mod settings;
pub mod stall;
pub mod statistics;
pub mod status;
pub mod times;
pub mod user;
pub mod verification;
pub mod why;
pub mod words;

pub use error::{Error, Kind, Result, Retry, Scope, Side};
