//! `copy` and `verify`.

use serde_json::json;

use super::ferry::{Ferry, closed_port, count};

const FAST: [&str; 4] = ["--grace", "0", "-o", "json"];

fn words<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [words, more].concat()
}

#[test]
fn a_copy_ends_with_one_object_and_its_repeat_has_nothing_to_do() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), format!("maildir:{}", ferry.path("to").display()));
    let told = ferry.ends(0, &words(&["copy", &from, &to], &FAST)).json();
    for (field, expected) in [
        ("result", json!("success")),
        ("exitCode", json!(0)),
        ("score", json!("Perfect")),
        ("identified", json!(3)),
        ("placed", json!(3)),
        ("put", json!(3)),
        ("skipped", json!([])),
        ("missing", json!([])),
        ("doubled", json!([])),
        ("changedAtTarget", json!([])),
        ("rewritten", json!([])),
        ("notMigratable", json!([])),
    ] {
        assert_eq!(told[field], expected, "{field}: {told}");
    }
    assert!(told["sentence"].as_str().unwrap().starts_with("The migration looks good: all 3 "));
    assert_eq!(count(&ferry.path("to")), 3);
    assert_eq!(ferry.ends(0, &words(&["copy", &from, &to], &FAST)).json()["put"], 0);
    ferry.deliver("from", 4);
    assert_eq!(ferry.ends(0, &words(&["copy", &from, &to], &FAST)).json()["put"], 1);
}

#[test]
fn verify_says_what_is_missing_and_a_dry_run_changes_nothing() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    let told = ferry.ends(3, &words(&["verify", &from, &to], &FAST)).json();
    assert_eq!(
        (told["missing"].as_array().map(Vec::len), &told["result"]),
        (Some(2), &json!("partial")),
        "{told}"
    );
    assert!(!told["sentence"].as_str().unwrap().contains("looks good"));
    let told = ferry.ends(0, &words(&["copy", &from, &to, "--dry-run"], &FAST)).json();
    assert_eq!((told["identified"].as_u64(), count(&ferry.path("to"))), (Some(2), 0));
    ferry.ends(0, &words(&["copy", &from, &to], &FAST));
    ferry.ends(0, &words(&["verify", &from, &to], &FAST));
    ferry.ends(0, &words(&["verify", &from, &to, "--deep"], &FAST));
}

#[test]
fn each_failure_has_its_published_exit_code() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    let password = ferry.file("pw", "canary-4711\n");
    let nobody = format!("imap://u@127.0.0.1:{}?security=none", closed_port());
    let nowhere = "imap://u@name.invalid?security=none";
    let (source, target) = (["--source-password-file", &password], ["--target-password-file", &password]);
    for (code, url, flags) in [
        (21, [nobody.as_str(), to.as_str()], source),
        (31, [from.as_str(), nobody.as_str()], target),
        (20, [nowhere, to.as_str()], source),
        (30, [from.as_str(), nowhere], target),
        (2, ["imap://u:canary-4711@h", to.as_str()], source),
        (2, ["pigeon:x", to.as_str()], source),
        (2, [from.as_str(), nobody.as_str()], source),
        (2, [from.as_str(), to.as_str()], ["--since", "yesterday"]),
    ] {
        let ran = ferry.ends(code, &words(&["copy", url[0], url[1]], &flags));
        assert!(
            !ran.err.is_empty() && !format!("{}{}", ran.out, ran.err).contains("canary-4711"),
            "{}",
            ran.err
        );
    }
    let told = ferry.ends(31, &words(&["copy", &from, &nobody], &words(&target, &FAST))).json();
    assert_eq!((&told["result"], &told["exitCode"]), (&json!("failed"), &json!(31)));
    assert_eq!(told["error"]["code"], "TARGET_UNREACHABLE");
    let told = ferry.ends(2, &["copy", &from, &to, "--password", "canary-4711"]);
    assert!(told.err.contains("--password") && !told.err.contains("canary-4711"), "{}", told.err);
}

#[test]
fn a_missing_password_without_a_terminal_fails_at_once() {
    let ferry = Ferry::new();
    let to = ferry.maildir("to", 0);
    let ran = ferry.ends(2, &["copy", "imap://u@127.0.0.1:1?security=none", &to]);
    assert!(
        ran.err.contains("[SECRET_MISSING]") && ran.err.contains("--source-password-file"),
        "{}",
        ran.err
    );
}

#[test]
fn people_and_programs_get_their_form() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    let text = ferry.ends(0, &["copy", &from, &to, "--grace", "0"]).out;
    assert!(
        text.ends_with("all 1 identified items of the source are on the target. (score: Perfect)\n"),
        "{text}"
    );
    let lines = ferry.ends(0, &["copy", &from, &to, "--grace", "0", "-o", "jsonl"]).out;
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["result"]), (&json!("summary"), &json!("success")));
    let failed = ferry.run(&["copy", "maildir:nowhere-at-all", &to, "-o", "jsonl"]);
    let error: serde_json::Value = serde_json::from_str(failed.err.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&error["type"], error["code"].as_i64()),
        (&json!("exit_error"), Some(i64::from(failed.code)))
    );
}

#[test]
fn a_limit_ends_a_copy_in_order_and_the_next_goes_on() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 1));
    // The target holds mail: two looks a grace apart, in which the limit is reached.
    let slow = ["copy", &from, &to, "--grace", "30", "-o", "json", "--max-duration", "0.5s"];
    let told = ferry.ends(8, &slow).json();
    assert_eq!((&told["exitCode"], &told["result"]), (&json!(8), &json!("failed")), "{told}");
    assert!(told["sentence"].as_str().unwrap().contains("--max-duration"), "{told}");
    ferry.ends(2, &["copy", &from, &to, "--max-transfer", "much"]);
    ferry.ends(0, &words(&["copy", &from, &to, "--max-transfer", "1G", "--max-errors", "5"], &FAST));
}

#[test]
fn a_mapping_of_a_folder_that_is_not_there_is_warned_of_by_name() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    ferry.maildir("from/.Work", 1);
    let rules = ["--map", "Work=Job", "--map", "Wrok/2024=Old", "--grace", "0", "-o", "json"];
    for command in [&["copy", &from, &to, "--dry-run"][..], &["copy", &from, &to], &["verify", &from, &to]] {
        let ran = ferry.ends(0, &[command, &rules].concat());
        let told = ran.json();
        let warnings = told["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{told}");
        assert_eq!(
            (&warnings[0]["folder"], &warnings[0]["code"]),
            (&"Wrok/2024".into(), &"FOLDER_NOT_AT_SOURCE".into())
        );
        assert!(ran.err.contains("Wrok/2024") && !ran.err.contains("Work"), "{}", ran.err);
    }
    let told = ferry.ends(0, &["copy", &from, &to, "--map", "Work=Job", "--grace", "0", "-o", "json"]).json();
    assert_eq!(told["warnings"], serde_json::json!([]), "{told}");
}

#[test]
fn a_pattern_that_means_no_folder_is_warned_of_by_name() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    ferry.maildir("from/.Work", 1);
    ferry.maildir("from/.Junk", 1);
    let rules =
        ["--include", "inbox", "--include", "Wrok/*", "--exclude", "junk", "--exclude", "#DeletedItems#"];
    for command in [&["copy", &from, &to, "--dry-run"][..], &["copy", &from, &to], &["verify", &from, &to]] {
        let ran = ferry.ends(0, &[command, &rules, &["--grace", "0", "-o", "json"]].concat());
        let told = ran.json();
        let named: Vec<_> = told["warnings"].as_array().unwrap().iter().map(|w| &w["folder"]).collect();
        assert_eq!(named, ["Wrok/*", "#DeletedItems#"], "{told}");
        assert!(
            ran.err.contains("--include Wrok/*") && ran.err.contains("--exclude #DeletedItems#"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn an_empty_source_is_perfect_and_not_without_a_word() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 0), ferry.maildir("to", 0));
    for command in [&["copy", &from, &to][..], &["verify", &from, &to], &["copy", &from, &to, "--dry-run"]] {
        let ran = ferry.ends(0, &words(command, &FAST));
        let told = ran.json();
        let warning = &told["warnings"][0];
        assert_eq!((&warning["code"], &warning["folder"]), (&json!("SOURCE_EMPTY"), &json!("")), "{told}");
        assert!(warning["message"].as_str().unwrap().contains("its source has no items"), "{told}");
        assert!(ran.err.contains("[SOURCE_EMPTY]") && ran.err.contains("from"), "{}", ran.err);
    }
    ferry.deliver("from", 1);
    let told = ferry.ends(0, &words(&["copy", &from, &to], &FAST)).json();
    assert_eq!(told["warnings"], json!([]), "{told}");
    let other = ferry.maildir("other", 0);
    let told = ferry.ends(0, &words(&["copy", &from, &other, "--since", "2100-01-01"], &FAST)).json();
    assert!(told["warnings"][0]["message"].as_str().unwrap().contains("--since"), "{told}");
}
