//! The crash test: every scenario again for every put and every write of the ledger, struck by every fault,
//! resumed, compared with the scenario (never with the ledger), and run once more with no change.
//!
//! Seeded bugs must each turn it red. Virtual time: no test waits.

mod anew;
mod bandwidth;
mod dry_runs;
mod early;
mod hang_ups;
mod harness;
mod inherited;
mod left_out;
mod lies;
mod people;
mod removals;
mod renames;
mod repairs;
mod reports;
mod scenarios;
mod subscriptions;
mod trial;
mod unmade;
mod unseen;

use harness::{Outcome, play, strikes};
use mailferry_engine::seeded::{self, Bug};
use scenarios::{Scenario, all};

/// Plays a scenario without a fault, then under every strike; the first thing that goes wrong.
async fn red(scenario: &Scenario) -> Option<String> {
    let calm = play(scenario, None).await;
    let Outcome { puts, commits, .. } = match calm {
        Ok(outcome) => outcome,
        Err(wrong) => {
            return Some(format!("{} on {:?}: without a fault: {wrong}", scenario.name, scenario.abilities));
        }
    };
    for strike in strikes(puts, commits) {
        if let Err(wrong) = play(scenario, Some(strike)).await {
            return Some(format!(
                "{} on {:?}: {:?} at {}: {wrong}",
                scenario.name, scenario.abilities, strike.0, strike.1
            ));
        }
    }
    None
}

macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let mut played = 0;
            for scenario in all().into_iter().filter(|s| s.name == stringify!($name)) {
                played += 1;
                if let Some(wrong) = red(&scenario).await {
                    panic!("{wrong}");
                }
            }
            assert!(played > 0, "no scenario of this name");
        }
    )+

        #[test]
        fn every_scenario_has_a_test() {
            let tested = [$(stringify!($name)),+];
            for scenario in all() {
                assert!(tested.contains(&scenario.name), "{}", scenario.name);
            }
        }
    };
}

scenarios![
    initial_sync,
    answers_that_overtake_each_other,
    incremental_with_flags,
    moves_within_the_source,
    renamed_folders,
    moved_with_other_flags,
    one_of_two_moved_beside_a_new_one,
    moved_in_place_beside_an_equal_one,
    copied_and_moved_at_once,
    deletions_when_asked,
    deletions_when_not_asked,
    deletions_of_what_users_changed,
    source_numbered_anew,
    source_made_anew_with_another_body,
    heads_that_the_target_rewrites,
    target_numbered_anew,
    target_store_made_anew,
    lost_ledger,
    filled_target,
    equal_header_other_body,
    equal_messages,
    an_item_that_always_fails,
    an_item_that_needs_two_repairs,
    people_work_at_the_target,
    people_move_after_a_crash,
    refused_and_clashing_names,
    renamed_onto_a_name_that_is_taken,
    renamed_in_a_ring,
];

/// Each seeded bug turns at least one scenario red.
#[tokio::test(start_paused = true)]
async fn seeded_bugs_are_found() {
    for bug in Bug::ALL {
        let mut found = None;
        for scenario in all() {
            seeded::switch(Some(bug));
            let wrong = red(&scenario).await;
            seeded::switch(None);
            if wrong.is_some() {
                found = wrong;
                break;
            }
        }
        let found = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?} found by {found}");
    }
}
