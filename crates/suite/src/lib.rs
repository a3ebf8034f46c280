//! Conformance suites: what every source, target and store must keep.
//!
//! They are plain functions over the ports of the model: they know no connector, no engine, no database.

pub mod store;
