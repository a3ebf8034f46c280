//! The scenarios: what lies where, what people do between passes, and what must lie at the target in the end.

use mailferry_lab::memory::{Ability, MemoryLedger, Seen, World};
use mailferry_model::{
    flags::{Flags, SystemFlag},
    mapping::RunOptions,
};

/// What people can change between passes.
pub struct Stage<'a> {
    pub source: &'a World,
    pub target: &'a World,
    pub ledger: &'a MemoryLedger,
}

type People = fn(&Stage<'_>);

pub struct Scenario {
    pub name: &'static str,
    /// Source and target before the first pass.
    pub make: Box<dyn Fn() -> (World, World)>,
    /// What people do before each pass.
    pub passes: Vec<People>,
    pub options: RunOptions,
    /// What people do after a crash, before anybody resumes.
    pub meanwhile: People,
    /// What the target must show in the end.
    pub expect: fn(&World, &World) -> Seen,
    /// How many items are skipped.
    pub skipped: usize,
    /// Whether the target can remove one item alone.
    pub removes: bool,
    /// What the systems can do.
    pub abilities: &'static [Ability],
}

fn message(id: &str, body: &str) -> String {
    format!(
        "Message-ID: <{id}@x>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: a@x\r\nSubject: {id}\r\n\r\n{body}\r\n"
    )
}

/// Refused for a bare LF and for a NUL.
const FAULTY: &str = "one\ntwo\0three";

fn seen() -> Flags {
    Flags::default().with(SystemFlag::Seen)
}

fn flagged() -> Flags {
    Flags::default().with(SystemFlag::Flagged)
}

/// A mailbox with three folders and seven messages.
fn town(world: &World) {
    world.create("Work");
    world.create("Work/Alpha");
    for at in 0..4 {
        world.deliver(
            "INBOX",
            &message(&format!("i{at}"), "text"),
            if at % 2 == 0 { seen() } else { Flags::default() },
        );
    }
    world.deliver("Work", &message("w0", "text"), flagged());
    world.deliver("Work", &message("w1", "other text"), Flags::default());
    world.deliver("Work/Alpha", &message("a0", "text"), Flags::default());
}

fn nothing(_: &Stage<'_>) {}

fn like_the_source(source: &World, _target: &World) -> Seen {
    source.seen()
}

const ABILITIES: [&[Ability]; 3] = [
    &[
        Ability::TellsIds,
        Ability::TellsRemovals,
        Ability::FlagFingerprints,
        Ability::Identities,
        Ability::Moves,
    ],
    &[],
    &[Ability::TellsIds, Ability::FlagFingerprints],
];

/// Every scenario on systems that can do all, nothing, and some.
pub fn all() -> Vec<Scenario> {
    ABILITIES.iter().flat_map(|a| on(a)).collect()
}

fn scenario(
    abilities: &'static [Ability],
    name: &'static str,
    fill: fn(&World, &World),
    passes: Vec<People>,
    expect: fn(&World, &World) -> Seen,
) -> Scenario {
    Scenario {
        name,
        make: Box::new(move || {
            let worlds = (World::with(abilities.iter().copied()), World::with(abilities.iter().copied()));
            fill(&worlds.0, &worlds.1);
            worlds
        }),
        passes,
        options: RunOptions::default(),
        meanwhile: nothing,
        expect,
        skipped: 0,
        removes: abilities.contains(&Ability::TellsIds),
        abilities,
    }
}

fn on(abilities: &'static [Ability]) -> Vec<Scenario> {
    [
        at_the_source(abilities),
        of_equal_messages(abilities),
        of_new_numbers(abilities),
        of_heads(abilities),
        at_the_target(abilities),
        of_names(abilities),
        of_items(abilities),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What changes at the source.
fn at_the_source(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    let delete = RunOptions { delete: true, ..RunOptions::default() };
    vec![
        make("initial_sync", |s, _| town(s), vec![nothing], like_the_source),
        make(
            "answers_that_overtake_each_other",
            |s, t| {
                town(s);
                s.create("Notes");
                for (at, folder) in ["Work", "Work/Alpha", "Notes", "Notes"].into_iter().enumerate() {
                    s.deliver(folder, &message(&format!("n{at}"), "text"), seen());
                }
                t.answer_late(std::time::Duration::from_secs(1));
            },
            vec![nothing],
            like_the_source,
        ),
        make("incremental_with_flags", |s, _| town(s), vec![nothing, new_mail_and_flags], like_the_source),
        make("moves_within_the_source", |s, _| town(s), vec![nothing, people_move], like_the_source),
        make("renamed_folders", |s, _| town(s), vec![nothing, people_rename], like_the_source),
        Scenario {
            options: delete,
            ..make("deletions_when_asked", |s, _| town(s), vec![nothing, people_delete], like_the_source)
        },
        Scenario {
            options: RunOptions { delete: true, ..RunOptions::default() },
            ..make(
                "deletions_of_what_users_changed",
                |s, _| town(s),
                vec![nothing, |w| {
                    let there = w.target.find("INBOX", "<i1@x>");
                    there.iter().for_each(|n| w.target.flag("INBOX", *n, flagged()));
                    people_delete(w);
                    w.source.remove("Work", 1);
                }],
                |s, _| {
                    let mut all = s.seen();
                    let stays = (message("i1", "text"), "\\Flagged".to_owned());
                    all.entry("INBOX".into()).or_default().push(stays);
                    all.values_mut().for_each(|v| v.sort());
                    all
                },
            )
        },
        make(
            "deletions_when_not_asked",
            |s, _| town(s),
            vec![nothing, people_delete],
            |s, _| {
                let mut all = s.seen();
                all.entry("INBOX".into()).or_default().push((message("i1", "text"), String::new()));
                all.values_mut().for_each(|v| v.sort());
                all
            },
        ),
    ]
}

/// A source folder with other UIDs, of the same messages or of others.
fn of_new_numbers(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![
        make(
            "source_numbered_anew",
            |s, _| town(s),
            vec![nothing, |w| {
                w.source.new_epoch("INBOX");
                w.source.deliver("INBOX", &message("late", "text"), Flags::default());
            }],
            like_the_source,
        ),
        make(
            "source_made_anew_with_another_body",
            |s, _| town(s),
            vec![nothing, |w| {
                w.source.remove("INBOX", w.source.find("INBOX", "<i1@x>").unwrap_or_default());
                w.source.new_epoch("INBOX");
                w.source.deliver("INBOX", &message("i1", "TEXT"), Flags::default());
            }],
            |s, _| {
                let mut all = s.seen();
                all.entry("INBOX".into()).or_default().push((message("i1", "text"), String::new()));
                all.values_mut().for_each(|v| v.sort());
                all
            },
        ),
    ]
}

/// Equal messages that are copied and moved at once.
fn of_equal_messages(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![
        make(
            "copied_and_moved_at_once",
            |s, _| {
                ["Work", "Other"].iter().for_each(|f| _ = s.create(f));
                s.deliver("Work", &message("one", "text"), seen());
            },
            vec![nothing, |w| {
                w.source.deliver("INBOX", &message("one", "text"), seen());
                let number = w.source.find("Work", "<one@x>").unwrap_or_default();
                w.source.shift("Work", number, "Other");
            }],
            like_the_source,
        ),
        make(
            "moved_with_other_flags",
            |s, _| {
                s.create("Work");
                s.deliver("INBOX", &message("one", "text"), seen());
            },
            vec![nothing, |w| {
                let number = w.source.find("INBOX", "<one@x>").unwrap_or_default();
                w.source.shift("INBOX", number, "Work");
                w.source.flag("Work", w.source.find("Work", "<one@x>").unwrap_or_default(), flagged());
            }],
            like_the_source,
        ),
        make(
            "one_of_two_moved_beside_a_new_one",
            |s, _| {
                s.create("Work");
                (0..2).for_each(|_| _ = s.deliver("INBOX", &message("one", "text"), seen()));
            },
            vec![nothing, |w| {
                w.source.deliver("Work", &message("one", "text"), seen());
                let number = w.source.find("INBOX", "<one@x>").unwrap_or_default();
                w.source.shift("INBOX", number, "Work");
            }],
            like_the_source,
        ),
        make(
            "moved_in_place_beside_an_equal_one",
            |s, _| {
                s.create("Work");
                s.deliver("INBOX", &message("one", "text"), seen());
            },
            vec![nothing, |w| {
                w.source.deliver("Work", &message("one", "text"), seen());
                let number = w.source.find("INBOX", "<one@x>").unwrap_or_default();
                w.source.shift("INBOX", number, "INBOX");
            }],
            like_the_source,
        ),
    ]
}

/// A target that keeps other heads than it was given.
fn of_heads(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![make(
        "heads_that_the_target_rewrites",
        |s, t| {
            t.munge();
            (0..3).for_each(|n| _ = s.deliver("INBOX", &message(&format!("n\u{e9}{n}"), "text"), seen()));
        },
        vec![nothing, |w| {
            (3..6).for_each(|n| {
                _ = w.source.deliver("INBOX", &message(&format!("n\u{e9}{n}"), "text"), seen());
            });
        }],
        |s, _| {
            let mut all = s.seen();
            all.values_mut().flatten().for_each(|(body, _)| *body = body.replace('\u{e9}', "XX"));
            all.values_mut().for_each(|v| v.sort());
            all
        },
    )]
}

/// What changes at the target, or lies there before.
fn at_the_target(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![
        make(
            "target_numbered_anew",
            |s, _| town(s),
            vec![nothing, |w| {
                w.target.new_epoch("INBOX");
                new_mail_and_flags(w);
            }],
            like_the_source,
        ),
        make(
            "target_store_made_anew",
            |s, _| town(s),
            vec![nothing, |w| {
                w.target.make_anew();
                new_mail_and_flags(w);
            }],
            like_the_source,
        ),
        make(
            "lost_ledger",
            |s, _| town(s),
            vec![nothing, |w| {
                w.ledger.lose();
                w.source.deliver("INBOX", &message("late", "text"), Flags::default());
            }],
            like_the_source,
        ),
        make("filled_target", filled_target, vec![nothing], |s, _| {
            let mut all = s.seen();
            let inbox = all.entry("INBOX".into()).or_default();
            inbox.push((message("theirs", "not ours"), String::new()));
            inbox.sort();
            all
        }),
        make(
            "people_work_at_the_target",
            |s, _| town(s),
            vec![nothing, people_at_the_target],
            as_people_left_it,
        ),
        Scenario {
            meanwhile: |w| {
                let late = w.target.find("INBOX", "<n0@x>");
                late.and_then(|number| w.target.shift("INBOX", number, "Work"));
            },
            ..make(
                "people_move_after_a_crash",
                |s, _| town(s),
                vec![nothing, new_mail_and_flags],
                |s, t| {
                    let mut all = s.seen();
                    if t.find("Work", "<n0@x>").is_some() {
                        let inbox = all.entry("INBOX".into()).or_default();
                        let late: Vec<_> =
                            inbox.extract_if(.., |(body, _)| body.contains("<n0@x>")).collect();
                        let work = all.entry("Work".into()).or_default();
                        work.extend(late);
                        work.sort();
                    }
                    all
                },
            )
        },
    ]
}

/// Names of folders that the target refuses, has or would merge.
fn of_names(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![
        make(
            "refused_and_clashing_names",
            clashing_names,
            vec![nothing, |w| {
                w.source.deliver("~odd", &message("late", "text"), Flags::default());
            }],
            |s, _| {
                let mut all = s.seen();
                let odd = all.remove("~odd").unwrap_or_default();
                all.insert("_odd".into(), odd);
                let caps = all.remove("work").unwrap_or_default();
                all.insert("work (2)".into(), caps);
                all
            },
        ),
        make(
            "renamed_onto_a_name_that_is_taken",
            |s, t| {
                town(s);
                t.create("Office");
                t.deliver("Office", &message("theirs", "not ours"), Flags::default());
            },
            vec![nothing, people_rename],
            |s, _| {
                let mut all = s.seen();
                for (from, to) in [("Office", "Office (2)"), ("Office/Alpha", "Office (2)/Alpha")] {
                    let items = all.remove(from).unwrap_or_default();
                    all.insert(to.into(), items);
                }
                all.insert("Office".into(), vec![(message("theirs", "not ours"), String::new())]);
                all
            },
        ),
        make(
            "renamed_in_a_ring",
            |s, _| {
                town(s);
                s.create("Home");
                s.deliver("Home", &message("h0", "text"), Flags::default());
            },
            vec![nothing, |w| {
                w.source.rename("Work", "Between");
                w.source.rename("Home", "Work");
                w.source.rename("Between", "Home");
                w.source.deliver("Home/Alpha", &message("n0", "new"), Flags::default());
            }],
            like_the_source,
        ),
    ]
}

/// Items that are hard to tell apart or cannot be put.
fn of_items(abilities: &'static [Ability]) -> Vec<Scenario> {
    let make = |name, fill, passes, expect| scenario(abilities, name, fill, passes, expect);
    vec![
        make(
            "equal_header_other_body",
            equal_headers,
            vec![nothing, |w| {
                w.source.deliver("INBOX", &message("twin", "body C"), Flags::default());
            }],
            |s, _| {
                let mut all = s.seen();
                let inbox = all.entry("INBOX".into()).or_default();
                inbox.push((message("twin", "body X"), String::new()));
                inbox.sort();
                all
            },
        ),
        make(
            "equal_messages",
            equal_messages,
            vec![nothing, |w| {
                w.source.deliver("INBOX", &message("same", "text"), Flags::default());
            }],
            like_the_source,
        ),
        make(
            "an_item_that_needs_two_repairs",
            |source, target| {
                town(source);
                source.deliver("Work", &message("r0", FAULTY), flagged());
                ["\0", "one\ntwo"].into_iter().for_each(|fault| target.refuse(fault));
            },
            vec![nothing, |w| _ = w.source.deliver("INBOX", &message("r1", FAULTY), seen())],
            |s, _| {
                let mut all = s.seen();
                let mended = |body: &str| body.replace('\0', " ").replace("one\ntwo", "one\r\ntwo");
                all.values_mut().flatten().for_each(|(body, _)| *body = mended(body));
                all
            },
        ),
        Scenario {
            skipped: 1,
            ..make(
                "an_item_that_always_fails",
                one_bad_item,
                vec![nothing, |w| {
                    w.source.deliver("INBOX", &message("late", "text"), Flags::default());
                }],
                |s, _| {
                    let mut all = s.seen();
                    all.values_mut().for_each(|v| v.retain(|(body, _)| !body.contains("POISON")));
                    all
                },
            )
        },
    ]
}

fn new_mail_and_flags(stage: &Stage<'_>) {
    stage.source.deliver("INBOX", &message("n0", "new"), Flags::default());
    stage.source.deliver("Work/Alpha", &message("n1", "new"), flagged());
    let first = stage.source.numbers("INBOX")[0];
    stage.source.flag("INBOX", first, flagged());
}

fn people_move(stage: &Stage<'_>) {
    let inbox = stage.source.numbers("INBOX");
    stage.source.shift("INBOX", inbox[0], "Work");
    stage.source.shift("INBOX", inbox[1], "Work/Alpha");
    stage.source.deliver("Work", &message("n0", "new"), Flags::default());
}

fn people_rename(stage: &Stage<'_>) {
    stage.source.rename("Work", "Office");
    stage.source.deliver("Office/Alpha", &message("n0", "new"), Flags::default());
}

fn people_delete(stage: &Stage<'_>) {
    let second = stage.source.numbers("INBOX")[1];
    stage.source.remove("INBOX", second);
    stage.source.deliver("INBOX", &message("n0", "new"), Flags::default());
}

fn filled_target(source: &World, target: &World) {
    town(source);
    target.deliver("INBOX", &message("i0", "text"), seen());
    target.deliver("INBOX", &message("theirs", "not ours"), Flags::default());
    target.deliver("INBOX", &message("i3", "text"), Flags::default());
}

/// Equal headers and sizes everywhere, and three bodies at the source; a fourth at the target.
fn equal_headers(source: &World, target: &World) {
    source.deliver("INBOX", &message("twin", "body A"), Flags::default());
    source.deliver("INBOX", &message("twin", "body B"), Flags::default());
    target.deliver("INBOX", &message("twin", "body X"), Flags::default());
}

fn equal_messages(source: &World, _target: &World) {
    source.create("Work");
    for folder in ["INBOX", "INBOX", "Work"] {
        source.deliver(folder, &message("same", "text"), Flags::default());
    }
}

fn one_bad_item(source: &World, target: &World) {
    town(source);
    source.deliver("INBOX", &message("bad", "POISON"), Flags::default());
    source.deliver("INBOX", &message("after", "text"), Flags::default());
    target.refuse("POISON");
}

/// At the target one message is deleted, one moved, one flagged; at the source the flags of all change.
fn people_at_the_target(stage: &Stage<'_>) {
    let there = stage.target.numbers("INBOX");
    stage.target.remove("INBOX", there[0]);
    stage.target.shift("INBOX", there[1], "Work");
    stage.target.flag("INBOX", there[2], flagged().with(SystemFlag::Seen));
    let here = stage.source.numbers("INBOX");
    stage.source.flag("INBOX", here[2], seen().with(SystemFlag::Answered));
    stage.source.deliver("INBOX", &message("n0", "new"), Flags::default());
}

fn clashing_names(source: &World, target: &World) {
    for folder in ["Work", "work", "~odd"] {
        source.create(folder);
        source.deliver(folder, &message(&format!("in {folder}"), "text"), Flags::default());
    }
    target.refuse_name("~odd");
}

/// The source's mailbox with what people changed at the target.
fn as_people_left_it(s: &World, _target: &World) -> Seen {
    let mut all = s.seen();
    let inbox = all.entry("INBOX".into()).or_default();
    inbox.retain(|(body, _)| !body.contains("<i0@x>") && !body.contains("<i1@x>"));
    inbox
        .iter_mut()
        .filter(|(b, _)| b.contains("<i2@x>"))
        .for_each(|(_, f)| *f = "\\Answered \\Flagged \\Seen".into());
    let work = all.entry("Work".into()).or_default();
    work.push((message("i1", "text"), String::new()));
    work.sort();
    all
}
