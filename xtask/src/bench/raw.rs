//! The yard-stick: a pipelined FETCH into MULTIAPPEND, one connection a side, no books kept.
//!
//! All CREATE, EXAMINE and FETCH commands are sent ahead; bodies pass through in the pieces in
//! which they come. Nothing is looked for, nothing is resumed: no tool to migrate with.

use std::io::{BufRead, BufWriter, Read, Write};
use std::net::TcpStream;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use super::line::Line;
use crate::peers::Account;

/// Messages and bytes in one APPEND at most.
const GROUP: usize = 100;
const GROUP_BYTES: u64 = 8 << 20;
const OUTPUT: usize = 256 << 10;

/// Where to copy from and to.
#[derive(clap::Args, Debug, Clone)]
pub struct Job {
    /// The port of the source
    pub from: u16,
    /// The user at the source
    pub from_user: String,
    /// The port of the target
    pub to: u16,
    /// The user at the target, whose account is empty
    pub to_user: String,
}

/// What was copied.
#[derive(Debug, Default)]
pub struct Copied {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies an account.
pub fn copy(job: &Job) -> Result<Copied> {
    let mut source = Line::open(job.from, &Account::named(&job.from_user)).context("source")?;
    let mut target = Line::open(job.to, &Account::named(&job.to_user)).context("target")?;
    let names = source.folders()?;
    let there = target.folders()?;
    let commands: Vec<(String, String)> = names.iter().map(|_| (source.tag(), source.tag())).collect();
    let mut ahead = String::new();
    for (name, (examine, fetch)) in names.iter().zip(&commands) {
        ahead += &format!(
            "{examine} EXAMINE \"{name}\"\r\n{fetch} UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n"
        );
    }
    source.output.write_all(ahead.as_bytes())?;
    let missing = names.iter().filter(|name| !there.contains(name));
    let creates: String = missing.map(|name| format!("{} CREATE \"{name}\"\r\n", target.tag())).collect();
    target.output.write_all(creates.as_bytes())?;
    let output = BufWriter::with_capacity(OUTPUT, target.output.try_clone()?);
    let answers = thread::spawn(move || read_answers(&mut target));
    let mut appender = Appender { output, folder: String::new(), open: 0, open_bytes: 0, tags: 0 };
    let mut copied = Copied::default();
    for (name, (examine, fetch)) in names.iter().zip(&commands) {
        source.answer(examine)?;
        copy_folder(&mut source, fetch, name, &mut appender, &mut copied)?;
    }
    appender.end()?;
    appender.output.write_all(b"end LOGOUT\r\n")?;
    appender.output.flush()?;
    let refused = answers.join().map_err(|_| anyhow::anyhow!("reading answers panicked"))??;
    ensure!(refused.is_empty(), "refused: {refused:?}");
    Ok(copied)
}

/// Reads all that the target says up to its answer to the last command; what it refused.
fn read_answers(target: &mut Line) -> Result<Vec<String>> {
    let mut refused = Vec::new();
    loop {
        let line = target.read()?;
        if line.starts_with("end OK") {
            return Ok(refused);
        }
        let is_answer = line.starts_with(['t', 'a']);
        if is_answer && line.split(' ').nth(1).is_none_or(|word| word != "OK") {
            refused.push(line);
        }
    }
}

fn copy_folder(
    source: &mut Line,
    tag: &str,
    name: &str,
    to: &mut Appender,
    copied: &mut Copied,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        ensure!(source.input.read_until(b'\n', &mut line)? > 0, "the source closed the connection");
        if line.starts_with(tag.as_bytes()) {
            let text = String::from_utf8_lossy(&line);
            ensure!(text.contains(" OK "), "{text}");
            return Ok(());
        }
        let text = std::str::from_utf8(&line)?;
        if let Some(head) = Head::parse(text) {
            to.begin(name, &head)?;
            pass(source, to, head.size)?;
            copied.messages += 1;
            copied.bytes += head.size;
        } else if text.ends_with("}\r\n") {
            bail!("unexpected order of items: {text}");
        }
    }
}

/// Hands a body on in the pieces in which it comes.
fn pass(source: &mut Line, to: &mut Appender, size: u64) -> Result<()> {
    let mut body = (&mut source.input).take(size);
    loop {
        let piece = body.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        to.output.write_all(piece)?;
        let taken = piece.len();
        body.consume(taken);
    }
    ensure!(body.limit() == 0, "the source closed the connection in a message");
    Ok(())
}

/// What stands before a body.
struct Head<'a> {
    flags: &'a str,
    date: &'a str,
    size: u64,
}

impl<'a> Head<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (_, rest) = line.strip_prefix("* ")?.split_once("FLAGS (")?;
        let (flags, rest) = rest.split_once(')')?;
        let (_, rest) = rest.split_once("INTERNALDATE \"")?;
        let (date, rest) = rest.split_once('"')?;
        let (_, size) = rest.trim_end().strip_suffix('}')?.rsplit_once('{')?;
        Some(Self { flags, date, size: size.parse().ok()? })
    }
}

/// Writes messages into groups; it never waits for an answer.
struct Appender {
    output: BufWriter<TcpStream>,
    folder: String,
    open: usize,
    open_bytes: u64,
    tags: u32,
}

impl Appender {
    fn begin(&mut self, folder: &str, head: &Head<'_>) -> Result<()> {
        if self.folder != folder || self.open >= GROUP || self.open_bytes + head.size > GROUP_BYTES {
            self.end()?;
        }
        if self.open == 0 {
            self.tags += 1;
            write!(self.output, "a{} APPEND \"{folder}\"", self.tags)?;
            folder.clone_into(&mut self.folder);
        }
        self.output.write_all(b" (")?;
        let flags = head.flags.split(' ').filter(|flag| !flag.eq_ignore_ascii_case("\\Recent"));
        for (n, flag) in flags.enumerate() {
            write!(self.output, "{}{flag}", if n > 0 { " " } else { "" })?;
        }
        write!(self.output, ") \"{}\" {{{}+}}\r\n", head.date, head.size)?;
        self.open += 1;
        self.open_bytes += head.size;
        Ok(())
    }

    /// Ends the group, if one is open.
    fn end(&mut self) -> Result<()> {
        if self.open > 0 {
            self.output.write_all(b"\r\n")?;
            (self.open, self.open_bytes) = (0, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn what_stands_before_a_body() {
        let line = "* 3 FETCH (UID 3 FLAGS (\\Seen $Label1) INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" BODY[] {42}\r\n";
        let head = Head::parse(line).unwrap();
        assert_eq!((head.flags, head.date, head.size), ("\\Seen $Label1", " 1-Jan-2020 00:00:00 +0000", 42));
        assert!(Head::parse("* 3 EXISTS\r\n").is_none());
    }
}
