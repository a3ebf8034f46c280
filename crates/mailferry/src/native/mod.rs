//! Native commands: a reader of the cmdlets that guides print, over the routes that the command line uses.
//!
//! `syntax` reads, `table` knows the commands and their parameters, `bind` judges arguments, `cmdlet` does what they
//! say, `stage` and `show` are what stands behind a `|`, `session` runs it all. It is no PowerShell.

mod apart;
mod bind;
mod cmdlet;
mod compare;
mod credential;
mod datum;
mod evaluate;
mod session;
mod short;
mod show;
mod stage;
pub mod syntax;
mod table;

#[cfg(test)]
mod tests;

pub use session::{Session, known, unread};
