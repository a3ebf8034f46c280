//! The two servers of a demo: real ones started by the task runner where it is there and can, else two in this process.

use std::{net::TcpListener, path::Path, process::Command};

use mailferry_lab::imap::{Config, Quirk, Refused, Server, User};
use mailferry_model::cancel::Cancel;
use serde_json::{Value, json};

use super::{
    child::output,
    stage::{Stage, last},
    town::MAILBOXES,
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
    pub source_port: u64,
    /// The port of the target.
    pub target_port: u64,
    /// The administrator of both.
    pub admin: String,
    /// The users, as the source names them.
    pub users: Vec<(String, String)>,
    running: Running,
}

enum Running {
    /// Ended by the task runner; the commands.
    Apart(Vec<Vec<String>>),
    /// Ended when they are dropped.
    Here { _source: Server, _target: Server },
}

impl Servers {
    /// Starts both, each described by a `peer.json` in the folders `source` and `target` of the stage.
    pub async fn start(stage: &Stage) -> Result<Self, Failure> {
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
        match tokio::try_join!(up(stage, &runner, "source"), up(stage, &runner, "target")) {
            Ok((source, target)) => Self::described(stage, &source, &target, running),
            Err(failure) => {
                let _ = stop(stage, &running).await;
                let why = failure.sentence();
                let why = why.lines().next().unwrap_or_default();
                stage.say(&format!("No Dovecot ({why}): two servers in this process take its place."))?;
                Self::start_here(stage).await
            }
        }
    }

    fn described(stage: &Stage, source: &Value, target: &Value, running: Running) -> Result<Self, Failure> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let accounts = source["accounts"].as_array().cloned().unwrap_or_default();
        for (side, facts) in [("source", source), ("target", target)] {
            stage.write(&format!("secrets/{side}"), &format!("{}\n", text(&facts["admin"]["password"])))?;
        }
        Ok(Self {
            name: format!("{} {}", text(&source["server"]), text(&source["version"])).trim_end().to_owned(),
            source_port: source["imap"].as_u64().unwrap_or(0),
            target_port: target["imap"].as_u64().unwrap_or(0),
            admin: text(&source["admin"]["user"]),
            users: accounts.iter().map(|a| (text(&a["email"]), text(&a["user"]))).collect(),
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
        let described = [describe(stage, "source", &source)?, describe(stage, "target", &target)?];
        Self::described(
            stage,
            &described[0],
            &described[1],
            Running::Here { _source: source, _target: target },
        )
    }

    /// Whether they live in this process.
    pub fn source_here(&self) -> Option<&Server> {
        match &self.running {
            Running::Here { _source, .. } => Some(_source),
            Running::Apart(_) => None,
        }
    }

    /// Ends both.
    pub async fn stop(self, stage: &Stage) -> Result<(), Failure> {
        stop(stage, &self.running).await
    }

    /// Leaves them running and says how to end them; those of this process run until Ctrl-C.
    pub async fn keep(self, stage: &Stage, cancel: &Cancel) -> Result<(), Failure> {
        let folder = stage.folder.display();
        stage.head("When you have seen enough")?;
        match &self.running {
            Running::Apart(commands) => {
                for command in commands {
                    stage.say(&format!("  {}", command.join(" ")))?;
                }
            }
            Running::Here { .. } => {
                stage.say("  Ctrl-C here: the servers live in this process.")?;
                cancel.cancelled().await;
            }
        }
        stage.say(&format!("  rm -r {folder}"))
    }
}

/// A server of ours: the same users as the real one has.
fn config(quirks: Vec<Quirk>) -> Config {
    let user =
        |n| User { name: format!("user{n:04}"), password: format!("pw-user{n:04}"), ..User::default() };
    Config {
        users: (1..=MAILBOXES).map(user).collect(),
        masters: vec![(ADMIN.to_owned(), format!("pw-{ADMIN}"))],
        quirks,
        ..Config::default()
    }
}

fn describe(stage: &Stage, side: &str, server: &Server) -> Result<Value, Failure> {
    let account = |user: &str| json!({ "user": user, "password": format!("pw-{user}"), "email": format!("{user}@example.org") });
    let accounts: Vec<Value> = (1..=MAILBOXES).map(|n| account(&format!("user{n:04}"))).collect();
    let facts = json!({
        "server": "lab", "version": "", "imap": server.port(), "imaps": 0, "accounts": accounts,
        "admin": account(ADMIN), "host": "127.0.0.1",
    });
    let folder = stage.folder.join(side);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::own(format!("{}: {e}", folder.display())))?;
    stage.write(&format!("{side}/peer.json"), &facts.to_string())?;
    Ok(facts)
}

/// Starts a Dovecot; its description.
async fn up(stage: &Stage, runner: &str, side: &str) -> Result<Value, Failure> {
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

fn read(path: &Path) -> Result<Value, Failure> {
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
