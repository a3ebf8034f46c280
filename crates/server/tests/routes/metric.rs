//! Numbers for monitoring: their form, read strictly, who is told them, and that no address is among them.

use std::collections::{BTreeMap, HashSet};

use mailferry_model::{
    account::Role,
    port::Clock,
    report::Totals,
    status::UserStatus,
    user::{Detail, User},
};
use serde_json::json;

use super::{batch::with_wave, house::House};

/// A sample's name with its labels, in order, and its value.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Labels between braces: names, and values in quotes with only the known escapes.
fn labels(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        let (name, rest) = text.split_once("=\"").unwrap();
        assert!(is_name(name), "{name}");
        let (mut value, mut letters) = (String::new(), rest.char_indices());
        let end = loop {
            match letters.next().unwrap() {
                (_, '\\') => value.push(match letters.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    other => panic!("no such escape: {other}"),
                }),
                (at, '"') => break at,
                (_, c) => value.push(c),
            }
        };
        found.push((name.to_owned(), value));
        text = &rest[end + 1..];
        if let Some(rest) = text.strip_prefix('}') {
            return (found, rest);
        }
        text = text.strip_prefix(',').unwrap();
    }
}

/// Reads OpenMetrics as strictly as its specification has it, as far as gauges and counters go.
fn read(text: &str) -> Samples {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no EOF: {text}"));
    let (mut samples, mut families) = (Samples::new(), HashSet::new());
    let mut lines = body.lines().peekable();
    while let Some(help) = lines.next() {
        let (family, words) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(is_name(family) && family.starts_with("mailferry_") && words.ends_with('.'), "{help}");
        assert!(families.insert(family.to_owned()), "{family} comes twice");
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {family} ")).unwrap();
        assert!(["gauge", "counter"].contains(&kind), "{kind}");
        let name = if kind == "counter" { format!("{family}_total") } else { family.to_owned() };
        assert!(!family.ends_with("_total"), "{family}");
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let rest = line.strip_prefix(&name).unwrap_or_else(|| panic!("{line} is not of {name}"));
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest),
                None => (Vec::new(), rest),
            };
            let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
            assert!(samples.insert((name.clone(), labels), value).is_none(), "{line} comes twice");
        }
    }
    samples
}

async fn scrape(house: &House) -> Samples {
    house.clock.forward(10);
    let headers = [("accept", "application/openmetrics-text; version=1.0.0")];
    let told = house.send("GET", "/api/v1/metrics", &headers, "").await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(!told.text.contains('@'), "{}", told.text);
    read(&told.text)
}

fn of(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let name = format!("mailferry_{name}");
    *samples.get(&(name.clone(), labels.clone())).unwrap_or_else(|| panic!("{name} {labels:?}: {samples:#?}"))
}

/// The first mailbox of a batch as something changes it.
async fn first(house: &House, batch: &str, change: impl FnOnce(&mut User)) {
    let batch = house.store.batch(batch).await.unwrap();
    let mut user = house.store.users(batch.id).await.unwrap().remove(0);
    change(&mut user);
    house.store.set_user(&user).await.unwrap();
}

#[tokio::test]
async fn numbers_are_those_of_the_store_and_counters_never_fall() {
    let house = with_wave().await;
    let csv = "EmailAddress,Password,TargetPassword\nc@x,p,p\n";
    let hostile = json!({ "name": "of \"ann@x\" \\", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.post("/batches", hostile).await.0, 201);
    let quoted = json!({ "name": "a \"b\" \\n", "source": "old", "target": "new",
        "csv": csv.replace("c@x", "d@x") });
    assert_eq!(house.post("/batches", quoted).await.0, 201);
    let now = house.clock.now();
    first(&house, "wave", |user| {
        user.status = UserStatus::Syncing;
        user.detail = Some(Detail::fresh("StalledDueToSource_Busy", "a@x".into(), now));
        user.totals = Totals { identified: 9, placed: 5, bytes: 500, bytes_identified: 900, skipped: 1 };
    })
    .await;
    let samples = scrape(&house).await;
    assert_eq!(of(&samples, "mailboxes", &[("batch", "wave"), ("state", "queued")]), 1.0);
    assert_eq!(of(&samples, "mailboxes", &[("batch", "wave"), ("state", "syncing")]), 1.0);
    assert_eq!(of(&samples, "mailboxes", &[("batch", "a \"b\" \\n"), ("state", "queued")]), 1.0);
    assert_eq!(of(&samples, "stalled_mailboxes", &[("code", "StalledDueToSource_Busy")]), 1.0);
    let slots = [("endpoint", "old"), ("type", "initial"), ("state", "configured")];
    assert_eq!(of(&samples, "endpoint_slots", &slots), 20.0);
    assert_eq!(of(&samples, "queue_depth", &[]), 0.0);
    let placed = [("kind", "mail"), ("result", "placed")];
    let written = [("endpoint", "new"), ("direction", "written")];
    assert_eq!(of(&samples, "items_total", &placed), 5.0);
    assert_eq!(of(&samples, "bytes_total", &written), 500.0);

    first(&house, "wave", |user| user.totals.placed = 2).await;
    let fallen = scrape(&house).await;
    first(&house, "wave", |user| (user.totals.placed, user.totals.bytes) = (8, 800)).await;
    let risen = scrape(&house).await;
    for (before, after) in [(&samples, &fallen), (&fallen, &risen)] {
        for ((name, labels), value) in before.iter().filter(|((name, _), _)| name.ends_with("_total")) {
            assert!(after[&(name.clone(), labels.clone())] >= *value, "{name} {labels:?} fell");
        }
    }
    assert_eq!(of(&risen, "items_total", &placed), 11.0);
    assert_eq!(of(&risen, "bytes_total", &written), 800.0);
}

#[tokio::test]
async fn who_asks_again_at_once_is_told_the_same() {
    let house = with_wave().await;
    let text = async || house.send("GET", "/api/v1/metrics", &[], "").await.text;
    let before = text().await;
    assert!(
        before.contains("# TYPE mailferry_items_total counter\n") && !before.contains("# EOF"),
        "{before}"
    );
    first(&house, "wave", |user| user.status = UserStatus::Completed).await;
    assert_eq!(text().await, before);
    house.clock.forward(6);
    assert_ne!(text().await, before);
}

#[tokio::test]
async fn numbers_are_told_to_whoever_signs_in_unless_the_service_was_opened() {
    let house = House::listening().await;
    assert_eq!(house.send("GET", "/metrics", &[], "").await.problem(), (401, "SIGN_IN_MISSING".to_owned()));
    let bearer = format!("Bearer {}", house.token_of(Role::Viewer).await);
    let told = house.send("GET", "/metrics", &[("authorization", &bearer)], "").await;
    assert_eq!(told.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(told.text.contains("mailferry_build_info{version="), "{}", told.text);
    let open = House::with_open_metrics().await;
    assert_eq!(open.send("GET", "/metrics", &[], "").await.status, 200);
    let below = open.send("GET", "/api/v1/metrics", &[], "").await;
    assert_eq!(below.problem().0, 401, "the rest stays shut");
}
