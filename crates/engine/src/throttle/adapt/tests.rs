//! The scenarios of `testdata/scenarios/adapt`, played against a server of which the optimum is known, and properties.

use serde::Deserialize;

use super::*;

/// What a server bears from some minute on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bears {
    #[serde(default)]
    from_minute: u64,
    /// So many mailboxes it works on at once; more wait for each other.
    works_on: u32,
    /// Above this it asks to wait.
    throttles_above: Option<u32>,
    /// For so many seconds.
    #[serde(default)]
    asks: u64,
    /// Above this mailboxes stall without a word.
    stalls_above: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flaps {
    every_minutes: u64,
    between: Vec<Bears>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// What is allowed from then on lies in here, but for tries: nine of ten times.
    allowed: [u32; 2],
    /// Its mean does.
    mean: Option<[f64; 2]>,
    after_minutes: u64,
    changes_at_most: Option<usize>,
    /// Of what could be moved at best.
    moved_at_least: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    limit: u32,
    mailboxes: Option<u32>,
    minutes: u64,
    #[serde(default)]
    server: Vec<Bears>,
    flaps: Option<Flaps>,
    expect: Expected,
}

impl Scenario {
    fn bears(&self, minute: u64) -> &Bears {
        match &self.flaps {
            Some(flaps) => &flaps.between[(minute / flaps.every_minutes) as usize % flaps.between.len()],
            None => self.server.iter().rfind(|bears| bears.from_minute <= minute).unwrap(),
        }
    }
}

/// What came of a scenario.
struct Played {
    /// What was allowed after each interval.
    allowed: Vec<u32>,
    /// The sentences.
    changes: Vec<String>,
    /// What was moved of what could be.
    moved: f64,
}

/// A second of one mailbox, in work.
const SECOND: u64 = 1_000_000;

fn play(scenario: &Scenario, judge: impl Fn(&State, &Seen, u32) -> Judged) -> Played {
    let (mut state, mut in_use) = (State::default(), scenario.limit);
    let mut played = Played { allowed: Vec::new(), changes: Vec::new(), moved: 0.0 };
    let (mut moved, mut best) = (0_u64, 0_u64);
    // Each mailbox takes an hour of its own; there are always more unless the scenario counts them.
    let mut left = scenario.mailboxes.map(|n| u64::from(n) * 3600 * SECOND);
    for interval in 0..scenario.minutes * 60 / INTERVAL {
        let bears = scenario.bears(interval * INTERVAL / 60);
        let allowed = state.within(scenario.limit);
        assert!(allowed >= 1 && allowed <= scenario.limit, "{allowed} of {}", scenario.limit);
        // What is lowered drains: mailboxes that are under way end.
        in_use = allowed.max(in_use.saturating_sub((in_use / 5).max(1)));
        let (throttled, stalled) = (above(in_use, bears.throttles_above), above(in_use, bears.stalls_above));
        let works = (in_use - throttled.max(stalled)).min(bears.works_on);
        let optimum = scenario
            .limit
            .min(bears.works_on)
            .min(bears.throttles_above.unwrap_or(u32::MAX))
            .min(bears.stalls_above.unwrap_or(u32::MAX));
        let work = u64::from(works) * INTERVAL * SECOND;
        (moved, best) = (moved + work, best + u64::from(optimum) * INTERVAL * SECOND);
        left = left.map(|left| left.saturating_sub(work));
        let wanted = left.is_none_or(|left| left > 0);
        let seen = Seen { in_use, work, throttled, asked: bears.asks, stalled, wanted };
        let judged = judge(&state, &seen, scenario.limit);
        let (before, after) = (allowed, judged.state.within(scenario.limit));
        assert_eq!(before != after, judged.why.as_ref().is_some_and(|why| why.contains("->")), "{judged:?}");
        played.changes.extend(judged.why);
        played.allowed.push(after);
        state = judged.state;
    }
    played.moved = moved as f64 / best as f64;
    played
}

fn above(in_use: u32, bound: Option<u32>) -> u32 {
    bound.map_or(0, |bound| in_use.saturating_sub(bound))
}

/// What is wrong with how it went, if anything.
fn judged(scenario: &Scenario, played: &Played) -> Result<(), String> {
    let Expected { allowed: [low, high], mean, after_minutes, changes_at_most, moved_at_least } =
        &scenario.expect;
    let late = &played.allowed[(after_minutes * 60 / INTERVAL) as usize..];
    let outside = late.iter().filter(|n| !(low..=high).contains(n)).count();
    if outside * 10 > late.len() {
        return Err(format!("{outside} of {} are not within {low} to {high}: {late:?}", late.len()));
    }
    let average = late.iter().map(|n| f64::from(*n)).sum::<f64>() / late.len() as f64;
    if mean.is_some_and(|[low, high]| !(low..=high).contains(&average)) {
        return Err(format!("on the average {average:.1}: {late:?}"));
    }
    if changes_at_most.is_some_and(|most| played.changes.len() > most) {
        return Err(format!("{} changes: {:#?}", played.changes.len(), played.changes));
    }
    if moved_at_least.is_some_and(|least| played.moved < least) {
        return Err(format!("moved {:.2} of what could be", played.moved));
    }
    Ok(())
}

fn scenarios() -> Vec<(String, Scenario)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/scenarios/adapt");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        })
        .collect();
    all.sort_by(|a: &(String, Scenario), b| a.0.cmp(&b.0));
    all
}

#[test]
fn every_scenario_ends_where_it_should() {
    let mut wrong = Vec::new();
    for (name, scenario) in scenarios() {
        let played = play(&scenario, State::judge);
        assert!(played.changes.iter().all(|why| why.len() > 20), "each change says why");
        if let Err(why) = judged(&scenario, &played) {
            wrong.push(format!("{name}: {why}\n{}", played.changes.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Judgements that are spoiled in one way each: a scenario finds every one.
#[test]
fn every_spoiled_judgement_is_found() {
    type Spoiled = fn(&State, &Seen, u32) -> Judged;
    let spoiled: [(&str, Spoiled); 5] = [
        ("never lowers", |state, seen, limit| {
            state.judge(&Seen { throttled: 0, stalled: 0, ..*seen }, limit)
        }),
        ("does not see stalls", |state, seen, limit| state.judge(&Seen { stalled: 0, ..*seen }, limit)),
        ("believes every pause", |state, seen, limit| {
            let judged = state.judge(seen, limit);
            let rests = if seen.throttled > 0 { seen.asked } else { state.rests.saturating_sub(INTERVAL) };
            Judged { state: State { rests: rests.max(judged.state.rests), ..judged.state }, ..judged }
        }),
        ("forgets nothing", |state, seen, limit| {
            let judged = state.judge(seen, limit);
            let too_much = judged.state.too_much.map(|(n, _)| (n, 0));
            Judged { state: State { too_much, ..judged.state }, ..judged }
        }),
        ("does not try", |state, seen, limit| {
            state.judge(&Seen { wanted: seen.wanted && state.too_much.is_some(), ..*seen }, limit)
        }),
    ];
    for (name, judge) in spoiled {
        let finds = |(_, scenario): (String, Scenario)| {
            let played = std::panic::catch_unwind(|| play(&scenario, judge));
            played.map_or(true, |played| judged(&scenario, &played).is_err())
        };
        assert!(scenarios().into_iter().any(finds), "nothing finds a judgement that {name}");
    }
}

#[test]
fn a_limit_is_followed_at_once_where_nothing_was_seen_against_it() {
    let calm = Seen { in_use: 5, work: 1, wanted: true, ..Seen::default() };
    let state = State::default().judge(&calm, 5).state;
    assert_eq!((state.within(5), state.within(40), state.within(2)), (5, 40, 2));
    let asked = Seen { in_use: 20, throttled: 31, asked: 10, wanted: true, ..Seen::default() };
    let judged = State::default().judge(&asked, 20);
    assert_eq!(
        judged.why.as_deref(),
        Some("20 -> 15: the server asked 31 times to slow down, for up to 10 s")
    );
    assert_eq!((judged.state.within(20), judged.state.within(10), judged.state.within(0)), (15, 10, 1));
}
