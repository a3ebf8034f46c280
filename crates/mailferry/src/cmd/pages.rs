//! `completions` and `man`: what shells and readers want to know of the command line, from the command line itself.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;

use super::Asked;
use crate::{
    archive::Draft,
    args,
    exit::{self, Failure},
    out,
};

/// A shell that completes words.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Completing {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell
    Powershell,
}

/// The flags of `completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Completing,
}

/// The flags of `man`.
#[derive(Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, instead of the first one to standard output
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// When the pages were last looked through; of the version, not of the day of printing.
const DATE: &str = "2026-11-30";

/// What is read from the environment, as a section of the manual.
const ENVIRONMENT: &str = ".SH ENVIRONMENT
.TP
MAILFERRY_DATA_DIR
the data folder, where \\-\\-data\\-dir does not name it
.TP
MAILFERRY_MASTER_KEY
the master key, instead of the file in the data folder
.TP
CREDENTIALS_DIRECTORY
where systemd lays credentials: the master key is the one called mailferry\\-master\\-key
.TP
NO_COLOR
no colours
";

/// The published table of exit codes.
const EXIT_CODES: &str = include_str!("../../../../docs/reference/exit-codes.md");

fn command(asked: &Asked<'_>) -> Command {
    let manifests: Vec<_> = asked.connectors.iter().map(|c| c.manifest()).collect();
    args::command(&manifests)
}

/// Prints the script of a shell.
pub fn completions(asked: &Asked<'_>, args: &CompletionsArgs) -> Result<u8, Failure> {
    let shell = match args.shell {
        Completing::Bash => Shell::Bash,
        Completing::Zsh => Shell::Zsh,
        Completing::Fish => Shell::Fish,
        Completing::Powershell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(asked), "mailferry", &mut script);
    out::print(&String::from_utf8_lossy(&script));
    Ok(exit::OK)
}

/// Prints the manual, or writes all of its pages.
pub fn man(asked: &Asked<'_>, args: &ManArgs) -> Result<u8, Failure> {
    let mut whole = command(asked).disable_help_subcommand(true);
    whole.build();
    let Some(dir) = &args.dir else {
        let page = page(&whole, "mailferry").map_err(|e| Failure::own(e.to_string()))?;
        out::print(&String::from_utf8_lossy(&page));
        return Ok(exit::OK);
    };
    let written = std::fs::create_dir_all(dir).and_then(|()| write(&whole, "mailferry", dir));
    let pages = written.map_err(|e| Failure::usage(format!("--dir {}: {e}", dir.display())))?;
    asked.out.say(&format!("Wrote {pages} pages into {}: man -l {0}/mailferry.1", dir.display()));
    Ok(exit::OK)
}

fn write(command: &Command, name: &str, dir: &std::path::Path) -> io::Result<usize> {
    let mut file = Draft::of(&dir.join(format!("{name}.1")))?;
    file.write_all(&page(command, name)?)?;
    file.keep_open_to_all()?;
    let mut pages = 1;
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        pages += write(below, &format!("{name}-{}", below.get_name()), dir)?;
    }
    Ok(pages)
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    // clap keeps names for good; these are a few dozen, once.
    let named = command.clone().name(name.to_owned()).version(env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    clap_mangen::Man::new(named).title(name.to_uppercase()).date(DATE).render(&mut page)?;
    // An empty line between two breaks is one break too many for those who check pages.
    let mut text = String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n");
    if name == "mailferry" {
        text.push_str(&exit_status());
        text.push_str(ENVIRONMENT);
    }
    Ok(text.into_bytes())
}

/// The table as a section of the manual.
fn exit_status() -> String {
    let mut text = String::from(".SH \"EXIT STATUS\"\n");
    let rows = EXIT_CODES.lines().filter_map(|l| l.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    for (code, meaning) in rows.filter(|(code, _)| code.starts_with(|c: char| c.is_ascii_digit())) {
        let meaning = meaning.replace('\\', "\\e").replace('-', "\\-").replace('`', "");
        text.push_str(&format!(".TP\n{}\n{meaning}\n", code.replace('–', "\\(en")));
    }
    text
}
