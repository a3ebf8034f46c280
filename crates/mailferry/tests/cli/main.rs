//! The command line as scripts use it: the real binary, its exit codes, its output.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod accepted;
mod alike;
mod batches;
mod copies;
mod declared;
mod defaults;
mod failing;
mod ferry;
mod keeping;
mod lab;
mod looked;
mod lost;
mod maildirs;
mod modes;
mod native;
mod noticed;
mod pages;
mod pretended;
mod refused;
mod remedies;
mod reported;
mod said;
mod scanned;
mod service;
mod shared;
mod switched;
mod trusted;
mod users;
mod verified;
mod written;
