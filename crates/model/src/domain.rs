//! The mail flow of a domain: what its DNS says now, what it shall say once its mailboxes have moved, and how long others
//! will still believe the old. Pure: who asks the DNS is the port `Zones`, and nothing here changes a record.

mod judging;
mod wanted;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use judging::{LONG_TTL, Row, Verdict, judge, switch_warning};
pub use wanted::{Destination, Wanted};

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// Who takes the domain's mail.
    Mx,
    /// Who may send it.
    Spf,
    /// With which key it is signed.
    Dkim,
    /// What becomes of mail that is not as SPF and DKIM say.
    Dmarc,
    /// Where mail programs find their server.
    Autodiscover,
}

/// What the DNS says of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is for.
    pub kind: RecordKind,
    /// The name that was asked for.
    pub name: String,
    /// What is there, as zone files write it; nothing where there is no such record.
    pub values: Vec<String>,
    /// Seconds that others may keep it, as the resolver tells: one that keeps it itself tells what is left of them.
    pub ttl: Option<u32>,
    /// Why nobody knows.
    pub fault: Option<String>,
}

/// A domain whose mail flow is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Grows with each change, 0 before it is kept; a stale writer is refused.
    pub version: u64,
    /// In small letters, as the DNS has it.
    pub name: String,
    /// What it shall say.
    pub wanted: Wanted,
    /// When the switch is planned.
    pub at: Option<Timestamp>,
    /// The batch whose completion it is; its CompleteAfter counts where no time is given.
    pub batch: Option<String>,
    /// The DNS server that is asked; the system's otherwise.
    pub resolver: Option<String>,
    /// Since when a look at it is wanted.
    pub asked: Option<Timestamp>,
    /// Who wants it.
    pub asked_by: String,
    /// When it was last looked at.
    pub looked: Option<Timestamp>,
    /// What was there.
    pub records: Vec<Record>,
    /// The switch of which somebody was warned that others will believe the old for long.
    pub warned: Option<Timestamp>,
}

/// Judges a domain's name.
///
/// # Errors
/// One sentence.
// RFC 1035 §2.3.1, RFC 5890 §2.3.2.1
pub fn name(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_lowercase();
    let is_label = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    match name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) {
        true => Ok(name),
        false if !name.is_ascii() => Err(format!(
            "{text:?} is not written as the DNS has it; write it with xn--, as its registrar shows it."
        )),
        false => Err(format!("{text:?} is no domain: write example.org.")),
    }
}

#[cfg(test)]
mod tests;
