//! The play: from two endpoints to a verified migration, then the independent reading and what it all came to.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    servers::Servers,
    stage::Stage,
    summary::{next, sum_up},
    town::{MAILBOXES, ODD, Scripts, plant_plain},
};
use crate::{
    exit::{Failure, OK, PARTIAL},
    out::{bytes, duration},
};

/// A batch with something skipped ends so, too.
const MOVED: [u8; 2] = [OK, PARTIAL];

/// A play under way.
struct Play<'a> {
    stage: &'a Stage,
    servers: &'a Servers,
    scripts: Option<&'a Scripts>,
    /// How long the batch worked.
    worked: Duration,
}

/// Plays it all; whether the three conditions hold under which a demo succeeds.
pub async fn play(stage: &Stage, servers: &Servers, scripts: Option<&Scripts>) -> Result<bool, Failure> {
    let mut play = Play { stage, servers, scripts, worked: Duration::ZERO };
    play.plant().await?;
    play.endpoints().await?;
    play.batch().await?;
    play.change().await?;
    let looks_good = play.complete().await?;
    play.look().await?;
    let judgement = play.judge().await?;
    let well = looks_good && judgement["same"] == true;
    sum_up(stage, &judgement, looks_good, play.worked).await?;
    next(stage, &play.verify_line(1))?;
    Ok(well)
}

impl Play<'_> {
    async fn plant(&self) -> Result<(), Failure> {
        let (stage, servers) = (self.stage, self.servers);
        stage.head("A town that moves")?;
        let planted = match (self.scripts, servers.source_here()) {
            (Some(scripts), _) => scripts.run(stage, "plant", &[]).await?,
            (None, Some(server)) => {
                plant_plain(server);
                Value::Null
            }
            (None, None) => {
                return Err(Failure::own("Without python3 and the scripts nobody can plant in Dovecot."));
            }
        };
        let ports = match stage.stays {
            true => format!(", ports {} and {}", servers.source_port, servers.target_port),
            false => String::new(),
        };
        stage.say(&format!("Source and target ({}) run on 127.0.0.1{ports}.", servers.name))?;
        let n = |name: &str| planted[name].as_u64().unwrap_or(0);
        if self.scripts.is_some() {
            stage.say(&format!(
                "Planted: {} messages, {}, in {} folders of {} mailboxes; user{ODD:04} holds every oddity, \
                 user{MAILBOXES:04} everything twice.",
                n("messages"),
                bytes(n("bytes")),
                n("folders"),
                n("mailboxes")
            ))?;
        } else {
            stage.say("!! NO INDEPENDENT READING: python3 or tests/interop is missing. The demo cannot succeed (exit code 1).")?;
        }
        for what in texts(&planted["notPlanted"]) {
            stage.say(&format!("  not planted: {what}"))?;
        }
        for what in texts(&planted["keptDifferently"]) {
            stage.say(&format!("  the source itself shows it otherwise than planted: {what}"))?;
        }
        if !stage.stays {
            return Ok(());
        }
        stage.say("")?;
        stage.say(&format!("$ cd {}", stage.folder.display()))?;
        stage.say("$ export MAILFERRY_DATA_DIR=$PWD/data")
    }

    async fn endpoints(&self) -> Result<(), Failure> {
        self.stage.head("1. Two endpoints: one administrator signs in for all mailboxes")?;
        let sides =
            [("old", "source", self.servers.source_port), ("new", "target", self.servers.target_port)];
        for (name, side, port) in sides {
            let admin = &self.servers.admin;
            let line = format!(
                "endpoint new {name} --type imap --remote-server 127.0.0.1 --port {port} --security none \
                 --username {admin} --password-file secrets/{side} --admin-style dovecot"
            );
            self.stage.show(&line, &[OK], 4).await?;
        }
        self.stage.head("2. Each is asked, step by step")?;
        for (name, side, _) in sides {
            self.stage
                .show(&format!("endpoint test {name} --as {side} --mailbox user0001"), &[OK], 12)
                .await?;
        }
        self.stage
            .say("Each step is shown with its evidence; the warning is fair: these two servers have no TLS.")
    }

    async fn batch(&mut self) -> Result<(), Failure> {
        self.stage.head("3. A batch from a CSV, and its first sync")?;
        let rows = self.servers.users.iter().map(|(email, user)| format!("{email},{user},{email},{user}\n"));
        let header = "EmailAddress,UserName,TargetAddress,TargetUserName\n";
        self.stage.write("users.csv", &(header.to_owned() + &rows.collect::<String>()))?;
        let line = "batch new town --source old --target new --csv users.csv --delete";
        self.stage.show(line, &[OK], 4).await?;
        let took = self.work("batch start town --wait=synced").await?;
        let batch = self.stage.ask("batch show town", &[OK]).await?;
        let n = |name: &str| batch[name].as_u64().unwrap_or(0);
        self.stage.say(&format!(
            "{} of {} mailboxes synced in {}: {} messages, {}. People go on working in the old system.",
            n("synced"),
            n("total"),
            duration(took),
            n("itemsSynced"),
            bytes(n("bytesSynced"))
        ))
    }

    async fn change(&mut self) -> Result<(), Failure> {
        self.stage.head("4. A day later: what changed follows")?;
        if let Some(scripts) = self.scripts {
            let done = scripts.run(self.stage, "more", &[]).await?;
            self.stage.say(&format!(
                "At the source, meanwhile: {} new messages, {} flagged, {} moved to another folder, {} deleted.",
                done["new"], done["flagged"], done["moved"], done["removed"]
            ))?;
        }
        let took = self.work("batch sync town --wait=synced").await?;
        self.stage.say(&format!("The incremental sync took {}: it carries changes only.", duration(took)))
    }

    async fn complete(&mut self) -> Result<bool, Failure> {
        self.stage.head("5. The last sync, and a full verification")?;
        let took = self.work("batch complete town --wait=completed").await?;
        let report = self.stage.ask("batch watch town", &MOVED).await?;
        let batch = self.stage.ask("batch show town", &[OK]).await?;
        let finalized = batch["finalized"].as_u64().unwrap_or(0);
        self.stage
            .say(&format!("{finalized} mailboxes completed and looked at afresh in {}.", duration(took)))?;
        let sentence = report["sentence"].as_str().unwrap_or_default();
        Ok(sentence.starts_with("The migration looks good") && finalized == MAILBOXES as u64)
    }

    async fn look(&self) -> Result<(), Failure> {
        self.stage.head("6. Every mailbox, and every item that is not exactly as it was")?;
        self.stage.show("user list --batch town", &[OK], 16).await?;
        self.stage.show("item list --batch town", &[OK], 12).await?;
        self.stage.head("7. A second look at the oddest mailbox, whenever one likes")?;
        self.stage.show(&self.verify_line(ODD), &MOVED, 8).await?;
        Ok(())
    }

    /// Runs a pass of the batch; the seconds it took.
    async fn work(&mut self, line: &str) -> Result<f64, Failure> {
        let began = Instant::now();
        let ran = self.stage.show(line, &MOVED, 16).await?;
        let took = began.elapsed();
        self.worked += took;
        if ran.code == PARTIAL {
            self.stage.say("  (exit code 3: something was skipped, and is listed)")?;
        }
        Ok(took.as_secs_f64())
    }

    fn verify_line(&self, number: usize) -> String {
        let url = |port: u16| format!("imap://user{number:04}@127.0.0.1:{port}?security=none");
        let side = |side: &str| {
            let admin = &self.servers.admin;
            format!(
                "--{side}-admin {admin} --{side}-admin-style dovecot --{side}-password-file secrets/{side}"
            )
        };
        let (source, target) = (url(self.servers.source_port), url(self.servers.target_port));
        format!("verify {source} {target} {} {}", side("source"), side("target"))
    }

    /// The independent reading: nothing where there is nobody to read.
    async fn judge(&self) -> Result<Value, Failure> {
        let Some(scripts) = self.scripts else { return Ok(Value::Null) };
        self.stage.head("8. The judgement, by a program that knows no mailferry (Python's imaplib)")?;
        let items = self.stage.ask("item list --batch town", &[OK]).await?;
        self.stage.write("listed.json", &items.to_string())?;
        let told = scripts.run(self.stage, "judge", &["listed.json"]).await?;
        for (name, what) in [
            ("differences", "differs, and is listed"),
            ("sourceFaults", "THE SOURCE WAS CHANGED"),
            ("unlisted", "DIFFERS, AND IS NOT LISTED"),
            ("unfounded", "LISTED, BUT DOES NOT DIFFER"),
        ] {
            for text in texts(&told[name]) {
                self.stage.say(&format!("  {what}: {text}"))?;
            }
        }
        self.stage.say(match told["same"] == true {
            true => "Everything else is the same to the byte: bodies, folders, flags, keywords, dates.",
            false => "THE TARGET IS NOT WHAT WAS PLANTED.",
        })?;
        Ok(told)
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
