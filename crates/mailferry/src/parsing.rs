//! What the argument parser says of a command line that cannot be used: without the values that were typed, because a
//! secret may stand at the wrong place, and with tips that name the flag that is meant, not the one that is spelt alike.

use clap::{
    Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Instead of what was typed.
const UNSAID: &str = "…";
/// What people type, and what is meant: the first ones that the command has, or words.
const MEANT: [(&[&str], &[&str], &str); 6] = [
    (
        &[
            "host",
            "hostname",
            "host1",
            "host2",
            "server-name",
            "address",
            "remote-host",
            "remote-server",
            "imap-server",
        ],
        &["remote-server"],
        "the server stands in SOURCE and TARGET: imaps://USER@HOST[:PORT]",
    ),
    (
        &["user", "user1", "user2", "login", "account", "username"],
        &["username"],
        "the user stands in SOURCE and TARGET: imaps://USER@HOST[:PORT]",
    ),
    (
        &["port", "port1", "port2", "ssl", "tls", "security"],
        &["port", "security"],
        "port and security stand in SOURCE and TARGET: imaps://USER@HOST:PORT, or imap:// for STARTTLS",
    ),
    (
        &[
            "password",
            "passwd",
            "pass",
            "pw",
            "secret",
            "password1",
            "password2",
            "passfile1",
            "passfile2",
            "password-file",
        ],
        &["password-file", "source-password-file", "target-password-file"],
        "passwords come from files, never from the command line",
    ),
    (&["dry", "noop", "simulate", "justlogin"], &["dry-run"], "nothing here can be tried without doing it"),
    (&["json", "format"], &["output"], "--output json"),
];

/// The error without values and with the tip that is meant.
pub fn unsaid(mut error: clap::Error, command: &Command, words: &[String]) -> clap::Error {
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues => {
            // An empty one is a value that is missing, and told so.
            if matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(v)) if !v.is_empty())
            {
                error.insert(ContextKind::InvalidValue, ContextValue::String(UNSAID.to_owned()));
            }
        }
        ErrorKind::InvalidSubcommand => {
            error.insert(ContextKind::InvalidSubcommand, ContextValue::String(UNSAID.to_owned()));
            error.remove(ContextKind::Suggested);
        }
        ErrorKind::UnknownArgument => unknown(&mut error, asked(command, words)),
        _ => {}
    }
    error
}

fn unknown(error: &mut clap::Error, command: &Command) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg).cloned() else { return };
    let name = typed.strip_prefix("--").filter(|name| is_name(name));
    // clap's own says how the word would be a value, and repeats it.
    error.remove(ContextKind::Suggested);
    let Some(name) = name else {
        let shown =
            if typed.starts_with('-') && typed.chars().count() == 2 { typed.as_str() } else { UNSAID };
        error.insert(ContextKind::InvalidArg, ContextValue::String(shown.to_owned()));
        return;
    };
    let Some((_, flags, words)) = MEANT.iter().find(|(typed, ..)| typed.contains(&name)) else { return };
    let has = |flag: &&&str| command.get_arguments().any(|a| a.get_long() == Some(**flag));
    let known: Vec<String> = flags.iter().filter(has).map(|flag| format!("'--{flag}'")).collect();
    let tip = match known.as_slice() {
        [] => (*words).to_owned(),
        all => format!("perhaps {} is meant", all.join(" or ")),
    };
    error.remove(ContextKind::SuggestedArg);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
}

/// Whether it is written as flags are.
fn is_name(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The command that was asked for, as far as words name one.
fn asked<'a>(command: &'a Command, words: &[String]) -> &'a Command {
    words.iter().fold(command, |found, word| found.find_subcommand(word).unwrap_or(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    /// What is said of these words, in one line.
    fn said(line: &str) -> String {
        let connectors = mailferry_connect::registry();
        let manifests: Vec<_> = connectors.iter().map(|c| c.manifest()).collect();
        let command = args::command(&manifests);
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let typed = std::iter::once("mailferry".to_owned()).chain(words.clone());
        let error = command.clone().try_get_matches_from(typed).unwrap_err();
        unsaid(error, &command, &words).to_string()
    }

    #[test]
    fn nothing_that_was_typed_as_a_value_is_repeated() {
        for line in [
            "batch start w --wait=S3cret",
            "batch start w --timeout S3cret",
            "endpoint list -o S3cret",
            "endpoint list --limit S3cret",
            "endpoint list --quiet=S3cret",
            "copy a b S3cret",
            "copy a b -S3cret",
            "copy a b --S3cret",
            "copy a b --S3cret=S3cret",
            "copy a b --source-password=S3cret",
            "copy a b --since S3cret",
            "copy a b --exclude #S3cret#",
            "copy a b --exclude #S3cret",
            "copy a b --map S3cret",
            "copy a b --map /=S3cret",
            "copy a b --bwlimit S3cret",
            "copy a b --max-size S3cret",
            "serve --listen S3cret",
            "batch S3cret",
            "S3cret",
            "account new x --role S3cret",
            "batch set w --unset S3cret",
            "endpoint new x --type imap --verify S3cret S3cret S3cret",
        ] {
            let said = said(line);
            assert!(!said.contains("S3cret"), "{line}\n{said}");
        }
    }

    #[test]
    fn what_is_wrong_is_still_named() {
        for (line, parts) in [
            ("batch start w --wait=S3cret", &["--wait[=<GOAL>]", "synced, completed"][..]),
            ("batch start w --timeout S3cret", &["--timeout <TIME>", "write a number of seconds"]),
            ("endpoint list --limit S3cret", &["--limit <N>", "write a number, or all"]),
            ("endpoint list --limit", &["a value is required for '--limit <N>'"]),
            ("copy a b --sinec x", &["--sinec", "'--since'"]),
            ("endpoint test --type imap --host h", &["--host", "perhaps '--remote-server' is meant"]),
            (
                "copy a b --password-file f",
                &["--password-file", "perhaps '--source-password-file' or '--target-password-file' is meant"],
            ),
            ("copy a b --host1 h", &["the server stands in SOURCE and TARGET"]),
            ("endpoint new x --type imap --password=S3cret", &["perhaps '--password-file' is meant"]),
            ("copy a b --dry", &["perhaps '--dry-run' is meant"]),
            ("copy a b -p", &["'-p'"]),
        ] {
            let said = said(line);
            parts.iter().for_each(|part| assert!(said.contains(part), "{line}: {part}\n{said}"));
        }
    }
}
