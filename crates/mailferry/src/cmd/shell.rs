//! `shell [FILE|-]`, `shell -c LINE`, and `mailferry Verb-Noun …`: native commands as they are printed.
//!
//! This reads and hands over; what commands mean is in `native`.

use std::{
    ffi::OsString,
    io::{BufRead, IsTerminal, Read, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Arg, ArgAction, Args, Command};
use mailferry_model::csv::{self, Encoding};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Asked;
use crate::{
    args::Global,
    exit::Failure,
    native::{Session, known, syntax, unread},
    reach::Reach,
};

/// The longest script that is read.
const LONGEST: u64 = 16 << 20;
/// How long after a line further ones of the same paste may take.
const PASTE: Duration = Duration::from_millis(60);

/// The flags of `shell`.
#[derive(Args)]
pub struct ShellArgs {
    /// A file of commands; - for standard input; none: a prompt on a terminal, else standard input
    pub file: Option<PathBuf>,
    /// Run this line and end; commands that a shell would spoil stand in 'single quotes'
    #[arg(
        short = 'c',
        long = "command",
        value_name = "LINE",
        allow_hyphen_values = true,
        conflicts_with = "file"
    )]
    pub command: Option<String>,
    /// One command, already cut into words by a shell.
    #[arg(last = true, hide = true, conflicts_with_all = ["file", "command"])]
    pub words: Vec<String>,
}

/// `mailferry Verb-Noun …` as `mailferry shell … -- Verb-Noun …`; other arguments as they are. Global flags are those
/// before it, and those behind it that begin with two dashes: all others belong to the native command.
pub fn as_shell(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let given: Vec<OsString> = given.collect();
    let global = Global::augment_args(Command::new("mailferry"));
    // How many words a flag is, its value included; none of ours: nothing.
    let length = |word: &str| -> usize {
        let (flag, inline) = word.split_once('=').map_or((word, false), |(flag, _)| (flag, true));
        let is_called = |a: &Arg| match flag.strip_prefix("--") {
            Some(long) => {
                a.get_long() == Some(long) || a.get_all_aliases().is_some_and(|n| n.contains(&long))
            }
            None => {
                a.get_short().is_some_and(|short| flag.strip_prefix('-') == Some(short.to_string().as_str()))
            }
        };
        match global.get_arguments().find(|a| is_called(a)) {
            Some(a) if !inline && !matches!(a.get_action(), ArgAction::SetTrue | ArgAction::Count) => 2,
            Some(_) => 1,
            None => 0,
        }
    };
    let mut at = 1;
    while let Some(word) = given.get(at).and_then(|w| w.to_str()) {
        match length(word) {
            0 if syntax::is_native(word) => break,
            0 => return given,
            n => at += n,
        }
    }
    if at >= given.len() {
        return given;
    }
    let (mut flags, mut words) = (given[1..at].to_vec(), Vec::new());
    let mut rest = given[at..].iter();
    while let Some(word) = rest.next() {
        match word.to_str() {
            Some("--") => words.extend(rest.by_ref().cloned()),
            Some(flag) if flag.starts_with("--") => {
                flags.push(word.clone());
                flags.extend(rest.by_ref().take(length(flag).saturating_sub(1)).cloned());
            }
            _ => words.push(word.clone()),
        }
    }
    let begin = [given[0].clone(), "shell".into()];
    begin.into_iter().chain(flags).chain(["--".into()]).chain(words).collect()
}

/// Runs it.
pub async fn run(asked: Asked<'_>, args: ShellArgs) -> Result<u8, Failure> {
    let is_dash = args.file.as_ref().is_some_and(|f| f.as_os_str() == "-");
    let text = match (&args.command, &args.file) {
        _ if !args.words.is_empty() => return words(&asked, &args.words).await,
        (Some(line), _) => line.clone(),
        (None, Some(file)) if !is_dash => {
            let shown = file.display();
            let read = std::fs::File::open(file).map_err(|e| Failure::usage(format!("{shown}: {e}")))?;
            decoded(read).map_err(|what| Failure::usage(format!("{shown}: {what}")))?
        }
        (None, None) if std::io::stdin().is_terminal() => return prompt(&asked).await,
        _ => decoded(std::io::stdin()).map_err(|what| Failure::usage(format!("standard input: {what}")))?,
    };
    let script = syntax::parse(&text, &known).map_err(|u| unread(&u))?;
    let reach = Reach::of(&asked).await?;
    let mut session = Session::of(&asked, &reach);
    session.run(script).await;
    Ok(session.exit_code())
}

async fn words(asked: &Asked<'_>, words: &[String]) -> Result<u8, Failure> {
    let script = syntax::of_words(words, &known).map_err(|u| unread(&u))?;
    let reach = Reach::of(asked).await?;
    let mut session = Session::of(asked, &reach);
    session.run(script).await;
    Ok(session.exit_code())
}

/// A text as editors of all systems save it.
fn decoded(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("too long".to_owned());
    }
    csv::text(&bytes, Encoding::Utf8).map(|read| read.text.into_owned()).map_err(|refusal| refusal.message)
}

/// Commands as they are typed. What is pasted is read as a whole: its lines belong together, and a question for a
/// password is no place for the next one.
async fn prompt(asked: &Asked<'_>) -> Result<u8, Failure> {
    let reach = Reach::of(asked).await?;
    let mut session = Session::of(asked, &reach);
    asked.out.note("Native commands; `exit` or Ctrl-D ends.");
    let mut text = String::new();
    let mut is_pasted = false;
    loop {
        if !is_pasted {
            ask(if text.is_empty() { "mailferry> " } else { ">> " });
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let length = read.map_err(|e| Failure::own(format!("the terminal cannot be read: {e}")))?;
        text.push_str(&line);
        is_pasted = length > 0 && more_is_there();
        if is_pasted {
            continue;
        }
        if matches!(text.trim().to_lowercase().as_str(), "exit" | "quit") {
            return Ok(session.exit_code());
        }
        match syntax::parse(&text, &known) {
            // An empty line ends what was not finished.
            Err(unfinished) if unfinished.is_unfinished && length > 0 && !line.trim().is_empty() => continue,
            Err(wrong) => session.fail(&unread(&wrong), None),
            Ok(script) => session.run(script).await,
        }
        text.clear();
        if length == 0 {
            ask("\n");
            return Ok(session.exit_code());
        }
    }
}

fn ask(prompt: &str) {
    eprint!("{prompt}");
    let _ = std::io::stderr().flush();
}

/// Whether a further line stands ready: nobody types so fast.
fn more_is_there() -> bool {
    let stdin = std::io::stdin();
    let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: PASTE.as_nanos() as i64 };
    poll(&mut ready, Some(&patience)).is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        as_shell(words).join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn a_native_command_becomes_one_of_the_shell() {
        assert_eq!(
            rewritten("mailferry Get-MigrationEndpoint -Identity X --data-dir D --yes --output=json"),
            "mailferry shell --data-dir D --yes --output=json -- Get-MigrationEndpoint -Identity X"
        );
        assert_eq!(
            rewritten("mailferry -q --output json --data-dir=D Get-MigrationEndpoint -- --x"),
            "mailferry shell -q --output json --data-dir=D -- Get-MigrationEndpoint --x"
        );
        for same in [
            "mailferry --output json",
            "mailferry --data-dir Get-X list",
            "mailferry -c Get-X",
            "mailferry endpoint list",
            "mailferry",
            "mailferry copy a-b c",
            "mailferry shell Get-X",
        ] {
            assert_eq!(rewritten(same), same);
        }
    }
}
