//! The other side, for tests and the demo.
