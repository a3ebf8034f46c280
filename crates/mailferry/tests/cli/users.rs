//! `user start|retry|sync|complete|stop|remove`: one mailbox, here and where a service is.

use super::{
    ferry::{Ferry, Ran, count, wave},
    service::Service,
};

/// The wave, synced as far as that goes.
fn scene(ferry: &Ferry, client: &dyn Fn(i32, &[&str]) -> Ran) {
    wave(ferry, client);
    client(6, &["user", "start", "anna@x"]);
    client(3, &["batch", "start", "w", "--wait"]);
}

fn statuses(client: &dyn Fn(i32, &[&str]) -> Ran) -> Vec<String> {
    let users = client(0, &["user", "list", "--batch", "w", "-o", "json"]).json();
    let status = |user: &serde_json::Value| user["status"].as_str().unwrap().to_owned();
    users.as_array().unwrap().iter().map(status).collect()
}

/// What holds here and there alike; `wait` makes a service's client look on.
fn one_by_one(ferry: &Ferry, client: &dyn Fn(i32, &[&str]) -> Ran, wait: &[&str]) {
    scene(ferry, client);
    assert_eq!(statuses(client), ["Synced", "Failed"]);
    ferry.maildir("from/ben@x", 3);
    ferry.deliver("from/anna@x", 7);
    let told = client(0, &[&["user", "retry", "ben@x", "-o", "json"], wait].concat()).json();
    assert_eq!((&told["batch"], &told["batchStatus"]), (&"w".into(), &"Synced".into()), "{told}");
    assert_eq!(statuses(client), ["Synced", "Synced"]);
    let copied = |name: &str| count(&ferry.path(name));
    assert_eq!((copied("to/ben@x"), copied("to/anna@x")), (3, 2), "the other one was left alone");
    client(0, &[&["user", "sync", "anna@x"], wait].concat());
    assert_eq!((statuses(client)[0].as_str(), copied("to/anna@x")), ("IncrementalSynced", 3));

    let refused = client(6, &["user", "stop", "anna@x"]).err;
    assert!(refused.contains("[WRONG_STATE]"), "{refused}");
    client(6, &["user", "retry", "anna@x"]);
    client(4, &["user", "start", "nobody@x"]);
    client(4, &["user", "stop", "anna@x", "--batch", "nothing"]);
    client(2, &["user", "set", "anna@x"]);
    client(6, &["user", "remove", "ben@x"]);
    let told = client(0, &["user", "remove", "ben@x", "--dry-run"]);
    assert!(
        format!("{}{}", told.out, told.err).contains("could be removed; nothing was done."),
        "{}",
        told.err
    );
    let told = client(0, &["user", "remove", "ben@x", "--yes"]).out;
    assert_eq!(told, "ben@x is removed; its ledger stays.\n");
    assert_eq!(statuses(client), ["IncrementalSynced"]);
    assert!(client(6, &["user", "remove", "anna@x", "--yes"]).err.contains("remove the batch"));
    assert_eq!(copied("to/ben@x"), 3, "what was moved stays");
}

#[test]
fn one_mailbox_of_a_batch_here() {
    let ferry = Ferry::new();
    one_by_one(&ferry, &|code, words| ferry.ends(code, words), &[]);
}

#[test]
fn one_mailbox_of_a_batch_at_a_service() {
    let ferry = Ferry::new();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    one_by_one(&service.ferry, &|code, words| service.client(code, words), &["--wait"]);
    let told = service.client(0, &["user", "sync", "anna@x", "-o", "json"]).json();
    assert_eq!((&told["emailAddress"], &told["batch"]), (&"anna@x".into(), &"w".into()), "{told}");
    let paced = service.client(2, &["user", "sync", "anna@x", "--bwlimit", "1M"]).err;
    assert!(paced.contains("are the service's to say"), "{paced}");
    let audit = service.client(0, &["audit", "list", "-o", "json"]).out;
    assert!(audit.contains("user.retry") && audit.contains("user.remove"), "{audit}");
    service.stop();
}

#[test]
fn one_address_in_several_batches_is_asked_for_by_its_batch() {
    let ferry = Ferry::new();
    scene(&ferry, &|code, words| ferry.ends(code, words));
    ferry.maildir("from/ben@x", 1);
    ferry.ends(0, &["user", "retry", "ben@x"]);
    ferry.ends(0, &["batch", "complete", "w"]);
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\n");
    ferry.ends(0, &["batch", "new", "v", "--source", "Old", "--target", "New", "--csv", &csv]);
    ferry.ends(0, &["batch", "start", "v"]);
    let told = ferry.ends(2, &["user", "sync", "anna@x"]).err;
    assert!(told.contains("--batch: ") && told.contains('v') && told.contains('w'), "{told}");
    ferry.ends(0, &["user", "sync", "anna@x", "--batch", "v"]);
}

#[test]
fn one_mailbox_is_completed_alone_and_the_last_one_completes_its_batch() {
    let ferry = Ferry::new();
    let client = |code, words: &[&str]| ferry.ends(code, words);
    scene(&ferry, &client);
    ferry.maildir("from/ben@x", 3);
    ferry.ends(0, &["user", "retry", "ben@x"]);
    ferry.deliver("from/anna@x", 7);
    let told = ferry.ends(0, &["user", "complete", "anna@x", "--dry-run"]).out;
    assert!(told.starts_with("anna@x would complete; its batch is w."), "{told}");
    let told = ferry.ends(0, &["user", "complete", "anna@x", "-o", "json"]).json();
    assert_eq!(told["batchStatus"], "Synced", "{told}");
    assert_eq!(statuses(&client), ["Completed", "Synced"]);
    assert_eq!(count(&ferry.path("to/anna@x")), 3, "what came last was carried");
    ferry.ends(0, &["user", "complete", "anna@x"]);
    let told = ferry.ends(0, &["user", "complete", "ben@x", "-o", "json"]).json();
    assert_eq!(told["batchStatus"], "Completed", "{told}");
    assert_eq!(statuses(&client), ["Completed", "Completed"]);
}

#[test]
fn native_cmdlets_start_stop_and_remove_one_mailbox() {
    let ferry = Ferry::new();
    scene(&ferry, &|code, words| ferry.ends(code, words));
    ferry.maildir("from/ben@x", 3);
    let shell = |code, line: &str| ferry.ends(code, &["shell", "-c", line]);
    let told = shell(0, "Start-MigrationUser ben@x -WhatIf").out;
    assert!(told.contains("on target \"ben@x\""), "{told}");
    assert_eq!(count(&ferry.path("to/ben@x")), 0);
    shell(0, "Get-MigrationUser -Status Failed | Start-MigrationUser");
    assert_eq!(count(&ferry.path("to/ben@x")), 3);
    assert!(shell(6, "Stop-MigrationUser ben@x").err.contains("WRONG_STATE"));
    assert!(shell(2, "Stop-MigrationUser").err.contains("-Identity is missing"));
    shell(4, "Remove-MigrationUser nobody@x -Confirm:$false");
    let told = shell(0, "Remove-MigrationUser ben@x -Confirm:$false").err;
    assert!(told.contains("ben@x is removed from w"), "{told}");
    assert!(shell(2, "Set-MigrationUser anna@x").err.contains("-ApproveSkippedItems"));
    let later = shell(0, "Set-MigrationUser anna@x -CompleteAfter '1/1/2999'").err;
    assert!(later.contains("anna@x completes 2999-01-01T00:00:00Z"), "{later}");
    let at = || ferry.ends(0, &["user", "show", "anna@x", "-o", "json"]).json()["completeAfter"].clone();
    assert_eq!(at(), "2999-01-01T00:00:00Z");
    let told = ferry.ends(0, &["user", "set", "anna@x", "--complete-after", "with-batch"]).out;
    assert_eq!((told.as_str(), at()), ("anna@x completes with its batch.\n", serde_json::Value::Null));
    shell(0, "Set-MigrationUser anna@x -SyncNow");
}
