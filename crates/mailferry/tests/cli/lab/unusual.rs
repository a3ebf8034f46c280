//! What is legal and rare, and what is wrong and common: the copy ends right, or names each item and why.

use std::time::{Duration, Instant};

use mailferry_lab::imap::{Abilities, Body, Config, Letter, Lie, Nth, Quirk, Refused, Renumbered};
use mailferry_wire::imap::{Capability, Flag};
use serde_json::Value;

use super::scene::{Scene, codes, held, letter, looks_good, server};

/// Three folders with letters.
fn scene(source: &[Quirk], target: &[Quirk]) -> Scene {
    let scene = Scene::with(source, target).letters(12);
    for (n, folder) in ["Sent", "Work/Deep"].into_iter().enumerate() {
        (0..9).for_each(|m| _ = scene.from().deliver(folder, letter(100 * (n as u32 + 1) + m)));
    }
    scene
}

/// Ends well, and a run without changes finds nothing to do.
#[track_caller]
fn ends_right(source: &[Quirk], target: &[Quirk]) {
    let scene = scene(source, target);
    let told = scene.copies(0);
    assert!(looks_good(&told), "{source:?} {target:?} {told}");
    let (from, to) = (held(&scene.from().snapshot()), held(&scene.to().snapshot()));
    assert!(from == to, "{source:?} {target:?}");
    scene.well_behaved();
    let told = scene.copies(0);
    assert_eq!(told["put"], 0, "{source:?} {target:?} {told}");
}

/// Of one source folder, these items are named, in a list, with a code; the rest is there.
#[track_caller]
fn names(scene: &Scene, list: &str, uids: &[&str]) -> Value {
    let told = scene.copies(3);
    let named: Vec<&str> =
        told[list].as_array().unwrap().iter().map(|i| i["uid"].as_str().unwrap()).collect();
    assert_eq!(named, uids, "{told}");
    assert!(told[list].as_array().unwrap().iter().all(|i| !i["reason"].as_str().unwrap().is_empty()));
    let (from, to) = (held(&scene.from().snapshot()), held(&scene.to().snapshot()));
    let count = |held: &super::scene::Held| held.values().map(Vec::len).sum::<usize>();
    assert_eq!(count(&from), count(&to) + uids.len(), "{told}");
    told
}

#[test]
fn answers_in_any_order_and_shape() {
    for quirk in [
        Quirk::FetchInTwoAnswers,
        Quirk::BodyBeforeUid,
        Quirk::Chatter(Nth::Always),
        Quirk::Chatter(Nth::Every(3)),
        Quirk::NoUidNext,
        Quirk::NoModSeq,
    ] {
        ends_right(std::slice::from_ref(&quirk), &[]);
        ends_right(&[], std::slice::from_ref(&quirk));
    }
    let all = [Quirk::FetchInTwoAnswers, Quirk::BodyBeforeUid, Quirk::Chatter(Nth::Always)];
    ends_right(&all, &all);
}

#[test]
fn sizes_that_lie_at_the_source() {
    for off in [-20, 20, 5_000] {
        ends_right(&[Quirk::SizeLies(off)], &[]);
    }
}

/// What is moved at a source that lists sizes wrong is moved at the target too, and not put once more.
#[test]
fn moves_at_a_source_whose_sizes_lie() {
    for off in [-20, 40] {
        let scene = scene(&[Quirk::SizeLies(off)], &[]);
        scene.copies(0);
        for uid in 1..=4 {
            scene.from().move_message("INBOX", uid, "Sent").unwrap();
        }
        scene.from().deliver("Sent", letter(999));
        let told = scene.copies(0);
        assert_eq!((told["moved"].as_u64(), told["put"].as_u64()), (Some(4), Some(1)), "{off}: {told}");
        scene.agree();
    }
}

/// A body that comes short once is asked for again; one that stays short is named, and nobody blames the target.
#[test]
fn bodies_that_the_source_cuts_short() {
    ends_right(&[Quirk::CutsBody(Nth::Only(3))], &[]);
    let scene = Scene::with(&[Quirk::CutsBody(Nth::Always)], &[]);
    scene.from().deliver("INBOX", Letter::create(Body::grown(1, 4_000)));
    for more in [&[][..], &["--deep"]] {
        let told = scene.ends(0, if more.is_empty() { "copy" } else { "verify" }, more);
        assert_eq!(codes(&told, "rewritten"), ["SHORTER_THAN_LISTED"], "{told}");
        assert!(codes(&told, "missing").is_empty(), "{told}");
    }
}

/// What a deep look is given short is not what was put: the source has changed, the target has not.
#[test]
fn a_body_that_the_source_cuts_short_when_it_is_looked_at() {
    let scene = Scene::with(&[Quirk::CutsBody(Nth::From(2))], &[]);
    scene.from().deliver("INBOX", Letter::create(Body::grown(1, 4_000)));
    scene.copies(0);
    scene.agree();
    let told = scene.ends(3, "verify", &["--deep"]);
    assert_eq!(codes(&told, "missing"), ["SOURCE_DIFFERS"], "{told}");
}

#[test]
fn sizes_that_lie_at_the_target() {
    for off in [-20, 20] {
        let scene = scene(&[], &[Quirk::SizeLies(off)]);
        let told = scene.copies(0);
        assert!(looks_good(&told), "{told}");
        scene.agree();
        assert_eq!(scene.copies(0)["put"], 0);
        scene.agree();
    }
}

#[test]
fn a_limit_of_messages_to_a_command() {
    ends_right(&[Quirk::MessageLimit(5)], &[]);
    ends_right(&[], &[Quirk::MessageLimit(5)]);
}

/// Changes in later runs too: what is asked in one command is not answered in one.
#[test]
fn a_limit_of_messages_takes_no_mail_away() {
    for abilities in [
        Abilities::all(),
        Abilities::all().without(Capability::QResync),
        Abilities::all().without(Capability::CondStore).without(Capability::Esearch),
    ] {
        let limited = || Config { abilities: abilities.clone(), ..server(&[Quirk::MessageLimit(5)]) };
        let scene = Scene::of(limited(), limited()).letters(23);
        scene.copies(0);
        scene.agree();
        (1..=20).for_each(|uid| _ = scene.from().flag("INBOX", uid, &[Flag::Answered], &[Flag::Seen]));
        (1..=7).for_each(|n| _ = scene.from().move_message("INBOX", n, "Else"));
        [9, 11, 13, 15, 17, 19].into_iter().for_each(|uid| _ = scene.from().remove("INBOX", uid));
        scene.ends(0, "copy", &["--delete"]);
        scene.agree();
    }
}

#[test]
fn small_groups() {
    ends_right(&[], &[Quirk::RefusesGroups(4)]);
}

#[test]
fn connections_that_end() {
    for quirk in [
        Quirk::BreaksInBody(Nth::Only(1)),
        Quirk::BreaksInBody(Nth::Only(7)),
        Quirk::LosesCommand("FETCH", Nth::Only(1)),
        Quirk::LosesAnswer("FETCH", Nth::Only(2)),
        Quirk::LosesAnswer("EXAMINE", Nth::Only(1)),
    ] {
        ends_right(&[quirk], &[]);
    }
    for quirk in [
        Quirk::LosesCommand("APPEND", Nth::Only(1)),
        Quirk::LosesAnswer("APPEND", Nth::Only(1)),
        Quirk::LosesAnswer("APPEND", Nth::Only(2)),
        Quirk::LosesAnswer("CREATE", Nth::Only(1)),
        Quirk::LosesCommand("CREATE", Nth::Only(1)),
        Quirk::LosesAnswer("FETCH", Nth::Only(1)),
        Quirk::BreaksAfter(20_000),
    ] {
        ends_right(&[], &[quirk]);
    }
}

/// Each try must place something, whichever folder's connection ended first.
#[test]
fn a_source_that_hangs_up_again_and_again() {
    ends_right(&[Quirk::BreaksInBody(Nth::Every(11))], &[]);
}

/// So often that verification from its beginning would never come to its end.
#[test]
fn who_hangs_up_every_so_many_commands_is_verified_all_the_same() {
    let many = |source: &[Quirk], target: &[Quirk]| {
        let scene = Scene::with(source, target).letters(3);
        (0..60).for_each(|n| _ = scene.from().deliver(&format!("F{n}"), letter(100 + n)));
        scene
    };
    for (source, target) in
        [(vec![Quirk::Bye(Nth::Every(40))], vec![]), (vec![], vec![Quirk::Bye(Nth::Every(40))])]
    {
        let scene = many(&[], &[]);
        scene.copies(0);
        source.iter().for_each(|quirk| scene.source.misbehave(quirk.clone()));
        target.iter().for_each(|quirk| scene.target.misbehave(quirk.clone()));
        for more in [&[][..], &["--deep"]] {
            assert!(looks_good(&scene.ends(0, "verify", more)), "{source:?} {target:?} {more:?}");
        }
        let scene = many(&source, &target);
        assert!(looks_good(&scene.copies(0)), "{source:?} {target:?}");
        scene.source.behave();
        scene.target.behave();
        scene.agree();
    }
}

/// After sign-in; a greeting that is BYE is a refusal.
#[test]
fn bye_at_any_command() {
    for n in 4..16 {
        ends_right(&[Quirk::Bye(Nth::Only(n))], &[]);
        ends_right(&[], &[Quirk::Bye(Nth::Only(n))]);
    }
    ends_right(&[Quirk::Bye(Nth::Every(60))], &[]);
}

#[test]
fn a_source_whose_uidvalidity_changes_in_the_middle() {
    for then in [Renumbered::Ends, Renumbered::GoesOn] {
        for after in 1..8 {
            let scene = scene(&[Quirk::Renumbers { after, then }], &[]);
            let told = scene.run("copy", &[]);
            assert!([0, 3].contains(&told.code), "{then:?} {after} {} {}", told.out, told.err);
            let told = scene.copies(0);
            assert!(looks_good(&told), "{then:?} {after} {told}");
            let (from, to) = (held(&scene.from().snapshot()), held(&scene.to().snapshot()));
            assert!(from == to, "{then:?} {after} {told}");
        }
    }
}

#[test]
fn a_target_whose_uidvalidity_changes_in_the_middle() {
    for then in [Renumbered::Ends, Renumbered::GoesOn] {
        for after in 1..5 {
            let scene = scene(&[], &[Quirk::Renumbers { after, then }]);
            let told = scene.run("copy", &[]);
            assert!([0, 3].contains(&told.code), "{then:?} {after} {} {}", told.out, told.err);
            let told = scene.copies(0);
            let (from, to) = (held(&scene.from().snapshot()), held(&scene.to().snapshot()));
            assert!(from == to, "{then:?} {after} {told}");
        }
    }
}

#[test]
fn bodies_that_cannot_be_read_are_skipped_with_a_reason() {
    let scene = scene(&[Quirk::FetchFails(5)], &[]);
    let scene_of_one = Scene::with(&[Quirk::FetchFails(5)], &[]).letters(12);
    let told = names(&scene_of_one, "skipped", &["5"]);
    assert!(codes(&told, "skipped")[0].starts_with("SOURCE_"), "{told}");
    names(&scene, "skipped", &["5", "5", "5"]);
    scene.source.behave();
    scene.copies(0);
    scene.agree();
    let scene = Scene::with(&[Quirk::NilBody(Nth::Always)], &[]).letters(3);
    names(&scene, "skipped", &["1", "2", "3"]);
    let scene = Scene::with(&[Quirk::NilBody(Nth::Only(2))], &[]).letters(5);
    let told = names(&scene, "skipped", &["2"]);
    assert_eq!(codes(&told, "skipped"), ["SOURCE_MALFORMED"]);
}

#[test]
fn one_that_is_too_large_is_found_within_its_group() {
    let scene = Scene::with(&[], &[Quirk::Refuses(Refused::Larger(5_000))]).letters(30);
    scene.from().deliver("INBOX", Letter::create(Body::grown(1, 9_000)));
    let told = names(&scene, "skipped", &["31"]);
    assert_eq!(codes(&told, "skipped"), ["TARGET_TOO_LARGE"]);
}

/// Servers say NIL for what they cannot read just now, too.
#[test]
fn a_body_that_is_nil_is_asked_for_in_three_runs() {
    let scene = Scene::with(&[Quirk::NilBody(Nth::Only(2))], &[]).letters(5);
    let told = names(&scene, "skipped", &["2"]);
    assert_eq!(codes(&told, "skipped"), ["SOURCE_MALFORMED"]);
    scene.copies(0);
    scene.agree();
    scene.rests();
    let scene = Scene::with(&[Quirk::NilBody(Nth::Always)], &[]).letters(2);
    for run in 1..=4 {
        scene.source.log().clear();
        names(&scene, "skipped", &["1", "2"]);
        assert_eq!(scene.source.log().bodies_read() > 0, run <= 3, "{run}");
    }
}

#[test]
fn a_target_that_does_not_tell_letter_case_merges_nothing() {
    let scene = Scene::with(&[], &[Quirk::IgnoresCase]);
    for (n, folder) in ["Work", "WORK", "work/a", "Work/A", "Other"].into_iter().enumerate() {
        scene.from().deliver(folder, letter(n as u32));
    }
    let told = scene.copies(0);
    let to = held(&scene.to().snapshot());
    let mail = to.values().filter(|v| !v.is_empty()).count();
    assert_eq!((mail, told["renamed"].as_array().map(Vec::len)), (5, Some(2)), "{told} {:?}", to.keys());
    assert_eq!(scene.copies(0)["put"], 0);
    assert_eq!(held(&scene.to().snapshot()), to);
}

#[test]
fn refused_names_become_others_that_are_told() {
    let scene = Scene::with(&[], &[Quirk::RefusesNames("  "), Quirk::RefusesNames("~")]);
    for (n, folder) in ["two  spaces", "~home", "two  spaces/below", "plain"].into_iter().enumerate() {
        scene.from().deliver(folder, letter(n as u32));
    }
    let told = scene.copies(0);
    let renamed = told["renamed"].as_array().unwrap();
    assert!(
        renamed.len() >= 2 && renamed.iter().all(|r| !r["reason"].as_str().unwrap().is_empty()),
        "{told}"
    );
    let to = held(&scene.to().snapshot());
    assert_eq!(to.values().filter(|v| v.len() == 1).count(), 4, "{:?}", to.keys());
    assert_eq!(scene.copies(0)["put"], 0);
    assert_eq!(held(&scene.to().snapshot()), to);
}

#[test]
fn parents_that_come_by_themselves() {
    let scene = Scene::with(&[], &[Quirk::CreatesParents]);
    scene.from().deliver("a/b/c", letter(1));
    scene.from().deliver("a/d", letter(2));
    scene.copies(0);
    let to = held(&scene.to().snapshot());
    assert_eq!((to["a/b/c"].len(), to["a/d"].len()), (1, 1), "{:?}", to.keys());
    scene.rests();
}

#[test]
fn what_lands_late_is_not_put_again() {
    let late = [Quirk::AppendTakes(Duration::from_millis(20)), Quirk::LandsLate(Duration::from_secs(3))];
    let scene = scene(&[], &late);
    let words = scene.words("copy", &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = scene.ferry.command(&words).stdout(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while scene.target.log().unanswered("APPEND") == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none(),
            "no APPEND"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    scene.ends(0, "copy", &["--grace", "5"]);
    assert!(scene.target.log().landed() > 0);
    scene.agree();
}

#[test]
fn a_liar_whose_answer_is_lost() {
    let scene =
        scene(&[], &[Quirk::LosesAnswer("APPEND", Nth::Only(1)), Quirk::Lies(Lie::Nothing, Nth::Only(2))]);
    scene.copies(0);
    scene.agree();
}

/// Two folders change names while it is in doubt what of them arrived, and nothing but their names tells them apart:
/// nothing is lost or doubled, and what stays in the wrong one is named.
#[test]
fn two_folders_that_change_names_while_something_is_in_doubt() {
    let abilities = Abilities::all().without(Capability::ObjectId);
    for nth in 3..=6 {
        let lies = Quirk::Lies(Lie::NoForLong, Nth::Only(nth));
        let scene = Scene::of(Config { abilities: abilities.clone(), ..server(&[]) }, server(&[lies]));
        let deliver = |n: u32, folder: &str| _ = scene.from().deliver(folder, letter(n));
        [(1, "A"), (2, "B")].into_iter().for_each(|(n, folder)| deliver(n, folder));
        scene.copies(0);
        [(3, "A"), (4, "B"), (5, "A"), (6, "B")].into_iter().for_each(|(n, folder)| deliver(n, folder));
        scene.ends(5, "copy", &[]);
        for (from, to) in [("A", "T"), ("B", "A"), ("T", "B")] {
            assert!(scene.from().rename_mailbox(from, to));
        }
        let told = scene.copies(0);
        let bodies = |person: mailferry_lab::imap::Person| {
            let mut all: Vec<_> = held(&person.snapshot()).into_values().flatten().map(|m| m.0).collect();
            all.sort();
            all
        };
        assert_eq!(bodies(scene.from()), bodies(scene.to()), "{nth}: {told}");
        let (from, to) = (held(&scene.from().snapshot()), held(&scene.to().snapshot()));
        let elsewhere = from["A"].iter().filter(|m| !to["A"].contains(m)).count()
            + from["B"].iter().filter(|m| !to["B"].contains(m)).count();
        assert_eq!(codes(&told, "changedAtTarget").len(), elsewhere, "{nth}: {told}");
        scene.rests();
    }
}
