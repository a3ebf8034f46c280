//! Which numbers there are. Names are published and stay; a new one is a line here and in the reference.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use mailferry_model::{
    Result, batch::Batch, endpoint::Endpoint, id::EndpointId, job::PassKind, report::summary::Summary,
    user::User,
};

use super::{exposition::Family, tally::Counts};
use crate::Context;

/// The states of mailboxes; they exclude each other.
const STATES: [&str; 6] = ["queued", "syncing", "synced", "completed", "stopped", "failed"];

/// All numbers as they are now.
pub(super) async fn gathered(context: &Context, counts: &mut Counts) -> Result<Vec<Family>> {
    let endpoints = context.store.endpoints().await?;
    let mut mailboxes = Family::gauge("mailferry_mailboxes", "Mailboxes of a batch by state.");
    let mut stalled: BTreeMap<String, u64> = BTreeMap::new();
    let mut work = Work::default();
    counts.begin();
    for batch in context.store.batches().await? {
        let mut sum = Summary::default();
        let mut last: Option<User> = None;
        loop {
            let users = context.store.users_behind(batch.id, last.as_ref()).await?;
            for user in &users {
                sum.add(user);
                if let Some(detail) = user.detail.as_ref().filter(|_| user.status.is_active()) {
                    *stalled.entry(detail.code.clone()).or_default() += 1;
                }
                counts.add(&batch, user);
            }
            let Some(end) = users.into_iter().next_back() else { break };
            last = Some(end);
        }
        let name = label(&batch.name, || batch.id.to_string());
        let states = [sum.queued, sum.syncing, sum.synced, sum.completed, sum.stopped, sum.failed];
        for (state, n) in STATES.into_iter().zip(states) {
            mailboxes.add([("batch", &name), ("state", state)], n);
        }
        work.look_at(context, &batch).await?;
    }
    counts.end();
    let mut families = vec![mailboxes, stalls(&stalled), queue(&work)];
    families.extend(of_endpoints(&endpoints, &work));
    families.extend(counted(&endpoints, counts));
    let mut build = Family::gauge("mailferry_build_info", "Which program this is; always 1.");
    build.add([("version", env!("CARGO_PKG_VERSION"))], 1);
    families.push(build);
    Ok(families)
}

/// A name that somebody gave, unless it looks like an address: then what has it is called by its id.
fn label(name: &str, id: impl Fn() -> String) -> String {
    if name.contains('@') { id() } else { name.to_owned() }
}

fn label_of(endpoint: &Endpoint) -> String {
    label(&endpoint.name, || endpoint.id.to_string())
}

/// What is worked on, and what waits for it.
#[derive(Default)]
struct Work {
    waiting: u64,
    in_use: HashMap<(EndpointId, &'static str), u64>,
}

impl Work {
    async fn look_at(&mut self, context: &Context, batch: &Batch) -> Result<()> {
        for job in context.store.jobs(batch.id).await? {
            if !job.claimed {
                self.waiting += 1;
                continue;
            }
            let pool = if job.work.kind == PassKind::Initial { "initial" } else { "incremental" };
            for endpoint in [job.work.source, job.work.target] {
                *self.in_use.entry((endpoint, pool)).or_default() += 1;
            }
        }
        Ok(())
    }
}

fn stalls(stalled: &BTreeMap<String, u64>) -> Family {
    let mut family =
        Family::gauge("mailferry_stalled_mailboxes", "Mailboxes that wait for a reason, by its code.");
    for (code, n) in stalled {
        family.add([("code", code)], *n);
    }
    family
}

fn queue(work: &Work) -> Family {
    let mut family = Family::gauge("mailferry_queue_depth", "Passes that nobody works on yet.");
    family.add([], work.waiting);
    family
}

fn of_endpoints(endpoints: &[Endpoint], work: &Work) -> [Family; 3] {
    let mut up = Family::gauge(
        "mailferry_endpoint_up",
        "1 if the last test of an endpoint passed and nobody has to mend its sign-in, else 0.",
    );
    let mut slots = Family::gauge(
        "mailferry_endpoint_slots",
        "Mailboxes that an endpoint may sync at once, and that it does, by the kind of sync.",
    );
    let mut ends = Family::gauge(
        "mailferry_certificate_expiry_timestamp_seconds",
        "When the certificate of an endpoint ends, as its last test saw it.",
    );
    for endpoint in endpoints {
        let name = label_of(endpoint);
        let failed = endpoint.last_test.as_ref().map(|test| test.result == "Failed");
        if endpoint.needs_to_connect.is_some() || failed.is_some() {
            let is_up = endpoint.needs_to_connect.is_none() && failed == Some(false);
            up.add([("endpoint", &name)], u64::from(is_up));
        }
        let limits = endpoint.limits;
        for (pool, configured) in [
            ("initial", limits.max_concurrent_migrations),
            ("incremental", limits.max_concurrent_incremental_syncs),
        ] {
            let in_use = work.in_use.get(&(endpoint.id, pool)).copied().unwrap_or(0);
            for (state, n) in [("configured", u64::from(configured)), ("in_use", in_use)] {
                slots.add([("endpoint", &name), ("type", pool), ("state", state)], n);
            }
        }
        if let Some(at) = certificate_end(endpoint) {
            ends.add([("endpoint", &name)], at);
        }
    }
    [up, slots, ends]
}

/// The earliest that the last test saw.
fn certificate_end(endpoint: &Endpoint) -> Option<u64> {
    let steps = endpoint.last_test.iter().flat_map(|test| &test.steps);
    let ends = steps.filter_map(|step| step.seen.get("certificateEnds")?.as_str()?.parse::<Timestamp>().ok());
    u64::try_from(ends.min()?.as_second()).ok()
}

fn counted(endpoints: &[Endpoint], counts: &Counts) -> [Family; 2] {
    let mut items = Family::counter(
        "mailferry_items_total",
        "Items that came to a target or were skipped, as far as they were seen since the service began.",
    );
    for (result, n) in [("placed", counts.placed), ("skipped", counts.skipped)] {
        items.add([("kind", "mail"), ("result", result)], n);
    }
    let mut bytes = Family::counter(
        "mailferry_bytes_total",
        "Bytes of items that were placed, by the endpoint that they came from or went to.",
    );
    for endpoint in endpoints {
        let name = label_of(endpoint);
        for (direction, sums) in [("read", &counts.read), ("written", &counts.written)] {
            if let Some(n) = sums.get(&endpoint.id) {
                bytes.add([("endpoint", &name), ("direction", direction)], *n);
            }
        }
    }
    [items, bytes]
}
