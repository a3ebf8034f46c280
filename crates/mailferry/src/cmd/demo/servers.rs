//! The two servers of a demo: real ones started by the task runner where it is there and can, else two in this process.

use std::{net::TcpListener, path::Path, process::Command};

use mailferry_lab::imap::{Config, Quirk, Refused, Server, User};
use mailferry_model::cancel::Cancel;
use serde::{Deserialize, Serialize};

use super::{
    child::output,
    stage::{Stage, last},
    town::{MAILBOXES, Scripts},
};
use crate::exit::Failure;

/// The variable that names the task runner.
const TASK_RUNNER: &str = "MAILFERRY_XTASK";

/// The one who signs in for all, in servers of ours.
const ADMIN: &str = "master";

/// Source and target.
pub struct Servers {
    /// What they are, for people.
    pub name: String,
    /// The port of the source.
    pub source_port: u16,
    /// The port of the target.
    pub target_port: u16,
    /// The administrator of both.
    pub admin: String,
    /// The users, as the source names them.
    pub users: Vec<(String, String)>,
    running: Running,
}

/// What `peer.json` says, as far as we ask.
#[derive(Deserialize, Serialize)]
struct Facts {
    server: String,
    version: String,
    imap: u16,
    imaps: u16,
    admin: Account,
    accounts: Vec<Account>,
}

/// One who may sign in.
#[derive(Deserialize, Serialize)]
struct Account {
    user: String,
    password: String,
    email: String,
}

impl Account {
    /// Of a server of ours; the password follows from the name.
    fn named(user: &str) -> Self {
        Self { user: user.to_owned(), password: format!("pw-{user}"), email: format!("{user}@example.org") }
    }

    fn all() -> Vec<Self> {
        (1..=MAILBOXES).map(|n| Self::named(&format!("user{n:04}"))).collect()
    }
}

enum Running {
    /// Ended by the task runner; the commands.
    Apart(Vec<Vec<String>>),
    /// Ended when they are dropped.
    Here { source: Server, _target: Server },
}

impl Servers {
    /// Starts both, each described by a `peer.json` in the folders `source` and `target` of the stage.
    ///
    /// Without scripts nobody could plant in a real one.
    pub async fn start(stage: &Stage, scripts: Option<&Scripts>) -> Result<Self, Failure> {
        if scripts.is_none() {
            return Self::start_here(stage).await;
        }
        let Some(runner) = std::env::var_os(TASK_RUNNER) else {
            stage.say(&format!(
                "{TASK_RUNNER} is not set: two servers in this process take the place of Dovecot."
            ))?;
            return Self::start_here(stage).await;
        };
        let runner = runner.to_string_lossy().into_owned();
        let down = |side: &str| {
            let folder = stage.folder.join(side).display().to_string();
            vec![runner.clone(), "peer".into(), "dovecot".into(), "down".into(), folder]
        };
        let running = Running::Apart(vec![down("source"), down("target")]);
        // Each to its end: one that is half up is known to nobody.
        match tokio::join!(up(stage, &runner, "source"), up(stage, &runner, "target")) {
            (Ok(source), Ok(target)) => Self::described(stage, source, &target, running),
            (Err(failure), _) | (_, Err(failure)) => {
                let _ = stop(stage, &running).await;
                let why = failure.sentence();
                let why = why.lines().next().unwrap_or_default();
                stage.say(&format!("No Dovecot ({why}): two servers in this process take its place."))?;
                Self::start_here(stage).await
            }
        }
    }

    fn described(stage: &Stage, source: Facts, target: &Facts, running: Running) -> Result<Self, Failure> {
        for (side, facts) in [("source", &source), ("target", target)] {
            stage.write(&format!("secrets/{side}"), &format!("{}\n", facts.admin.password))?;
        }
        Ok(Self {
            name: format!("{} {}", source.server, source.version).trim_end().to_owned(),
            source_port: source.imap,
            target_port: target.imap,
            admin: source.admin.user,
            users: source.accounts.into_iter().map(|a| (a.email, a.user)).collect(),
            running,
        })
    }

    async fn start_here(stage: &Stage) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| Failure::own(format!("a server in this process: {e}"));
        let source = Server::start(config(Vec::new())).await.map_err(failed)?;
        let target = Server::start(config(vec![
            Quirk::Refuses(Refused::Empty),
            Quirk::Refuses(Refused::LongKeyword(50)),
            Quirk::ClampsDates,
            Quirk::NormalizesLineEnds,
        ]));
        let target = target.await.map_err(failed)?;
        let described = (describe(stage, "source", &source)?, describe(stage, "target", &target)?);
        Self::described(stage, described.0, &described.1, Running::Here { source, _target: target })
    }

    /// Whether they live in this process.
    pub fn source_here(&self) -> Option<&Server> {
        match &self.running {
            Running::Here { source, .. } => Some(source),
            Running::Apart(_) => None,
        }
    }

    /// Ends both.
    pub async fn stop(self, stage: &Stage) -> Result<(), Failure> {
        stop(stage, &self.running).await
    }

    /// Leaves them running and says how to end them; those of this process run until Ctrl-C.
    pub async fn keep(self, stage: &Stage, cancel: &Cancel) -> Result<(), Failure> {
        stage.head("When you have seen enough")?;
        match &self.running {
            Running::Apart(commands) => {
                for command in commands {
                    stage.say(&format!("  {}", command.join(" ")))?;
                }
                stage.say(&format!("  rm -r {}", stage.folder.display()))
            }
            Running::Here { .. } => {
                stage.say("  Ctrl-C here: the servers live in this process.")?;
                cancel.cancelled().await;
                Ok(())
            }
        }
    }
}

/// A server of ours: the same users as the real one has.
fn config(quirks: Vec<Quirk>) -> Config {
    let user = |a: Account| User { name: a.user, password: a.password, ..User::default() };
    let admin = Account::named(ADMIN);
    Config {
        users: Account::all().into_iter().map(user).collect(),
        masters: vec![(admin.user, admin.password)],
        quirks,
        ..Config::default()
    }
}

/// As the task runner describes a server.
fn describe(stage: &Stage, side: &str, server: &Server) -> Result<Facts, Failure> {
    let facts = Facts {
        server: "lab".to_owned(),
        version: String::new(),
        imap: server.port(),
        imaps: 0,
        admin: Account::named(ADMIN),
        accounts: Account::all(),
    };
    let folder = stage.folder.join(side);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::own(format!("{}: {e}", folder.display())))?;
    let text = serde_json::to_string(&facts).map_err(|e| Failure::own(e.to_string()))?;
    stage.write(&format!("{side}/peer.json"), &text)?;
    Ok(facts)
}

/// Starts a Dovecot; its description.
async fn up(stage: &Stage, runner: &str, side: &str) -> Result<Facts, Failure> {
    let folder = stage.folder.join(side);
    let port = two_free_ports(if side == "source" { 0 } else { 1 })?;
    let mut command = Command::new(runner);
    command.args(["peer", "dovecot", "up"]).arg(&folder);
    command.args([&port.to_string(), "--users", &MAILBOXES.to_string()]);
    let out = output(&stage.folder, command).await?;
    if out.code != Some(0) {
        return Err(Failure::own(last(&out.complaint).to_owned()));
    }
    read(&folder.join("peer.json"))
}

fn read(path: &Path) -> Result<Facts, Failure> {
    let failed = |e: String| Failure::own(format!("{}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| failed(e.to_string()))
}

async fn stop(stage: &Stage, running: &Running) -> Result<(), Failure> {
    let Running::Apart(commands) = running else { return Ok(()) };
    let downs = commands.iter().map(|command| async move {
        let Some((program, arguments)) = command.split_first() else { return Ok(()) };
        let mut down = Command::new(program);
        down.args(arguments);
        let out = output(&stage.folder, down).await?;
        match out.code {
            Some(0) => Ok(()),
            _ => Err(Failure::own(format!("{}: {}", command.join(" "), last(&out.complaint)))),
        }
    });
    // Each is tried, also when another fails.
    futures_util::future::join_all(downs).await.into_iter().collect()
}

/// The first of two adjacent free ports, below those of outgoing connections; the two sides look in different places.
fn two_free_ports(side: u32) -> Result<u16, Failure> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = std::process::id().wrapping_mul(7) % 5000;
    let mut ports = (0..2500)
        .map(|n| 20_000 + side * 6_000 + (start + n * 2) % 5000)
        .filter_map(|p| u16::try_from(p).ok());
    ports.find(|port| free(*port) && free(port + 1)).ok_or_else(|| Failure::own("there are no free ports"))
}
