//! Endpoints from a file: the plan, doing it, doing it again, and what a file may not say.

use serde_json::{Value, json};

use super::ferry::{Ferry, Ran};

const CANARY: &str = "canary-4711";

const FILE: &str = "\
endpoints:
  - name: Old
    type: imap
    settings:
      remote-server: 127.0.0.1
      port: 1143
      security: none
      username: boss
      admin-style: dovecot
      verify: off
    limits: {maxConcurrentMigrations: 30, maxConcurrentIncrementalSyncs: 5}
    passwordFrom: old-admin
  - name: New
    type: maildir
    settings: {path: '/var/mail/{user}'}
";

/// Runs with a password behind the reference `old-admin`.
fn with(ferry: &Ferry, password: &str, code: i32, words: &[&str]) -> Ran {
    let ended = ferry.command(words).env("MAILFERRY_REFERENCE_OLD_ADMIN", password).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) };
    assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
    assert!(!ran.out.contains("canary") && !ran.err.contains("canary"), "{}{}", ran.out, ran.err);
    ran
}

#[test]
fn a_file_is_planned_done_and_then_nothing_is_left_to_do() {
    let ferry = Ferry::new();
    let file = ferry.file("ends.yaml", FILE);
    let run = |code, more: &[&str]| with(&ferry, CANARY, code, &[&["apply", "-f", &file], more].concat());
    insta::assert_snapshot!(run(0, &["--dry-run"]).out, @r"
    + Old (imap)
        admin-style: dovecot
        port: 1143
        remote-server: 127.0.0.1
        security: none
        username: boss
        verify: off
        maxConcurrentMigrations: 30
        maxConcurrentIncrementalSyncs: 5
        password: from old-admin
    + New (maildir)
        path: /var/mail/{user}
    To make: 2, to change: 0, to remove: 0; as they shall be: 0.
    Nothing was done.
    ");
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "json"]).json(), json!([]), "a plan does nothing");
    assert!(run(0, &[]).out.ends_with("Done.\n"));
    insta::assert_snapshot!(run(0, &[]).out, @r"
    To make: 0, to change: 0, to remove: 0; as they shall be: 2.
    Nothing to do.
    ");
    run(9, &["--error-on-no-change"]);
    let shown = ferry.ends(0, &["endpoint", "show", "Old", "-o", "json"]).json();
    assert_eq!((&shown["secrets"], &shown["settings"]["verify"]), (&json!(["password"]), &json!("off")));

    let changed = FILE
        .replace("      port: 1143\n", "      port: 2143\n")
        .replace("      verify: off\n", "")
        .replace(": 30", ": 40")
        .replace("name: Old", "name: OLD");
    ferry.file("ends.yaml", &changed);
    insta::assert_snapshot!(with(&ferry, "canary-0815", 0, &["apply", "-f", &file]).out, @r"
    ~ Old (imap)
        port: 1143 -> 2143
        verify: off -> (none)
        maxConcurrentMigrations: 30 -> 40
        password: another one -> from old-admin
    To make: 0, to change: 1, to remove: 0; as they shall be: 1.
    Done.
    ");
    let told = with(&ferry, "canary-0815", 0, &["apply", "-f", &file, "-o", "json"]).json();
    assert_eq!((&told["applied"], &told["plan"][0]["action"]), (&json!(false), &json!("keep")), "{told}");

    // What the file no longer names stays, until it is said to go.
    let one = changed.split("  - name: New").next().unwrap();
    ferry.file("ends.yaml", one);
    assert!(with(&ferry, "canary-0815", 0, &["apply", "-f", &file]).out.ends_with("Nothing to do.\n"));
    with(&ferry, "canary-0815", 6, &["apply", "-f", &file, "--prune"]);
    insta::assert_snapshot!(with(&ferry, "canary-0815", 0, &["apply", "-f", &file, "--prune", "--yes"]).out, @r"
    - New (maildir)
    To make: 0, to change: 0, to remove: 1; as they shall be: 1.
    Done.
    ");
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "name"]).out, "Old\n");
}

#[test]
fn what_is_exported_is_what_is_applied() {
    let ferry = Ferry::new();
    let file = ferry.file("ends.yaml", FILE);
    with(&ferry, CANARY, 0, &["apply", "-f", &file]);
    let exported = ferry.ends(0, &["export"]);
    assert_eq!(ferry.ends(0, &["export", "--as", "yaml"]).out, exported.out);
    assert_eq!(ferry.ends(0, &["export", "--as", "yaml", "-o", "json"]).out, exported.out);
    let json = ferry.ends(0, &["export", "--as", "json"]).json();
    assert_eq!(json, ferry.ends(0, &["export", "-o", "json"]).json());
    assert!(ferry.ends(2, &["export", "--as", "xml"]).err.contains("[possible values: yaml, json]"));
    assert!(exported.err.contains("passwordFrom: Old."), "{}", exported.err);
    insta::assert_snapshot!(exported.out, @r#"
    endpoints:
      -
        limits:
          maxConcurrentIncrementalSyncs: 10
          maxConcurrentMigrations: 20
        name: New
        settings:
          path: "/var/mail/{user}"
        type: maildir
      -
        limits:
          maxConcurrentIncrementalSyncs: 5
          maxConcurrentMigrations: 30
        name: Old
        settings:
          admin-style: dovecot
          port: "1143"
          remote-server: "127.0.0.1"
          security: none
          username: boss
          verify: "off"
        type: imap
    "#);
    let again = ferry.file("again.yaml", &exported.out);
    ferry.ends(9, &["apply", "-f", &again, "--prune", "--error-on-no-change"]);
}

#[test]
fn what_a_file_may_not_say_is_refused_before_anything_is_done() {
    let ferry = Ferry::new();
    let apply = |code: i32, text: &str| {
        let file = ferry.file("ends.yaml", text);
        let ran = with(&ferry, CANARY, code, &["apply", "-f", &file]);
        assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "json"]).json(), json!([]), "{text}");
        ran.err
    };
    for (wrong, by, code) in [
        ("passwordFrom: old-admin", "password: canary-4711", "[APPLY_UNREAD]"),
        ("passwordFrom: old-admin", "passwordFile: /x", "[APPLY_UNREAD]"),
        ("passwordFrom: old-admin", "passwordFrom: /etc/canary", "[APPLY_REFERENCE]"),
        ("passwordFrom: old-admin", "passwordFrom: $(canary)", "[APPLY_REFERENCE]"),
        ("passwordFrom: old-admin", "passwordFrom: other", "MAILFERRY_REFERENCE_OTHER"),
        ("passwordFrom: old-admin", "secretsFrom: {port: old-admin}", "[SETTINGS_REFUSED]"),
        ("name: New", "name: old", "[APPLY_UNREAD]"),
        ("type: maildir", "type: pigeon", "[SETTINGS_UNKNOWN_KIND]"),
        ("port: 1143", "port: 99999", "[SETTINGS_REFUSED]"),
        ("port: 1143", "harbour: 1", "[SETTINGS_REFUSED]"),
        (
            "{path: '/var/mail/{user}'}",
            "{path: '/m/{user}'}\n    limits: {maxConcurrentMigrations: 400}",
            "New: ",
        ),
        ("endpoints:", "endpoint:", "[APPLY_UNREAD]"),
        ("endpoints:", "endpoints: [", "[APPLY_UNREAD]"),
    ] {
        let told = apply(2, &FILE.replace(wrong, by));
        assert!(told.contains(code), "{by}: {told}");
    }
    ferry.ends(2, &["apply", "-f", "no-such-file"]);
    ferry.ends(2, &["apply"]);
}

/// Who looks at a plan need not have the secrets; who carries it out does.
#[test]
fn a_plan_is_shown_without_the_secrets_that_it_refers_to() {
    let ferry = Ferry::new();
    let text = FILE.replace("passwordFrom: old-admin", "passwordFrom: elsewhere");
    let file = ferry.file("ends.yaml", &text);
    let planned = with(&ferry, CANARY, 0, &["apply", "-f", &file, "--dry-run"]);
    assert!(planned.out.contains("password: from elsewhere"), "{}", planned.out);
    assert!(planned.err.contains("the reference elsewhere is not at hand here"), "{}", planned.err);
    let refused = with(&ferry, CANARY, 2, &["apply", "-f", &file]);
    assert!(refused.err.contains("MAILFERRY_REFERENCE_ELSEWHERE"), "{}", refused.err);
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "json"]).json(), json!([]));
}

#[test]
fn a_type_never_changes_and_what_batches_use_is_not_pruned() {
    let ferry = Ferry::new();
    let file = ferry.file("ends.yaml", FILE);
    with(&ferry, CANARY, 0, &["apply", "-f", &file]);
    let users = ferry.file("users.csv", "EmailAddress\na@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &users]);
    let before = ferry.ends(0, &["endpoint", "list", "-o", "json"]).json();
    let swapped = FILE
        .replace("name: Old", "name: X")
        .replace("name: New", "name: Old")
        .replace("name: X", "name: New");
    ferry.file("ends.yaml", &swapped);
    assert!(with(&ferry, CANARY, 6, &["apply", "-f", &file]).err.contains("[APPLY_TYPE]"));
    ferry.file("ends.yaml", FILE.split("  - name: New").next().unwrap());
    let ran = with(&ferry, CANARY, 6, &["apply", "-f", &file, "--prune", "--yes"]);
    assert!(ran.err.contains("[ENDPOINT_IN_USE]") && ran.err.contains("\n  w\n"), "{}", ran.err);
    let now: Value = ferry.ends(0, &["endpoint", "list", "-o", "json"]).json();
    assert_eq!(now, before);
}
