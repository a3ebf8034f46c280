//! The routes as a client sees them, over a real store in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod acceptance;
mod access;
mod approval;
mod batch;
mod channel;
mod config;
mod domain;
mod endpoint;
mod endpoint_test;
mod house;
mod http;
mod into_one;
mod message;
mod metric;
mod mode;
mod pilot;
mod readiness;
mod replace;
mod report;
mod rollback;
mod scan;
mod sign_in;
mod stall;
mod user;
mod verification;
