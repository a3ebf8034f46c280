//! What comes otherwise than one might think is said: in a line on standard error, and in the answer for programs.

use serde_json::json;

use super::ferry::Ferry;

const NOTICE: &str =
    "MaxConcurrentIncrementalSyncs is 5 instead of 10, because it must not exceed MaxConcurrentMigrations.";

#[test]
fn a_limit_that_follows_the_other_is_said() {
    let ferry = Ferry::new();
    let new = |name: &'static str, more: &[&'static str]| {
        let words = ["endpoint", "new", name, "--type", "maildir", "--path", "/m/{user}"];
        ferry.ends(0, &[&words[..], more].concat())
    };
    let lowered = ["--max-concurrent-migrations", "5"];
    for (name, more) in [("a", &[][..]), ("b", &["--dry-run"]), ("c", &["-o", "json"])] {
        let ran = new(name, &[&lowered[..], more].concat());
        assert_eq!(ran.err.matches(NOTICE).count(), 1, "{}{}", ran.out, ran.err);
        if more.contains(&"json") {
            assert_eq!(ran.json()["notices"], json!([NOTICE]));
        }
    }
    let silent = new("d", &["-o", "json", "--max-concurrent-migrations", "30"]);
    assert_eq!((silent.json().get("notices"), silent.err.as_str()), (None, ""));
    let both = ["endpoint", "new", "e", "--type", "maildir", "--path", "/m"];
    let limits = ["--max-concurrent-migrations", "5", "--max-concurrent-incremental-syncs", "10"];
    ferry.ends(2, &[&both[..], &limits].concat());
    let file = ferry.file(
        "ends.yaml",
        "endpoints:\n  - {name: f, type: maildir, settings: {path: /m}, limits: {maxConcurrentMigrations: 5}}\n",
    );
    let planned = ferry.ends(0, &["apply", "-f", &file]).err;
    assert_eq!(planned, format!("f: {NOTICE}\n"));
    let native = ferry.file(
        "new.ps1",
        "New-MigrationEndpoint -Name g -IMAP -RemoteServer h.example -MaxConcurrentMigrations 5",
    );
    assert!(ferry.ends(0, &["shell", &native]).err.contains(NOTICE));
}
