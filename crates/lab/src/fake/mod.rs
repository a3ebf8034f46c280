//! Servers that are broken in exactly one way: a door, a certificate, a dialogue. For tests of the diagnosis.
//!
//! They keep no mail; the whole IMAP server is [`crate::imap`].

pub mod dialogue;
pub mod host;
pub mod kdc;
pub mod names;
pub mod ntlm;
pub mod paper;
pub mod proxy;
pub mod web;

pub use dialogue::{Dialogue, Reply};
pub use host::{Door, Fake};
pub use kdc::Kdc;
pub use names::NameServer;
pub use paper::{Authority, Paper};
pub use web::{Route, Web};
