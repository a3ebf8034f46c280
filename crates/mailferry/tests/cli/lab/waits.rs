//! Servers that ask to be left alone for a while, and mailboxes that are full.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mailferry_lab::imap::{Abilities, Config, Log, Nth, Quirk, Words};
use mailferry_wire::imap::{Capability, Condition};

use super::scene::{Scene, looks_good, server};

const SECOND: Duration = Duration::from_secs(1);

fn backs_off(verb: &'static str, nth: Nth, wait: Duration, words: Words) -> Quirk {
    Quirk::BacksOff { verb, nth, wait, words }
}

/// One message to an APPEND, so that there are many.
fn one_by_one(quirks: &[Quirk]) -> Config {
    Config { abilities: Abilities::all().without(Capability::MultiAppend), ..server(quirks) }
}

/// The same run waits and finishes.
#[track_caller]
fn finishes(scene: &Scene) {
    let told = scene.copies(0);
    assert!(looks_good(&told), "{told}");
    scene.agree();
    let refused = |e: &&mailferry_lab::imap::Entry| !matches!(e.answer, Some(Condition::Ok) | None);
    let of = |s: &mailferry_lab::imap::Server| s.log().entries().iter().filter(refused).count();
    assert!(of(&scene.source) + of(&scene.target) > 0, "nobody was asked to wait");
}

#[test]
fn a_suggested_time_is_waited_for_at_the_source() {
    for verb in ["FETCH", "EXAMINE", "LIST"] {
        finishes(&Scene::with(&[backs_off(verb, Nth::Only(1), SECOND, Words::Microsoft)], &[]).letters(30));
    }
}

#[test]
fn a_suggested_time_is_waited_for_at_the_target() {
    let quirk = |nth| [backs_off("APPEND", nth, SECOND, Words::Microsoft)];
    finishes(&Scene::with(&[], &quirk(Nth::Only(1))).letters(30));
    finishes(&Scene::of(server(&[]), one_by_one(&quirk(Nth::Only(7)))).letters(30));
    let quirk = [backs_off("CREATE", Nth::Only(1), SECOND, Words::Microsoft)];
    let scene = Scene::with(&[], &quirk).letters(2);
    scene.from().create_mailbox("Work");
    finishes(&scene);
}

#[test]
fn a_mailbox_in_use_is_waited_for() {
    let in_use = |verb| [backs_off(verb, Nth::Only(1), SECOND, Words::InUse)];
    std::thread::scope(|scope| {
        scope.spawn(|| finishes(&Scene::with(&in_use("FETCH"), &[]).letters(5)));
        scope.spawn(|| finishes(&Scene::with(&[], &in_use("APPEND")).letters(5)));
    });
}

/// These say no time: ours is half a minute. All at once, so that it is waited for once.
#[test]
fn words_without_a_time_are_waited_for_too() {
    std::thread::scope(|scope| {
        for words in [Words::Unavailable, Words::Limit, Words::Gmail] {
            let quirk = move |verb| [backs_off(verb, Nth::Only(1), SECOND, words)];
            scope.spawn(move || finishes(&Scene::with(&quirk("FETCH"), &[]).letters(5)));
            scope.spawn(move || finishes(&Scene::with(&[], &quirk("APPEND")).letters(5)));
        }
    });
}

#[test]
fn who_never_stops_asking_ends_the_run_for_now() {
    let short = Duration::from_millis(60);
    for (source, target) in [
        (vec![], vec![backs_off("APPEND", Nth::Always, short, Words::Microsoft)]),
        (vec![backs_off("FETCH", Nth::Always, short, Words::Microsoft)], vec![]),
        (vec![], vec![backs_off("APPEND", Nth::Always, 700 * SECOND, Words::Microsoft)]),
        (vec![backs_off("FETCH", Nth::Always, SECOND, Words::OverQuota)], vec![]),
        (vec![], vec![backs_off("APPEND", Nth::Always, SECOND, Words::OverQuota)]),
    ] {
        let scene = Scene::with(&source, &target).letters(3);
        let told = scene.copies(5);
        assert_eq!((told["result"].as_str(), looks_good(&told)), (Some("failed"), false), "{told}");
        scene.well_behaved();
        scene.source.behave();
        scene.target.behave();
        if source.iter().chain(&target).all(|q| matches!(q, Quirk::BacksOff { wait, .. } if *wait == short)) {
            std::thread::sleep(short);
            scene.copies(0);
            scene.agree();
        }
    }
}

/// Who asked, until when: with a limit on the time, and where the pause is longer than a run waits.
#[test]
fn a_run_that_is_held_back_to_its_end_is_throttled_and_not_out_of_time() {
    for (side, wait, limit) in
        [("target", 3 * SECOND, "4"), ("target", 700 * SECOND, "60"), ("source", 3 * SECOND, "4")]
    {
        let always = |verb| [backs_off(verb, Nth::Always, wait, Words::Microsoft)];
        let scene = match side {
            "target" => Scene::with(&[], &always("APPEND")),
            _ => Scene::with(&always("FETCH"), &[]),
        };
        let told = scene.letters(40).ends(5, "copy", &["--max-duration", limit]);
        let sentence = told["sentence"].as_str().unwrap();
        assert!(
            sentence.contains(&format!("{side}: ")) && sentence.contains("asked to wait until 2"),
            "{told}"
        );
        assert_eq!(told["error"]["code"], format!("{}_THROTTLED", side.to_uppercase()));
        assert_eq!(told["identified"], 40, "what the source shows: {told}");
        assert_eq!(sentence.contains("--max-duration"), limit == "4", "{told}");
    }
}

/// The forms for programs end with the object also when a run fails.
#[test]
fn a_run_that_ends_early_tells_so_in_every_form_for_programs() {
    let quirk = [backs_off("APPEND", Nth::Always, 700 * SECOND, Words::Microsoft)];
    let printed = |form: &str| {
        let scene = Scene::with(&[], &quirk).letters(3);
        let words = scene.words("copy", &[]);
        let words: Vec<&str> = words.iter().map(|w| if w == "json" { form } else { w }).collect();
        let ran = scene.ferry.run(&words);
        assert_eq!(ran.code, 5, "{}", ran.err);
        ran.out
    };
    let lines = printed("jsonl");
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["result"], &last["exitCode"]),
        (&"summary".into(), &"failed".into(), &5.into())
    );
    let yaml = printed("yaml");
    assert!(yaml.contains("result: failed\n") && yaml.contains("exitCode: 5\n"), "{yaml}");
}

#[test]
fn a_pause_holds_up_nobody_who_wants_to_stop() {
    for (source, target) in [
        (vec![backs_off("FETCH", Nth::Always, 100 * SECOND, Words::Microsoft)], vec![]),
        (vec![], vec![backs_off("APPEND", Nth::Always, 100 * SECOND, Words::Microsoft)]),
    ] {
        let scene = Scene::with(&source, &target).letters(3);
        let words = scene.words("copy", &[]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut child =
            scene.ferry.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let asked = |log: &Log| log.entries().iter().any(|e| e.answer.is_some_and(|a| a != Condition::Ok));
        while !asked(scene.source.log()) && !asked(scene.target.log()) {
            std::thread::yield_now();
        }
        let began = Instant::now();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{source:?} {target:?}");
        assert!(began.elapsed() < 30 * SECOND, "{:?}", began.elapsed());
        scene.well_behaved();
    }
}

#[test]
fn a_full_mailbox_stops_the_puts_at_once() {
    let scene = Scene::of(server(&[]), one_by_one(&[])).letters(30);
    (0..30).for_each(|n| _ = scene.from().deliver(&format!("F{n}"), super::scene::letter(100 + n)));
    scene.to().set_quota(Some(2_000));
    let told = scene.copies(36);
    assert_eq!((told["error"]["code"].as_str(), looks_good(&told)), (Some("TARGET_QUOTA_EXCEEDED"), false));
    let held = |scene: &Scene| scene.to().snapshot().values().map(Vec::len).sum::<usize>();
    let stored = held(&scene);
    assert!((1..20).contains(&stored), "{stored}");
    let entries = scene.target.log().entries();
    let refused = entries.iter().filter(|e| e.is("APPEND") && e.answer == Some(Condition::No)).count();
    println!("{stored} stored, then {refused} APPENDs refused or in flight");
    scene.to().set_quota(None);
    scene.copies(0);
    scene.agree();
    scene.rests();
}

#[test]
fn a_refused_group_is_not_halved_when_the_mailbox_is_full() {
    let scene = Scene::with(&[], &[]).letters(30);
    scene.to().set_quota(Some(100));
    let ran = scene.run("copy", &[]);
    assert_eq!((ran.code, ran.json()["placed"].as_u64()), (36, Some(0)), "{}", ran.out);
    assert!(!format!("{}{}", ran.out, ran.err).contains("was moved is there"), "{}{}", ran.out, ran.err);
    assert_eq!(scene.target.log().count("APPEND"), 1);
    scene.copies(36);
    assert_eq!(scene.target.log().count("APPEND"), 2);
    scene.to().set_quota(None);
    scene.copies(0);
    scene.agree();
}

/// Fewer connections do: nobody waits half a minute for one more.
#[test]
fn a_further_connection_that_is_refused_holds_up_nothing() {
    let most = |words| vec![Quirk::MaxConnections(1, words), Quirk::AnswersAfter(Duration::from_millis(20))];
    for words in [Words::Gmail, Words::Limit, Words::InUse, Words::Unavailable, Words::Microsoft] {
        for (source, target) in [(most(words), vec![]), (vec![], most(words))] {
            let scene = Scene::with(&source, &target).letters(30);
            (0..12).for_each(|n| _ = scene.from().deliver(&format!("F{n}"), super::scene::letter(100 + n)));
            let large = mailferry_lab::imap::Letter::create(mailferry_lab::imap::Body::grown(7, 900_000));
            scene.from().deliver("Large", large);
            let began = Instant::now();
            assert!(looks_good(&scene.copies(0)), "{words:?}");
            assert!(began.elapsed() < Duration::from_secs(15), "{words:?} {:?}", began.elapsed());
            let refused = |e: &mailferry_lab::imap::Entry| !matches!(e.answer, Some(Condition::Ok) | None);
            let of =
                |s: &mailferry_lab::imap::Server| s.log().entries().iter().filter(|e| refused(e)).count();
            assert!(of(&scene.source) + of(&scene.target) > 0, "{words:?}: nobody was refused");
            scene.agree();
        }
    }
}
