//! Mailboxes of batches, one by one: a wrong password is given anew, what was skipped is tried once more.

use mailferry_lab::imap::{Body, Letter, Quirk, Refused};

use super::scene::Scene;

#[test]
fn a_wrong_password_of_one_mailbox_is_given_anew() {
    let scene = Scene::with(&[], &[]).letters(2);
    let ferry = &scene.ferry;
    scene.endpoints();
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

#[test]
fn what_a_batch_skipped_is_tried_once_more_when_that_is_asked_for() {
    let scene = Scene::with(&[], &[Quirk::Refuses(Refused::Larger(5_000))]).letters(3);
    scene.from().deliver("INBOX", Letter::create(Body::grown(1, 9_000)));
    let ferry = &scene.ferry;
    scene.endpoints();
    let row = "EmailAddress,UserName,Password,TargetUserName,TargetPassword\nann@x,ann,canary-4711,ann,canary-4711\n";
    let csv = ferry.file("users.csv", row);
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    let skips = |code, words: &[&str]| {
        let told = ferry.ends(code, &[words, &["-o", "json"]].concat()).json();
        told["skipped"].as_array().unwrap().len()
    };
    assert_eq!(skips(3, &["batch", "start", "w"]), 1);
    // The server takes it now; a usual pass does not try what was skipped.
    scene.target.behave();
    assert_eq!(skips(3, &["batch", "sync", "w"]), 1);
    ferry.ends(2, &["batch", "stop", "w", "--retry-skipped"]);
    assert_eq!(skips(0, &["batch", "sync", "w", "--retry-skipped"]), 0);
    scene.agree();
    // Asked for once, it is done once.
    let user = ferry.ends(0, &["user", "sync", "ann@x", "-o", "json"]).json();
    assert_eq!(user["score"], "Perfect", "{user}");
}
