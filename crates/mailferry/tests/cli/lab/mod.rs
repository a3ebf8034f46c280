//! The binary between two IMAP servers of the lab that do what servers do.

mod counts;
mod gated;
mod large;
mod liars;
mod memory;
mod ordered;
mod scene;
mod sign_in;
mod tested;
mod unusual;
mod users;
mod verified;
mod waits;

/// What a test's row says.
fn outcome(told: &serde_json::Value, id: &str) -> String {
    let row = told["steps"].as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id));
    row.and_then(|row| row["outcome"].as_str()).unwrap_or_default().to_owned()
}
