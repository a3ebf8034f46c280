//! The directory: folders and what is written about them ([`store`]), messages as their file names tell them ([`mail`]).
//! Both reach files through directories that are held open ([`dir`]).

mod dir;
mod mail;
mod store;

pub(super) use dir::{Dir, set_written};
pub(super) use mail::{Listing, Mail, ShortId};
pub(super) use store::{Store, classify, make_parts, of_item};
