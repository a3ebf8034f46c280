//! The CSV of a batch: `EmailAddress[,UserName][,Password][,TargetAddress][,TargetUserName][,TargetPassword]`, and the
//! native columns of each kind of endpoint.
//!
//! Judged row by row: what cannot be used is handed back with its code and a suggestion, and goes to a
//! `rejected.csv` that imports again once corrected. Nothing here connects to anything.

mod columns;
mod encoding;
mod overrides;
mod parse;
mod reading;
mod rejected;
mod row;
#[cfg(test)]
mod tests;

pub use columns::{COLUMNS, Column, VERDICT_COLUMNS};
pub use encoding::{Text, text};
pub use overrides::Overrides;
pub use parse::{MAX_BYTES, MAX_ROWS, Parsed, Refusal, Rejected, Row, parse};
pub use reading::{DomainRule, Encoding, Needs, Passwords, Reading, Unknown};
