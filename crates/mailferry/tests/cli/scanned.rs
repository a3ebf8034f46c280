//! `scan`: what mailboxes hold, in this process and by a service, in all forms.

use super::{ferry::Ferry, service::Service};

/// The header of its CSV: docs/reference/scan.md. Only ever added at its end.
const HEADER: &str = "emailAddress,targetAddress,department,group,outcome,items,bytes,folders,bytesLargest,largestIn,\
oversize,bytesOversize,bytesLimit,limitOf,depth,deepest,badNames,names,foldersChanged,lastActivity,special,shared,\
otherUsers,public,virtual,unread,permissions,milliseconds,itemsPerSecond,code";

fn town() -> (Ferry, String) {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 3);
    ferry.maildir("from/ben@x", 0);
    ferry.maildir("from/anna@x/.~odd", 1);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    let csv = ferry.file("users.csv", "EmailAddress,Department\nanna@x,Sales\nben@x,\nnobody@x,IT\n");
    (ferry, csv)
}

fn endpoints(ferry: &Ferry, run: impl Fn(&[&str])) {
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        run(&["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
}

#[test]
fn a_csv_is_read_mailbox_by_mailbox_and_nothing_is_written() {
    let (ferry, csv) = town();
    endpoints(&ferry, |words| drop(ferry.ends(0, words)));
    let start = ["scan", "start", "--source", "Old", "--target", "New", "--csv", &csv, "--max-size", "10"];
    let told = ferry.ends(3, &start).out;
    for words in ["3 of 3 mailboxes looked at", "4 messages above the limit", "1 folder name", "anna@x"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(std::fs::read_dir(ferry.path("to")).unwrap().count(), 0, "nothing at the target");
    let id = ferry.ends(0, &["scan", "list", "-o", "name"]).out.trim().to_owned();
    let sheet = ferry.ends(3, &["scan", "show", &id, "-o", "csv"]).out;
    let lines: Vec<&str> = sheet.lines().collect();
    assert_eq!((lines[0], lines.len()), (HEADER, 4), "{sheet}");
    assert!(lines[1].starts_with("anna@x,anna@x,Sales,,Assessed,4,"), "{sheet}");
    assert!(lines[3].starts_with("nobody@x,nobody@x,IT,,Failed,") && lines[3].ends_with("SOURCE_NOT_FOUND"));
    let whole = ferry.ends(3, &["scan", "show", &id, "-o", "json"]).json();
    assert_eq!((&whole["total"]["mail"]["items"], &whole["state"]), (&4.into(), &"Done".into()), "{whole}");
    assert_eq!(whole["results"][0]["found"]["names"][0]["folder"], "~odd", "{whole}");
    assert!(ferry.ends(6, &["scan", "resume", &id]).err.contains("nothing of it is left"));
    ferry.ends(0, &["scan", "remove", &id, "--yes"]);
    assert_eq!(ferry.ends(0, &["scan", "list", "-o", "json"]).json(), serde_json::json!([]));
    ferry.ends(2, &["scan", "start"]);
    ferry.ends(2, &["scan", "start", "--batch", "w", "--csv", &csv]);
    ferry.ends(4, &["scan", "start", "--batch", "nothing-of-that-name"]);
}

#[test]
fn a_plan_goes_by_what_was_found_and_by_what_was_measured() {
    let (ferry, csv) = town();
    endpoints(&ferry, |words| drop(ferry.ends(0, words)));
    ferry.ends(3, &["scan", "start", "--source", "Old", "--target", "New", "--csv", &csv]);
    let id = ferry.ends(0, &["scan", "list", "-o", "name"]).out.trim().to_owned();
    let plan = ferry.ends(0, &["scan", "plan", &id, "-o", "json"]).json();
    assert_eq!(
        (&plan["mailboxes"], &plan["items"], &plan["together"]),
        (&2.into(), &4.into(), &20.into()),
        "{plan}"
    );
    assert_eq!(plan["paces"]["measured"], 0, "{plan}");
    let notes = plan["notes"].to_string();
    for words in ["the paces are assumed", "nobody knows what they hold are not in it: 1"] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let evening =
        ["--windows", "Mon-Sun 20:00-22:00", "--tz", "Asia/Karachi", "--start-after", "2030-01-07 09:00"];
    let told = ferry
        .ends(0, &[&["scan", "plan", &id, "--waves", "2", "--wave-every", "1d"], &evening[..]].concat())
        .out;
    for words in ["2 mailboxes", "20 at once", "2030-01-07 20:00 PKT"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let sheet =
        ferry.ends(0, &[&["scan", "plan", &id, "--wave-size", "1", "-o", "csv"], &evening[..]].concat()).out;
    assert!(sheet.starts_with("number,mailboxes,items,bytes,begins,"), "{sheet}");
    assert_eq!(sheet.lines().count(), 3, "{sheet}");
    ferry.ends(2, &["scan", "plan", &id, "--wave-every", "1d"]);
    ferry.ends(2, &["scan", "plan", &id, "--waves", "0"]);
    ferry.ends(2, &["scan", "plan", &id, "--windows", "whenever"]);
    ferry.ends(4, &["scan", "plan", "no-scan"]);
    // What was moved between the two endpoints is measured.
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    ferry.ends(3, &["batch", "start", "w"]);
    let plan = ferry.ends(0, &["scan", "plan", &id, "-o", "json"]).json();
    assert_eq!(plan["paces"]["measured"], 0, "4 messages tell nothing: {plan}");
}

#[test]
fn a_services_worker_reads_the_mailboxes_of_a_batch() {
    let (ferry, csv) = town();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    endpoints(&service.ferry, |words| drop(service.client(0, words)));
    service.client(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    let told = service.client(3, &["scan", "start", "--batch", "w", "--wait", "-o", "json"]).json();
    assert_eq!((&told["batch"], &told["total"]["assessed"]), (&"w".into(), &2.into()), "{told}");
    assert_eq!(told["results"][0]["found"]["mail"]["items"], 4, "{told}");
    let ordered = service.client(0, &["scan", "start", "--batch", "w", "-o", "json"]).json();
    assert!(ordered["id"].is_string(), "{ordered}");
    service.stop();
}
