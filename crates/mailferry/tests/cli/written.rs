//! Output: its forms, and what happens when it cannot be written.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use serde_json::json;

use super::ferry::Ferry;

const FAST: [&str; 4] = ["--grace", "0", "-o", "json"];

/// Runs with standard output into a full disk: code and standard error.
fn into_full(command: &mut Command) -> (Option<i32>, String) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    for words in [
        &["version"][..],
        &["--help"],
        &["explain", "Perfect"],
        &["endpoint", "list"],
        &["item", "list", "-o", "csv"],
        &["copy", &from, &to, "--grace", "0", "-o", "json"],
    ] {
        let (code, err) = into_full(&mut ferry.command(words));
        assert_eq!(code, Some(1), "{words:?} {err}");
        assert_eq!(err.lines().count(), 1, "{words:?} {err}");
        assert!(err.contains("cannot be written") && err.contains("[OUTPUT_UNWRITTEN]"), "{err}");
    }
    assert_eq!(super::ferry::count(&ferry.path("to")), 2, "what was to be done was done");
    assert_eq!(into_full(&mut ferry.command(&["endpoint", "show", "nobody"])).0, Some(4));
}

#[test]
fn who_stops_reading_hears_nothing() {
    let ferry = Ferry::new();
    let mut child =
        ferry.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
}

#[test]
fn a_copy_as_csv_lists_its_items_and_as_name_its_mailbox() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    let header = "user,kind,folder,uid,size,code,reason,messageId";
    let csv = ferry.ends(3, &["verify", &from, &to, "-o", "csv"]).out;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines.len()), (header, 3), "{csv}");
    assert!(lines[1].contains(",missing,INBOX,") && lines[1].contains(",NOT_SYNCED,"), "{csv}");
    let csv = ferry.ends(0, &["copy", &from, &to, "--grace", "0", "-o", "csv"]).out;
    assert_eq!(csv, format!("{header}\r\n"));
    let name = ferry.ends(0, &["copy", &from, &to, "--grace", "0", "-o", "name"]).out;
    assert_eq!(name.trim(), from.trim_start_matches("maildir:"));
}

#[test]
fn a_dry_run_says_what_would_be_and_gives_no_score() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 0));
    let dry = |more: &[&str]| ferry.ends(0, &[&["copy", &from, &to, "--dry-run"][..], more].concat());
    let told = dry(&FAST).json();
    assert_eq!((&told["score"], &told["put"], &told["dryRun"]), (&json!(null), &json!(3), &json!(true)));
    assert_eq!(
        told["sentence"],
        "A dry run: of 3 identified items of the source, 3 would be put; nothing was changed."
    );
    let text = dry(&[]).out;
    assert!(text.contains("3 would be put") && !text.contains("score") && !text.contains("good"), "{text}");
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    let told = dry(&FAST).json();
    assert_eq!((&told["score"], &told["put"]), (&json!(null), &json!(0)));
    assert!(told["sentence"].as_str().unwrap().starts_with("A dry run: "), "{told}");
}

#[test]
fn a_dry_run_with_delete_says_what_would_be_removed() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 0));
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    for one in std::fs::read_dir(ferry.path("from/cur")).unwrap().take(2) {
        std::fs::remove_file(one.unwrap().path()).unwrap();
    }
    let dry = |more: &[&str]| ferry.ends(0, &[&["copy", &from, &to, "--dry-run"][..], more].concat());
    assert_eq!(dry(&FAST).json()["removed"], 0, "nobody asked for removals");
    let told = dry(&[&FAST[..], &["--delete"]].concat()).json();
    assert_eq!((&told["removed"], &told["put"]), (&json!(2), &json!(0)));
    let sentence = "A dry run: of 1 identified items of the source, 0 would be put; 2 would be removed at the \
                    target; nothing was changed.";
    assert_eq!(told["sentence"], sentence);
    assert!(dry(&["--delete"]).out.contains("2 would be removed at the target"));
    let told = ferry.ends(0, &[&["copy", &from, &to, "--delete"][..], &FAST].concat()).json();
    assert_eq!(told["removed"], 2, "as it was said");
}

#[test]
fn a_verification_puts_nothing_and_says_nothing_of_it() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    let text = ferry.ends(3, &["verify", &from, &to]).out;
    assert!(text.contains("\nverified in ") && !text.contains(" put"), "{text}");
    assert!(text.contains("1 is missing"), "{text}");
}

#[test]
fn what_people_deleted_is_named_by_its_message_id() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 0));
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    let one = std::fs::read_dir(ferry.path("to/cur")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&one).unwrap();
    std::fs::remove_file(&one).unwrap();
    let told = ferry.ends(0, &["verify", &from, &to, "-o", "json"]).json();
    let changed = told["changedAtTarget"].as_array().unwrap();
    let id = changed[0]["messageId"].as_str().unwrap();
    assert!(changed.len() == 1 && text.contains(id), "{told}");
}

#[test]
fn lists_are_filtered_sorted_and_cut() {
    let ferry = Ferry::new();
    for (name, n) in [("b", "5"), ("a", "20"), ("c", "5")] {
        let new =
            ["endpoint", "new", name, "--type", "maildir", "--path", "/x", "--max-concurrent-migrations", n];
        ferry.ends(0, &[&new[..], &["--max-concurrent-incremental-syncs", "1"]].concat());
    }
    let names = |more: &[&str]| {
        let out = ferry.ends(0, &[&["endpoint", "list", "-o", "name"], more].concat()).out;
        out.lines().collect::<String>()
    };
    assert_eq!(names(&["--sort", "-name"]), "cba");
    assert_eq!(names(&["--sort", "migrations:desc", "--limit", "1"]), "a");
    assert_eq!(names(&["--filter", "MaxConcurrentMigrations=5,name!=B", "--result-size", "unlimited"]), "c");
    let json = ferry.ends(0, &["endpoint", "list", "-o", "json", "--limit", "2"]).json();
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    for more in [["--sort", "colour"], ["--filter", "colour=red"], ["--filter", "red"], ["--limit", "few"]] {
        ferry.ends(2, &[&["endpoint", "list"], &more[..]].concat());
    }
}

#[test]
fn the_tenant_ceiling_is_set_and_no_endpoint_is_above_it() {
    let ferry = Ferry::new();
    assert_eq!(ferry.ends(0, &["config", "get", "tenant-ceiling"]).out.trim(), "300");
    let new = |name: &str, n: &str| {
        ["endpoint", "new", name, "--type", "maildir", "--path", "/m", "--max-concurrent-migrations", n]
            .map(str::to_owned)
    };
    let run = |code, words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        ferry.ends(code, &words)
    };
    assert!(run(2, &new("Big", "400")).err.contains("config set tenant-ceiling"));
    ferry.ends(0, &["config", "set", "tenant-ceiling", "400"]);
    run(0, &new("Big", "400"));
    let refused = ferry.ends(6, &["config", "set", "Tenant-Ceiling", "399"]);
    assert!(refused.err.contains("[LIMITS_ABOVE_CEILING]") && refused.err.contains("Big"), "{}", refused.err);
    for wrong in ["0", "1001", "many"] {
        ferry.ends(2, &["config", "set", "tenant-ceiling", wrong]);
    }
    ferry.ends(2, &["config", "get", "colour"]);
    let told = ferry.ends(0, &["config", "get", "-o", "json"]).json();
    assert_eq!(told["tenantCeiling"], 400, "{told}");
}

#[test]
fn a_dry_run_of_an_endpoint_judges_and_writes_nothing() {
    let ferry = Ferry::new();
    let new = |name: &'static str, more: &[&'static str]| {
        [&["endpoint", "new", name, "--type", "maildir", "--path", "/m"][..], more].concat()
    };
    ferry.ends(0, &new("One", &[]));
    let before = ferry.ends(0, &["audit", "list", "-o", "json"]).out;
    assert!(ferry.ends(0, &new("Two", &["-n"])).out.contains("nothing was done"));
    ferry.ends(6, &new("one", &["--dry-run"]));
    ferry.ends(2, &new("Two", &["--what-if", "--max-concurrent-migrations", "400"]));
    ferry.ends(0, &["endpoint", "set", "One", "--path", "/n", "-n"]);
    ferry.ends(4, &["endpoint", "show", "Two"]);
    let shown = ferry.ends(0, &["endpoint", "show", "One", "-o", "json"]).json();
    assert_eq!((&shown["settings"]["path"], &shown["version"]), (&"/m".into(), &1.into()), "{shown}");
    assert_eq!(ferry.ends(0, &["audit", "list", "-o", "json"]).out, before);
}

#[test]
fn how_much_may_be_moved_when_is_set_and_shown() {
    let ferry = Ferry::new();
    assert!(ferry.ends(0, &["bwlimit", "get"]).out.starts_with("There is no limit."));
    let table = "Mon-Fri 08:00,2M 19:00,off";
    let set = ["bwlimit", "set", table, "--tz", "Europe/Berlin"];
    let tried = ferry.ends(0, &[&set[..], &["--dry-run"]].concat()).out;
    assert!(tried.ends_with("Nothing was done.\n"), "{tried}");
    assert!(ferry.ends(0, &["bwlimit", "get"]).out.starts_with("There is no limit."));
    let told = ferry.ends(0, &set).out;
    assert!(told.starts_with(&format!("{table} (Europe/Berlin): now ")), "{told}");
    assert_eq!(ferry.ends(0, &["config", "get", "bandwidth"]).out.trim(), table);
    let told = ferry.ends(0, &["bwlimit", "set", "512K", "-o", "json"]).json();
    assert_eq!(
        (&told["bandwidthNow"], &told["bandwidthUntil"]),
        (&(512 << 10).into(), &serde_json::Value::Null)
    );
    assert!(ferry.ends(2, &["bwlimit", "set", "fast"]).err.contains("Mon-Fri 08:00,2M"));
    ferry.ends(0, &["bwlimit", "set", "off"]);
    assert!(ferry.ends(0, &["bwlimit", "get"]).out.starts_with("There is no limit."));
}
