//! The binary between two IMAP servers of the lab that do what servers do.

mod counts;
mod large;
mod liars;
mod memory;
mod scene;
mod sign_in;
mod unusual;
mod waits;
