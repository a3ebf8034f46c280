//! Formats to types and back: bytes in, bytes out.
