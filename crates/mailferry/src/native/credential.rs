//! Where credentials come from: a named reference, the environment, a prompt. Never from the text of a command.

use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
};

use super::datum::{Credential, Datum};
use crate::{exit::Failure, secrets};

/// What a reference begins with.
const REFERENCE: &str = "ref:";

/// What was given for a parameter that takes a credential.
///
/// # Errors
/// No password, and nobody to ask; something that is no credential.
pub fn of(given: &Datum) -> Result<Credential, Failure> {
    match given {
        Datum::Credential(credential) => Ok(credential.clone()),
        Datum::Null => obtain(None, None),
        Datum::Text(user) => obtain(Some(user).filter(|u| !u.is_empty()), None),
        _ => Err(Failure::usage("-Credentials takes what Get-Credential gave, a user name, or ref:NAME")),
    }
}

/// A credential for that user, if one is named; who is asked is told that message.
///
/// # Errors
/// `SECRET_MISSING` at once where there is no password and no terminal.
pub fn obtain(user: Option<&String>, message: Option<String>) -> Result<Credential, Failure> {
    if let Some(name) = user.and_then(|u| u.strip_prefix(REFERENCE)) {
        return referred(name);
    }
    let named = user.cloned().or_else(|| std::env::var("MAILFERRY_USERNAME").ok().filter(|n| !n.is_empty()));
    if let Some(password) = secrets::from_environment("MAILFERRY_PASSWORD") {
        return Ok(Credential { user: named, password });
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let text = "There is no password, and no terminal to ask on.";
        return Err(Failure::Usage("SECRET_MISSING", text.to_owned()));
    }
    if let Some(message) = message {
        eprintln!("{message}");
    }
    let user = match named {
        Some(user) => Some(user),
        None => ask_user()?,
    };
    let password = secrets::ask(user.as_deref().unwrap_or("all mailboxes"), "password-file FILE")?;
    Ok(Credential { user, password })
}

fn ask_user() -> Result<Option<String>, Failure> {
    eprint!("User: ");
    let _ = std::io::stderr().flush();
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    read.map_err(|e| Failure::own(format!("the terminal cannot be read: {e}")))?;
    Ok(Some(typed.trim().to_owned()).filter(|t| !t.is_empty()))
}

/// A credential that the machine's own configuration defines: a file of systemd's credentials holds the password, one
/// beside it with `.username` the user.
fn referred(name: &str) -> Result<Credential, Failure> {
    let fits = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    if !fits {
        return Err(Failure::usage("a reference is a name of letters, digits, dots and dashes"));
    }
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) else {
        let text = format!(
            "There is no reference {name}: references are the credentials that systemd hands to its units \
             (LoadCredential={name}:FILE), and there are none here."
        );
        return Err(Failure::usage(text));
    };
    let password =
        secrets::from_file(&folder.join(name)).map_err(|e| e.of_option(&format!("{REFERENCE}{name}")))?;
    let user = folder.join(format!("{name}.username"));
    let user = match user.exists() {
        true => Some(secrets::from_file(&user)?.expose().trim().to_owned()),
        false => None,
    };
    Ok(Credential { user, password })
}
