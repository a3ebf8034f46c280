//! The session: connections, sign-in, and what an answer means. Knows IMAP, but neither items nor what moves.

pub(in crate::imap) mod account;
pub(in crate::imap) mod classify;
pub(in crate::imap) mod conn;
pub(in crate::imap) mod directory;
pub(in crate::imap) mod home;
pub(in crate::imap) mod ids;
pub(in crate::imap) mod layout;
mod line;
pub(in crate::imap) mod look;
pub(in crate::imap) mod names;
pub(in crate::imap) mod open;
pub(in crate::imap) mod pipe;
pub(in crate::imap) mod pool;
pub(in crate::imap) mod quirk;
pub(in crate::imap) mod refusals;
pub(in crate::imap) mod selection;
pub(in crate::imap) mod talk;
