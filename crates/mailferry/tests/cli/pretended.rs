//! `--dry-run` of what is done with batches, users and endpoints: what would be done is said, and nothing changes.

use serde_json::json;

use super::{
    ferry::{Ferry, Ran},
    service::Service,
};

type Client<'a> = &'a dyn Fn(i32, &[&str]) -> Ran;

/// Endpoints over folders, and a batch `w` of anna@x, who is there, and ben@x, who is not.
fn scene(ferry: &Ferry, client: Client<'_>) {
    ferry.maildir("from/anna@x", 2);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to"), ("Next", "from")] {
        let path = ferry.path(folder).join("{user}");
        client(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    client(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
}

/// All that is remembered.
fn all(client: Client<'_>) -> String {
    let list = |noun| client(0, &[noun, "list", "-o", "json"]).out;
    [list("endpoint"), list("batch"), list("user"), list("audit")].concat()
}

/// What holds here and there alike; `wait` makes a service's client look on.
fn pretended(ferry: &Ferry, client: Client<'_>, wait: &[&str]) {
    scene(ferry, client);
    let dry = |code, words: &[&str]| {
        let before = all(client);
        let ran = client(code, &[words, &["--dry-run"]].concat());
        assert_eq!(all(client), before, "{words:?}");
        ran.out
    };
    let would = |what: &str| format!("{what}\nNothing was done.\n");
    assert_eq!(dry(0, &["batch", "start", "w"]), would("The batch w would start: 2 of 2 mailboxes."));
    dry(6, &["batch", "complete", "w"]);
    dry(6, &["user", "start", "anna@x"]);
    dry(4, &["batch", "start", "nothing"]);
    client(3, &[&["batch", "start", "w"], wait].concat());
    assert_eq!(dry(0, &["user", "retry", "ben@x"]), would("ben@x would retry; its batch is w."));
    assert_eq!(dry(0, &["user", "sync", "anna@x"]), would("anna@x would sync; its batch is w."));
    let nothing = "anna@x is Synced: there is nothing to start. What is new is carried by sync.";
    assert_eq!(dry(0, &["user", "start", "anna@x"]), would(nothing));
    dry(6, &["user", "stop", "anna@x"]);
    let pw = ferry.file("pw", "canary-4711");
    let set = ["user", "set", "anna@x", "--password-file", &pw, "--target-password-file", &pw];
    assert_eq!(dry(0, &set), would("Of anna@x would be replaced: source-password, target-password."));
    let told: serde_json::Value =
        serde_json::from_str(&dry(0, &["batch", "start", "w", "-o", "json"])).unwrap();
    assert_eq!(told["notices"], json!(["The batch w would start: 1 of 2 mailboxes."]), "{told}");

    let replaced = dry(0, &["endpoint", "replace", "Old", "--with", "Next", "--remove"]);
    assert!(replaced.starts_with("Next has no test as source in which nothing failed"), "{replaced}");
    assert!(
        replaced.ends_with(
            "Next would take the place of Old.\nWould point at it: w\nThe endpoint Old would be removed.\n\
             Nothing was done.\n"
        ),
        "{replaced}"
    );
    client(0, &["endpoint", "test", "Next", "--mailbox", "anna@x"]);
    let told = dry(0, &["endpoint", "replace", "Old", "--with", "Next", "--keep-running", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["kept"], &told["repointed"]), (&json!(["w"]), &json!([])), "{told}");
    dry(6, &["endpoint", "replace", "Old", "--with", "New"]);
    dry(6, &["endpoint", "remove", "Old"]);
    dry(4, &["endpoint", "remove", "Nothing"]);
    assert_eq!(
        dry(0, &["endpoint", "remove", "Next"]),
        "The endpoint Next could be removed; nothing was done.\n"
    );
    assert_eq!(
        dry(0, &["config", "set", "tenant-ceiling", "500"]),
        "tenant-ceiling could be 500; nothing was done.\n"
    );
    dry(2, &["config", "set", "tenant-ceiling", "5000"]);
}

#[test]
fn a_dry_run_says_what_would_be_done_here() {
    let ferry = Ferry::new();
    pretended(&ferry, &|code, words| ferry.ends(code, words), &[]);
}

#[test]
fn a_dry_run_says_what_would_be_done_at_a_service() {
    let ferry = Ferry::new();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    pretended(&service.ferry, &|code, words| service.client(code, words), &["--wait"]);
    service.stop();
}

#[test]
fn starting_what_is_completed_says_that_there_is_nothing_to_do() {
    let ferry = Ferry::new();
    scene(&ferry, &|code, words| ferry.ends(code, words));
    ferry.maildir("from/ben@x", 1);
    ferry.ends(0, &["batch", "start", "w", "--wait=completed"]);
    let told = ferry.ends(0, &["user", "start", "anna@x"]).err;
    assert!(
        told.starts_with("anna@x is Completed: there is nothing to start. What has come since"),
        "{told}"
    );
    let told = ferry.ends(0, &["batch", "start", "w"]).err;
    assert!(told.starts_with("The batch w is Completed: there is nothing to start."), "{told}");
    // As it is promised: another batch carries what is new, and doubles nothing.
    ferry.deliver("from/anna@x", 7);
    let csv = ferry.file("again.csv", "EmailAddress\nanna@x\n");
    ferry.ends(0, &["batch", "new", "again", "--source", "Old", "--target", "New", "--csv", &csv]);
    ferry.ends(0, &["batch", "start", "again"]);
    assert_eq!(super::ferry::count(&ferry.path("to/anna@x")), 3);
}
