//! What is refused, with which code and which words.

use std::process::Command;

use super::ferry::{Ferry, Ran, closed_port};

#[test]
fn unknown_kinds_and_statuses_are_named() {
    let ferry = Ferry::new();
    let kinds = ["skipped", "missing", "doubled", "changedAtTarget", "rewritten", "notMigratable"];
    let told = ferry.ends(2, &["item", "list", "--kind", "lost"]).err;
    assert!(kinds.iter().all(|k| told.contains(k)), "{told}");
    kinds.iter().for_each(|k| _ = ferry.ends(0, &["item", "list", "--kind", k]));
    assert!(ferry.ends(2, &["user", "list", "--status", "lost"]).err.contains("IncrementalSynced"));
    ["Failed", "Active", "queued"].iter().for_each(|s| _ = ferry.ends(0, &["user", "list", "--status", s]));
}

#[test]
fn a_file_of_authorities_must_be_one() {
    let ferry = Ferry::new();
    let (empty, port) = (ferry.file("empty.pem", "nothing\n"), closed_port().to_string());
    let to = ferry.maildir("to", 0);
    let secret = ferry.file("pw", "p");
    let new = ["endpoint", "new", "E", "--type", "imap", "--remote-server", "127.0.0.1", "--port", &port];
    for path in ["nowhere.pem", &empty] {
        let told = ferry.ends(2, &[&new[..], &["--ca-file", path]].concat()).err;
        assert!(told.contains(path) && told.contains("[SETTINGS_REFUSED]"), "{told}");
        let url = format!("imaps://u@127.0.0.1:{port}");
        ferry.ends(2, &["copy", &url, &to, "--source-password-file", &secret, "--source-ca-file", path]);
    }
    ferry.ends(0, &new);
    ferry.ends(2, &["endpoint", "set", "E", "--ca-file", "nowhere.pem"]);
    ferry.ends(0, &["endpoint", "set", "E", "--security", "tls"]);
}

#[test]
fn a_variable_gives_an_endpoint_its_password() {
    let ferry = Ferry::new();
    let new = ["endpoint", "new", "E", "--type", "imap", "--remote-server", "h", "--username", "u"];
    ferry.ends(2, &new);
    let made = ferry.command(&new).env("MAILFERRY_PASSWORD", "canary-4711").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = ferry.ends(0, &["endpoint", "show", "E", "-o", "json"]).json();
    assert!(shown["secrets"][0] == "password" && !shown.to_string().contains("canary"), "{shown}");
}

#[test]
fn an_empty_password_in_a_url_is_one_too() {
    let ferry = Ferry::new();
    let (to, secret) = (ferry.maildir("to", 0), ferry.file("pw", "p"));
    for url in ["imaps://u:@127.0.0.1", "imaps://u:p@127.0.0.1"] {
        let told = ferry.ends(2, &["copy", url, &to, "--source-password-file", &secret]).err;
        assert!(told.contains("password file"), "{told}");
    }
}

#[test]
fn a_store_that_cannot_be_written_is_no_locked_one() {
    let ferry = Ferry::new();
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" endpoint list --data-dir fresh";
    let mut command = Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_mailferry")]).current_dir(ferry.path(""));
    let ran = Ran::of(&mut command);
    assert!(ran.err.contains("[STORE_UNUSABLE]") && ran.err.contains("disk is full"), "{}", ran.err);
}

/// At work, too, a disk that takes no more is no other process that writes.
#[test]
fn a_store_that_grows_no_more_at_work_is_no_busy_one() {
    let ferry = Ferry::new();
    assert_eq!(with_data(&ferry, &ferry.path("grown")).0, Some(0));
    let path = "x".repeat(400_000);
    let file =
        format!("endpoints:\n  - name: a\n    type: maildir\n    settings:\n      path: \"/{path}\"\n");
    let file = ferry.file("ends.yaml", &file);
    let limited = "trap '' XFSZ; ulimit -f 300; exec \"$0\" apply -f \"$1\" --yes --data-dir grown";
    let mut command = Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_mailferry"), &file]).current_dir(ferry.path(""));
    let ran = Ran::of(&mut command);
    assert!(ran.err.contains("[STORE_DISK_FAILS]") && ran.err.contains("ulimit -f"), "{}", ran.err);
}

/// The binary with another data folder.
fn with_data(ferry: &Ferry, folder: &std::path::Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
    command.args(["endpoint", "list", "--data-dir"]).arg(folder).current_dir(ferry.path(""));
    let ended = command.output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named_with_advice() {
    let ferry = Ferry::new();
    let file = ferry.file("file", "");
    std::fs::create_dir_all(ferry.path("odd/mailferry.db")).unwrap();
    std::fs::create_dir_all(ferry.path("locked")).unwrap();
    std::fs::write(ferry.path("locked/locks"), "").unwrap();
    std::fs::create_dir_all(ferry.path("damaged")).unwrap();
    std::fs::write(ferry.path("damaged/mailferry.db"), "this is no database ".repeat(100)).unwrap();
    let key = ferry.path("damaged/mailferry-master-key");
    ferry.ends(0, &["setup", "--master-key", key.to_str().unwrap()]);
    for folder in [
        file.as_str().into(),
        ferry.path("file/below"),
        "/proc/mailferry".into(),
        ferry.path("odd"),
        ferry.path("locked"),
        ferry.path("damaged"),
    ] {
        let (code, told) = with_data(&ferry, &folder);
        assert_eq!(code, Some(1), "{} {told}", folder.display());
        assert!(told.contains("[STORE_UNUSABLE]") && told.contains("fix:"), "{} {told}", folder.display());
    }
}

#[test]
fn an_administrator_without_a_style_is_a_mistake_of_usage() {
    let ferry = Ferry::new();
    let to = ferry.maildir("to", 0);
    let words = ["copy", "imap://u@127.0.0.1:1?security=none", &to, "--source-admin", "master"];
    let ran = ferry.ends(2, &words);
    assert!(ran.err.contains("--source-admin-style"), "{}", ran.err);
}

#[test]
fn a_style_without_an_administrator_is_a_mistake_of_usage() {
    let ferry = Ferry::new();
    let to = ferry.maildir("to", 0);
    let words = ["copy", "imap://u@127.0.0.1:1?security=none", &to, "--source-admin-style", "dovecot"];
    let ran = ferry.ends(2, &words);
    assert!(ran.err.contains("--source-admin-style needs --source-admin"), "{}", ran.err);
}

#[test]
fn every_mistake_of_usage_ends_with_an_object_and_only_what_moves_has_a_report() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    let finished = ferry.ends(0, &["copy", &from, &to, "-o", "json"]).json();
    let lists = ["skipped", "missing", "doubled", "changedAtTarget", "rewritten", "notMigratable"];
    let fields = ["result", "exitCode", "score", "identified", "placed", "bytes", "sentence"];
    for words in [
        &["copy", &from][..],
        &["copy", &from, &from],
        &["copy", &from, &to, "--no-such-flag"],
        &["copy", &from, &to, "--max-size", "huge"],
        &["copy", &from, &to, "--map", "A"],
        &["copy", "pigeon:x", &to],
        &["copy", "imaps://u:p@h", &to],
        &["verify", "imaps://u@h"],
        &["verify"],
        &["batch", "new", "w"],
        &["batch", "new", "w", "--source", "a", "--target", "b", "--csv", "nowhere.csv"],
        &["batch", "fly"],
        &["endpoint", "new", "e", "--type", "pigeon"],
        &["endpoint", "new", "e", "--type", "imap"],
        &["endpoint", "list", "--sort", "colour"],
        &["endpoint", "list", "--filter", "colour"],
        &["endpoint", "list", "--limit", "x"],
        &["item", "list", "--kind", "lost"],
        &["user", "list", "--status", "lost"],
        &["nonsense"],
        &[],
    ] {
        let ran = ferry.ends(2, &[words, &["-o", "json"]].concat());
        let told = ran.json();
        assert_eq!((&told["result"], &told["exitCode"]), (&"failed".into(), &2.into()), "{words:?} {told}");
        assert_eq!(told["code"], told["error"]["code"], "{words:?} {told}");
        assert_eq!(told["detail"], told["error"]["message"], "{words:?} {told}");
        assert!(told["title"].as_str().is_some_and(|t| !t.is_empty()), "{words:?} {told}");
        let moves = words.first().is_some_and(|noun| ["copy", "verify", "batch"].contains(noun));
        let of_report = fields.iter().filter(|f| !["result", "exitCode"].contains(f)).chain(&lists);
        for field in of_report {
            assert!(finished.get(field).is_some(), "{field}");
            assert_eq!(told.get(field).is_some(), moves, "{field} {words:?} {told}");
        }
        assert!(lists.iter().all(|l| told[l].as_array().is_none_or(Vec::is_empty)), "{words:?} {told}");
        assert!(told["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{words:?} {told}");
        assert!(!ran.err.is_empty(), "{words:?}");
    }
    let told = ferry.ends(4, &["endpoint", "show", "nobody", "-o", "json"]).json();
    assert_eq!((&told["exitCode"], told.get("score")), (&4.into(), None), "{told}");
}

/// What hangs up without a word greets no better later; it is tried a few times in a row.
#[test]
fn a_server_that_hangs_up_before_its_greeting_is_a_fault_of_the_protocol() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imap://u@127.0.0.1:{}?security=none", listener.local_addr().unwrap().port());
    std::thread::spawn(move || listener.incoming().for_each(drop));
    std::thread::scope(|scope| {
        for (code, side) in [(25, "source"), (35, "target")] {
            let url = &url;
            scope.spawn(move || {
                let ferry = Ferry::new();
                let (mailbox, secret) = (ferry.maildir("mailbox", 1), ferry.file("pw", "p"));
                let (from, to) = if side == "source" { (url, &mailbox) } else { (&mailbox, url) };
                let flag = format!("--{side}-password-file");
                ferry.ends(code, &["copy", from, to, &flag, &secret, "-o", "json"]);
            });
        }
    });
}

/// A secret at the wrong place is not repeated, by the parser or by us; what is wrong is still said.
#[test]
fn what_was_typed_as_a_value_is_not_repeated() {
    const SECRET: &str = "S3cret-4711";
    let ferry = Ferry::new();
    ferry.ends(0, &["endpoint", "new", "e", "--type", "imap", "--remote-server", "h.example"]);
    let new = |flag| ["endpoint", "new", "x", "--type", "imap", "--remote-server", "h.example", flag, SECRET];
    let unset = ["endpoint", "set", "e", "--unset", SECRET];
    for (words, told) in [
        (&new("--port")[..], "port is not a port"),
        (&new("--security"), "security is one of"),
        (&new("--test-mailbox-size"), "--test-mailbox-size"),
        (&["endpoint", "set", "e", "--port", SECRET], "port is not a port"),
        (&unset, "--unset"),
        (&["endpoint", "new", "x", "--type", SECRET], "--type is one of"),
        (&["batch", "start", "w", "--wait=S3cret-4711"], "synced, completed"),
        (&["batch", "start", "w", "--timeout", SECRET], "--timeout"),
        (&["copy", "maildir:a", "maildir:b", "--pasword=S3cret-4711"], "--pasword"),
        (&["copy", "maildir:a", "maildir:b", SECRET], "unexpected argument"),
        (&["copy", "S3cret-4711:x", "maildir:b"], "an account begins with"),
        (&["config", "set", "tenant-ceiling", SECRET], "a whole number"),
        (&["config", "get", SECRET], "tenant-ceiling"),
        (&["endpoint", "list", "--filter", SECRET], "COLUMN=VALUE"),
        (&["endpoint", "list", "--filter", "S3cret-4711=x"], "no such column"),
        (&["endpoint", "list", "--sort", SECRET], "no such column"),
        (&["endpoint", "list", "--columns", "name,S3cret-4711"], "number 2 of them"),
        (&["user", "list", "--status", SECRET], "no such status"),
        (&["endpoint", "list", "--server", SECRET], "https://"),
        (&["endpoint", "list", "--server", "https://u:S3cret-4711@h.example"], "names and passwords"),
        (&["endpoint", "list", "--context", SECRET], "no such context"),
        (&["batch", SECRET], "unrecognized subcommand"),
    ] {
        for more in [&[][..], &["-o", "json"]] {
            let mut command = ferry.command(&[words, more].concat());
            let ran = Ran::of(command.env("XDG_CONFIG_HOME", ferry.path("config")));
            let all = format!("{}{}", ran.out, ran.err);
            assert_eq!(ran.code, 2, "{words:?}\n{all}");
            assert!(!all.contains("S3cret") && ran.err.contains(told), "{words:?}\n{all}");
        }
    }
}
