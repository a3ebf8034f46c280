//! Protocols to types and back, without sockets.
//!
//! No crate of ours is known here, and nothing reads a clock or a network: bytes in, values out, and back.

pub mod autoconfig;
pub mod autodiscover;
pub mod ews;
pub mod imap;
mod xml;
