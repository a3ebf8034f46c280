//! The directory: folders and what is written about them ([`store`]), messages as their file names tell them ([`mail`]).

mod mail;
mod store;

pub(super) use mail::{Listing, Mail, ShortId};
pub(super) use store::{Store, classify, of_item};
