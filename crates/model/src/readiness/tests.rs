//! The checklist, point by point.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    id::{EndpointId, UserId},
    pilot,
    rollback::{Covers, GoBack, RollbackApproval},
    settings::MailboxAddress,
    status::UserStatus,
};

const DAY: i64 = 86_400;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_796_000_000 + day * DAY).unwrap()
}

/// An endpoint changed on day 0 and tested on day 1 with these rows: step, outcome, code.
fn endpoint(n: u128, role: &str, rows: &[(&str, &str, &str)]) -> Endpoint {
    let row = |(step, outcome, code): &(&str, &str, &str)| {
        let ends = at(100).to_string();
        json!({ "step": step, "id": format!("{step}-x"), "title": format!("The {step}"), "outcome": outcome,
            "native": "unknown", "evidence": "", "elapsedMs": 1, "cause": if *outcome == "fail" { json!("it is so") } else { json!(null) },
            "code": if code.is_empty() { json!(null) } else { json!(code) }, "fix": ["do so"], "certificateEnds": ends })
    };
    let steps: Vec<_> = rows.iter().map(row).collect();
    let result = if rows.iter().any(|row| row.1 == "fail") { "Failed" } else { "Success" };
    serde_json::from_value(json!({
        "id": Uuid::from_u128(n), "version": 1, "name": format!("end {n}"), "kind": "post", "settings": {},
        "limits": { "MaxConcurrentMigrations": 20, "MaxConcurrentIncrementalSyncs": 10 },
        "needs_to_connect": null, "created": at(0), "modified": at(0),
        "last_test": { "result": result, "native": "Unknown", "steps": steps, "at": at(1), "roles": [role] },
    }))
    .unwrap()
}

const GOOD: [(&str, &str, &str); 7] = [
    ("dns", "pass", ""),
    ("tcp", "pass", ""),
    ("tls", "pass", ""),
    ("protocol", "pass", ""),
    ("auth", "pass", ""),
    ("permission", "pass", ""),
    ("mailbox", "pass", ""),
];

fn with(
    step: &str,
    outcome: &'static str,
    code: &'static str,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let put = |row: &(&'static str, &'static str, &'static str)| match row.0 == step {
        true => (row.0, outcome, code),
        false => *row,
    };
    GOOD.iter().map(put).collect()
}

fn batch(n: u128) -> Batch {
    let ends = (EndpointId(Uuid::from_u128(1)), EndpointId(Uuid::from_u128(2)));
    Batch::created(BatchId(Uuid::from_u128(n)), format!("wave {n}"), ends, at(0))
}

fn user(n: u128, last_synced: Option<Timestamp>) -> User {
    let mailbox = MailboxAddress { address: "a@x".into(), ..MailboxAddress::default() };
    let ends = (mailbox.clone(), mailbox);
    let user = User::queued(UserId(Uuid::from_u128(n)), BatchId(Uuid::nil()), "a@x".into(), ends);
    User { last_synced, ..user }
}

fn tick(point: Point, batch: Option<u128>) -> Tick {
    let batch = batch.map(|n| BatchId(Uuid::from_u128(n)));
    Tick { point, batch, by: "amira".into(), at: at(2), comment: Some("eight people".into()) }
}

/// What there is in a test.
struct Scene {
    source: Endpoint,
    target: Endpoint,
    batches: Vec<(Batch, Vec<User>)>,
    pilots: Vec<(Batch, Vec<String>)>,
    ticks: Vec<Tick>,
}

impl Scene {
    fn good() -> Self {
        let (source, target) = (endpoint(1, "source", &GOOD), endpoint(2, "target", &GOOD));
        let users = vec![user(1, Some(at(2)))];
        let pilots = vec![(Batch { pilot: true, ..batch(9) }, Vec::new())];
        Self { source, target, batches: vec![(batch(1), users)], pilots, ticks: Vec::new() }
    }

    fn lines(&self) -> Vec<Line> {
        let ends = [(&self.source, TestedAs::Source), (&self.target, TestedAs::Target)];
        let Self { batches, pilots, ticks, .. } = self;
        lines(&Looked { ends: &ends, batches, pilots, ticks, now: at(3) })
    }

    fn line(&self, point: Point) -> Line {
        self.lines().into_iter().find(|line| line.point == point).unwrap()
    }

    fn state(&self, point: Point) -> State {
        self.line(point).state
    }
}

fn approval(batch: &Batch, users: &[User]) -> RollbackApproval {
    let covers = Covers::of(batch, users);
    let (approver, by) = ("Head".to_owned(), "dana".to_owned());
    RollbackApproval { approver, by, at: at(2), comment: None, values: GoBack::default(), covers }
}

#[test]
fn what_mailferry_sees_ticks_itself_and_people_say_the_rest() {
    let mut scene = Scene::good();
    for line in scene.lines() {
        let wanted = if line.confirmed == Confirmed::Machine { State::Done } else { State::Open };
        assert_eq!(line.state, wanted, "{line:?}");
        assert_eq!(line.how.is_empty(), line.state == State::Done, "{line:?}");
        assert!(!line.blocks);
    }
    let nearly = sum(&scene.lines());
    assert_eq!((nearly.done, nearly.open, nearly.verdict), (7, 4, "nearly ready"));
    assert_eq!(nearly.sentence, "It may start: nothing open blocks it.");
    scene.ticks = [Point::UsersInformed, Point::MailFlowPlanned].map(|point| tick(point, None)).into();
    scene.ticks.push(tick(Point::HelpDeskReady, Some(1)));
    let (batch, users) = &mut scene.batches[0];
    batch.rollback = Some(approval(batch, users));
    assert_eq!(sum(&scene.lines()).verdict, "ready");
    let desk = scene.line(Point::HelpDeskReady);
    assert_eq!((desk.by.as_deref(), &*desk.evidence), (Some("amira"), "eight people"));
    assert_eq!(scene.line(Point::RollbackDescribed).by.as_deref(), Some("Head"));
}

#[test]
fn a_failed_step_opens_its_point_alone_and_says_what_helps() {
    for (step, end, point) in [
        ("tls", "source", Point::ServersAnswer),
        ("protocol", "target", Point::ServersAnswer),
        ("mailbox", "source", Point::SampleMailbox),
        ("permission", "target", Point::Permissions),
        ("auth", "target", Point::Permissions),
    ] {
        let mut scene = Scene::good();
        let rows = with(step, "fail", "X_BAD");
        match end {
            "source" => scene.source = endpoint(1, end, &rows),
            _ => scene.target = endpoint(2, end, &rows),
        }
        let line = scene.line(point);
        assert_eq!((line.state, line.blocks), (State::Open, true), "{step}");
        assert!(line.evidence.contains("it is so [X_BAD]") && line.how == ["do so"], "{line:?}");
        let sum = sum(&scene.lines());
        assert!(sum.verdict == "not ready" && sum.sentence.contains(point.title()), "{sum:?}");
        let open =
            scene.lines().into_iter().filter(|l| l.confirmed == Confirmed::Machine && l.state == State::Open);
        assert_eq!(open.count(), 1, "{step}");
        scene.batches[0].0.despite_test = Some("known".into());
        assert!(!scene.line(point).blocks, "somebody said why it begins");
    }
}

#[test]
fn what_nobody_tested_or_what_was_changed_since_is_unknown() {
    let mut scene = Scene::good();
    scene.source.last_test = None;
    let line = scene.line(Point::ServersAnswer);
    assert_eq!(
        (line.state, line.how),
        (State::Unknown, vec!["mailferry endpoint test \"end 1\"".to_owned()])
    );
    assert_eq!(sum(&scene.lines()).verdict, "not ready");
    let mut scene = Scene::good();
    scene.target.modified = at(2);
    assert_eq!(scene.state(Point::Permissions), State::Unknown);
    let mut scene = Scene::good();
    scene.target = endpoint(2, "source", &GOOD);
    assert_eq!(scene.state(Point::ServersAnswer), State::Done, "the way there is the same in each role");
    let line = scene.line(Point::Permissions);
    assert_eq!(
        (line.state, line.how),
        (State::Unknown, vec!["mailferry endpoint test \"end 2\" --as target".to_owned()])
    );
    let mut scene = Scene::good();
    scene.source = endpoint(1, "source", &with("mailbox", "not-run", ""));
    assert_eq!(scene.state(Point::SampleMailbox), State::Unknown);
}

#[test]
fn a_server_of_another_kind_is_told_and_one_that_is_silent_is_not_known() {
    let mut scene = Scene::good();
    scene.source = endpoint(1, "source", &with("protocol", "fail", "WRONG_KIND_EXCHANGE"));
    assert_eq!(scene.state(Point::KindFits), State::Open);
    scene.source = endpoint(1, "source", &with("protocol", "fail", "IMAP_SILENT"));
    assert_eq!(scene.state(Point::KindFits), State::Unknown);
}

#[test]
fn a_certificate_outlasts_the_plan_and_thirty_days() {
    let mut scene = Scene::good();
    assert_eq!(scene.line(Point::CertificateLasts).state, State::Done);
    scene.batches[0].0.schedule.complete_after = Some(at(101));
    let line = scene.line(Point::CertificateLasts);
    assert!(line.state == State::Look && line.evidence.contains("wave 1 ends"), "{line:?}");
    scene.batches[0].0.schedule.complete_after = Some(at(90));
    assert_eq!(scene.state(Point::CertificateLasts), State::Done);
    let ends = [(&scene.source, TestedAs::Source)];
    let late = Looked { ends: &ends, batches: &[], pilots: &[], ticks: &[], now: at(71) };
    assert_eq!(lines(&late)[1].state, State::Look);
}

#[test]
fn mailboxes_are_counted_and_pilots_asked() {
    let mut scene = Scene::good();
    scene.batches[0].1.push(user(2, None));
    let line = scene.line(Point::MailboxesOpen);
    assert_eq!((line.state, &*line.evidence), (State::Open, "1 of 2"));
    scene.batches[0].1[1].status = UserStatus::Failed;
    assert_eq!(scene.line(Point::MailboxesOpen).evidence, "1 of 2, 1 mailbox failed");
    scene.pilots[0].1 = vec!["1 mailbox failed".into()];
    let line = scene.line(Point::PilotClean);
    assert_eq!((line.state, line.blocks), (State::Open, true));
    scene.batches[0].0.despite_pilot = Some("late".into());
    let line = scene.line(Point::PilotClean);
    assert!(
        line.state == State::Look && !line.blocks && line.evidence.ends_with("the same: late"),
        "{line:?}"
    );
    scene.pilots.clear();
    let told = sum(&scene.lines()).sentence;
    assert!(
        told.starts_with("Nothing keeps it from starting, but") && told.contains("Pilot is clean"),
        "{told}"
    );
    assert_eq!((scene.state(Point::PilotClean), scene.line(Point::PilotClean).blocks), (State::Open, false));
    assert!(pilot::lacks(&[]).is_empty());
}

#[test]
fn a_tick_is_of_its_batch_or_of_all_and_an_approval_of_what_it_was_given_for() {
    let mut scene = Scene::good();
    scene.ticks = vec![tick(Point::HelpDeskReady, Some(7))];
    assert_eq!(scene.state(Point::HelpDeskReady), State::Open, "of another batch");
    scene.ticks = vec![tick(Point::HelpDeskReady, Some(1))];
    assert_eq!(scene.state(Point::HelpDeskReady), State::Done);
    scene.batches.push((batch(2), Vec::new()));
    assert_eq!(scene.state(Point::HelpDeskReady), State::Open, "of one of two");
    scene.ticks.push(tick(Point::HelpDeskReady, None));
    assert_eq!(scene.state(Point::HelpDeskReady), State::Done);
    scene.batches.pop();
    let (batch, users) = &mut scene.batches[0];
    batch.rollback = Some(approval(batch, users));
    users.push(user(5, Some(at(2))));
    let line = scene.line(Point::RollbackDescribed);
    assert!(line.state == State::Open && line.evidence.contains("other mailboxes"), "{line:?}");
    scene.ticks.push(tick(Point::RollbackDescribed, None));
    assert_eq!(scene.state(Point::RollbackDescribed), State::Done, "a person's word counts as well");
}

#[test]
fn names_are_found_and_only_people_tick() {
    for point in Point::ALL {
        assert_eq!(Point::named(point.word()), Some(point));
        assert_eq!(json!(point), point.word());
        assert_eq!(Point::of_people().contains(point.word()), point.confirmed() == Confirmed::People);
    }
    assert_eq!(json!(State::Look), State::Look.word());
}
