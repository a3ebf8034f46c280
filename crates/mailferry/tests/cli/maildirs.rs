//! Maildirs that cannot be read in part, and endpoint tests of Maildirs.

use std::{os::unix::fs::symlink, path::Path};

use serde_json::{Value, json};

use super::ferry::{Ferry, count};

/// What nobody can read, not even root: a link to itself.
fn unreadable(path: &Path) {
    symlink(path, path).unwrap();
}

fn codes(told: &Value, list: &str) -> Vec<(String, String)> {
    let text = |i: &Value, name: &str| i[name].as_str().unwrap().to_owned();
    let items = told[list].as_array().unwrap().iter();
    items.map(|i| (text(i, "folder"), text(i, "uid"))).collect()
}

#[test]
fn an_unreadable_folder_of_the_source_is_named_whatever_is_asked() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    ferry.maildir("from/.Sound", 1);
    std::fs::create_dir_all(ferry.path("from/.Locked")).unwrap();
    unreadable(&ferry.path("from/.Locked/cur"));
    let named = [("Locked".to_owned(), String::new())];
    for words in [
        &["copy", &from, &to, "--dry-run", "-o", "json"][..],
        &["copy", &from, &to, "--grace", "0", "-o", "json"],
        &["verify", &from, &to, "-o", "json"],
        &["copy", &from, &to, "--grace", "0", "-o", "json"],
    ] {
        let told = ferry.ends(3, words).json();
        assert_eq!((codes(&told, "skipped"), &told["identified"]), (named.to_vec(), &json!(3)), "{told}");
        assert!(!told["sentence"].as_str().unwrap().contains("looks good"), "{told}");
    }
    assert_eq!((count(&ferry.path("to")), count(&ferry.path("to/.Sound"))), (2, 1));
}

#[test]
fn an_unreadable_file_of_the_source_is_never_forgotten() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    unreadable(&ferry.path("from/cur/1700000009.M1.h:2,S"));
    let told = ferry.ends(3, &["verify", &from, &to, "-o", "json"]).json();
    assert_eq!(told["missing"].as_array().map(Vec::len), Some(3), "{told}");
    // Where the target holds mail, what is owed is compared with it first.
    ferry.deliver("to", 1);
    let told = ferry.ends(3, &["copy", &from, &to, "--grace", "0", "-o", "json"]).json();
    let named = vec![("INBOX".to_owned(), "1700000009.M1.h".to_owned())];
    assert_eq!((codes(&told, "skipped"), &told["put"]), (named.clone(), &json!(1)), "{told}");
    let told = ferry.ends(3, &["verify", &from, &to, "-o", "json"]).json();
    assert_eq!((codes(&told, "skipped"), &told["missing"]), (named, &json!([])), "{told}");
}

#[test]
fn an_unreadable_file_of_the_target_is_not_its_users_doing() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 2), ferry.maildir("to", 0));
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    let one = std::fs::read_dir(ferry.path("to/cur")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&one).unwrap();
    unreadable(&one);
    let told = ferry.ends(3, &["verify", &from, &to, "-o", "json"]).json();
    assert_eq!((told["missing"].as_array().map(Vec::len), &told["changedAtTarget"]), (Some(1), &json!([])));
    assert!(
        told["missing"][0]["reason"].as_str().unwrap().contains("cannot be read at the target"),
        "{told}"
    );
}

#[test]
fn a_folder_that_is_gone_at_the_target_is_told() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 1), ferry.maildir("to", 0));
    ferry.maildir("from/.Sub", 2);
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    std::fs::remove_dir_all(ferry.path("to/.Sub")).unwrap();
    let told = ferry.ends(0, &["verify", &from, &to, "-o", "json"]).json();
    let changed = told["changedAtTarget"].as_array().map(Vec::len);
    assert_eq!((changed, &told["identified"]), (Some(2), &json!(3)), "{told}");
    ferry.ends(0, &["copy", &from, &to, "--grace", "0", "-o", "json"]);
    assert_eq!(std::fs::read_dir(ferry.path("to/.Sub/cur")).unwrap().count(), 0, "stays removed");
}

#[test]
fn a_relative_maildir_is_known_by_where_it_is() {
    let ferry = Ferry::new();
    let put = |place: &str| {
        let words = ["copy", "maildir:old", "maildir:./new", "--grace", "0", "-o", "json"];
        let ran = ferry.command(&words).current_dir(ferry.path(place)).output().unwrap();
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        told["put"].as_u64()
    };
    for place in ["one", "two"] {
        ferry.maildir(&format!("{place}/old"), 2);
        assert_eq!((put(place), put(place)), (Some(2), Some(0)), "{place}");
    }
}

fn tested(ferry: &Ferry, code: i32, words: &[&str]) -> (Value, Vec<String>) {
    let told = ferry.ends(code, &[&["endpoint", "test"], words, &["-o", "json"]].concat()).json();
    let steps = told["steps"].as_array().unwrap().iter();
    (told.clone(), steps.map(|s| s["outcome"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_maildir_endpoint_is_tested_without_a_mailbox_too() {
    let ferry = Ferry::new();
    ferry.maildir("one", 1);
    ferry.maildir("all/anna", 1);
    let (file, old) = (ferry.file("file", ""), "--mailbox");
    for (name, path) in [
        ("One", ferry.path("one")),
        ("All", ferry.path("all/{user}")),
        ("New", ferry.path("new/below/{user}/Maildir")),
        ("Lone", ferry.path("lone")),
        ("Odd", Path::new(&file).join("{user}")),
    ] {
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    for (code, words, outcomes) in [
        (0, &["One"][..], ["pass", "pass"]),
        (0, &["All"], ["pass", "warn"]),
        (0, &["All", old, "anna"], ["pass", "pass"]),
        (24, &["All", old, "nobody"], ["fail", "not-run"]),
        (24, &["New"], ["fail", "not-run"]),
        (24, &["Lone"], ["fail", "not-run"]),
        (0, &["Lone", "--as", "target"], ["pass", "pass"]),
        (0, &["New", "--as", "target"], ["pass", "warn"]),
        (0, &["New", "--as", "target", old, "anna"], ["pass", "pass"]),
        (34, &["Odd", "--as", "target"], ["fail", "not-run"]),
        (34, &["Odd", "--as", "target", old, "anna"], ["fail", "not-run"]),
    ] {
        let (told, found) = tested(&ferry, code, words);
        assert_eq!(found, outcomes, "{words:?} {told}");
    }
    let (told, _) = tested(&ferry, 0, &["Lone", "--as", "target"]);
    assert!(told["steps"][0]["evidence"].as_str().unwrap().contains("will be made"), "{told}");
    assert!(!ferry.path("lone").exists() && !ferry.path("new").exists(), "a test writes nothing");
}

#[test]
fn a_row_says_where_its_mailbox_lies_and_its_file_is_shredded() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from/anna", 1), ferry.maildir("to/anna", 0));
    for (folder, n) in [(".users.anna", 2), (".users.anna.Work", 3), (".users.bert", 1)] {
        ferry.maildir(&format!("from/anna/{folder}"), n);
    }
    let above = |path: &str| path.trim_start_matches("maildir:").trim_end_matches("/anna").to_owned();
    for (name, path) in [("old", &from), ("new", &to)] {
        ferry.ends(
            0,
            &["endpoint", "new", name, "--type", "maildir", "--path", &format!("{}/{{user}}", above(path))],
        );
    }
    // As a spreadsheet of western Europe writes it: "ANSI", semicolons, a column for people.
    let csv = ferry.path("wave.csv");
    let cells = b"EmailAddress;UserName;TargetUserName;UserRoot;Abteilung\r\nanna@example.org;anna;anna;/users/anna;B\xfcro\r\n";
    std::fs::write(&csv, cells).unwrap();
    let shown = csv.to_str().unwrap();
    let words = ["batch", "new", "wave", "--source", "old", "--target", "new", "--csv", shown];
    let told = ferry.ends(0, &[&words[..], &["--dry-run"]].concat());
    assert!(told.err.contains("Windows-1252") && told.err.contains("\"Abteilung\""), "{}", told.err);
    assert_eq!(ferry.ends(2, &[&words[..], &["--encoding", "utf-8"]].concat()).code, 2);
    let told = ferry.ends(0, &[&words[..], &["--shred-csv"]].concat());
    assert!(told.err.contains("overwritten and removed") && !csv.exists(), "{}", told.err);
    ferry.ends(0, &["batch", "start", "wave", "--wait=completed"]);
    assert_eq!((count(&ferry.path("to/anna")), count(&ferry.path("to/anna/.Work"))), (2, 3));
    assert!(!ferry.path("to/anna/.users").exists() && !ferry.path("to/anna/.users.bert").exists());
    ferry.ends(0, &["verify", "wave"]);
}

/// Where one of two files with the same unique name goes, the other is known by its body, whatever its line ends are.
#[test]
fn one_of_two_files_of_one_name_may_go() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 0), ferry.maildir("to", 0));
    let letter = |word: &str| format!("Message-ID: <{word}@x>\nSubject: {word}\n\n{}", "short\n".repeat(40));
    let (one, other) = ("from/cur/1700000001.M1.h:2,S", "from/new/1700000001.M1.h");
    std::fs::write(ferry.path(one), letter("one")).unwrap();
    std::fs::write(ferry.path(other), letter("other")).unwrap();
    let copy = ["copy", &from, &to, "--grace", "0", "-o", "json"];
    assert_eq!(ferry.ends(0, &copy).json()["put"], 2);
    std::fs::remove_file(ferry.path(one)).unwrap();
    for _ in 0..2 {
        let told = ferry.ends(0, &copy).json();
        assert_eq!((&told["put"], count(&ferry.path("to"))), (&json!(0), 2), "{told}");
    }
}
