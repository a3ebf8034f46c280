//! `cargo xtask peer …`: the same servers for people and for scripts in other languages.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::{Peer, cyrus, dovecot, install, postgres};

/// Which server, and what to do.
#[derive(Subcommand)]
pub enum Which {
    /// Installs all peers that are missing, when it may
    Install,
    /// An IMAP server with all modern extensions
    Dovecot {
        /// Start or end it
        #[command(subcommand)]
        verb: Verb<dovecot::Options>,
    },
    /// The strict IMAP server
    Cyrus {
        /// Start or end it
        #[command(subcommand)]
        verb: Verb<cyrus::Options>,
    },
    /// A database on a Unix socket
    Postgres {
        /// Start or end it
        #[command(subcommand)]
        verb: SocketVerb,
    },
}

/// For servers with ports.
#[derive(Subcommand)]
pub enum Verb<O: clap::Args> {
    /// Starts one and prints its description as JSON
    Up {
        /// All it owns; 70 characters at most
        dir: PathBuf,
        /// Plain text and STARTTLS; TLS on the next one
        port: u16,
        /// The variants
        #[command(flatten)]
        options: O,
    },
    /// Ends it; its folder stays
    Down {
        /// The folder it was started in
        dir: PathBuf,
    },
}

/// For servers without ports.
#[derive(Subcommand)]
pub enum SocketVerb {
    /// Starts one and prints its description as JSON
    Up {
        /// All it owns; 70 characters at most
        dir: PathBuf,
    },
    /// Ends it; its folder stays
    Down {
        /// The folder it was started in
        dir: PathBuf,
    },
}

/// Does it.
pub fn run(which: Which) -> Result<()> {
    let peer = match which {
        Which::Install => {
            let missing = install::ensure_all()?;
            if !missing.is_empty() {
                bail!("missing: {}", missing.join(", "));
            }
            return Ok(());
        }
        Which::Dovecot { verb: Verb::Up { dir, port, options } } => dovecot::up(&dir, port, &options)?,
        Which::Cyrus { verb: Verb::Up { dir, port, options } } => cyrus::up(&dir, port, &options)?,
        Which::Postgres { verb: SocketVerb::Up { dir } } => postgres::up(&dir)?,
        Which::Dovecot { verb: Verb::Down { dir } }
        | Which::Cyrus { verb: Verb::Down { dir } }
        | Which::Postgres { verb: SocketVerb::Down { dir } } => {
            let ran = Peer::of(&dir.canonicalize()?)?.down()?;
            println!("{}", if ran { "stopped" } else { "was not running" });
            return Ok(());
        }
    };
    println!("{}", serde_json::to_string_pretty(&peer)?);
    Ok(())
}
