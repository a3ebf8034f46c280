//! Paces, slots, windows and waves of the planner.

use super::*;
use crate::schedule::Windows;

const GB: u64 = 1 << 30;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn member(n: usize, bytes: u64) -> Member {
    let department = Some(["Sales", "IT", "Law"][n % 3].to_owned());
    Member { address: format!("u{n}@x"), items: 10, bytes, department, group: None }
}

/// A gigabyte an hour, half of it when it goes badly.
fn measured() -> Paces {
    let pace = |bytes_per_hour| Pace { bytes_per_hour, items_per_hour: 1_000_000 };
    Paces { fast: pace(GB), slow: pace(GB / 2), measured: 12 }
}

fn project<'a>(members: &'a [Member], schedule: &'a Schedule) -> Project<'a> {
    Project { members, unknown: 0, paces: measured(), together: 4, bandwidth: None, schedule, waves: None }
}

#[test]
fn slots_decide_until_one_mailbox_is_longer_than_all_others() {
    let schedule = Schedule::default();
    let mut members: Vec<Member> = (0..40).map(|n| member(n, GB)).collect();
    let told = foretell(&project(&members, &schedule), at(0));
    assert_eq!(told.stretch.seconds, Range { from: 10 * 3600, to: 20 * 3600 });
    assert_eq!(told.stretch.ends, Between { from: Some(at(36_000)), to: Some(at(72_000)) });
    assert_eq!(told.stretch.decides, Decides::Slots);
    members.insert(0, Member { bytes: 50 * GB, ..member(40, 0) });
    let told = foretell(&project(&members, &schedule), at(0));
    assert_eq!(
        (told.stretch.decides, told.stretch.largest.as_deref()),
        (Decides::LargestMailbox, Some("u40@x"))
    );
    assert_eq!(told.stretch.seconds, Range { from: 50 * 3600, to: 100 * 3600 });
    assert!(
        told.notes.iter().any(|note| note.starts_with("Your largest mailbox decides: u40@x")),
        "{:?}",
        told.notes
    );
}

#[test]
fn many_small_items_take_their_time_and_so_does_the_wire() {
    let schedule = Schedule::default();
    let members = [Member { items: 3_000_000, ..member(0, 1) }];
    assert_eq!(
        foretell(&project(&members, &schedule), at(0)).stretch.seconds,
        Range { from: 10_800, to: 10_800 }
    );
    let members: Vec<Member> = (0..4).map(|n| member(n, GB)).collect();
    let narrow = Project { bandwidth: Some(GB / 7200), ..project(&members, &schedule) };
    let told = foretell(&narrow, at(0)).stretch;
    assert_eq!(told.decides, Decides::Bandwidth);
    assert!((28_800..28_802).contains(&told.seconds.to), "{:?}", told.seconds);
}

#[test]
fn work_rests_while_windows_are_shut() {
    let windows: Windows = "Mon-Sun 20:00-22:00".parse().unwrap();
    let schedule = Schedule { windows: Some(windows), ..Schedule::default() };
    let members = [member(0, 5 * GB)];
    // 1970-01-01 00:00: two hours an evening, five hours of work end at 21:00 of the third.
    let told = foretell(&project(&members, &schedule), at(0)).stretch;
    assert_eq!(told.begins.to_string(), "1970-01-01T20:00:00Z");
    assert_eq!(told.ends.from.unwrap().to_string(), "1970-01-03T21:00:00Z");
    let endless = [member(0, u64::MAX / 2)];
    let told = foretell(&project(&endless, &schedule), at(0));
    assert_eq!(told.stretch.ends, Between { from: None, to: None });
    assert!(told.notes.iter().any(|note| note.contains("five years")), "{:?}", told.notes);
}

#[test]
fn waves_follow_each_other_or_begin_at_their_distance_which_may_be_too_short() {
    let schedule = Schedule::default();
    let members: Vec<Member> = (0..12).map(|n| member(n, GB)).collect();
    let waves = |every| Project { waves: Some((Split::Count(3), every)), ..project(&members, &schedule) };
    let told = foretell(&waves(SignedDuration::ZERO), at(0));
    let begins: Vec<i64> = told.waves.iter().map(|wave| wave.stretch.begins.as_second()).collect();
    assert_eq!(begins, [0, 7200, 14_400]);
    assert_eq!(told.waves[1].departments, ["IT"]);
    assert_eq!(told.waves[1].members, ["u1@x", "u4@x", "u7@x", "u10@x"]);
    assert!(!told.notes.iter().any(|note| note.contains("share the slots")), "{:?}", told.notes);
    let told = foretell(&waves(SignedDuration::from_mins(30)), at(0));
    let begins: Vec<i64> = told.waves.iter().map(|wave| wave.stretch.begins.as_second()).collect();
    assert_eq!(begins, [0, 1800, 3600]);
    assert!(told.notes.iter().any(|note| note.contains("Wave 1 may still move")), "{:?}", told.notes);
}

#[test]
fn nobody_is_left_out_doubled_or_parted_from_whom_they_share_with() {
    for (n, waves) in [(0_usize, 3), (1, 3), (7, 3), (100, 7), (100, 1), (5, 9)] {
        let group = |n: usize| (n.is_multiple_of(11)).then(|| "board".to_owned());
        let members: Vec<Member> =
            (0..n).map(|at| Member { group: group(at), ..member(at, (at as u64 * 7919) % 1000) }).collect();
        for how in [Split::Count(waves), Split::Size(waves)] {
            let cut = split(&members, how);
            let mut all: Vec<usize> = cut.concat();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>(), "{how:?}");
            assert!(cut.iter().all(|wave| !wave.is_empty()));
            let with_board = cut.iter().filter(|wave| wave.iter().any(|at| at.is_multiple_of(11))).count();
            assert!(with_board <= 1, "{how:?} {cut:?}");
            if let Split::Count(count) = how {
                assert!(cut.len() <= count);
            }
        }
    }
}

#[test]
fn the_middle_half_of_what_was_measured_counts() {
    assert_eq!(Paces::of(&[]), Paces::default());
    let sample = |bytes| Sample { items: 100, bytes, seconds: 3600 };
    let samples: Vec<Sample> = [1, 100, 200, 300, 400, 500, 600, 99_999].map(sample).to_vec();
    let paces = Paces::of(&samples);
    assert_eq!((paces.slow.bytes_per_hour, paces.fast.bytes_per_hour, paces.measured), (100, 600, 8));
    let one = Paces::of(&[sample(800)]);
    assert_eq!((one.slow.bytes_per_hour, one.fast.bytes_per_hour), (400, 800), "one alone is doubted");
}
