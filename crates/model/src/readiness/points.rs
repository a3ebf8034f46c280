//! How each point of the checklist is judged: by the last tests of the endpoints, by pilots, by what mailboxes were opened,
//! and by what people said. Nothing is asked of any system here.

use jiff::{SignedDuration, Timestamp};

use super::{Line, Looked, Point, State, Tick};
use crate::{
    batch::Batch,
    endpoint::Endpoint,
    finding::{Finding, Step, TestedAs, Verdict},
    mode::CREDENTIALS_VERIFIED,
    pilot,
    rollback::{Approved, approved},
    user::User,
    why::mailboxes,
    words::quoted,
};

/// Whoever needs longer than this to renew a certificate is told late.
const RENEWAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What was found of a point.
struct Found {
    state: State,
    evidence: String,
    at: Option<Timestamp>,
    by: Option<String>,
    how: Vec<String>,
    blocks: bool,
}

impl Found {
    fn of(state: State, evidence: impl Into<String>) -> Self {
        Self { state, evidence: evidence.into(), at: None, by: None, how: Vec::new(), blocks: false }
    }

    fn at(self, at: Option<Timestamp>) -> Self {
        Self { at, ..self }
    }

    fn how(mut self, how: impl Into<String>) -> Self {
        self.how.push(how.into());
        self
    }
}

/// A point as it stands.
pub(super) fn judged(point: Point, looked: &Looked<'_>) -> Line {
    use Step::{Auth, Dns, Mailbox, Permission, Protocol, Tcp, Tls};
    let found = match point {
        Point::ServersAnswer => asked(looked, None, &[Dns, Tcp, Tls, Protocol]),
        Point::SampleMailbox => asked(looked, Some(TestedAs::Source), &[Mailbox]),
        Point::Permissions => asked(looked, Some(TestedAs::Target), &[Auth, Permission]),
        Point::KindFits => kind(looked),
        Point::CertificateLasts => certificate(looked),
        Point::MailboxesOpen => opened(looked),
        Point::PilotClean => pilots(looked),
        Point::RollbackDescribed => way_back(looked),
        Point::UsersInformed | Point::HelpDeskReady | Point::MailFlowPlanned => ticked(point, looked),
    };
    let how = if found.state == State::Done { Vec::new() } else { found.how };
    let Found { state, evidence, at, by, blocks, .. } = found;
    let (title, confirmed) = (point.title(), point.confirmed());
    Line { point, title, confirmed, state, evidence, at, by, how, blocks }
}

/// The rows of an endpoint's last test, as far as it still says something of these steps in that role: what may be done,
/// and whether a mailbox opens, is another matter for each role; the way to a server is the same.
fn rows<'a>(
    endpoint: &'a Endpoint,
    role: TestedAs,
    steps: &[Step],
) -> Result<(&'a [Finding], Option<Timestamp>), Found> {
    let asks_role = steps.iter().any(|step| matches!(step, Step::Permission | Step::Mailbox));
    let test = endpoint.last_test.as_ref().filter(|test| !asks_role || test.is_of(role));
    let told = |why: &str| {
        let flag = if role == TestedAs::Target { " --as target" } else { "" };
        let how = format!("mailferry endpoint test {}{flag}", quoted(&endpoint.name));
        Found::of(State::Unknown, format!("{}: {why}", endpoint.name)).how(how)
    };
    let Some(test) = test else { return Err(told("not tested in this role")) };
    if test.at.is_some_and(|at| at < endpoint.modified) {
        return Err(told("changed since its last test"));
    }
    Ok((&test.steps, test.at))
}

/// What all endpoints in a role say of some steps; the worst is the whole.
fn asked(looked: &Looked<'_>, role: Option<TestedAs>, steps: &[Step]) -> Found {
    let of = |(endpoint, plays): &(&Endpoint, TestedAs)| {
        let fits = role.is_none_or(|role| role == *plays);
        fits.then(|| of_steps(endpoint, *plays, steps))
    };
    let found = looked.ends.iter().filter_map(of);
    let nobody = || Found::of(State::Unknown, "no endpoint plays this role here");
    let mut found = together(found.collect()).unwrap_or_else(nobody);
    found.blocks = blocks(looked, &found);
    found
}

/// A failed test keeps a batch from beginning, unless somebody said why it shall.
fn blocks(looked: &Looked<'_>, found: &Found) -> bool {
    let may = |(batch, _): &(Batch, Vec<User>)| batch.despite_test.is_some() || batch.synced.is_some();
    found.state == State::Open && !looked.batches.is_empty() && !looked.batches.iter().all(may)
}

fn of_steps(endpoint: &Endpoint, role: TestedAs, steps: &[Step]) -> Found {
    let (rows, at) = match rows(endpoint, role, steps) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let rows: Vec<&Finding> = rows.iter().filter(|row| steps.contains(&row.step)).collect();
    let told = |row: &Finding| {
        let why = row.cause.as_deref().unwrap_or(&row.title);
        let code = row.code.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
        format!("{}: {why}{code}", endpoint.name)
    };
    let of = |verdict| rows.iter().find(|row| row.outcome == verdict);
    let with_fix = |state, row: &Finding| {
        let found = Found::of(state, told(row));
        Found { how: row.fix.clone(), ..found }
    };
    let found = match (of(Verdict::Fail), of(Verdict::Warn), of(Verdict::Pass)) {
        (Some(row), ..) => with_fix(State::Open, row),
        (None, Some(row), _) => with_fix(State::Look, row),
        (None, None, Some(_)) => {
            let passed = rows.iter().filter(|row| row.outcome == Verdict::Pass).count();
            let evidence = match rows.iter().rfind(|row| row.outcome == Verdict::Pass) {
                Some(row) if passed == 1 => format!("{}: {}", endpoint.name, row.title),
                _ => format!("{}: {passed} checks passed", endpoint.name),
            };
            Found::of(State::Done, evidence)
        }
        // A folder on a disk has no server that could answer.
        _ if rows.is_empty() => Found::of(State::Done, format!("{}: nothing to ask", endpoint.name)),
        _ => {
            let how = format!("mailferry endpoint test {} --mailbox ADDRESS", quoted(&endpoint.name));
            Found::of(State::Unknown, format!("{}: could not be asked", endpoint.name)).how(how)
        }
    };
    found.at(at)
}

/// Several answers as one: the worst state with its evidence and what helps, the oldest time.
fn together(mut all: Vec<Found>) -> Option<Found> {
    all.sort_by_key(|found| match found.state {
        State::Open => 0,
        State::Unknown => 1,
        State::Look => 2,
        State::Done => 3,
    });
    let state = all.first()?.state;
    all.retain(|found| found.state == state);
    let evidence = all.iter().map(|found| &*found.evidence).collect::<Vec<_>>().join("; ");
    let at = all.iter().filter_map(|found| found.at).min();
    let how = all.into_iter().flat_map(|found| found.how).collect();
    Some(Found { how, ..Found::of(state, evidence).at(at) })
}

/// Whether a test found that a server is of another kind than its endpoint.
fn kind(looked: &Looked<'_>) -> Found {
    let wrong = |(endpoint, role): &(&Endpoint, TestedAs)| {
        let (rows, at) = rows(endpoint, *role, &[Step::Protocol]).ok()?;
        let is_wrong =
            |row: &&Finding| row.code.as_deref().is_some_and(|code| code.starts_with("WRONG_KIND"));
        let row = rows.iter().find(is_wrong)?;
        let why = row.cause.as_deref().unwrap_or(&row.title);
        let found = Found::of(State::Open, format!("{}: {why}", endpoint.name)).at(at);
        Some(Found { how: row.fix.clone(), ..found })
    };
    if let Some(mut found) = together(looked.ends.iter().filter_map(wrong).collect()) {
        found.blocks = blocks(looked, &found);
        return found;
    }
    let found = asked(looked, None, &[Step::Protocol]);
    // That it does not answer says nothing of what it is.
    match found.state {
        State::Done | State::Look => {
            let kinds = looked.ends.iter().map(|(end, _)| format!("{}: {}", end.name, end.kind));
            Found::of(State::Done, kinds.collect::<Vec<_>>().join("; ")).at(found.at)
        }
        _ => Found { state: State::Unknown, blocks: false, ..found },
    }
}

/// The first certificate that ends, held against the end of the plan.
fn certificate(looked: &Looked<'_>) -> Found {
    let mut first: Option<(Timestamp, &str)> = None;
    let mut at = None;
    for (endpoint, role) in looked.ends {
        let (rows, tested) = match rows(endpoint, *role, &[Step::Tls]) {
            Ok(known) => known,
            Err(unknown) => return unknown,
        };
        at = at.or(tested);
        for row in rows {
            let text = row.seen.get("certificateEnds").and_then(|value| value.as_str());
            let ends = text.and_then(|text| text.parse::<Timestamp>().ok());
            if let Some(ends) = ends.filter(|ends| first.is_none_or(|(before, _)| *ends < before)) {
                first = Some((ends, &endpoint.name));
            }
        }
    }
    let Some((ends, name)) = first else {
        return Found::of(State::Done, "no certificate is in use").at(at);
    };
    let plan = looked
        .batches
        .iter()
        .filter_map(|(batch, _)| Some((batch.schedule.complete_after?, batch.name.as_str())));
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let expires = format!("{name}: expires {}", day(ends));
    match plan.max() {
        Some((last, batch)) if ends <= last => {
            Found::of(State::Look, format!("{expires}, {batch} ends {}", day(last)))
        }
        _ if ends.duration_since(looked.now) < RENEWAL => Found::of(State::Look, expires),
        _ => Found::of(State::Done, expires),
    }
    .at(at)
    .how(format!("Renew it, then: mailferry endpoint test {}", quoted(name)))
}

/// Which mailboxes were opened at both sides: by a pass, or to verify credentials.
fn opened(looked: &Looked<'_>) -> Found {
    let users: Vec<&User> = looked.batches.iter().flat_map(|(_, users)| users).collect();
    if users.is_empty() {
        let found = Found::of(State::Unknown, "no batch has a mailbox");
        return found.how("mailferry batch new NAME --source SOURCE --target TARGET --csv FILE");
    }
    let is_verified = |user: &User| user.detail.as_ref().is_some_and(|d| d.code == CREDENTIALS_VERIFIED);
    let has_opened = |user: &&&User| user.last_synced.is_some() || is_verified(user);
    let (n, of) = (users.iter().filter(has_opened).count(), users.len());
    let failed = users.iter().filter(|user| user.status.is_failure()).count();
    let (state, evidence) = match n {
        _ if failed > 0 => (State::Open, format!("{n} of {of}, {} failed", mailboxes(failed))),
        n if n == of => (State::Done, format!("{n} of {of}")),
        _ => (State::Open, format!("{n} of {of}")),
    };
    let left = |users: &[User]| !users.iter().all(|user| has_opened(&&user));
    let how = looked.batches.iter().filter(|(_, users)| left(users));
    let how = how
        .map(|(batch, _)| format!("mailferry batch start {} --mode verify-credentials", quoted(&batch.name)));
    Found { how: how.collect(), ..Found::of(state, evidence) }
}

/// Whether what goes first is clean.
fn pilots(looked: &Looked<'_>) -> Found {
    if let [(batch, _)] = looked.batches
        && batch.pilot
    {
        return Found::of(State::Done, "it goes first itself");
    }
    if looked.pilots.is_empty() {
        let found = Found::of(State::Open, "no batch at these endpoints is a pilot");
        return found
            .how("mailferry batch new NAME --pilot --suggest 12 --csv FILE --source SOURCE --target TARGET");
    }
    let of = |(pilot, lacks): &(Batch, Vec<String>)| {
        if lacks.is_empty() {
            return Found::of(State::Done, pilot.name.clone()).at(pilot.synced);
        }
        let waits = |(batch, _): &(Batch, Vec<User>)| pilot::waits_for(batch, pilot);
        let despite = looked.batches.iter().find_map(|(batch, _)| batch.despite_pilot.as_deref());
        let lacking = format!("{}: {}", pilot.name, lacks.join(", "));
        let found = match despite {
            Some(why) => Found::of(State::Look, format!("{lacking}; goes on all the same: {why}")),
            None => Found::of(State::Open, lacking),
        };
        let blocks = despite.is_none() && looked.batches.iter().any(waits);
        let how = format!(
            "mailferry batch show {}, then: mailferry user sign-off ADDRESS --all",
            quoted(&pilot.name)
        );
        Found { blocks, ..found.how(how) }
    };
    let all: Vec<Found> = looked.pilots.iter().map(of).collect();
    let blocks = all.iter().any(|found| found.blocks);
    together(all).map_or_else(|| Found::of(State::Unknown, ""), |found| Found { blocks, ..found })
}

/// Ticked by itself where each batch has an approval, or by a person.
fn way_back(looked: &Looked<'_>) -> Found {
    let of = |(batch, users): &(Batch, Vec<User>)| {
        let how = format!("mailferry report rollback {} --approver NAME", quoted(&batch.name));
        match approved(batch, users) {
            Approved::Yes(approval) => Found {
                by: Some(approval.approver.clone()),
                ..Found::of(State::Done, format!("{}: approved", batch.name)).at(Some(approval.at))
            },
            Approved::Outdated(approval) => Found {
                by: Some(approval.approver.clone()),
                ..Found::of(State::Open, format!("{}: approved for other mailboxes or endpoints", batch.name))
                    .how(how)
            },
            Approved::No => Found::of(State::Open, format!("{}: not approved", batch.name)).how(how),
        }
    };
    let all: Vec<Found> = looked.batches.iter().map(of).collect();
    let by = all.iter().find_map(|found| found.by.clone()).filter(|_| all.len() == 1);
    match together(all) {
        Some(found) if found.state == State::Done => Found { by, ..found },
        Some(found) => {
            let said = ticked(Point::RollbackDescribed, looked);
            if said.state == State::Done { said } else { found }
        }
        None => ticked(Point::RollbackDescribed, looked),
    }
}

/// What a person said of it: of each of these batches, or of the whole project.
fn ticked(point: Point, looked: &Looked<'_>) -> Found {
    let of = |batch: &Batch| {
        let own = |tick: &&Tick| tick.point == point && tick.batch == Some(batch.id);
        looked.ticks.iter().find(own)
    };
    let project = looked.ticks.iter().find(|tick| tick.point == point && tick.batch.is_none());
    let own: Option<Vec<&Tick>> = looked.batches.iter().map(|(batch, _)| of(batch).or(project)).collect();
    let tick = own.and_then(|ticks| ticks.into_iter().min_by_key(|tick| tick.at)).or(project);
    match tick {
        Some(tick) => Found {
            by: Some(tick.by.clone()),
            ..Found::of(State::Done, tick.comment.clone().unwrap_or_default()).at(Some(tick.at))
        },
        None => {
            let of = match looked.batches {
                [(batch, _)] => format!(" --batch {}", quoted(&batch.name)),
                _ => String::new(),
            };
            let how = format!("mailferry readiness tick {}{of} --comment TEXT", point.word());
            Found::of(State::Open, "not confirmed").how(how)
        }
    }
}
