//! `endpoint test` where a service is: its worker asks the mail system, and the command shows what it found.

use super::{outcome, scene::Scene};
use crate::{ferry::Ferry, service::Service};

#[test]
fn the_services_worker_makes_the_tests_and_no_secret_is_shown() {
    let scene = Scene::with(&[], &[]).letters(2);
    let port = scene.source.port().to_string();
    let service = Service::start(Ferry::new(), &[]);
    service.sign_in();
    let imap = ["--type", "imap", "--remote-server", "127.0.0.1", "--port", &port, "--security", "none"];
    let with = |begin: &[&str], more: &[&str]| -> Vec<String> {
        [begin, &imap, more].concat().iter().map(|w| (*w).to_owned()).collect()
    };
    let wrong = scene.ferry.file("wrong", "canary-wrong\n");
    let ask = |code: i32, words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        service.client(code, &words)
    };

    // Before anything is stored.
    let right = ["--username", "ann", "--password-file", &scene.secret, "-o", "json"];
    let told = ask(0, &with(&["endpoint", "test"], &right)).json();
    assert_eq!(
        (&told["result"], &*outcome(&told, "imap-inbox-opens")),
        (&"Success".into(), "pass"),
        "{told}"
    );
    let refused = ["--username", "ann", "--password-file", &wrong, "--as", "target", "-o", "json"];
    let told = ask(33, &with(&["endpoint", "test"], &refused)).json();
    assert_eq!(outcome(&told, "imap-signs-in"), "fail", "{told}");
    ask(23, &with(&["endpoint", "new", "Bad", "--test"], &refused[..4]));
    service.client(4, &["endpoint", "show", "Bad"]);

    // What was tested is made with what was found.
    ask(0, &with(&["endpoint", "new", "Mail", "--test"], &right[..4]));
    let shown = service.client(0, &["endpoint", "show", "Mail", "-o", "json"]).json();
    assert_eq!((&shown["status"], &shown["lastTest"]["result"]), (&"Connected".into(), &"Success".into()));

    // A stored one; a mailbox of its own that is refused says nothing about it, a refused sign-in does.
    service.client(0, &["endpoint", "test", "Mail"]);
    let named = ["endpoint", "test", "Mail", "--mailbox", "bob", "--mailbox-password-file", &wrong];
    assert_ne!(service.client(23, &named).out, "");
    let state = || service.client(0, &["endpoint", "show", "Mail", "-o", "json"]).json()["status"].clone();
    assert_eq!(state(), "Connected");
    service.client(0, &["endpoint", "set", "Mail", "--password-file", &wrong]);
    service.client(23, &["endpoint", "test", "Mail"]);
    assert_eq!(state(), "NeedsToConnect");
    service.client(0, &["endpoint", "set", "Mail", "--password-file", &scene.secret]);
    let told = service.client(0, &["endpoint", "test", "Mail", "--for", "2s", "-o", "json"]).json();
    assert!(told["repeated"]["times"].as_u64() >= Some(1), "{told}");

    // Row by row, and as natively spelt.
    let csv = "EmailAddress,UserName,Password\na@x,ann,canary-4711\nb@x,bob,canary-4711\n";
    let csv = scene.ferry.file("users.csv", csv);
    let rows = ask(23, &with(&["endpoint", "test"], &["--csv", &csv, "-o", "json"])).json();
    assert_eq!(
        (&rows[0]["outcome"], &rows[1]["code"]),
        (&"pass".into(), &"SOURCE_AUTH_FAILED".into()),
        "{rows}"
    );
    let line = "Test-MigrationServerAvailability -Endpoint Mail | Format-List Result";
    assert!(service.client(0, &["shell", "-c", line]).out.contains("Result : Success"));

    let audit = service.client(0, &["audit", "list", "-o", "json"]).out;
    assert!(audit.contains("endpoint.test") && audit.contains("endpoint.needs-to-connect"), "{audit}");
    let database = std::fs::read(service.ferry.path("data/mailferry.db")).unwrap();
    let log = service.stop();
    assert!(![log.as_bytes(), audit.as_bytes(), &database].iter().any(|t| holds(t, b"canary")), "{log}");
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|w| w == what)
}
