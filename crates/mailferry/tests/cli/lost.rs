//! When the data directory is lost, or another one looks.

use super::ferry::{Ferry, count};

#[test]
fn a_move_is_carried_of_what_was_found_and_not_put() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 0));
    ferry.maildir("from/.Sub", 0);
    ferry.deliver("from/.Sub", 9);
    let copy = ["copy", &from, &to, "--grace", "0", "-o", "json"];
    ferry.ends(0, &copy);
    std::fs::remove_dir_all(ferry.path("data")).unwrap();
    ferry.ends(0, &copy);
    let file = "1700000002.M1.h:2,S";
    std::fs::rename(ferry.path("from/cur").join(file), ferry.path("from/.Sub/cur").join(file)).unwrap();
    ferry.ends(0, &copy);
    assert_eq!((count(&ferry.path("to")), count(&ferry.path("to/.Sub"))), (2, 2));
}

#[test]
fn who_verifies_without_a_ledger_sees_what_is_there_twice() {
    let ferry = Ferry::new();
    let (from, to) = (ferry.maildir("from", 3), ferry.maildir("to", 0));
    ferry.ends(0, &["copy", &from, &to, "--grace", "0"]);
    let one = std::fs::read_dir(ferry.path("to/cur")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&one, ferry.path("to/cur/1700009999.M9.h:2,S")).unwrap();
    std::fs::remove_dir_all(ferry.path("data")).unwrap();
    let told = ferry.ends(3, &["verify", &from, &to, "-o", "json"]).json();
    assert_eq!(
        (told["doubled"].as_array().map(Vec::len), &told["score"]),
        (Some(1), &"Poor".into()),
        "{told}"
    );
}
