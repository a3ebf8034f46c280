//! Ledgers on disk: a head row a mailbox, folder and window rows, a journal row a commit and folder, packed
//! segments.
//!
//! [`book`] is the port, [`fold`] merges journal and segments, [`pack`] and [`folder`] are the formats of
//! their blobs over [`bytes`]; [`reopen`] is for restored stores.

mod book;
mod bytes;
mod fold;
mod folder;
mod pack;
mod reopen;
#[cfg(test)]
mod tests;
