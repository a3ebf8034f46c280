//! `cargo xtask bench imap`: Dovecot to Dovecot on this machine, all tools in turns, medians.
//!
//! Both stores are in memory. Every copy goes to a user who is new, and is recounted afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::line::Line;
use super::meter::{self, Used};
use super::report::{Report, Sample};
use super::tools::{Copy, Tool, rawcopy};
use super::{corpus, relay};
use crate::peers::{Account, Guard, dovecot, process};
use crate::{root, run};

/// How much to measure.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// How often each tool copies
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// How many messages the mailbox has
    #[arg(long, default_value_t = 10_000)]
    pub messages: usize,
    /// The seed of the mailbox
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Without the runs through the relay
    #[arg(long)]
    pub loopback_only: bool,
    /// A further argument for mailferry
    #[arg(long, allow_hyphen_values = true)]
    pub product_arg: Vec<String>,
}

/// Between source and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// None.
    Loopback,
    /// 20 ms of round trip added.
    Rtt20,
    /// None, but the mailbox is one message of 100 MB and four of 19 MB: for memory alone.
    Heavy,
}

impl Distance {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Rtt20 => "20 ms",
            Self::Heavy => "heavy",
        }
    }
}

const RTT: Duration = Duration::from_millis(20);
const SOURCE_USER: &str = "user0001";
const HEAVY_USER: &str = "user0002";

/// What stays the same for all copies.
struct Field {
    folder: tempfile::TempDir,
    source: Guard,
    target: Guard,
    far: (u16, u16),
    written: corpus::Corpus,
    heavy: corpus::Corpus,
    next_user: usize,
    programs: PathBuf,
}

/// Measures, and prints a table or one line of JSON.
pub fn run(options: &Options) -> Result<()> {
    let tools = tools(options)?;
    let per_tool = if options.loopback_only { 1 } else { 2 };
    let mut field = Field::make(options, 2 + (options.runs * per_tool + 1) * tools.len())?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // The first reading builds the source's index; it is not measured.
    field.copy(Tool::Raw, Distance::Loopback, options)?;
    let mut samples: BTreeMap<(Distance, Tool), Vec<Sample>> = BTreeMap::new();
    for round in 1..=options.runs {
        for distance in [Distance::Loopback, Distance::Rtt20] {
            for tool in tools.iter().copied() {
                let skipped = distance == Distance::Rtt20 && (options.loopback_only || tool == Tool::Doveadm);
                if skipped {
                    continue;
                }
                let sample = field.copy(tool, distance, options)?;
                if !options.json {
                    let seconds = sample.copy.seconds;
                    println!("{round}/{} {} {}: {seconds:.2} s", options.runs, distance.name(), tool.name());
                }
                samples.entry((distance, tool)).or_default().push(sample);
            }
        }
    }
    for tool in tools.iter().copied().filter(|tool| !matches!(tool, Tool::Doveadm | Tool::Rawcopy)) {
        let sample = field.copy(tool, Distance::Heavy, options)?;
        samples.entry((Distance::Heavy, tool)).or_default().push(sample);
    }
    let report = Report::new(&samples, field.written, field.heavy);
    if options.json {
        println!("{}", report.json()?);
    } else {
        println!("\nload before: {}load after:  {}", load, std::fs::read_to_string("/proc/loadavg")?);
        println!("{}", report.table());
        println!("{}", report.json()?);
    }
    Ok(())
}

/// The tools that are here.
fn tools(options: &Options) -> Result<Vec<Tool>> {
    let programs = root::target().join("release");
    ensure!(run::has("dovecot"), "Dovecot is not installed: `cargo xtask peer install`");
    let mut tools = vec![Tool::Raw];
    if is_program(&rawcopy()) {
        tools.push(Tool::Rawcopy);
    }
    let asked = std::process::Command::new(programs.join("mailferry")).args(["copy", "--help"]).output();
    let has_copy = asked.is_ok_and(|out| out.status.success() && !out.stdout.is_empty());
    for (tool, is_here) in [
        (Tool::Doveadm, run::has("doveadm")),
        (Tool::Mbsync, run::has("mbsync")),
        (Tool::Mailferry, has_copy),
    ] {
        if is_here {
            tools.push(tool);
        } else if !options.json {
            println!("!! {} is not here: its figures are missing", tool.name());
        }
    }
    Ok(tools)
}

/// Whether this can be started: a file, or a name that is on the path.
fn is_program(name: &OsStr) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(name).is_file() || std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

impl Field {
    fn make(options: &Options, copies: usize) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("mfb").tempdir_in(place)?;
        process::open_for_passing(folder.path())?;
        let start = |name: &str, users: usize| {
            let options = dovecot::Options { users, ..dovecot::Options::default() };
            process::on_free_pair(|port| dovecot::up(&folder.path().join(name), port, &options)).map(Guard)
        };
        let (source, target) = (start("a", 2)?, start("b", copies + 1)?);
        let mail = source.0.mail()?;
        let written =
            corpus::write(&mail.store.join(SOURCE_USER), &mail.owner, options.messages, options.seed)?;
        if !options.json {
            println!(
                "{} messages, {:.0} MB, Dovecot {}",
                written.messages,
                written.bytes as f64 / 1e6,
                source.0.version
            );
        }
        let far = (relay::start(mail.imap, RTT)?, relay::start(target.0.mail()?.imap, RTT)?);
        let heavy = corpus::write_heavy(&mail.store.join(HEAVY_USER), &mail.owner)?;
        let programs = root::target().join("release");
        Ok(Self { folder, source, target, far, written, heavy, next_user: 1, programs })
    }

    /// One copy to a new user, recounted and then removed; with the second pass where there is one.
    fn copy(&mut self, tool: Tool, distance: Distance, options: &Options) -> Result<Sample> {
        self.next_user += 1;
        let user = Account::numbered(self.next_user).user;
        let state = self.folder.path().join(format!("state-{user}"));
        std::fs::create_dir_all(&state)?;
        let (from, wanted) = match distance {
            Distance::Heavy => (HEAVY_USER, self.heavy.messages),
            Distance::Loopback | Distance::Rtt20 => (SOURCE_USER, self.written.messages),
        };
        let target = self.target.0.mail()?;
        let near = (self.source.0.mail()?.imap, target.imap);
        let copy = Copy {
            ports: if distance == Distance::Rtt20 { self.far } else { near },
            users: (from, &user),
            target_config: &self.target.0.config,
            state: &state,
            programs: &self.programs,
            more: &options.product_arg,
        };
        let (used, said) = meter::run_and_read(&mut copy.command(tool)?).context(tool.name())?;
        let first = if tool == Tool::Mailferry { without_verification(used, &said)? } else { used };
        let second = if tool.has_second_pass() { Some(meter::run(&mut copy.command(tool)?)?) } else { None };
        let there = Line::open(target.imap, &Account::named(&user))?.count()?;
        ensure!(there == wanted, "{}: {there} of {wanted} messages arrived", tool.name());
        std::fs::remove_dir_all(&state)?;
        std::fs::remove_dir_all(target.store.join(&user))?;
        Ok(Sample { copy: first, second: second.map(|used: Used| used.seconds) })
    }
}

/// A copy of ours without its verification, which the others do not do: the report tells how long that took,
/// and how much CPU had been used when it began.
fn without_verification(used: Used, said: &str) -> Result<Used> {
    let object = said.find('{').map_or("", |at| &said[at..]);
    let report: serde_json::Value = serde_json::from_str(object.trim()).context("the report of a copy")?;
    let field = |name: &str| report[name].as_f64().with_context(|| format!("the report has no {name}"));
    let (verified, cpu) = (field("verifyMs")? / 1000.0, field("movedCpuMs")? / 1000.0);
    Ok(Used { seconds: used.seconds - verified, cpu, ..used })
}
