//! Who may come in: wrong passwords, tokens, administrators, TLS.

use mailferry_lab::imap::{Config, LoginRule, Security, Server, User};

use super::scene::{Scene, looks_good, server};

const TOKEN: &str = "ya29.canary-token";

#[test]
fn a_wrong_password_is_tried_once() {
    for (side, code) in [("source", 23), ("target", 33)] {
        let scene = Scene::with(&[], &[]).letters(1);
        let person = if side == "source" { scene.from() } else { scene.to() };
        person.set_password("changed");
        let server = if side == "source" { &scene.source } else { &scene.target };
        let told = scene.copies(code);
        assert_eq!(told["error"]["code"], format!("{}_AUTH_FAILED", side.to_uppercase()), "{told}");
        assert_eq!(server.log().wrong_passwords("ann"), 1, "{side}");
        scene.well_behaved();
    }
}

fn mechanisms(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_way_to_sign_in_is_found() {
    for (names, login) in [
        (&["PLAIN"][..], LoginRule::Never),
        (&["LOGIN"], LoginRule::Never),
        (&[], LoginRule::Anywhere),
        (&["XOAUTH2", "OAUTHBEARER"], LoginRule::Anywhere),
    ] {
        let source = Config { mechanisms: mechanisms(names), login, ..server(&[]) };
        let scene = Scene::of(source, server(&[])).letters(2);
        scene.copies(0);
        scene.agree();
    }
}

#[test]
fn tokens_sign_in_and_a_stale_one_is_tried_once() {
    for name in ["XOAUTH2", "OAUTHBEARER"] {
        let users = vec![User { name: "ann".into(), tokens: vec![TOKEN.into()], ..User::default() }];
        let source =
            Config { users, mechanisms: mechanisms(&[name]), login: LoginRule::Never, ..Config::default() };
        let scene = Scene::of(source, server(&[])).letters(2);
        let token = scene.ferry.file("token", &format!("{TOKEN}\n"));
        let mut words = scene.words("copy", &[]);
        let at = words.iter().position(|w| w == "--source-password-file").unwrap();
        words[at] = "--source-token-file".to_owned();
        words[at + 1] = token;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        scene.ferry.ends(0, &words);
        scene.agree();
        scene.from().set_tokens(&["another"]);
        let ran = scene.ferry.ends(23, &words);
        assert_eq!(scene.source.log().wrong_passwords("ann"), 1, "{name}");
        assert!(!format!("{}{}", ran.out, ran.err).contains(TOKEN));
    }
}

#[test]
fn starttls_comes_before_the_password() {
    let config = || Config { security: Security::StartTls, login: LoginRule::WithTls, ..server(&[]) };
    let scene = Scene::of(config(), config()).letters(2);
    let ca = |server: &Server, name| scene.ferry.file(name, server.ca_pem().unwrap());
    let (from, to) = (ca(&scene.source, "from.pem"), ca(&scene.target, "to.pem"));
    let url = |server: &Server| format!("imap://ann@127.0.0.1:{}", server.port());
    let (source, target) = (url(&scene.source), url(&scene.target));
    let mut words = vec!["copy", &source, &target, "--source-password-file", &scene.secret];
    words.extend(["--target-password-file", &scene.secret, "--grace", "0", "-o", "json"]);
    words.extend(["--target-ca-file", &to]);
    let told = scene.ferry.ends(22, &words).json();
    assert_eq!(told["error"]["code"], "SOURCE_TLS", "{told}");
    words.extend(["--source-ca-file", &from]);
    assert!(looks_good(&scene.ferry.ends(0, &words).json()));
    scene.agree();
}

#[test]
fn nobody_sends_a_password_where_login_is_disabled() {
    let config = Config { security: Security::StartTls, login: LoginRule::WithTls, ..server(&[]) };
    let scene = Scene::of(config, server(&[])).letters(1);
    let told = scene.run("copy", &[]);
    assert!((20..30).contains(&told.code), "{} {}", told.code, told.err);
    let log = scene.source.log();
    assert_eq!((log.count("LOGIN"), log.count("AUTHENTICATE"), log.violations()), (0, 0, vec![]));
}

#[test]
fn an_administrator_signs_in_for_others() {
    for style in ["authzid", "dovecot"] {
        let masters = vec![("boss".to_owned(), "canary-4711".to_owned())];
        let mut source = Config { masters, ..server(&[]) };
        source.users[0].password = "unknown to boss".into();
        let scene = Scene::of(source, server(&[])).letters(2);
        scene.ends(0, "copy", &["--source-admin", "boss", "--source-admin-style", style]);
        scene.agree();
    }
}

#[test]
fn a_batch_with_one_admin_login_stops_after_one_wrong_password() {
    let users = [("u1@x", "p"), ("u2@x", "p"), ("u3@x", "p"), ("u4@x", "p")];
    let config = || Config { masters: vec![("boss".into(), "right".into())], ..Config::for_users(&users) };
    let scene = Scene::of(config(), config());
    for (name, server) in [("Old", &scene.source), ("New", &scene.target)] {
        let port = server.port().to_string();
        let mut words = vec!["endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1"];
        words.extend(["--port", &port, "--security", "none", "--username", "boss"]);
        words.extend(["--password-file", &scene.secret, "--admin-style", "dovecot"]);
        scene.ferry.ends(0, &words);
    }
    let csv = scene.ferry.file("users.csv", "EmailAddress\nu1@x\nu2@x\nu3@x\nu4@x\n");
    scene.ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    let ran = scene.ferry.run(&["batch", "start", "w", "--wait=synced", "-o", "json"]);
    assert_ne!(ran.code, 0);
    let fix = ran.json()["error"]["fix"].to_string();
    assert!(fix.contains("mailferry endpoint set ") && fix.contains(" --password-file FILE"), "{fix}");
    assert!(fix.contains("mailferry batch start w") && !fix.contains("-token-file"), "{fix}");
    for (side, server) in [("source", &scene.source), ("target", &scene.target)] {
        let tried: u64 = users.iter().map(|(u, _)| server.log().wrong_passwords(&format!("{u}*boss"))).sum();
        assert!(tried <= 1, "{side}: {tried} times\n{}", ran.out);
    }
}

/// An administrator without a sample mailbox: outcomes of the steps from auth on, the result, tries with a wrong
/// password.
fn tried(side: &str, style: &str, right: &str, code: i32) -> (Vec<String>, String, u64) {
    let config = || Config { masters: vec![("boss".into(), right.into())], ..server(&[]) };
    let scene = Scene::of(config(), config());
    let server = if side == "source" { &scene.source } else { &scene.target };
    let port = server.port().to_string();
    let mut words = vec!["endpoint", "new", "E", "--type", "imap", "--remote-server", "127.0.0.1"];
    words.extend(["--port", &port, "--security", "none", "--username", "boss"]);
    words.extend(["--password-file", &scene.secret, "--admin-style", style]);
    scene.ferry.ends(0, &words);
    let told = scene.ferry.ends(code, &["endpoint", "test", "E", "--as", side, "-o", "json"]).json();
    let outcomes =
        ["imap-signs-in", "imap-may-open", "imap-inbox-opens"].map(|id| super::outcome(&told, id)).to_vec();
    let wrong = server.log().entries().iter().filter(|e| e.is("AUTHENTICATE") || e.is("LOGIN")).count();
    assert!(!told.to_string().contains("canary"), "{told}");
    (outcomes, told["result"].as_str().unwrap().to_owned(), wrong as u64)
}

#[test]
fn an_administrator_without_a_mailbox_is_tried_once() {
    for style in ["dovecot", "authzid"] {
        for side in ["source", "target"] {
            let (outcomes, result, tries) = tried(side, style, "canary-4711", 0);
            assert_eq!(outcomes, ["pass", "warn", "not-run"], "{style}");
            assert_eq!((result.as_str(), tries >= 1), ("Success", true), "{style}");
        }
        for (side, code) in [("source", 23), ("target", 33)] {
            let (outcomes, result, tries) = tried(side, style, "another", code);
            assert_eq!(outcomes, ["fail", "not-run", "not-run"], "{style}");
            assert_eq!((result.as_str(), tries), ("Failed", 1), "{style}");
        }
    }
}

#[test]
fn a_test_in_which_nobody_signs_in_says_so() {
    let scene = Scene::with(&[], &[]);
    let port = scene.source.port().to_string();
    let new =
        ["endpoint", "new", "E", "--type", "imap", "--remote-server", "127.0.0.1", "--security", "none"];
    scene.ferry.ends(0, &[&new[..], &["--port", &port]].concat());
    let told = scene.ferry.ends(0, &["endpoint", "test", "E", "-o", "json"]).json();
    assert_eq!(
        (told["result"].as_str(), told["signedIn"].as_bool(), &*super::outcome(&told, "imap-signs-in")),
        (Some("Success"), Some(false), "not-run")
    );
    let shown = scene.ferry.ends(0, &["endpoint", "test", "E"]).out;
    assert!(shown.contains("\nSuccess, but nobody signed in: "), "{shown}");
}

#[test]
fn an_unencrypted_server_is_warned_of_once() {
    let scene = Scene::with(&[], &[]).letters(40);
    (0..20).for_each(|n| _ = scene.from().deliver(&format!("F{n}"), super::scene::letter(100 + n)));
    let ran = scene.run("copy", &["--connections", "4"]);
    assert_eq!((ran.code, ran.err.matches("not encrypted").count()), (0, 2), "{}", ran.err);
}

#[test]
fn a_command_gives_the_password() {
    let scene = Scene::with(&[], &[]).letters(2);
    let words = scene.words("copy", &[]).join(" ");
    let words = words.replace("--source-password-file", "--source-password-command");
    let mut words: Vec<&str> = words.split(' ').collect();
    let at = words.iter().position(|w| *w == "--source-password-command").unwrap() + 1;
    let (file, no) = (words[at].to_owned(), "echo oops-4711; exit 3");
    let command = format!("cat {file}");
    words[at] = &command;
    assert!(looks_good(&scene.ferry.ends(0, &words).json()));
    words[at] = no;
    let ran = scene.ferry.ends(2, &words);
    assert!(!ran.err.contains("oops") && ran.err.contains("exit status: 3"), "{}", ran.err);
    let port = scene.source.port().to_string();
    let new =
        ["endpoint", "new", "E", "--type", "imap", "--remote-server", "127.0.0.1", "--security", "none"];
    let more = ["--port", &port, "--username", "ann", "--password-command", &command];
    scene.ferry.ends(0, &[&new[..], &more].concat());
    scene.ferry.ends(0, &["endpoint", "test", "E"]);
}
