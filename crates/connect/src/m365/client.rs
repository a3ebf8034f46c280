//! What can be judged of the settings alone. The session comes with the mover.

use mailferry_model::{Error, port::Cx, settings::Settings};

use crate::{checks::later, net::Reach};

/// Judges the settings.
///
/// # Errors
/// One sentence for each fault.
pub fn check(settings: &Settings) -> Result<(), Vec<String>> {
    let mut faults = Reach::from_settings(settings).err().unwrap_or_default();
    if settings.get("tenant").is_some_and(|t| t.contains(['/', ' '])) {
        faults.push("tenant: an id or a domain is needed".to_owned());
    }
    for base in ["login-authority", "graph-base"] {
        if settings.get(base).is_some_and(|url| url::Url::parse(url).is_err()) {
            faults.push(format!("{base}: a URL is needed"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text = "this version knows the settings of Microsoft 365 and does not move its mailboxes yet";
    later::not_yet(cx, text)
}
