//! Endpoints, batches, users and items, with everything in this process.

use serde_json::{Value, json};

use super::ferry::{Ferry, closed_port, count};

fn endpoint(ferry: &Ferry, name: &str, more: &[&str]) {
    let port = closed_port().to_string();
    let mut words = vec!["endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1"];
    words.extend(["--port", &port, "--security", "none"]);
    words.extend(more);
    ferry.ends(0, &words);
}

#[test]
fn endpoints_are_made_listed_changed_and_removed() {
    let ferry = Ferry::new();
    let password = ferry.file("pw", "canary-4711");
    endpoint(
        &ferry,
        "Old",
        &["--username", "boss", "--password-file", &password, "--admin-style", "dovecot"],
    );
    let shown = ferry.ends(0, &["endpoint", "show", "old", "-o", "json"]).json();
    assert_eq!((&shown["secrets"], &shown["settings"]["username"]), (&json!(["password"]), &json!("boss")));
    assert!(!shown.to_string().contains("canary"));
    ferry.ends(0, &["endpoint", "set", "Old", "--security", "tls", "--max-concurrent-migrations", "40"]);
    let again = ferry.ends(0, &["endpoint", "set", "Old", "--security", "tls"]);
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "name"]).out, "Old\n");
    let csv = ferry.ends(0, &["endpoint", "list", "-o", "csv", "--columns", "name,MaxConcurrentMigrations"]);
    assert_eq!(csv.out, "name,MaxConcurrentMigrations\r\nOld,40\r\n");
    for (code, words) in [
        (6, &["endpoint", "new", "OLD", "--type", "maildir", "--path", "/x"][..]),
        (2, &["endpoint", "new", "b", "--type", "pigeon"]),
        (2, &["endpoint", "new", "b", "--type", "imap"]),
        (2, &["endpoint", "new", "b", "--type", "imap", "--remote-server", "h", "--username", "u"]),
        (2, &["endpoint", "set", "Old", "--max-concurrent-incremental-syncs", "99"]),
        (2, &["endpoint", "set", "Old"]),
        (2, &["endpoint", "set", "Old", "--unset", "bogus"]),
        (4, &["endpoint", "show", "nobody"]),
        (4, &["endpoint", "remove", "nobody", "--yes"]),
        (6, &["endpoint", "remove", "Old"]),
    ] {
        let ran = ferry.run(words);
        assert_eq!(ran.code, code, "{words:?}\n{}", ran.err);
    }
    ferry.ends(0, &["endpoint", "set", "Old", "--unset", "password", "--unset", "username"]);
    let shown = ferry.ends(0, &["endpoint", "show", "old", "-o", "json"]).json();
    assert_eq!((&shown["secrets"], &shown["settings"]["username"]), (&json!([]), &Value::Null), "{shown}");
    ferry.ends(0, &["endpoint", "remove", "Old", "--yes"]);
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "json"]).json(), json!([]));
}

#[test]
fn a_test_stops_at_the_failing_step_with_its_exit_code() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    for (code, side) in [(21, "source"), (31, "target")] {
        let told = ferry.ends(code, &["endpoint", "test", "Old", "--as", side, "-o", "json"]).json();
        let outcomes: Vec<(&str, &str)> = told["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (s["step"].as_str().unwrap(), s["outcome"].as_str().unwrap()))
            .collect();
        assert_eq!(outcomes[..3], [("dns", "pass"), ("tcp", "fail"), ("tls", "not-run")], "{told}");
        assert_eq!(told["result"], "Failed");
        assert!(!told["steps"][1]["fix"].as_array().unwrap().is_empty(), "{told}");
    }
    assert_eq!(ferry.ends(0, &["endpoint", "show", "Old", "-o", "json"]).json()["status"], "Failed");
    let shown = ferry.ends(0, &["endpoint", "show", "Old"]).out;
    let line = shown.lines().find(|l| l.starts_with("lastTest")).unwrap();
    assert!(line.contains("Failed at tcp, 20") && line.len() < 150, "{line}");
}

#[test]
fn a_csv_is_judged_row_by_row_and_its_rejected_rows_import_again() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    endpoint(&ferry, "New", &[]);
    let csv = "\u{feff}EmailAddress,Password,TargetPassword\r\na@x,p,q\r\nanna,p,q\r\nb@x,,q\r\n";
    let users = ferry.file("users.csv", csv);
    let new = ["batch", "new", "w1", "--source", "Old", "--target", "New", "--csv"];
    let ran = ferry.ends(2, &[&new[..], &[&users]].concat());
    assert!(ran.err.contains("row 3:") && ran.err.contains("row 4:"), "{}", ran.err);
    let rejected = std::fs::read_to_string(ferry.path("rejected.csv")).unwrap();
    assert!(rejected.contains("anna,p,q,3,CSV_BAD_ADDRESS,"), "{rejected}");
    ferry.ends(3, &[&new[..], &[&users, "--skip-rejected"]].concat());
    let corrected = ferry.file("rest.csv", &rejected.replace("anna,", "anna@x,").replace("b@x,,", "b@x,p,"));
    ferry.ends(0, &["batch", "new", "w2", "--source", "Old", "--target", "New", "--csv", &corrected]);
    let users = ferry.ends(0, &["user", "list", "-o", "json"]).json();
    let addresses: Vec<&Value> = users.as_array().unwrap().iter().map(|u| &u["emailAddress"]).collect();
    assert_eq!(addresses, ["a@x", "anna@x", "b@x"]);
    let ran = ferry.ends(6, &["endpoint", "remove", "Old", "--yes"]);
    assert!(
        ran.err.contains("w1") && ran.err.contains("w2") && ran.err.contains("[ENDPOINT_IN_USE]"),
        "{}",
        ran.err
    );
    insta::assert_snapshot!(ferry.ends(0, &["batch", "list"]).out, @r"
    NAME  STATUS   SYNCED%  TOTAL  SYNCED  FINALIZED  FAILED  SCORE
    w1    Created      0.0      1       0          0       0  -
    w2    Created      0.0      2       0          0       0  -
    ");
    assert_eq!(ferry.ends(4, &["batch", "start", "w3"]).out, "");
    ferry.ends(6, &["batch", "complete", "w1"]);
    for none in ["0", "0s", "0m"] {
        ferry.ends(8, &["batch", "start", "w1", "--timeout", none]);
    }
    ferry.ends(2, &["batch", "start", "w1", "--timeout", "soon"]);
    ferry.ends(0, &["batch", "stop", "w1"]);
}

#[test]
fn rejected_rows_are_never_written_over_the_csv_and_no_row_is_lost_by_the_advice() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    endpoint(&ferry, "New", &[]);
    let new = ["batch", "new", "w1", "--source", "Old", "--target", "New", "--csv"];
    let header = "EmailAddress,Password,TargetPassword\n";
    let text = format!("{header}a@x,p,q\nanna,p,q\n");
    ferry.file("rejected.csv", &text);
    for name in ["rejected.csv", "./rejected.csv"] {
        let ran = ferry.ends(2, &[&new[..], &[name]].concat());
        assert_eq!(std::fs::read_to_string(ferry.path("rejected.csv")).unwrap(), text);
        assert!(ran.err.contains("1 row cannot be used; rejected-"), "{}", ran.err);
        assert!(ran.err.contains(&format!("Correct them in {name}, or use --skip-rejected")), "{}", ran.err);
        assert!(ran.err.contains("as a further batch"), "{}", ran.err);
    }
    let written = std::fs::read_to_string(ferry.path("rejected-2.csv")).unwrap();
    assert!(written.contains("anna,p,q,3,CSV_BAD_ADDRESS,") && !written.contains("a@x"), "{written}");
    let ran = ferry.ends(3, &[&new[..], &["rejected.csv", "--skip-rejected"]].concat());
    assert!(ran.out.contains("has 1 mailbox;"), "{}", ran.out);
    let ran = ferry.ends(2, &[&new[..], &["nofile.csv"]].concat());
    assert!(ran.err.contains("--csv nofile.csv: "), "{}", ran.err);
}

#[test]
fn a_second_row_with_one_target_goes_to_the_rejected_rows() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    endpoint(&ferry, "New", &[]);
    let header = "EmailAddress,Password,TargetUserName,TargetPassword\n";
    let csv = ferry.file("w.csv", &format!("{header}a@x,p,both,q\nb@x,p,both,q\n"));
    let ran = ferry.ends(2, &["batch", "new", "w1", "--source", "Old", "--target", "New", "--csv", &csv]);
    assert!(ran.err.contains("row 3: b@x would go into the same mailbox as row 2."), "{}", ran.err);
    let rejected = std::fs::read_to_string(ferry.path("rejected.csv")).unwrap();
    assert!(rejected.contains("\r\nb@x,p,both,q,3,CSV_SAME_TARGET,"), "{rejected}");
}

#[test]
fn a_mailbox_of_another_batch_goes_to_the_rejected_rows() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    endpoint(&ferry, "New", &[]);
    let header = "EmailAddress,Password,TargetPassword\n";
    let one = ferry.file("one.csv", &format!("{header}a@x,p,q\nb@x,p,q\n"));
    let two = ferry.file("two.csv", &format!("{header}c@x,p,q\nA@x,p,q\n"));
    let new = |name, csv| ["batch", "new", name, "--source", "Old", "--target", "New", "--csv", csv];
    ferry.ends(0, &new("w1", &one));
    let ran = ferry.ends(2, &new("w2", &two));
    assert!(ran.err.contains("row 3: A@x is already included in migration batch w1."), "{}", ran.err);
    let rejected = std::fs::read_to_string(ferry.path("rejected.csv")).unwrap();
    assert!(rejected.contains("\r\nA@x,p,q,3,CSV_IN_ANOTHER_BATCH,"), "{rejected}");
    let judged = ferry.ends(3, &[&new("w2", &two)[..], &["--dry-run"]].concat());
    let mut validate = new("w2", &two);
    validate[1] = "validate";
    let validated = ferry.ends(3, &validate);
    assert_eq!((validated.out, validated.err), (judged.out, judged.err));
    ferry.ends(3, &[&new("w2", &two)[..], &["--skip-rejected"]].concat());
    let corrected = rejected.replace("A@x", "d@x");
    // As a spreadsheet saves it.
    let units: Vec<u8> =
        ["\u{feff}", &corrected].concat().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rest = ferry.file("rest.csv", "");
    std::fs::write(&rest, units).unwrap();
    ferry.ends(0, &new("w3", &rest));
    let users = ferry.ends(0, &["user", "list", "-o", "json"]).json();
    let addresses: Vec<&Value> = users.as_array().unwrap().iter().map(|u| &u["emailAddress"]).collect();
    assert_eq!(addresses, ["a@x", "b@x", "c@x", "d@x"]);
    ferry.ends(6, &new("w1", &one));
    let told = ferry.ends(0, &["batch", "remove", "w1", "--dry-run"]).out;
    assert!(told.contains("The batch w1 could be removed; nothing was done."), "{told}");
    ferry.ends(0, &["batch", "remove", "w1", "--yes"]);
    ferry.ends(4, &["batch", "remove", "w1", "--dry-run"]);
    ferry.ends(0, &new("w4", &one));
}

/// Endpoints `Old` and `New`: Maildirs of users below `from` and `to`.
fn maildir_endpoints(ferry: &Ferry) {
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
}

#[test]
fn a_batch_with_a_failed_mailbox_is_not_perfect() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 2);
    maildir_endpoints(&ferry);
    let users = ferry.file("users.csv", "EmailAddress\nanna@x\nnobody@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &users]);
    let told = ferry.ends(3, &["batch", "start", "w", "--wait=synced", "-o", "json"]).json();
    assert_eq!((&told["score"], &told["result"]), (&json!("Poor"), &json!("partial")), "{told}");
    assert!(told["sentence"].as_str().unwrap().contains("NOT look good: 1 of 2 mailboxes failed"), "{told}");
    let shown = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json();
    assert_eq!(shown["dataConsistencyScore"], "Poor", "{shown}");
    let told = ferry.ends(3, &["verify", "w", "-o", "json"]).json();
    assert_eq!(
        (&told["score"], &told["identified"], &told["failed"][0]["user"]),
        (&json!("Poor"), &json!(2), &json!("nobody@x")),
        "{told}"
    );
    let told = ferry.ends(0, &["verify", "anna@x", "--deep"]).out;
    assert!(
        told.ends_with("all 2 identified items of the source are on the target. (score: Perfect)\n"),
        "{told}"
    );
    let one = std::fs::read_dir(ferry.path("from/anna@x/cur")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&one, one.with_file_name("1800000000.M1.h:2,S")).unwrap();
    let told = ferry.ends(3, &["verify", "anna@x", "-o", "csv"]).out;
    assert!(told.lines().nth(1).is_some_and(|l| l.starts_with("anna@x,missing,INBOX,")), "{told}");
    ferry.ends(4, &["verify", "nothing-of-that-name"]);
    assert!(!ferry.ends(2, &["verify", "imaps://u:canary-4711@h"]).err.contains("canary"));
    let failed = ferry.ends(0, &["user", "list", "-o", "json", "--filter", "statusSummary=Failed"]).json();
    let detail = failed[0]["detail"].as_object().unwrap();
    assert_eq!(failed.as_array().map(Vec::len), Some(1), "{failed}");
    assert!(["nextTry", "next_try"].iter().all(|name| detail.contains_key(*name)), "{failed}");
}

#[test]
fn an_empty_mailbox_of_a_batch_is_named() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 1);
    ferry.maildir("from/ben@x", 0);
    maildir_endpoints(&ferry);
    let users = ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &users]);
    for (words, field, called) in [
        (&["batch", "start", "w"][..], "batch", "w"),
        (&["verify", "w"], "batch", "w"),
        (&["verify", "ben@x"], "user", "ben@x"),
    ] {
        let ran = ferry.ends(0, &[words, &["-o", "json"]].concat());
        let told = ran.json();
        assert_eq!(told["warnings"].as_array().map(Vec::len), Some(1), "{told}");
        let warning = &told["warnings"][0];
        assert_eq!((&warning["code"], &warning["user"]), (&json!("SOURCE_EMPTY"), &json!("ben@x")), "{told}");
        assert!(ran.err.contains("warning: ben@x: its source has no items"), "{}", ran.err);
        assert_eq!((&told["score"], &told[field]), (&json!("Perfect"), &json!(called)), "{told}");
        assert!(field == "batch" || told.get("batch").is_none(), "{told}");
    }
}

#[test]
fn a_request_about_nothing_says_so_and_what_to_do() {
    let ferry = Ferry::new();
    let told = ferry.ends(4, &["batch", "show", "nope", "-o", "json"]).json();
    assert_eq!(told["sentence"], told["error"]["message"], "{told}");
    let told = ferry.ends(4, &["explain", "NOPE", "-o", "json"]).json();
    assert_eq!(told["error"]["fix"], json!(["List all codes: mailferry explain"]), "{told}");
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    let ran = ferry.ends(4, &["copy", &from, &to, "--include", "Nope", "--grace", "0"]);
    assert!(ran.err.contains("how the folder is written") && !ran.err.contains("list"), "{}", ran.err);
    let ran = ferry.ends(2, &["batch", "list", "--columns", "name,foo"]);
    assert!(ran.err.contains("--columns: number 2 of them is none here; there are name, "), "{}", ran.err);
    let imap = "imap://u@127.0.0.1:1?security=none";
    let ran = ferry.ends(2, &["copy", &from, imap, "--target-password-file", "nofile.txt"]);
    assert!(ran.err.contains("--target-password-file nofile.txt: "), "{}", ran.err);
    let set = ["endpoint", "set", "Old", "--password-file", "nofile.txt"];
    endpoint(&ferry, "Old", &[]);
    let ran = ferry.ends(2, &set);
    assert!(ran.err.contains("--password-file nofile.txt: "), "{}", ran.err);
}

#[test]
fn a_batch_is_changed_and_its_mailboxes_follow_with_the_next_pass() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 2);
    maildir_endpoints(&ferry);
    let users = ferry.file("users.csv", "EmailAddress\nanna@x\n");
    let new =
        ["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &users, "--notes", "for Ben"];
    ferry.ends(0, &[&new[..], &["--max-size", "1"]].concat());
    ferry.ends(0, &["batch", "start", "w"]);
    let copied = || count(&ferry.path("to/anna@x"));
    assert_eq!(copied(), 0, "all are too large");
    ferry.ends(2, &["batch", "set", "w"]);
    ferry.ends(4, &["batch", "set", "nothing", "--notes", "x"]);
    let told = ferry.ends(2, &["batch", "set", "w", "--map", "INBOX=Old"]).err;
    assert!(told.contains("[BATCH_FIXED]"), "{told}");
    let told = ferry.ends(0, &["batch", "set", "w", "--unset", "max-size", "--dry-run"]).out;
    assert_eq!(told, "The batch w could be changed so; nothing was done.\n");
    let told = ferry.ends(0, &["batch", "set", "w", "--unset", "max-size", "--delete", "-o", "json"]).json();
    let options = &told["options"];
    assert_eq!((&options["filter"]["maxSize"], &options["delete"]), (&json!(null), &json!(true)), "{told}");
    assert_eq!(told["notes"], "for Ben");
    assert_eq!(
        ferry.ends(0, &["batch", "set", "w", "--delete"]).out,
        "The batch w is so already: nothing was changed.\n"
    );
    ferry.ends(0, &["batch", "sync", "w"]);
    assert_eq!(copied(), 2);
    assert_eq!(ferry.ends(0, &["batch", "set", "w", "--unset", "notes"]).out, "The batch w is changed.\n");
}

#[test]
fn a_batch_begins_and_completes_by_itself_at_its_times() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from/anna", 2), ferry.maildir("to/anna", 0));
    let above = |path: &str| path.trim_start_matches("maildir:").trim_end_matches("/anna").to_owned();
    for (name, path) in [("old", &from), ("new", &to)] {
        let path = format!("{}/{{user}}", above(path));
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", &path]);
    }
    let csv = ferry.file("wave.csv", "EmailAddress,UserName,TargetUserName\nanna@example.org,anna,anna\n");
    let words = ["batch", "new", "wave", "--source", "old", "--target", "new", "--csv", &csv];
    let ran = ferry.ends(2, &[&words[..], &["--start-after", "2030-01-01 18:00"]].concat());
    assert!(ran.err.contains("--tz Europe/Berlin"), "{}", ran.err);
    let told = ferry
        .ends(0, &[&words[..], &["--start-after", "2030-01-01 18:00", "--tz", "Europe/Berlin"]].concat());
    assert!(told.out.contains("its mailboxes begin 2030-01-01 18:00 CET"), "{}", told.out);
    let shown = ferry.ends(0, &["batch", "show", "wave", "-o", "json"]).json();
    assert_eq!(shown["schedule"]["startAfter"], "2030-01-01T17:00:00Z");
    let ran = ferry.run(&["batch", "start", "wave", "--wait=synced", "--timeout", "3"]);
    assert_eq!((ran.code, count(&ferry.path("to/anna"))), (8, 0), "{}", ran.err);
    assert_eq!(ferry.ends(0, &["batch", "show", "wave", "-o", "json"]).json()["status"], "Waiting");
    ferry.ends(
        0,
        &[
            "batch",
            "set",
            "wave",
            "--start-after",
            "now",
            "--complete-after",
            "2030-01-01",
            "--sync-every",
            "never",
        ],
    );
    ferry.ends(0, &["batch", "start", "wave", "--wait=synced"]);
    assert_eq!(count(&ferry.path("to/anna")), 2);
    ferry.ends(0, &["batch", "set", "wave", "--complete-after", "now"]);
    ferry.ends(0, &["batch", "start", "wave", "--wait=completed"]);
    assert_eq!(ferry.ends(0, &["batch", "show", "wave", "-o", "json"]).json()["status"], "Completed");
}

#[test]
fn further_mailboxes_are_added_and_one_goes_to_another_batch_with_its_ledger() {
    let ferry = Ferry::new();
    let roots: Vec<String> =
        ["from", "to"].iter().map(|side| format!("{}/{{user}}", ferry.path(side).display())).collect();
    for (name, path) in [("old", &roots[0]), ("new", &roots[1])] {
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path]);
    }
    for user in ["anna", "bert", "cleo"] {
        ferry.maildir(&format!("from/{user}"), 2);
        ferry.maildir(&format!("to/{user}"), 0);
    }
    let rows = |users: &[&str]| {
        let lines = users.iter().map(|user| format!("{user}@x.example,{user},{user}\n"));
        format!("EmailAddress,UserName,TargetUserName\n{}", lines.collect::<String>())
    };
    let csv = |name: &str, users: &[&str]| ferry.file(name, &rows(users));
    let (first, second, third) = (csv("1.csv", &["anna"]), csv("2.csv", &["bert"]), csv("3.csv", &["cleo"]));
    let new = |name: &str, file: &str| {
        ferry.ends(0, &["batch", "new", name, "--source", "old", "--target", "new", "--csv", file]);
    };
    new("wave", &first);
    new("late", &third);
    let told = ferry.ends(0, &["batch", "add", "wave", "--csv", &second, "--dry-run"]);
    assert!(told.out.contains("1 mailbox could be added"), "{}", told.out);
    let told = ferry.ends(0, &["batch", "add", "wave", "--csv", &second]);
    assert!(told.out.contains("1 mailbox added to the batch wave, which has 2 now."), "{}", told.out);
    ferry.ends(0, &["batch", "start", "wave", "--wait=synced"]);
    assert_eq!((count(&ferry.path("to/anna")), count(&ferry.path("to/bert"))), (2, 2));
    ferry.ends(0, &["user", "move", "bert@x.example", "--to", "late"]);
    ferry.ends(0, &["batch", "start", "late", "--wait=completed"]);
    let shown = ferry.ends(0, &["batch", "show", "late", "-o", "json"]).json();
    assert_eq!((&shown["status"], &shown["total"]), (&json!("Completed"), &json!(2)));
    assert_eq!(count(&ferry.path("to/bert")), 2, "nothing came twice");
    assert_eq!(ferry.run(&["user", "move", "anna@x.example", "--to", "late"]).code, 6);
}

#[test]
fn a_batch_does_not_begin_while_an_endpoint_fails_its_test() {
    let ferry = Ferry::new();
    endpoint(&ferry, "Old", &[]);
    ferry.ends(
        0,
        &["endpoint", "new", "New", "--type", "maildir", "--path", ferry.path("{user}").to_str().unwrap()],
    );
    ferry.maildir("anna@x.example", 0);
    let csv = ferry.file("wave.csv", "EmailAddress,Password\nanna@x.example,p\n");
    ferry.ends(0, &["batch", "new", "wave", "--source", "Old", "--target", "New", "--csv", &csv]);
    let ran = ferry.ends(21, &["batch", "start", "wave"]);
    assert!(
        ran.err.contains("Old: its last test failed at tcp") && ran.err.contains("--despite-test"),
        "{}",
        ran.err
    );
    let shown = ferry.ends(0, &["batch", "show", "wave", "-o", "json"]).json();
    assert_eq!((&shown["status"], &shown["queued"]), (&json!("Waiting"), &json!(1)));
    ferry.ends(0, &["batch", "set", "wave", "--despite-test", "the port opens tonight"]);
    let ran = ferry.run(&["batch", "start", "wave", "--timeout", "5", "-o", "json"]);
    assert!(matches!(ran.code, 3 | 8), "the mailbox meets it itself: {} {}", ran.code, ran.err);
    let trail = ferry.ends(0, &["audit", "list", "-o", "json"]).out;
    assert!(trail.contains("the port opens tonight"), "{trail}");
    ferry.ends(0, &["batch", "set", "wave", "--unset", "despite-test"]);
    assert_eq!(ferry.ends(0, &["batch", "show", "wave", "-o", "json"]).json()["despiteTest"], Value::Null);
}

#[test]
fn one_sheet_becomes_waves_that_keep_together_who_shares() {
    let ferry = Ferry::new();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let rows =
        "a@x,10,Sales,board\nb@x,10,IT,\nc@x,10,Sales,\nd@x,10,Law,board\ne@x,nonsense,IT,\nf@x,10,Sales,\n";
    let csv = ferry.file("all.csv", &format!("EmailAddress,bytes,Department,Group\n{rows}"));
    let new = ["batch", "new", "Move", "--source", "Old", "--target", "New", "--csv", &csv];
    let waves = ["--waves", "2", "--wave-every", "30m", "--start-after", "2030-01-01T20:00:00Z"];
    let told = ferry.ends(0, &[&new[..], &waves[..], &["--dry-run"]].concat()).out;
    assert!(told.contains("The batch Move-1 would have") && told.contains("Move-2 would have"), "{told}");
    assert_eq!(ferry.ends(0, &["batch", "list", "-o", "json"]).json(), serde_json::json!([]));
    let ends = ["--complete-after", "2030-01-02T20:00:00Z"];
    ferry.ends(0, &[&new[..], &waves[..], &ends[..]].concat());
    let users = |name: &str| {
        let all = ferry.ends(0, &["user", "list", "--batch", name, "-o", "name"]).out;
        let mut all: Vec<String> = all.lines().map(str::to_owned).collect();
        all.sort();
        all
    };
    assert_eq!(users("Move-1"), ["a@x", "c@x", "d@x"], "Sales, and who shares with it");
    assert_eq!(users("Move-2"), ["b@x", "e@x", "f@x"]);
    let second = ferry.ends(0, &["batch", "show", "Move-2", "-o", "json"]).json();
    let schedule = &second["schedule"];
    assert_eq!(schedule["startAfter"], "2030-01-01T20:30:00Z", "{second}");
    assert_eq!(schedule["completeAfter"], "2030-01-02T20:30:00Z", "{second}");
    // Nothing is made where one of them cannot be.
    let others = ferry.file("others.csv", "EmailAddress\nx@x\ny@x\n");
    let again =
        ["batch", "new", "Next", "--source", "Old", "--target", "New", "--csv", &others, "--wave-size", "1"];
    let taken = ferry.file("taken.csv", "EmailAddress\nz@x\n");
    ferry.ends(0, &["batch", "new", "Next-2", "--source", "Old", "--target", "New", "--csv", &taken]);
    let refused = ferry.ends(6, &again);
    assert!(refused.err.contains("Next-2"), "{}", refused.err);
    let all = ferry.ends(0, &["batch", "list", "-o", "name"]).out;
    assert!(!all.contains("Next-1"), "{all}");
    ferry.ends(2, &[&new[..], &["--wave-every", "1h"]].concat());
    ferry.ends(2, &[&new[..], &["--waves", "2", "--pilot"]].concat());
}
