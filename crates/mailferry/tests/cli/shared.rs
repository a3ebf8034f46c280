//! The shared store from the command line: its password stays unseen, its master key is one, and workers of other
//! processes move what a service was asked for. With a database where `MAILFERRY_TEST_POSTGRES_URL` names one.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{
    ferry::{Ferry, Ran, closed_port, count},
    service::Service,
};

const VARIABLE: &str = "MAILFERRY_DATABASE_URL";

#[test]
fn the_password_of_a_database_is_shown_nowhere() {
    let ferry = Ferry::new();
    let url = format!("postgresql://ferry:canary-9d1@127.0.0.1:{}/mail?sslmode=disable", closed_port());
    let file = ferry.file("url", &format!("{url}\n"));
    let bundle = ferry.path("bundle").to_string_lossy().into_owned();
    let mut seen = String::new();
    for (code, words) in [
        (5, vec!["endpoint", "list"]),
        (5, vec!["setup"]),
        (5, vec!["serve", "--listen", "127.0.0.1:0"]),
        (5, vec!["worker"]),
        (5, vec!["support", "bundle", &bundle]),
        (7, vec!["backup", &bundle]),
        (7, vec!["restore", &file]),
        (1, vec!["doctor", "-o", "json"]),
    ] {
        let by_file = Ran::of(ferry.command(&words).args(["-vv", "--database-url-file", &file]));
        let by_variable = Ran::of(ferry.command(&words).env(VARIABLE, &url));
        for ran in [by_file, by_variable] {
            assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
            seen += &format!("{}{}", ran.out, ran.err);
        }
    }
    // Who gives the URL itself in the place of the file.
    let mistaken = ferry.ends(2, &["endpoint", "list", "--database-url-file", &url]);
    let malformed =
        Ran::of(ferry.command(&["endpoint", "list", "-vv"]).env(VARIABLE, "mysql://canary-9d1@x/y"));
    assert!(malformed.code == 1 && malformed.err.contains("[STORE_URL]"), "{}", malformed.err);
    seen += &[mistaken.out, mistaken.err, malformed.out, malformed.err].concat();
    assert!(!seen.contains("canary-9d1"), "{seen}");
    for code in ["DATABASE_UNREACHABLE", "BACKUP_SHARED"] {
        assert!(seen.contains(code), "{code}: {seen}");
    }
}

#[test]
fn a_worker_alone_has_nothing_to_share() {
    let ferry = Ferry::new();
    for words in [&["worker"][..], &["serve", "--no-worker", "--listen", "127.0.0.1:0"]] {
        let refused = ferry.ends(2, words);
        assert!(refused.err.contains("[WORKER_NEEDS_DATABASE]"), "{}", refused.err);
    }
}

/// A schema of its own; `None`, loudly, where no PostgreSQL is named.
fn database() -> Option<String> {
    let Ok(url) = std::env::var("MAILFERRY_TEST_POSTGRES_URL") else {
        let words = b"SKIPPED on PostgreSQL: MAILFERRY_TEST_POSTGRES_URL is not set\n";
        std::io::stderr().write_all(words).unwrap();
        return None;
    };
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut admin = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&mut admin).await.unwrap();
    });
    let and = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{and}options=-csearch_path%3D{name}"))
}

#[test]
fn processes_of_a_shared_store_need_one_master_key() {
    let Some(url) = database() else { return };
    let (one, two) = (Ferry::new(), Ferry::new());
    let of = |ferry: &Ferry, words: &[&str]| Ran::of(ferry.command(words).env(VARIABLE, &url));
    let made = of(&one, &["setup", "-o", "json"]).json();
    assert_eq!(made["madeKey"], true, "{made}");
    let pw = one.file("pw", "canary boss");
    let boss =
        ["--type", "imap", "--remote-server", "a.example", "--username", "boss", "--password-file", &pw];
    let words = [&["endpoint", "new", "mail"][..], &boss].concat();
    assert_eq!(of(&one, &words).code, 0);
    let none = of(&two, &["endpoint", "list"]);
    assert!(none.code == 1 && none.err.contains("[DOCTOR_NO_KEY]"), "{} {}", none.code, none.err);
    assert!(!two.path("data/mailferry-master-key").exists(), "none was made");
    let other =
        Ran::of(two.command(&["worker"]).env(VARIABLE, &url).env("MAILFERRY_MASTER_KEY", "ab".repeat(32)));
    assert!(other.code != 0 && other.err.contains("[STORE_OTHER_KEY]"), "{} {}", other.code, other.err);
    let doctor = Ran::of(
        two.command(&["doctor", "-o", "json"])
            .env(VARIABLE, &url)
            .env("MAILFERRY_MASTER_KEY", "ab".repeat(32)),
    );
    assert!(doctor.code == 1 && doctor.out.contains("STORE_OTHER_KEY"), "{}", doctor.out);
    std::fs::copy(one.path("data/mailferry-master-key"), two.path("data/mailferry-master-key")).unwrap();
    assert_eq!(of(&two, &["endpoint", "list", "-o", "name"]).out, "mail\n");
    let doctor = of(&two, &["doctor", "-o", "json"]).json();
    let store = doctor["rows"].as_array().unwrap().iter().find(|row| row["check"] == "store").unwrap();
    assert_eq!(store["outcome"], "ok", "{doctor}");
    assert!(!two.path("data/mailferry.db").exists() && !one.path("data/mailferry.db").exists());
}

/// A worker that runs, in a folder of its own.
struct Worker(Child);

impl Worker {
    fn start(ferry: &Ferry, data: &str, url: &str, key: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
        command.args(["worker", "-o", "jsonl", "--data-dir"]).arg(ferry.path(data));
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("MAILFERRY_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.env(VARIABLE, url).env("MAILFERRY_MASTER_KEY", key).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("working"), "{line}");
        Self(child)
    }

    fn end(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[test]
fn workers_of_other_processes_move_what_a_service_was_asked_for() {
    let Some(url) = database() else { return };
    let key = "cd".repeat(32);
    let ferry = Ferry::new();
    let (old, new) = (ferry.maildir("old", 3), ferry.maildir("new", 0));
    let path = |account: &str| account.trim_start_matches("maildir:").to_owned();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let listens =
        ["serve", "--listen", "127.0.0.1:0", "-vv", "-o", "jsonl", "--no-worker", "--allow-folder", &folder];
    let mut command = ferry.command(&listens);
    command.env(VARIABLE, &url).env("MAILFERRY_MASTER_KEY", &key);
    let service = Service::by(ferry, command);
    service.sign_in();
    service.client(0, &["endpoint", "new", "old", "--type", "maildir", "--path", &path(&old)]);
    service.client(0, &["endpoint", "new", "new", "--type", "maildir", "--path", &path(&new)]);
    let csv = service.ferry.file("w.csv", "EmailAddress\na@x\n");
    let words =
        ["batch", "new", "w", "--source", "old", "--target", "new", "--csv", &csv, "--priority", "high"];
    service.client(0, &words);
    service.client(0, &["batch", "start", "w"]);
    assert_eq!(count(&service.ferry.path("new")), 0, "nobody works yet");
    let one = Worker::start(&service.ferry, "one", &url, &key);
    let two = Worker::start(&service.ferry, "two", &url, &key);
    let ran = service.client(0, &["batch", "start", "w", "--wait=completed", "-o", "json"]).json();
    assert_eq!((&ran["score"], &ran["batchStatus"]), (&"Perfect".into(), &"Completed".into()), "{ran}");
    assert_eq!(count(&service.ferry.path("new")), 3);
    assert_eq!(service.client(0, &["batch", "show", "w", "-o", "json"]).json()["priority"], "high");
    let reports = service.client(0, &["report", "list", "-o", "json"]).json();
    assert_eq!(
        reports.as_array().map(Vec::len),
        Some(1),
        "what a worker found is read by the service: {reports}"
    );
    assert_eq!(one.end(Signal::TERM), Some(0), "it ends in order");
    assert_eq!(two.end(Signal::KILL), None);
    let actions: Vec<_> = service
        .client(0, &["audit", "list", "-o", "json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap_or_default().to_owned())
        .collect();
    let of = |action: &str| actions.iter().filter(|one| *one == action).count();
    assert_eq!((of("worker.start"), of("worker.stop")), (2, 1), "{actions:?}");
    service.stop();
}
