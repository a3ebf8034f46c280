//! `endpoint test`: ad hoc and by name, and what is different since it was good.

use super::{outcome, scene::Scene};

/// The flags of a test of the scene's source.
fn flags<'a>(scene: &'a Scene, port: &'a str) -> Vec<&'a str> {
    let mut words =
        vec!["--type", "imap", "--remote-server", "127.0.0.1", "--port", port, "--security", "none"];
    words.extend(["--username", "ann", "--password-file", &scene.secret]);
    words
}

#[test]
fn ad_hoc_stores_nothing_and_shows_no_secret() {
    let scene = Scene::with(&[], &[]).letters(3);
    let port = scene.source.port().to_string();
    let words = [&["endpoint", "test"][..], &flags(&scene, &port), &["-o", "json"]].concat();
    let ran = scene.ferry.ends(0, &words);
    let told = ran.json();
    assert_eq!(
        (told["result"].as_str(), &*outcome(&told, "imap-inbox-opens")),
        (Some("Success"), "pass"),
        "{told}"
    );
    let fields =
        ["step", "id", "title", "outcome", "native", "evidence", "elapsedMs", "cause", "code", "fix", "docs"];
    let row = &told["steps"][0];
    assert!(fields.iter().all(|field| row.get(field).is_some()), "{row}");
    assert!(row["addresses"][0] == "127.0.0.1", "{row}");
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.out);
    let listed = scene.ferry.ends(0, &["endpoint", "list", "-o", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(0), "{listed}");
    let wrong = scene.ferry.file("wrong", "another\n");
    let mut words = words;
    let at = words.iter().position(|w| *w == scene.secret).unwrap();
    words[at] = &wrong;
    assert_eq!(outcome(&scene.ferry.ends(23, &words).json(), "imap-signs-in"), "fail");
    words.extend(["--as", "target"]);
    scene.ferry.ends(33, &words);
}

/// Microsoft's own framework knows none of our flags: where its verdict decides, its remedies are shown.
#[test]
fn native_remedies_stand_beside_native_verdicts() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let mut words = [&["endpoint", "test"][..], &flags(&scene, &port)].concat();
    let at = words.iter().position(|w| *w == "none").unwrap();
    words[at] = "ssl";
    let ours = scene.ferry.ends(22, &words).out;
    assert!(ours.contains("--security tls"), "{ours}");
    words.push("--native");
    let native = scene.ferry.ends(22, &words).out;
    assert!(native.contains("fix:   For IMAP: New-MigrationEndpoint"), "{native}");
    let remedies: Vec<_> = native.lines().filter(|line| line.trim_start().starts_with("fix:")).collect();
    assert!(remedies.iter().all(|fix| !fix.contains("--") && !fix.contains("mailferry")), "{native}");
    words.extend(["-o", "json"]);
    let told = scene.ferry.ends(22, &words).json();
    let row = told["steps"].as_array().unwrap().iter().find(|row| row["outcome"] == "fail").unwrap();
    assert!(row["nativeFix"][0].as_str().unwrap().contains("-Security Tls"), "{row}");
    assert!(row["fix"][0].as_str().unwrap().contains("--security tls"), "{row}");
}

#[test]
fn a_proposed_name_is_taken_with_yes_and_is_one_that_is_free() {
    let scene = Scene::with(&[], &[]);
    let new = ["endpoint", "new", "--type", "exchange-remote", "--remote-server", "x.example.", "--yes"];
    for end in ["", "-2"] {
        let made = scene.ferry.ends(0, &[&new[..], &["-o", "json"]].concat()).json();
        let name = made["name"].as_str().unwrap();
        assert!(name.starts_with("Hybrid-RemoteMove-20") && name.len() == 25 + end.len(), "{name}");
        assert!(name.ends_with(end), "{name}");
        assert_eq!(made["settings"]["remote-server"], "x.example");
    }
    let help = scene.ferry.ends(0, &["endpoint", "new", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("asked for on a terminal, taken with --yes"), "{help}");
}

/// Each command and each step, and nothing that was shown to the server.
#[test]
fn two_v_show_what_was_said_without_a_secret() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let words = [&["endpoint", "test"][..], &flags(&scene, &port)].concat();
    let plain = scene.ferry.ends(0, &words);
    assert!(!plain.out.contains("seen:") && !plain.err.contains("command"), "{}{}", plain.out, plain.err);
    let ran = scene.ferry.ends(0, &[&words[..], &["-vv"]].concat());
    for wanted in ["seen:  addresses 127.0.0.1", "seen:  capabilities ", "heard: INBOX holds"] {
        assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
    }
    for wanted in ["command=\"AUTHENTICATE\"", "answer=\"OK\"", "a connection was tried"] {
        assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
    }
    let wrong = scene.ferry.file("wrong", "canary-other-pw\n");
    let refused: Vec<&str> = words.iter().map(|w| if *w == scene.secret { &*wrong } else { w }).collect();
    let refused = scene.ferry.ends(23, &[&refused[..], &["-vvv"]].concat());
    let most = scene.ferry.ends(0, &[&words[..], &["-vvv"]].concat());
    assert!(most.err.contains("command=\"EXAMINE\""), "{}", most.err);
    for said in [&ran.out, &ran.err, &most.out, &most.err, &refused.out, &refused.err] {
        assert!(!said.contains("canary") && !said.contains("Y2FuYXJ5"), "{said}");
    }
}

#[test]
fn a_length_of_nothing_is_refused() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    for nothing in ["0s", "0", "0m"] {
        let words = [&["endpoint", "test"][..], &flags(&scene, &port), &["--for", nothing]].concat();
        let ran = scene.ferry.ends(2, &words);
        assert!(ran.err.contains("no time at all"), "{}", ran.err);
    }
    assert!(scene.source.log().entries().is_empty(), "nothing was asked");
}

#[test]
fn a_test_needs_a_name_or_a_type_and_not_both() {
    let scene = Scene::with(&[], &[]);
    for (words, code) in [
        (&["endpoint", "test"][..], 2),
        (&["endpoint", "test", "--type", "mbox"], 2),
        (&["endpoint", "test", "E", "--port", "143"], 2),
        (&["endpoint", "test", "--type", "imap"], 2),
        (&["endpoint", "test", "E"], 4),
    ] {
        scene.ferry.ends(code, words);
    }
}

/// An account that needs a password and has none is said at once, as by `endpoint new`; nobody is asked for anything.
#[test]
fn an_account_without_a_password_is_refused_before_anything_is_asked() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let way = ["endpoint", "test", "--type", "imap", "--remote-server", "127.0.0.1", "--port", &port];
    let way = [&way[..], &["--security", "none"]].concat();
    let named = [&way[..], &["--username", "boss"]].concat();
    let refused = scene.ferry.ends(2, &named);
    assert!(refused.err.contains("[SECRET_MISSING]"), "{}", refused.err);
    assert!(scene.source.log().entries().is_empty(), "nothing was asked");
    // Without an account it is a test of the way; a mailbox may have a password of its own.
    scene.ferry.ends(0, &way);
    let own = scene.ferry.file("own", "another\n");
    let ran = [&named[..], &["--mailbox", "ann@example.org", "--mailbox-password-file", &own]].concat();
    assert!(!scene.ferry.ends(23, &ran).err.contains("SECRET_MISSING"));
}

#[test]
fn what_is_different_since_the_last_good_test_is_said() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    scene.ferry.ends(0, &[&["endpoint", "new", "E"][..], &flags(&scene, &port)].concat());
    let good = scene.ferry.ends(0, &["endpoint", "test", "E", "-o", "json"]).json();
    assert!(good.get("changes").is_none(), "{good}");
    let wrong = scene.ferry.file("wrong", "another\n");
    scene.ferry.ends(0, &["endpoint", "set", "E", "--password-file", &wrong]);
    let bad = scene.ferry.ends(23, &["endpoint", "test", "E", "-o", "json"]).json();
    assert_eq!(bad["changes"][0], "imap-signs-in: pass before, SOURCE_AUTH_FAILED now", "{bad}");
    let shown = scene.ferry.ends(23, &["endpoint", "test", "E"]).out;
    assert!(shown.contains("since the last good test: imap-signs-in"), "{shown}");
}

#[test]
fn a_csv_signs_in_row_by_row() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let csv = "EmailAddress,UserName,Password\nann@example.org,ann,canary-4711\nbob@example.org,bob,canary-4711\nnobody,,\n";
    let file = scene.ferry.file("users.csv", csv);
    let mut words =
        vec!["endpoint", "test", "--type", "imap", "--remote-server", "127.0.0.1", "--port", &port];
    words.extend(["--security", "none", "--csv", &file, "-o", "json"]);
    let ran = scene.ferry.ends(23, &words);
    let rows: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let told: Vec<(&str, &str)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["outcome"].as_str().unwrap(), row["code"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(told[..2], [("pass", ""), ("fail", "SOURCE_AUTH_FAILED")], "{rows}");
    assert_eq!(told[2].0, "rejected", "{rows}");
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.out);
}

#[test]
fn it_connects_again_and_again_without_signing_in() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let words = [&["endpoint", "test"][..], &flags(&scene, &port), &["--for", "2s", "-o", "json"]].concat();
    let told = scene.ferry.ends(0, &words).json();
    let repeated = &told["repeated"];
    assert!(repeated["times"].as_u64() >= Some(2) && repeated["failed"] == 0, "{told}");
    let signed_in =
        scene.source.log().entries().iter().filter(|e| e.is("LOGIN") || e.is("AUTHENTICATE")).count();
    assert_eq!(signed_in, 1, "the test signs in once, its repetitions do not");
}

#[test]
fn an_endpoint_is_tested_before_it_is_made_or_says_why_not() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let wrong = scene.ferry.file("wrong", "another\n");
    let mut words = [&["endpoint", "new", "E", "--test"][..], &flags(&scene, &port)].concat();
    let at = words.iter().position(|w| *w == scene.secret).unwrap();
    words[at] = &wrong;
    scene.ferry.ends(23, &words);
    scene.ferry.ends(4, &["endpoint", "show", "E"]);
    words[at] = &scene.secret;
    scene.ferry.ends(0, &words);
    let made = scene.ferry.ends(0, &["endpoint", "show", "E", "-o", "json"]).json();
    assert_eq!(
        (made["status"].as_str(), made["lastTest"]["result"].as_str()),
        (Some("Connected"), Some("Success"))
    );
    let unnamed =
        scene.ferry.ends(2, &["endpoint", "new", "--type", "exchange-remote", "--remote-server", "x"]);
    assert!(unnamed.err.contains("Proposed: Hybrid-RemoteMove-20"), "{}", unnamed.err);
    assert!(unnamed.err.contains("--yes takes it"), "{}", unnamed.err);
    let found = [
        "endpoint",
        "new",
        "F",
        "--type",
        "imap",
        "--email",
        "a@nobody.invalid",
        "--autodiscover",
        "--resolver",
        "127.0.0.1:1",
        "-o",
        "json",
    ];
    let told = scene.ferry.ends(20, &found).json();
    assert_eq!(told["steps"][0]["code"], "DNS_NO_SUCH_NAME", "{told}");
    scene.ferry.ends(4, &["endpoint", "show", "F"]);
}
