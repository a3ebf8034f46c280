//! The CSV of a batch: `EmailAddress[,UserName][,Password][,TargetAddress][,TargetUserName][,TargetPassword]`.
//!
//! Judged row by row: what cannot be used is handed back with its code and a suggestion, and goes to a
//! `rejected.csv` that imports again once corrected. Nothing here connects to anything.

mod columns;
mod encoding;
mod parse;
mod rejected;
#[cfg(test)]
mod tests;

pub use columns::{COLUMNS, Column, VERDICT_COLUMNS};
pub use encoding::text;
pub use parse::{MAX_BYTES, MAX_ROWS, Needs, Parsed, Passwords, Refusal, Rejected, Row, parse};
