//! Formats to types and back: bytes in, bytes out. No I/O, no async, no knowledge of the domain.

pub mod mime;
