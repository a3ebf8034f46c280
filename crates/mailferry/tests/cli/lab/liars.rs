//! Targets that answer OK to what they did not do.

use mailferry_lab::imap::{Lie, Nth, Quirk};
use serde_json::Value;

use super::scene::{Scene, codes, looks_good};

fn liar(lie: Lie, nth: Nth) -> Scene {
    Scene::with(&[], &[Quirk::Lies(lie, nth)]).letters(4)
}

/// The UIDs at the source of the items in a list.
fn uids(told: &Value, list: &str) -> Vec<String> {
    let mut uids: Vec<String> =
        told[list].as_array().unwrap().iter().map(|i| i["uid"].as_str().unwrap().to_owned()).collect();
    uids.sort();
    uids
}

#[track_caller]
fn is_bad(told: &Value, list: &str, code: &str, items: &[&str]) {
    assert!(!looks_good(told), "{told}");
    assert_eq!(uids(told, list), items, "{told}");
    assert_eq!(codes(told, list), vec![code; items.len()], "{told}");
}

#[test]
fn who_stores_nothing_is_found_out() {
    let scene = liar(Lie::Nothing, Nth::Always);
    for _ in 0..2 {
        is_bad(&scene.copies(3), "missing", "ITEM_MISSING", &["1", "2", "3", "4"]);
    }
    assert!(!looks_good(&scene.ends(3, "verify", &[])));
    scene.target.behave();
    assert!(looks_good(&scene.copies(0)));
    scene.agree();
    scene.rests();
}

#[test]
fn who_forgets_one_gets_it_again_in_the_same_run() {
    let scene = liar(Lie::Nothing, Nth::Only(2));
    assert!(looks_good(&scene.copies(0)));
    scene.agree();
    scene.rests();
}

#[test]
fn half_a_message_is_no_message() {
    stays_wrong(&liar(Lie::Half, Nth::Only(3)));
}

#[test]
fn something_else_of_the_same_size_is_no_message() {
    stays_wrong(&liar(Lie::Other, Nth::Only(3)));
}

/// The third differs, and each later look says so as long as it does.
fn stays_wrong(scene: &Scene) {
    is_bad(&scene.copies(3), "missing", "ITEM_DIFFERS", &["3"]);
    is_bad(&scene.ends(3, "verify", &[]), "missing", "ITEM_DIFFERS", &["3"]);
    is_bad(&scene.ends(3, "verify", &["--deep"]), "missing", "ITEM_DIFFERS", &["3"]);
    scene.target.behave();
    is_bad(&scene.copies(3), "missing", "ITEM_DIFFERS", &["3"]);
    assert_eq!(scene.to().snapshot()["INBOX"].len(), 4, "what lies there is not ours to replace");
    // What the report advises helps.
    assert!(scene.to().remove("INBOX", 3));
    assert!(looks_good(&scene.copies(0)));
    scene.agree();
    scene.rests();
}

#[test]
fn another_date_is_named_and_lowers_no_score() {
    let scene = liar(Lie::Date, Nth::Only(2));
    for (command, more) in [("copy", &[][..]), ("verify", &[]), ("verify", &["--deep"])] {
        let told = scene.ends(0, command, more);
        assert_eq!(
            (uids(&told, "rewritten"), codes(&told, "rewritten")),
            (vec!["2".to_owned()], vec!["DATE_REWRITTEN".to_owned()]),
            "{command} {told}"
        );
        assert!(
            looks_good(&told) && told["sentence"].as_str().unwrap().contains("1 rewritten by the target")
        );
    }
    scene.rests();
}

#[test]
fn lost_flags_are_named_and_lower_no_score() {
    let scene = liar(Lie::NoFlags, Nth::Only(2));
    let told = scene.copies(0);
    assert_eq!(uids(&told, "rewritten"), ["2"], "{told}");
    assert_eq!(codes(&told, "rewritten"), ["FLAGS_REWRITTEN"], "{told}");
    assert!(looks_good(&told));
}

#[test]
fn two_for_one_is_one_too_many() {
    let scene = liar(Lie::Twice, Nth::Only(2));
    for (command, more) in [("copy", &[][..]), ("verify", &[]), ("verify", &["--deep"]), ("copy", &[])] {
        let told = scene.ends(3, command, more);
        assert!(!looks_good(&told), "{command} {told}");
        assert_eq!(
            (codes(&told, "doubled"), &told["missing"]),
            (vec!["DOUBLED".to_owned()], &serde_json::json!([]))
        );
    }
    let twins = scene.to().snapshot()["INBOX"].iter().find(|m| m.uid == 2).cloned();
    assert!(twins.is_some() && scene.to().remove("INBOX", 2));
    assert!(looks_good(&scene.copies(0)));
    scene.agree();
}

/// It keeps the message, says NO and wants an hour of rest: nobody puts it again before a look.
#[test]
fn who_keeps_one_and_wants_rest_gets_it_once() {
    let scene = liar(Lie::NoForLong, Nth::Only(1));
    scene.ends(5, "copy", &[]);
    assert!(looks_good(&scene.copies(0)));
    scene.agree();
    scene.rests();
}
