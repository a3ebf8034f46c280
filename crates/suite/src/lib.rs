//! Conformance suites: what every source, target and store must keep.
