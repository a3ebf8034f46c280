//! What can be judged of the settings alone. The session comes with the mover.

use mailferry_model::{Error, port::Cx, settings::Settings};

use crate::{checks::later, net::Reach};

/// Judges the settings.
///
/// # Errors
/// One sentence for each fault.
pub fn check(settings: &Settings) -> Result<(), Vec<String>> {
    let mut faults = Reach::from_settings(settings).err().unwrap_or_default();
    if settings.get("admin-email").is_some_and(|a| !a.contains('@')) {
        faults.push("admin-email: an address is needed".to_owned());
    }
    for base in ["token-uri", "api-base"] {
        if settings.get(base).is_some_and(|url| url::Url::parse(url).is_err()) {
            faults.push(format!("{base}: a URL is needed"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text = "this version knows the settings of Google Workspace and does not move its mailboxes yet; single accounts move by IMAP";
    later::not_yet(cx, text)
}
