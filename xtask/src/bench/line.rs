//! The little IMAP that the yard-stick and the recount need: lines, sign-in, folders.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

use crate::peers::Account;
use crate::peers::process::local;

const BUFFER: usize = 512 << 10;

/// A signed-in connection.
#[derive(Debug)]
pub struct Line {
    /// What comes.
    pub input: BufReader<TcpStream>,
    /// Where it goes.
    pub output: TcpStream,
    tags: u32,
}

impl Line {
    /// Connects and signs in, in one round trip after the greeting.
    pub fn open(port: u16, account: &Account) -> Result<Self> {
        let output = TcpStream::connect(local(port))?;
        output.set_nodelay(true)?;
        let input = BufReader::with_capacity(BUFFER, output.try_clone()?);
        let mut line = Self { input, output, tags: 0 };
        ensure!(line.read()?.starts_with("* OK"), "no greeting");
        line.ask(&format!("LOGIN {} {}", account.user, account.password))?;
        Ok(line)
    }

    /// The next tag.
    pub fn tag(&mut self) -> String {
        self.tags += 1;
        format!("t{}", self.tags)
    }

    /// One line without its end.
    pub fn read(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        ensure!(self.input.read_until(b'\n', &mut bytes)? > 0, "the server closed the connection");
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Sends a command and returns the untagged lines of its answer.
    pub fn ask(&mut self, command: &str) -> Result<Vec<String>> {
        let tag = self.tag();
        write!(self.output, "{tag} {command}\r\n")?;
        self.answer(&tag)
    }

    /// The untagged lines up to the tag's own, which must be OK.
    pub fn answer(&mut self, tag: &str) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let line = self.read()?;
            match line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(end) if end.starts_with("OK") => return Ok(lines),
                Some(end) => bail!("{end}"),
                None => lines.push(line),
            }
        }
    }

    /// The names of all folders that can be opened, as they go into commands.
    pub fn folders(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for line in self.ask("LIST \"\" \"*\"")? {
            let (attributes, rest) = line.split_once(") ").context("LIST")?;
            let name = rest.split_once(' ').context("LIST")?.1;
            if !attributes.to_ascii_lowercase().contains("\\noselect") {
                names.push(name.trim_matches('"').to_owned());
            }
        }
        Ok(names)
    }

    /// How many messages the account holds.
    pub fn count(&mut self) -> Result<u64> {
        let mut all = 0;
        for name in self.folders()? {
            for line in self.ask(&format!("STATUS \"{name}\" (MESSAGES)"))? {
                let number = line.rsplit_once("(MESSAGES ").map(|(_, rest)| rest.trim_end_matches(')'));
                all += number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        Ok(all)
    }
}
