//! The throw-away folder of a demo, and running and showing commands in it. No secret is ever in what it shows.

use std::{
    ffi::OsStr,
    io::{IsTerminal, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    process::Command,
};

use serde_json::Value;

use super::child::{Ended, output};
use crate::exit::Failure;

/// Columns after which a line is cut.
const WIDTH: usize = 180;

/// Where a demo happens.
pub struct Stage {
    /// All it owns, short enough for sockets; in memory where that is possible.
    pub folder: PathBuf,
    /// This binary.
    pub program: PathBuf,
    /// Whether it stays: only then is it told where things are.
    pub stays: bool,
    coloured: bool,
}

/// How a command ended.
pub struct Ran {
    /// Its exit code.
    pub code: u8,
    /// Its standard output.
    pub said: String,
}

impl Stage {
    /// Makes the folder. Servers run as other users and pass through it; secrets are in a folder of their own.
    pub fn build(no_color: bool) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|e| Failure::own(format!("this program: {e}")))?;
        let coloured = !no_color && std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal();
        let name = format!("mfdemo-{}", std::process::id());
        let bases = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let mut made = Err(Failure::own("there is no folder for temporary files"));
        for folder in bases.map(|base| base.join(&name)) {
            let tried = std::fs::DirBuilder::new().mode(0o755).create(&folder);
            match tried {
                Ok(()) => {
                    made = Ok(folder);
                    break;
                }
                Err(error) => made = Err(Failure::own(format!("{}: {error}", folder.display()))),
            }
        }
        let stage = Self { folder: made?, program, stays: false, coloured };
        for inner in ["data", "secrets"] {
            let path = stage.folder.join(inner);
            let built = std::fs::DirBuilder::new().mode(0o700).create(&path);
            built.map_err(|e| Failure::own(format!("{}: {e}", path.display())))?;
        }
        Ok(stage)
    }

    /// Removes the folder with all that is in it.
    pub fn clear(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            crate::out::complain(&format!("{}: {error}\n", self.folder.display()));
        }
    }

    /// Writes a file that only we can read.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let opened =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|e| Failure::own(format!("{}: {e}", path.display())))
    }

    /// A line. Whoever stopped reading (`| head`) ends the demo, in order: servers are stopped.
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(|e| Failure::own(format!("standard output: {e}")))
    }

    /// A line that begins something.
    pub fn head(&self, text: &str) -> Result<(), Failure> {
        self.say("")?;
        if self.coloured { self.say(&format!("\x1b[1;36m{text}\x1b[0m")) } else { self.say(text) }
    }

    /// Runs this binary as a person would, shows the command and at most so many lines of what it said.
    pub async fn show(&self, line: &str, codes: &[u8], lines: usize) -> Result<Ran, Failure> {
        let typed = format!("$ mailferry {}", typed(line));
        self.say(&if self.coloured { format!("\x1b[1m{typed}\x1b[0m") } else { typed })?;
        let out = output(&self.folder, self.mailferry(line)).await?;
        let ran = self.ended(line, codes, out)?;
        let all: Vec<&str> = ran.said.lines().filter(|l| !l.trim().is_empty()).collect();
        for line in all.iter().take(lines) {
            self.say(&format!("  {}", cut(line)))?;
        }
        if all.len() > lines {
            self.say(&format!("  … {} more lines", all.len() - lines))?;
        }
        Ok(ran)
    }

    /// Runs this binary without showing it; what it said as JSON.
    pub async fn ask(&self, line: &str, codes: &[u8]) -> Result<Value, Failure> {
        let line = format!("{line} -o json");
        let out = output(&self.folder, self.mailferry(&line)).await?;
        let ran = self.ended(&line, codes, out)?;
        serde_json::from_str(&ran.said).map_err(|e| Failure::own(format!("mailferry {line}: {e}")))
    }

    fn mailferry(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(line.split_whitespace());
        command.env("MAILFERRY_DATA_DIR", self.folder.join("data")).env("NO_COLOR", "1");
        command
    }

    fn ended(&self, line: &str, codes: &[u8], out: Ended) -> Result<Ran, Failure> {
        if let Some(code) = out.code.filter(|code| codes.contains(code)) {
            return Ok(Ran { code, said: out.said });
        }
        let code = out.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        let (said, complaint) = (last(&out.said), last(&out.complaint));
        Err(Failure::own(format!(
            "mailferry {line}: ended with {code} instead of {codes:?}\n{said}\n{complaint}"
        )))
    }
}

/// A command line as one would type it: in quotes what a shell would take for a pattern.
pub fn typed(line: &str) -> String {
    let words = line.split_whitespace();
    let quoted = words.map(|w| if w.contains(['?', '*', '&']) { format!("'{w}'") } else { w.to_owned() });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Whether a program is in the path.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(OsStr::new(program)).is_file())
}

/// The end of what a program said.
pub fn last(text: &str) -> &str {
    let text = text.trim_end();
    let from = text.char_indices().rev().nth(1500).map_or(0, |(at, _)| at);
    text.get(from..).unwrap_or(text)
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or(line)),
        None => line.to_owned(),
    }
}
