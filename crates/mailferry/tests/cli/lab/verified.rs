//! `verify BATCH` where a service is and a sign-in stands for all mailboxes: a refusal is tried once.

use mailferry_lab::imap::Config;

use super::scene::Scene;
use crate::{ferry::Ferry, service::Service};

#[test]
fn a_refused_sign_in_ends_it_with_the_code_of_its_side() {
    let users = [("u1@x", "p"), ("u2@x", "p")];
    let config =
        || Config { masters: vec![("boss".into(), "canary-4711".into())], ..Config::for_users(&users) };
    let scene = Scene::of(config(), config());
    let service = Service::start(Ferry::new(), &[]);
    service.sign_in();
    for (name, server) in [("Old", &scene.source), ("New", &scene.target)] {
        let port = server.port().to_string();
        let mut words = vec!["endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1"];
        words.extend(["--port", &port, "--security", "none", "--username", "boss"]);
        words.extend(["--password-file", &scene.secret, "--admin-style", "dovecot"]);
        service.client(0, &words);
    }
    let csv = service.ferry.file("users.csv", "EmailAddress\nu1@x\nu2@x\n");
    service.client(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    service.client(0, &["batch", "start", "w", "--wait"]);
    let told = service.client(0, &["verify", "w", "-o", "json"]).json();
    assert_eq!((&told["score"], &told["mailboxes"]), (&"Perfect".into(), &2.into()), "{told}");

    let wrong = service.ferry.file("wrong", "canary-wrong\n");
    service.client(0, &["endpoint", "set", "New", "--password-file", &wrong]);
    let tried = || -> u64 {
        users.iter().map(|(u, _)| scene.target.log().wrong_passwords(&format!("{u}*boss"))).sum()
    };
    let before = tried();
    let ran = service.client(33, &["verify", "w", "-o", "json"]);
    assert_eq!(tried() - before, 1);
    let told = ran.json();
    assert_eq!((&told["code"], &told["exitCode"]), (&"TARGET_AUTH_FAILED".into(), &33.into()), "{told}");
    assert!(told["error"]["fix"][0].as_str().is_some_and(|fix| fix.contains("endpoint set New ")), "{told}");
    let here = service.ferry.ends(33, &["verify", "w", "-o", "json"]);
    assert_eq!(here.json(), told, "as without a service");
    assert!(!service.stop().contains("canary"));
}
