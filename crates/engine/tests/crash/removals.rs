//! Removals carried with `--delete`: what users of the target changed stays, what nobody touched goes.

use mailferry_lab::memory::World;
use mailferry_model::{
    flags::{Flags, SystemFlag},
    job::PassKind,
    mapping::RunOptions,
    report::Findings,
};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

fn flagged() -> Flags {
    Flags::default().with(SystemFlag::Flagged)
}

/// Three messages in `Work`, copied once.
async fn copied() -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    (1..=3).for_each(|n| _ = source.deliver("Work", &message(n), Flags::default()));
    let play = Play::begin(source.clone(), target.clone());
    keeping(&play).await;
    (source, target, play)
}

async fn pass(play: &Play, delete: bool) -> Findings {
    let options = RunOptions { delete, ..RunOptions::default() };
    match play.calm(&options, PassKind::Incremental, false).await {
        Ok(report) => report.findings,
        Err(error) => panic!("{error}"),
    }
}

async fn keeping(play: &Play) -> Findings {
    pass(play, false).await
}

async fn deleting(play: &Play) -> Findings {
    pass(play, true).await
}

fn changed(findings: &Findings) -> Vec<String> {
    let mut words: Vec<String> =
        findings.changed_at_target.iter().map(|n| format!("{} {}: {}", n.folder, n.uid, n.reason)).collect();
    words.sort();
    words
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_its_user_flagged_or_moved_stays_and_is_reported() {
    let (source, target, play) = copied().await;
    target.flag("Work", 1, flagged());
    target.shift("Work", 2, "INBOX");
    (1..=3).for_each(|n| source.remove("Work", n));
    let findings = deleting(&play).await;
    assert_eq!((target.numbers("Work"), target.numbers("INBOX").len()), (vec![1], 1));
    let told = [
        "Work 101.1: gone from the source; its user changed its flags at the target, so it stays",
        "Work 101.2: gone from the source; moved or deleted at the target by its user",
    ];
    assert_eq!(changed(&findings), told);
    let before = (source.traffic(), target.traffic());
    assert_eq!(changed(&deleting(&play).await), told[..1], "what stays is told each time");
    assert_eq!((source.traffic(), target.traffic()), before, "and nothing is done");
    target.flag("Work", 1, Flags::default());
    deleting(&play).await;
    assert_eq!(target.numbers("Work"), [0; 0], "nobody wants it any more");
}

#[tokio::test(start_paused = true)]
async fn flags_that_the_source_gave_are_no_change_of_a_user() {
    let (source, target, play) = copied().await;
    source.flag("Work", 1, flagged());
    keeping(&play).await;
    source.remove("Work", 1);
    deleting(&play).await;
    assert_eq!(target.numbers("Work"), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_its_user_marked_as_deleted_goes() {
    let (source, target, play) = copied().await;
    target.flag("Work", 1, Flags::default().with(SystemFlag::Deleted));
    source.remove("Work", 1);
    assert_eq!(changed(&deleting(&play).await), [""; 0]);
    assert_eq!(target.numbers("Work"), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_a_vanished_folder_left_goes_in_a_later_pass_with_delete() {
    let (source, target, play) = copied().await;
    source.drop_folder("Work");
    keeping(&play).await;
    assert_eq!(target.numbers("Work"), [1, 2, 3], "nobody asked for removals");
    keeping(&play).await;
    target.flag("Work", 2, flagged());
    deleting(&play).await;
    assert_eq!(target.numbers("Work"), [2], "all but what its user has changed");
    target.flag("Work", 2, Flags::default());
    deleting(&play).await;
    assert!(!target.seen().contains_key("Work"), "the folder goes with its last item");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_a_folder_of_the_same_name_took_over_stays() {
    let (source, target, play) = copied().await;
    source.drop_folder("Work");
    keeping(&play).await;
    source.create("Work");
    source.deliver("Work", &message(2), Flags::default());
    keeping(&play).await;
    deleting(&play).await;
    assert_eq!(target.seen(), source.seen(), "those gone are removed, the one that came back is there");
    let verified = play.verify().await.unwrap().findings;
    assert_eq!((verified.missing.len(), verified.changed_at_target.len()), (0, 0));
}
