//! Where passwords come from: files, standard input, the environment, a prompt. Never from an argument.

use std::{
    io::{BufRead, IsTerminal, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use mailferry_model::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroize;

use crate::exit::Failure;

/// The largest secret that is read.
const LONGEST: u64 = 64 << 10;

/// A secret from a file: exactly one line end at its end (LF or CRLF) is dropped.
pub fn from_file(path: &Path) -> Result<Secret<String>, Failure> {
    let name = path.display();
    let unreadable = |what: String| Failure::usage(format!("{name}: {what}"));
    let file = std::fs::File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound if !looks_like_a_file(path) => Failure::usage(
            "there is no file of the name that was given for a password file (the file holds the password)",
        ),
        _ => unreadable(e.to_string()),
    })?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
    checked(text).map_err(unreadable)
}

/// A secret from a file, or from standard input where `-` is its name.
pub fn from_file_or_stdin(path: &Path) -> Result<Secret<String>, Failure> {
    if path == Path::new("-") { from_stdin() } else { from_file(path) }
}

/// Whether what was given has the look of a file's name: who mistakes the flag gives the password itself, and that is not
/// repeated.
fn looks_like_a_file(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    folder.is_some_and(Path::is_dir)
        || ((2..=6).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_lowercase()))
}

/// A secret from the first line of standard input.
pub fn from_stdin() -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_line(&mut text);
    read.map_err(|e| Failure::usage(format!("standard input: {e}")))?;
    checked(text).map_err(|what| Failure::usage(format!("standard input: {what}")))
}

/// A secret from a variable of the environment; an empty one is none.
pub fn from_environment(name: &str) -> Option<Secret<String>> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(Secret::new)
}

/// A secret that a command of the shell prints: exactly one line end at its end is dropped.
pub fn from_command(command: &str) -> Result<Secret<String>, Failure> {
    let failed = |what: String| Failure::usage(format!("the command for the password: {what}"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::inherit());
    let ended = shell.output().map_err(|e| failed(e.to_string()))?;
    let printed = String::from_utf8(ended.stdout);
    if !ended.status.success() {
        drop(printed.map(|mut text| text.zeroize()));
        return Err(failed(ended.status.to_string()));
    }
    checked(printed.map_err(|_| failed("what it printed is not UTF-8".to_owned()))?).map_err(failed)
}

fn checked(mut text: String) -> Result<Secret<String>, String> {
    if text.len() as u64 > LONGEST {
        text.zeroize();
        return Err("too long for a secret".to_owned());
    }
    drop_line_end(&mut text);
    match text.is_empty() {
        true => Err("there is no secret in it".to_owned()),
        false => Ok(Secret::new(text)),
    }
}

fn drop_line_end(text: &mut String) {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
}

/// Asks on the terminal without showing what is typed.
///
/// # Errors
/// `SECRET_MISSING` where there is no terminal: nobody could answer.
pub fn ask(whose: &str, flag: &str) -> Result<Secret<String>, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        let text = format!("There is no password for {whose}; give it by --{flag}.");
        return Err(Failure::Usage("SECRET_MISSING", text));
    }
    let lost = |e: rustix::io::Errno| Failure::own(format!("the terminal cannot be used: {e}"));
    let before = tcgetattr(&stdin).map_err(lost)?;
    let mut silent = before.clone();
    // Also without signals, so that an interrupted prompt leaves the terminal as it was.
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(lost)?;
    // Not before: who answers at once would be echoed, and Ctrl-C would end more than the prompt.
    eprint!("Password for {whose}: ");
    let _ = std::io::stderr().flush();
    let typed = read_typed();
    let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
    eprintln!();
    let text = typed?;
    checked(text).map_err(|what| Failure::Usage("SECRET_MISSING", format!("{whose}: {what}")))
}

fn read_typed() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    for byte in std::io::stdin().lock().bytes() {
        match byte.map_err(|e| Failure::own(format!("the terminal cannot be read: {e}")))? {
            b'\n' | b'\r' => break,
            3 => return Err(Failure::Interrupted("Nothing was done.".to_owned())),
            4 if bytes.is_empty() => break,
            8 | 127 => while bytes.pop().is_some_and(|b| b & 0xc0 == 0x80) {},
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("what was typed is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_line_end_is_dropped() {
        for (text, expected) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), (" a ", " a ")]
        {
            assert_eq!(checked(text.to_owned()).unwrap().expose(), expected);
        }
        assert!(checked("\n".to_owned()).is_err());
    }
}
