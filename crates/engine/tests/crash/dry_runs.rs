//! What a dry run says is what the run then does.

use mailferry_engine::pass::Report;
use mailferry_lab::memory::{Ability, World};
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

fn deleting() -> RunOptions {
    RunOptions { delete: true, ..RunOptions::default() }
}

async fn pass(play: &Play, options: &RunOptions) -> Report {
    match play.calm(options, PassKind::Incremental, false).await {
        Ok(report) => report,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_what_would_be_removed() {
    for abilities in [&[Ability::TellsRemovals, Ability::TellsIds][..], &[Ability::TellsIds]] {
        let (source, target) = (World::with(abilities.iter().copied()), World::able());
        for folder in ["INBOX", "Old", "Work"] {
            source.create(folder);
            (0..4).for_each(|n| _ = source.deliver(folder, &message(n), Flags::default()));
        }
        let play = Play::begin(source.clone(), target.clone());
        pass(&play, &RunOptions::default()).await;
        assert_eq!(play.would(&deleting()).await.unwrap().deeds.removed, 0);
        source.remove("Work", 1);
        pass(&play, &RunOptions::default()).await;
        source.remove("INBOX", 1);
        source.remove("INBOX", 2);
        source.drop_folder("Old");
        let before = (source.seen(), target.seen());
        let pretended = play.would(&RunOptions::default()).await.unwrap();
        assert_eq!(pretended.deeds.removed, 0, "nobody asks for removals");
        let pretended = play.would(&deleting()).await.unwrap();
        assert_eq!((source.seen(), target.seen()), before, "nothing is changed");
        assert_eq!(pretended.deeds.removed, 8, "one left before, two, four and their folder");
        assert_eq!((pretended.findings.identified, pretended.findings.placed), (5, 5));
        assert_eq!(pass(&play, &deleting()).await.deeds.removed, 8, "as it was said");
        assert_eq!(play.would(&deleting()).await.unwrap().deeds.removed, 0);
    }
}
