//! What a pass that died left in doubt stays in doubt until it was looked for: whatever ends the next pass, and whatever
//! that leaves out, nothing is put a second time.

use std::time::Duration;

use futures_util::future::{Either, select};
use mailferry_lab::{
    fault::{Faults, Strike},
    memory::World,
};
use mailferry_model::{cancel::Cancel, flags::Flags, job::PassKind, mapping::RunOptions, report::Findings};

use crate::harness::Play;

fn message(word: &str) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\nthe text of {word}\r\n")
}

/// Three messages in A, of which the target got some without anybody hearing of it, and one in INBOX. With `before` a
/// pass had ended in order before they came.
async fn died(before: bool) -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    source.create("A");
    source.create("B");
    let play = Play::begin(source.clone(), target.clone());
    if before {
        source.deliver("A", &message("a0"), Flags::default());
        pass(&play, &RunOptions::default()).await;
    }
    (1..=3).for_each(|n| _ = source.deliver("A", &message(&format!("a{n}")), Flags::default()));
    play.dies(PassKind::Incremental, Strike::PutAnswerLost, 0).await;
    assert!(target.numbers("A").len() > usize::from(before), "nothing is in doubt");
    source.deliver("INBOX", &message("i0"), Flags::default());
    (source, target, play)
}

async fn pass(play: &Play, options: &RunOptions) -> Findings {
    match play.calm(options, PassKind::Incremental, false).await {
        Ok(report) => report.findings,
        Err(error) => panic!("{error}"),
    }
}

async fn ends_well(source: &World, target: &World, play: &Play, case: &str) {
    let findings = pass(play, &RunOptions::default()).await;
    assert_eq!(target.seen(), source.seen(), "{case}");
    assert!(findings.doubled.is_empty() && findings.missing.is_empty(), "{case}");
    let (read, written) = (source.traffic().0, target.traffic().1);
    pass(play, &RunOptions::default()).await;
    assert_eq!(
        (source.traffic().0, target.traffic().1),
        (read, written),
        "{case}: one more run changes nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_stopped_within_the_grace() {
    for before in [false, true] {
        for moment in [0, 2500, 4900, 5100] {
            let (source, target, mut play) = died(before).await;
            let (options, stop) = (RunOptions::default(), play.cancel.clone());
            let stopped = Box::pin(async {
                tokio::time::sleep(Duration::from_millis(moment)).await;
                stop.cancel();
            });
            let pass = Box::pin(play.calm(&options, PassKind::Incremental, false));
            match select(pass, stopped).await {
                Either::Left((done, _)) => _ = done,
                Either::Right(((), pass)) => _ = pass.await,
            }
            play.cancel = Cancel::default();
            ends_well(&source, &target, &play, &format!("stopped after {moment} ms, {before}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_ends_with_an_error() {
    for before in [false, true] {
        let (source, target, play) = died(before).await;
        source.hang_up("<i0@x>");
        let ended = play.calm(&RunOptions::default(), PassKind::Incremental, false).await;
        assert!(ended.is_err());
        ends_well(&source, &target, &play, &format!("the source hung up, {before}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_the_next_pass_cannot_read() {
    for before in [false, true] {
        let (source, target, play) = died(before).await;
        source.close("A");
        pass(&play, &RunOptions::default()).await;
        source.open("A");
        ends_well(&source, &target, &play, &format!("closed once, {before}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_next_pass_leaves_out() {
    let (mut excluding, mut including) = (RunOptions::default(), RunOptions::default());
    excluding.filter.exclude = vec!["A".parse().unwrap()];
    including.filter.include = vec!["INBOX".parse().unwrap()];
    let small = {
        let mut options = RunOptions::default();
        options.filter.max_size = Some(1);
        options
    };
    for options in [excluding, including, small] {
        for before in [false, true] {
            let (source, target, play) = died(before).await;
            pass(&play, &options).await;
            ends_well(&source, &target, &play, &format!("{:?}, {before}", options.filter)).await;
        }
    }
}

/// What lies in a folder that is left out is known: an equal message elsewhere is not taken for it.
#[tokio::test(start_paused = true)]
async fn an_equal_message_in_a_folder_that_is_left_out() {
    let (source, target, play) = died(true).await;
    source.deliver("B", &message("a0"), Flags::default());
    let mut options = RunOptions::default();
    options.filter.exclude = vec!["A".parse().unwrap()];
    pass(&play, &options).await;
    assert_eq!(target.numbers("B").len(), 1);
    ends_well(&source, &target, &play, "an equal message").await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_the_source_renames_meanwhile() {
    for before in [false, true] {
        for to in ["C", "B/A"] {
            let (source, target, play) = died(before).await;
            source.rename("A", to);
            ends_well(&source, &target, &play, &format!("renamed to {to}, {before}")).await;
        }
    }
}

/// How often each message lies at the target, in whatever folder.
fn counts(target: &World) -> Vec<usize> {
    let all = target.seen();
    let count = |word: &str| all.values().flatten().filter(|(body, _)| body.contains(word)).count();
    ["<a1@x>", "<a2@x>", "<a3@x>"].map(count).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_its_user_renames_meanwhile() {
    for before in [false, true] {
        let (source, target, play) = died(before).await;
        target.rename("A", "Kept");
        for _ in 0..2 {
            pass(&play, &RunOptions::default()).await;
            assert_eq!(counts(&target), [1, 1, 1], "{before}: {:?}", target.seen());
        }
        assert_eq!(target.numbers("INBOX").len(), source.numbers("INBOX").len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_user_moves_into_a_new_folder_meanwhile() {
    for before in [false, true] {
        let (_, target, play) = died(before).await;
        target.create("New");
        let number = target.numbers("A").last().copied().unwrap_or_default();
        assert!(target.shift("A", number, "New").is_some());
        for _ in 0..2 {
            pass(&play, &RunOptions::default()).await;
            assert_eq!(counts(&target), [1, 1, 1], "{before}: {:?}", target.seen());
        }
    }
}

/// What a pass itself left in doubt stays in doubt when it is stopped while it looks.
#[tokio::test(start_paused = true)]
async fn a_pass_that_is_stopped_while_it_looks_for_what_it_sent() {
    for moment in [100, 2500, 4900, 5100] {
        let (source, target) = (World::able(), World::able());
        (1..=4).for_each(|n| _ = source.deliver("INBOX", &message(&format!("a{n}")), Flags::default()));
        let mut play = Play::begin(source.clone(), target.clone());
        let (faults, stop) = (Faults::at(Strike::PutUnsure, 0), play.cancel.clone());
        let stopped = Box::pin(async {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            stop.cancel();
        });
        let pass = Box::pin(play.struck(&faults));
        match select(pass, stopped).await {
            Either::Left((done, _)) => _ = done,
            Either::Right(((), pass)) => _ = pass.await,
        }
        assert!(!target.numbers("INBOX").is_empty(), "nothing is in doubt");
        play.cancel = Cancel::default();
        ends_well(&source, &target, &play, &format!("stopped after {moment} ms")).await;
    }
}
