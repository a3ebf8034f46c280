//! `user set`: a mailbox whose password was wrong is given the right one and tried again.

use super::scene::Scene;

#[test]
fn a_wrong_password_of_one_mailbox_is_given_anew() {
    let scene = Scene::with(&[], &[]).letters(2);
    let ferry = &scene.ferry;
    for (name, server) in [("Old", &scene.source), ("New", &scene.target)] {
        let port = server.port().to_string();
        let mut words = vec!["endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1"];
        words.extend(["--port", &port, "--security", "none"]);
        ferry.ends(0, &words);
    }
    let row =
        "EmailAddress,UserName,Password,TargetUserName,TargetPassword\nann@x,ann,wrong,ann,canary-4711\n";
    let csv = ferry.file("users.csv", row);
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    ferry.ends(3, &["batch", "start", "w"]);
    let told = ferry.ends(0, &["user", "set", "ann@x", "--password-file", &scene.secret]).out;
    assert_eq!(told, "What ann@x signs in with is changed; mailferry user retry ann@x tries it.\n");
    let ran = ferry.ends(0, &["user", "retry", "ann@x", "-o", "json"]);
    assert_eq!((&ran.json()["placed"], &ran.json()["score"]), (&2.into(), &"Perfect".into()), "{}", ran.out);
    scene.agree();
    let audit = ferry.ends(0, &["audit", "list", "-o", "json"]).out;
    assert!(audit.contains("source-password") && !audit.contains("canary"), "{audit}");
}
