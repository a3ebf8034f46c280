//! What the passes of a batch are for: verified credentials, a trial, what is old, all of it, only what failed.

use std::process::Stdio;

use super::ferry::{Ferry, Ran, count};

/// Endpoints over Maildirs, and a batch of anna@x with 15 messages, one of each year from 2010 on, and ben@x, who is not
/// there.
fn town(ferry: &Ferry) {
    ferry.maildir("from/anna@x", 0);
    for year in 0..15 {
        let seconds = 1_262_304_000 + year * 31_557_600_u64;
        let text = format!("From: a@x\r\nSubject: {year}\r\nMessage-ID: <{year}@x>\r\n\r\nbody {year}\r\n");
        std::fs::write(ferry.path(&format!("from/anna@x/cur/{seconds}.M{year}.h:2,S")), text).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(ferry.path(&format!("from/anna@x/cur/{seconds}.M{year}.h:2,S")));
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        file.unwrap().set_modified(at).unwrap();
    }
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
}

fn there(ferry: &Ferry) -> usize {
    count(&ferry.path("to/anna@x"))
}

fn start(ferry: &Ferry, code: i32, more: &[&str]) -> Ran {
    ferry.ends(code, &[&["batch", "start", "w"][..], more].concat())
}

#[test]
fn first_credentials_then_a_trial_then_what_is_old_then_all() {
    let ferry = Ferry::new();
    town(&ferry);
    let verified = start(&ferry, 3, &["--mode", "verify-credentials"]);
    assert!(verified.out.contains("FAILED ben@x"), "{}", verified.out);
    assert_eq!(there(&ferry), 0, "nothing moves");
    let users = ferry.ends(0, &["user", "list", "-o", "json"]).json();
    assert_eq!(
        (&users[0]["status"], &users[0]["detail"]["code"]),
        (&"Stopped".into(), &"CredentialsVerified".into())
    );
    assert_eq!(ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json()["status"], "Stopped");
    ferry.maildir("from/ben@x", 2);
    start(&ferry, 0, &["--mode", "verify-credentials"]);
    let trial = start(&ferry, 0, &["--mode", "trial"]);
    assert!(trial.out.contains("ran as a trial") && !trial.out.contains("looks good"), "{}", trial.out);
    assert_eq!(there(&ferry), 10);
    ferry.ends(6, &["batch", "complete", "w"]);
    let refused = start(&ferry, 2, &["--mode", "pre-stage"]);
    assert!(refused.err.contains("needs before"), "{}", refused.err);
    start(&ferry, 0, &["--mode", "pre-stage", "--before", "2022-06-01"]);
    assert_eq!(there(&ferry), 13, "of 2010 to 2022");
    assert!(start(&ferry, 0, &[]).out.contains("looks good: all 17"));
    assert_eq!(there(&ferry), 15);
    start(&ferry, 6, &["--mode", "trial"]);
    ferry.ends(0, &["batch", "complete", "w"]);
    assert_eq!(there(&ferry), 15);
}

#[test]
fn a_start_of_what_failed_leaves_the_others_alone() {
    let ferry = Ferry::new();
    town(&ferry);
    start(&ferry, 3, &[]);
    ferry.maildir("from/ben@x", 2);
    std::fs::write(ferry.path("from/anna@x/new/1800000000.M99.h"), "Subject: late\r\n\r\nlate\r\n").unwrap();
    start(&ferry, 0, &["--mode", "retry-errors"]);
    assert_eq!((there(&ferry), count(&ferry.path("to/ben@x"))), (15, 2), "anna is not synced again");
}

#[test]
fn others_wait_for_a_pilot_until_it_is_signed_off_or_somebody_says_why_not() {
    let ferry = Ferry::new();
    town(&ferry);
    ferry.maildir("from/ben@x", 1);
    ferry.maildir("from/cem@x", 1);
    ferry.maildir("from/dan@x", 1);
    for (name, address, more) in [("first", "cem@x", &["--pilot"][..]), ("late", "dan@x", &[])] {
        let csv = ferry.file("more.csv", &format!("EmailAddress\n{address}\n"));
        let words = ["batch", "new", name, "--source", "Old", "--target", "New", "--csv", &csv];
        ferry.ends(0, &[&words[..], more].concat());
    }
    let waits = start(&ferry, 6, &[]);
    assert!(
        waits.err.contains("[WaitingForPilot]") && waits.err.contains("1 mailbox not synced yet"),
        "{}",
        waits.err
    );
    assert_eq!(there(&ferry), 0);
    let why = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json()["why"].to_string();
    assert!(why.contains("the pilot first is not clean"), "{why}");
    ferry.ends(0, &["batch", "start", "first"]);
    start(&ferry, 6, &[]);
    ferry.ends(0, &["batch", "set", "late", "--despite-pilot", "the owner is away"]);
    ferry.ends(0, &["batch", "start", "late"]);
    ferry.ends(0, &["user", "sign-off", "cem@x", "--check", "mail-flow,calendar,mobile,desktop"]);
    start(&ferry, 6, &[]);
    let signed = ferry.ends(0, &["user", "sign-off", "cem@x", "--all", "--comment", "tried"]).out;
    assert!(signed.contains("cem@x is signed off"), "{signed}");
    start(&ferry, 0, &[]);
    assert_eq!(there(&ferry), 15);
}

#[test]
fn a_pilot_is_picked_out_of_a_sheet_and_the_rest_is_a_sheet_of_its_own() {
    let ferry = Ferry::new();
    town(&ferry);
    let rows = "c@x,Sales,5\nd@x,IT,7\ne@x,IT,9\nf@x,Law,8\n";
    let csv = ferry.file("all.csv", &format!("EmailAddress,Department,bytes\n{rows}"));
    let words = ["batch", "new", "first", "--source", "Old", "--target", "New", "--csv", &csv, "--pilot"];
    let picked = ferry.ends(0, &[&words[..], &["--suggest", "3", "--rest", "rest.csv"]].concat());
    assert!(picked.err.contains("picked e@x: the largest mailbox"), "{}", picked.err);
    assert!(picked.err.contains("no delegates are told"), "{}", picked.err);
    let batch = ferry.ends(0, &["batch", "show", "first", "-o", "json"]).json();
    assert_eq!((&batch["total"], &batch["pilot"]), (&3.into(), &true.into()));
    let rest = std::fs::read_to_string(ferry.path("rest.csv")).unwrap();
    assert_eq!(rest.lines().count(), 2, "{rest}");
    let rest = ferry.path("rest.csv").to_str().unwrap().to_owned();
    ferry.ends(0, &["batch", "new", "others", "--source", "Old", "--target", "New", "--csv", &rest]);
    ferry.ends(
        2,
        &["batch", "new", "x", "--source", "Old", "--target", "New", "--csv", &csv, "--suggest", "3"],
    );
}

/// Without a service nobody but the next command can see to it that a stop comes to its end.
#[test]
fn a_batch_that_was_stopped_after_its_run_was_killed_can_be_started() {
    let ferry = Ferry::new();
    town(&ferry);
    ferry.maildir("from/ben@x", 1);
    let mut killed = ferry.command(&["batch", "start", "w", "--bwlimit", "50"]);
    let mut child = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = || ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json()["status"].clone();
    let under_way = || ferry.ends(0, &["user", "list", "-o", "json"]).json()[0]["status"] == "Syncing";
    let began = std::time::Instant::now();
    while !under_way() {
        assert!(began.elapsed().as_secs() < 30, "{}", status());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    ferry.ends(0, &["batch", "stop", "w"]);
    assert_eq!(status(), "Stopping");
    assert!(start(&ferry, 0, &[]).out.contains("looks good: all 16"));
    assert_eq!((there(&ferry), count(&ferry.path("to/ben@x"))), (15, 1));
}
