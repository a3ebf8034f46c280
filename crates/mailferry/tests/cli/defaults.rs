//! What holds where nobody says otherwise: the file of defaults, zones of times, being asked before a change.

use super::{
    ferry::{Ferry, Ran, wave},
    service::Service,
};

/// The binary with that file of defaults.
fn with(ferry: &Ferry, file: &str, code: i32, words: &[&str]) -> Ran {
    let ran = Ran::of(ferry.command(words).env("MAILFERRY_CONFIG", file));
    assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
    ran
}

#[test]
fn a_file_of_defaults_holds_where_no_flag_does_and_origins_are_told() {
    let ferry = Ferry::new();
    let file = ferry.file("mailferry.toml", "output = \"json\"\ntz = \"Europe/Berlin\"\n");
    let rows = with(&ferry, &file, 0, &["config", "show", "--origin", "--progress", "none"]).json();
    let row = |name: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(row("output"), ("json".to_owned(), file.clone()));
    assert_eq!(row("tz"), ("Europe/Berlin".to_owned(), file.clone()));
    assert_eq!(row("progress"), ("none".to_owned(), "flag".to_owned()));
    assert_eq!(row("lang"), ("en".to_owned(), "default".to_owned()));
    assert_eq!(row("data-dir").1, "flag");
    assert!(with(&ferry, &file, 0, &["version", "-o", "table"]).out.starts_with("mailferry "));
    let wrong = ferry.file("wrong.toml", "output = \"json\"\npassword = \"canary\"\n");
    let refused = with(&ferry, &wrong, 2, &["version"]);
    assert!(refused.err.contains("line 2") && !refused.err.contains("canary"), "{}", refused.err);
    with(&ferry, "/nowhere/mailferry.toml", 2, &["version"]);
}

#[test]
fn times_are_read_and_told_in_the_zone_that_was_asked_for() {
    let ferry = Ferry::new();
    wave(&ferry, &|code, words| ferry.ends(code, words));
    ferry.ends(0, &["batch", "set", "w", "--start-after", "2036-12-01 18:00", "--tz", "Europe/Berlin"]);
    let batch = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json();
    assert_eq!(batch["schedule"]["startAfter"], "2036-12-01T17:00:00Z");
    assert_eq!(batch["schedule"]["timeZone"], "Europe/Berlin");
    let list = ["audit", "list"];
    assert!(ferry.ends(0, &list).out.contains("Z "));
    assert!(ferry.ends(0, &[&list[..], &["--tz", "Asia/Karachi"]].concat()).out.contains("+05:00 "));
    let csv = ferry.ends(0, &[&list[..], &["--tz", "Asia/Karachi", "-o", "csv"]].concat()).out;
    assert!(!csv.contains("+05:00"), "programs get UTC: {csv}");
    assert!(ferry.ends(2, &["audit", "list", "--tz", "Moon"]).err.contains("no time zone"));
}

#[test]
fn a_change_that_nobody_confirms_is_not_made_and_looking_asks_nobody() {
    let ferry = Ferry::new();
    wave(&ferry, &|code, words| ferry.ends(code, words));
    let refused = ferry.ends(6, &["batch", "set", "w", "--notes", "x", "--confirm"]);
    assert!(refused.err.contains("CONFIRMATION_MISSING") && refused.err.contains("mailferry batch set"));
    assert!(ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json()["notes"].is_null());
    ferry.ends(0, &["batch", "list", "--confirm"]);
    ferry.ends(6, &["--confirm", "Start-MigrationBatch", "-Identity", "w"]);
    ferry.ends(2, &["batch", "list", "--confirm", "--yes"]);
}

#[test]
fn a_service_behind_an_authority_of_its_own_is_trusted_by_flag_and_by_file() {
    let service = Service::start(Ferry::new(), &[]);
    // It signs itself, and so is its own authority.
    let root = service.ferry.path("data/tls/certificate.pem").to_str().unwrap().to_owned();
    let health = ["whoami", "--server", &service.url];
    let distrusted = service.client(10, &health);
    assert!(distrusted.err.contains("SERVICE_CERTIFICATE"), "{}", distrusted.err);
    // Trusted, and asked who it is.
    service.client(12, &[&health[..], &["--service-ca-file", &root]].concat());
    let text = format!("server = \"{}\"\nservice-ca-file = \"{root}\"\n", service.url);
    let file = service.ferry.file("mailferry.toml", &text);
    let mut asked = std::process::Command::new(env!("CARGO_BIN_EXE_mailferry"));
    asked.arg("whoami").env("MAILFERRY_CONFIG", file).env("XDG_CONFIG_HOME", service.ferry.path("none"));
    let ran = Ran::of(&mut asked);
    assert_eq!(ran.code, 12, "{}", ran.err);
}
