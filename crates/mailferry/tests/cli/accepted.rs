//! What people say of a migration: ticks of mailboxes, the readiness checklist, the way back, messages to users.

use super::ferry::Ferry;

/// Endpoints over Maildirs, and a batch w of anna@x and ben@x, each with a message.
fn town(ferry: &Ferry) {
    for address in ["anna@x", "ben@x"] {
        ferry.maildir(&format!("from/{address}"), 1);
    }
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
}

#[test]
fn mailboxes_are_accepted_by_name_once_they_are_completed() {
    let ferry = Ferry::new();
    town(&ferry);
    let early = ferry.ends(6, &["batch", "accept", "w", "--tick", "mail-flow"]);
    assert!(early.err.contains("NOT_COMPLETED"), "{}", early.err);
    ferry.ends(0, &["batch", "start", "w"]);
    ferry.ends(0, &["batch", "complete", "w"]);
    let words = ["user", "accept", "anna@x", "--tick", "mail-flow,calendar", "--comment", "seen with her"];
    let one = ferry.ends(0, &words);
    assert_eq!(one.out.trim(), "anna@x still lacks: mobile.");
    ferry.ends(2, &["user", "accept", "anna@x", "--tick", "desktop"]);
    let all = ferry.ends(0, &["batch", "accept", "w", "--tick", "mail-flow", "--tick", "calendar,mobile"]);
    assert!(all.out.contains("2 of 2 mailboxes are ticked, 2 are accepted."), "{}", all.out);
    let batch = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json();
    assert_eq!((&batch["accepted"], &batch["sourceKept"]), (&2.into(), &serde_json::Value::Null));
    let user = ferry.ends(0, &["user", "show", "anna@x", "-o", "json"]).json();
    assert_eq!(user["acceptance"][1]["comment"], "seen with her");
    let back = ferry.ends(0, &["user", "accept", "anna@x", "--tick", "mobile", "--take-back"]);
    assert_eq!(back.out.trim(), "anna@x still lacks: mobile.");
    let why = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json()["sourceKept"].to_string();
    assert!(why.contains("1 mailbox completed and not accepted"), "{why}");
}

#[test]
fn the_checklist_says_what_is_missing_and_what_to_do() {
    let ferry = Ferry::new();
    town(&ferry);
    let list = ferry.ends(0, &["readiness", "w"]).out;
    assert!(list.contains("Readiness for w (Old to New): not ready."), "{list}");
    assert!(
        list.contains("Checked by mailferry: 0 of 7") && list.contains("Confirmed by people: 0 of 4"),
        "{list}"
    );
    assert!(list.contains("mailferry batch start w --mode verify-credentials"), "{list}");
    ferry.ends(0, &["batch", "start", "w", "--mode", "verify-credentials"]);
    let ticked =
        ferry.ends(0, &["readiness", "tick", "help-desk-ready", "--batch", "w", "--comment", "till six"]);
    assert_eq!(ticked.out.trim(), "help-desk-ready of the batch w is ticked.");
    let lists = ferry.ends(0, &["readiness", "w", "-o", "json"]).json();
    let state = |point: &str| {
        let points = lists[0]["points"].as_array().unwrap();
        points.iter().find(|one| one["point"] == point).unwrap()["state"].clone()
    };
    for point in ["servers-answer", "kind-fits", "mailboxes-open", "help-desk-ready", "permissions"] {
        assert_eq!(state(point), "done", "{point}: {lists}");
    }
    assert_eq!(state("pilot-clean"), "open");
    assert!(ferry.ends(0, &["readiness", "Old"]).out.contains("Readiness (Old to New)"));
    let refused = ferry.ends(6, &["readiness", "tick", "kind-fits"]);
    assert!(refused.err.contains("READINESS_TICKS_ITSELF"), "{}", refused.err);
}

#[test]
fn the_way_back_is_a_page_that_names_who_approved_it() {
    let ferry = Ferry::new();
    town(&ferry);
    ferry.ends(0, &["batch", "start", "w"]);
    ferry.ends(0, &["report", "rollback", "w", "--approver", "Head of IT", "--dry-run"]);
    assert!(!ferry.path("w-rollback.html").exists());
    let words = ["report", "rollback", "w", "--approver", "Head of IT", "--mx", "10 mail.old.example."];
    let made = ferry.ends(0, &words);
    assert!(made.out.contains("The way back of 2 mailboxes is approved by Head of IT."), "{}", made.out);
    let page = std::fs::read_to_string(ferry.path("w-rollback.html")).unwrap();
    assert!(page.contains("<dd>Head of IT</dd>") && page.contains("10 mail.old.example."), "{page}");
    ferry.ends(0, &["report", "rollback", "w", "--format", "md", "--into", "back.md"]);
    assert!(std::fs::read_to_string(ferry.path("back.md")).unwrap().contains("- Approved by: Head of IT"));
    ferry.ends(2, &["report", "rollback", "w", "--mx", "10 x."]);
    ferry.ends(0, &["report", "rollback", "w", "--take-back"]);
    let batch = ferry.ends(0, &["batch", "show", "w", "-o", "json"]).json();
    assert_eq!(batch["rollback"], serde_json::Value::Null);
}

#[test]
fn messages_are_files_for_each_mailbox_and_a_table_that_runs_nothing() {
    let ferry = Ferry::new();
    town(&ferry);
    let at = ["--complete-after", "2026-12-04 18:00", "--tz", "Europe/Berlin"];
    ferry.ends(0, &[&["batch", "set", "w"][..], &at].concat());
    let shown = ferry.ends(0, &["message", "show", "before", "--lang", "de"]).out;
    assert!(shown.starts_with("Subject: Ihr Postfach {address} zieht um\n"), "{shown}");
    let words = ["message", "export", "w", "--kind", "before", "--lang", "ur", "--into", "letters"];
    let made = ferry.ends(0, &[&words[..], &["--help-desk", "=1+1"]].concat());
    assert!(
        made.out.contains("2 messages of the kind before and merge.csv: letters. Nothing was sent."),
        "{}",
        made.out
    );
    let letter = std::fs::read_to_string(ferry.path("letters/anna@x.eml")).unwrap();
    assert!(letter.starts_with("To: anna@x\r\n") && letter.contains("\r\nX-Unsent: 1\r\n"), "{letter}");
    let merge = std::fs::read_to_string(ferry.path("letters/merge.csv")).unwrap();
    assert!(merge.starts_with("\u{feff}EmailAddress,NewAddress,Batch,Mailboxes,Starts"), "{merge}");
    assert!(merge.contains(",'=1+1,"), "{merge}");
    assert!(
        merge.contains("anna@x,") && merge.contains("جمعہ، 4 دسمبر 2026، 18:00 (Europe/Berlin)"),
        "{merge}"
    );
    let own = ferry.file("own.txt", "Subject: {batch}\n\nDear {address}\n");
    let words =
        ["message", "export", "w", "--kind", "after", "--template", &own, "--format", "txt", "--into", "own"];
    ferry.ends(0, &words);
    assert_eq!(std::fs::read_to_string(ferry.path("own/ben@x.txt")).unwrap(), "Dear ben@x\n");
    let bad = ferry.file("bad.txt", "Subject: x\n\n{name}\n");
    let words = ["message", "export", "w", "--kind", "after", "--template", &bad, "--into", "bad"];
    let refused = ferry.ends(2, &words);
    assert!(refused.err.contains("MESSAGE_TEMPLATE") && refused.err.contains("Line 3"), "{}", refused.err);
    assert!(!ferry.path("bad").exists());
    let sheet = ["message", "export", "w", "--kind", "help-desk", "--format", "html", "--into", "desk"];
    ferry.ends(0, &sheet);
    let files = std::fs::read_dir(ferry.path("desk")).unwrap().count();
    assert!(files == 1 && ferry.path("desk/help-desk.html").exists(), "no table for one sheet");
    assert!(ferry.ends(2, &["batch", "list", "--lang", "de"]).err.contains("--lang"));
}
