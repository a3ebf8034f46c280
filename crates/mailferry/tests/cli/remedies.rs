//! Remedies can be copied: they name what they are about, and nothing that is not there.

use mailferry_lab::fake::{NameServer, names::Known};

use super::ferry::{Ferry, closed_port};

#[test]
fn a_remedy_names_the_batch_that_is_in_the_wrong_state() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 1);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\n");
    ferry.ends(0, &["batch", "new", "first wave", "--source", "Old", "--target", "New", "--csv", &csv]);
    for words in [
        &["user", "sync", "anna@x"][..],
        &["batch", "complete", "first wave"],
        &["endpoint", "replace", "Old", "--with", "Old"],
        &["endpoint", "remove", "Old", "--yes"],
    ] {
        let ran = ferry.run(words);
        assert!(
            !ran.err.contains("batch show NAME") && !ran.err.contains("endpoint replace NAME"),
            "{}",
            ran.err
        );
    }
    let told = ferry.ends(6, &["user", "sync", "anna@x"]).err;
    assert!(told.contains("mailferry batch show \"first wave\" shows the state."), "{told}");
    let told = ferry.ends(6, &["endpoint", "remove", "Old", "--yes"]).err;
    assert!(told.contains("mailferry endpoint replace Old --with OTHER"), "{told}");
}

/// A server of names that knows of none; it runs as long as this does.
fn names() -> (tokio::runtime::Runtime, NameServer) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(NameServer::start(&[("nothing.example", Known::Nothing)])).unwrap();
    (runtime, server)
}

#[test]
fn native_commands_show_our_remedy_beside_the_native_one() {
    let (ferry, (_runtime, names)) = (Ferry::new(), names());
    let resolver = names.address.to_string();
    let new = ["endpoint", "new", "e", "--type", "imap", "--remote-server", "nowhere.example"];
    ferry.ends(0, &[&new[..], &["--resolver", &resolver]].concat());
    let test = ferry.file("test.ps1", "Test-MigrationServerAvailability -Endpoint e | fl Fix");
    let told = ferry.ends(20, &["shell", &test]).out;
    assert!(told.contains("nslookup nowhere.example"), "{told}");
    assert!(told.contains("Natively: Publish nowhere.example in public DNS"), "{told}");
}

#[test]
fn a_test_of_what_is_stored_nowhere_names_no_endpoint() {
    let ferry = Ferry::new();
    let port = closed_port().to_string();
    let server = ["--type", "imap", "--remote-server", "127.0.0.1", "--port", &port, "--security", "none"];
    let told = ferry.ends(21, &[&["endpoint", "test", "-o", "json"][..], &server].concat()).out;
    assert!(!told.contains("NAME"), "{told}");
    ferry.ends(0, &[&["endpoint", "new", "e"][..], &server].concat());
    let told = ferry.ends(21, &["endpoint", "test", "e", "-o", "json"]).out;
    assert!(!told.contains("NAME"), "{told}");
}

#[test]
fn every_published_exit_code_is_explained() {
    let ferry = Ferry::new();
    let all = (0..=12).chain(20..=27).chain(30..=37).chain([130]);
    for code in all {
        let told = ferry.ends(0, &["explain", &code.to_string()]).out;
        assert!(told.starts_with(&format!("exit code {code}: ")) && told.len() > 20, "{told}");
    }
    insta::assert_snapshot!(ferry.ends(0, &["explain", "33"]).out, @r"
    exit code 33: target: sign-in
    fix:   The message names the code of what happened in brackets: mailferry explain CODE
    ");
    let told = ferry.ends(0, &["explain", "5", "-o", "json"]).json();
    assert_eq!((&told["code"], &told["retryable"]), (&"5".into(), &true.into()), "{told}");
    assert!(ferry.ends(4, &["explain", "99"]).err.contains("99 is no exit code"));
}

#[test]
fn a_token_of_nobody_says_whose_it_may_be() {
    let ferry = Ferry::new();
    let told = ferry.ends(2, &["token", "new", "ci"]).err;
    assert!(told.contains("mailferry account new NAME"), "{told}");
    let pw = ferry.file("pw", "four unrelated words are good");
    ferry.ends(0, &["account", "new", "anna", "--role", "operator", "--password-file", &pw]);
    let told = ferry.ends(2, &["token", "new", "ci"]).err;
    assert!(told.contains("mailferry token new ci --account anna"), "{told}");
    ferry.ends(0, &["token", "new", "ci", "--account", "anna"]);
}
