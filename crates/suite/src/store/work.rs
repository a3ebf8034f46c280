//! The contract of `Work`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use mailferry_model::{
    Kind,
    batch::{Batch, Priority},
    config::Config,
    id::{BatchId, EndpointId, JobId, MailboxId},
    job::{Job, PassKind},
    ledger::Lease,
    port::{Store, Write},
    status::UserStatus,
    user::User,
};

use super::{Outcome, ensure, refused, said, same, samples, sentences};

sentences! { "work":
    a_mailbox_has_one_living_holder,
    a_lease_given_back_was_not_abandoned,
    a_lease_that_ran_out_was_abandoned_and_the_old_holder_is_fenced,
    an_owner_that_takes_its_lease_again_ended_now,
    a_heartbeat_prolongs,
    an_unknown_mailbox_is_not_found,
    work_of_a_user_stands_once,
    a_job_reads_back_and_is_claimed_when_it_is_due,
    the_earliest_is_claimed_first,
    slots_are_counted_on_both_sides_and_by_pool,
    the_tenant_ceiling_holds_over_all_endpoints,
    claims_that_run_out_are_taken_over_with_the_next_epoch,
    claims_that_run_out_beyond_a_lowered_limit_give_their_slots_back,
    a_job_that_ended_may_wait_for_another_time,
    stopping_removes_what_waits_and_tells_what_runs,
    stopping_one_leaves_all_others,
    sixteen_workers_never_exceed_the_limits_and_do_each_job_once,
    several_are_claimed_in_one_go_under_the_same_limits,
    batches_that_share_an_endpoint_take_turns,
    a_higher_priority_goes_first_and_a_lower_one_last,
    a_limit_that_is_lowered_drains_before_anything_new_is_claimed,
    users_without_work_are_given_the_work_of_their_status,
    what_is_held_is_kept_in_one_go,
    a_duty_is_in_one_pair_of_hands,
}

const MINUTE: Duration = Duration::from_secs(60);

/// The next job, which must be of this batch.
pub(super) async fn claim_of(store: &dyn Store, batch: BatchId, how_long: Duration) -> Result<Job, String> {
    let job = store.claim(store.new_id(), samples::time(0), how_long).await.map_err(said)?;
    let job = job.ok_or("nothing to claim")?;
    same!(job.work.batch, batch, "the batch of the claimed job");
    Ok(job)
}

async fn nothing(store: &dyn Store, what: &str) -> Outcome {
    let claimed = store.claim(store.new_id(), samples::time(0), MINUTE).await.map_err(said)?;
    ensure!(claimed.is_none(), "{what}: {claimed:?} was claimed");
    Ok(())
}

async fn add(store: &dyn Store, batch: &Batch, user: &User, kind: PassKind) -> Result<JobId, String> {
    store.add_job(&samples::job(batch, user, kind, samples::time(-10))).await.map_err(said)
}

async fn mailbox(store: &dyn Store) -> Result<MailboxId, String> {
    store.mailbox(&format!("leased {}", store.new_id())).await.map_err(said)
}

async fn a_mailbox_has_one_living_holder(store: &dyn Store) -> Outcome {
    let (one, two) = (mailbox(store).await?, mailbox(store).await?);
    let first = store.lease(one, store.new_id(), MINUTE).await.map_err(said)?;
    same!(first.abandoned, None, "a first lease");
    let words = refused(store.lease(one, store.new_id(), MINUTE).await, Kind::Locked, "a second holder")?;
    ensure!(!words.context().is_empty(), "the refusal says nothing");
    store.lease(two, store.new_id(), MINUTE).await.map_err(said)?;
    let all = join_all((0..8).map(|_| store.lease(one, store.new_id(), MINUTE))).await;
    ensure!(all.iter().all(Result::is_err), "one of many at once got it");
    store.release(first.lease).await.map_err(said)?;
    let all = join_all((0..8).map(|_| store.lease(one, store.new_id(), MINUTE))).await;
    same!(all.iter().filter(|r| r.is_ok()).count(), 1, "holders of one mailbox");
    Ok(())
}

async fn a_lease_given_back_was_not_abandoned(store: &dyn Store) -> Outcome {
    let mailbox = mailbox(store).await?;
    let first = store.lease(mailbox, store.new_id(), MINUTE).await.map_err(said)?;
    store.release(first.lease).await.map_err(said)?;
    let second = store.lease(mailbox, store.new_id(), MINUTE).await.map_err(said)?;
    same!(second.abandoned, None, "after a release");
    ensure!(second.lease.epoch > first.lease.epoch, "the epoch does not grow");
    refused(store.release(first.lease).await, Kind::Conflict, "a stale release")?;
    refused(store.lease(mailbox, store.new_id(), MINUTE).await, Kind::Locked, "after a stale release")?;
    Ok(())
}

async fn a_lease_that_ran_out_was_abandoned_and_the_old_holder_is_fenced(store: &dyn Store) -> Outcome {
    let mailbox = mailbox(store).await?;
    let first = store.lease(mailbox, store.new_id(), Duration::ZERO).await.map_err(said)?;
    let second = store.lease(mailbox, store.new_id(), Duration::ZERO).await.map_err(said)?;
    let third = store.lease(mailbox, store.new_id(), MINUTE).await.map_err(said)?;
    let (ended, later) = (second.abandoned.ok_or("not abandoned")?, third.abandoned.ok_or("not abandoned")?);
    ensure!(ended <= later, "the second lease ended before the first: {later} < {ended}");
    refused(store.heartbeat(first.lease, MINUTE).await, Kind::Conflict, "heartbeat of the first")?;
    refused(store.heartbeat(second.lease, MINUTE).await, Kind::Conflict, "heartbeat of the second")?;
    store.heartbeat(third.lease, MINUTE).await.map_err(said)
}

async fn an_owner_that_takes_its_lease_again_ended_now(store: &dyn Store) -> Outcome {
    let (mailbox, owner) = (mailbox(store).await?, store.new_id());
    let first = store.lease(mailbox, owner, MINUTE * 10).await.map_err(said)?;
    let second = store.lease(mailbox, owner, MINUTE * 20).await.map_err(said)?;
    let third = store.lease(mailbox, owner, MINUTE).await.map_err(said)?;
    let (one, two) = (second.abandoned.ok_or("not abandoned")?, third.abandoned.ok_or("not abandoned")?);
    let apart = two.duration_since(one).unsigned_abs();
    ensure!(apart < MINUTE, "it counts to the ends of its leases, {apart:?} apart");
    refused(store.heartbeat(first.lease, MINUTE).await, Kind::Conflict, "the first")?;
    Ok(())
}

async fn a_heartbeat_prolongs(store: &dyn Store) -> Outcome {
    let mailbox = mailbox(store).await?;
    let lease = store.lease(mailbox, store.new_id(), Duration::ZERO).await.map_err(said)?.lease;
    store.heartbeat(lease, MINUTE).await.map_err(said)?;
    refused(store.lease(mailbox, store.new_id(), MINUTE).await, Kind::Locked, "a prolonged lease")?;
    let forged = Lease { epoch: lease.epoch + 1, ..lease };
    refused(store.heartbeat(forged, MINUTE).await, Kind::Conflict, "an epoch that was never given")?;
    store.release(lease).await.map_err(said)?;
    refused(store.heartbeat(lease, MINUTE).await, Kind::Conflict, "a lease given back")?;
    Ok(())
}

async fn an_unknown_mailbox_is_not_found(store: &dyn Store) -> Outcome {
    let unknown = MailboxId(store.new_id());
    refused(store.lease(unknown, store.new_id(), MINUTE).await, Kind::NotFound, "leasing")?;
    refused(store.head(unknown).await, Kind::NotFound, "its head")?;
    Ok(())
}

async fn work_of_a_user_stands_once(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    let first = add(store, &batch, &users[0], PassKind::Initial).await?;
    same!(add(store, &batch, &users[0], PassKind::Completion).await?, first, "while it waits");
    let job = claim_of(store, batch.id, MINUTE).await?;
    same!(add(store, &batch, &users[0], PassKind::Completion).await?, first, "while it runs");
    same!(store.jobs(batch.id).await.map_err(said)?, std::slice::from_ref(&job), "the work");
    store.end_job(&job, None).await.map_err(said)?;
    ensure!(
        add(store, &batch, &users[0], PassKind::Initial).await? != first,
        "after its end it is other work"
    );
    Ok(())
}

async fn a_job_reads_back_and_is_claimed_when_it_is_due(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    let work = samples::job(&batch, &users[0], PassKind::Completion, samples::time(5));
    let id = store.add_job(&work).await.map_err(said)?;
    let mut job = Job { id, work, epoch: 0, claimed: false, stopping: false, attempts: 0 };
    same!(store.jobs(batch.id).await.map_err(said)?, std::slice::from_ref(&job), "waiting");
    nothing(store, "before it is due").await?;
    let claimed = store.claim(store.new_id(), samples::time(5), MINUTE).await.map_err(said)?;
    (job.epoch, job.claimed, job.attempts) = (1, true, 1);
    same!(claimed, Some(job.clone()), "claimed");
    same!(store.jobs(batch.id).await.map_err(said)?, [job], "running");
    nothing(store, "while somebody has it").await
}

async fn the_earliest_is_claimed_first(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b"]).await?;
    let (other, more) = samples::stored(store, &["c"]).await?;
    for (batch, user, at) in [(&batch, &users[0], -1), (&other, &more[0], -2), (&batch, &users[1], -3)] {
        let job = samples::job(batch, user, PassKind::Initial, samples::time(at));
        store.add_job(&job).await.map_err(said)?;
    }
    let mut order = Vec::new();
    while let Some(job) = store.claim(store.new_id(), samples::time(0), MINUTE).await.map_err(said)? {
        order.push(job.work.user);
    }
    same!(order, [users[1].id, more[0].id, users[0].id], "order");
    Ok(())
}

async fn slots_are_counted_on_both_sides_and_by_pool(store: &dyn Store) -> Outcome {
    // Three initial and two later slots an endpoint; both batches share the target.
    let (one, users) = samples::stored(store, &["a", "b", "c"]).await?;
    let source = samples::endpoint(store);
    store.add_endpoint(&source).await.map_err(said)?;
    let other = samples::batch(store, source.id, one.target);
    let more: Vec<User> = ["d", "e", "f"].iter().map(|n| samples::user(store, other.id, n)).collect();
    store.add_batch(&other, &more).await.map_err(said)?;
    for user in &users[..2] {
        add(store, &one, user, PassKind::Initial).await?;
    }
    for user in &more[..2] {
        add(store, &other, user, PassKind::Initial).await?;
    }
    let claim = || store.claim(store.new_id(), samples::time(0), MINUTE);
    let mut held = Vec::new();
    for n in 1..=3 {
        held.push(claim().await.map_err(said)?.ok_or_else(|| format!("slot {n} of 3 is not given"))?);
    }
    nothing(store, "a fourth initial sync into one target").await?;
    add(store, &one, &users[2], PassKind::Incremental).await?;
    add(store, &other, &more[2], PassKind::Completion).await?;
    for _ in 0..2 {
        let job = claim().await.map_err(said)?.ok_or("the other pool is full too")?;
        ensure!(job.work.kind != PassKind::Initial, "{job:?} has no slot");
    }
    store.end_job(&held[0], None).await.map_err(said)?;
    same!(claim().await.map_err(said)?.map(|j| j.work.kind), Some(PassKind::Initial), "after one ended");
    nothing(store, "all is claimed").await
}

async fn the_tenant_ceiling_holds_over_all_endpoints(store: &dyn Store) -> Outcome {
    let (one, users) = samples::stored(store, &["a", "b"]).await?;
    let (other, more) = samples::stored(store, &["c"]).await?;
    add(store, &one, &users[0], PassKind::Initial).await?;
    add(store, &one, &users[1], PassKind::Incremental).await?;
    add(store, &other, &more[0], PassKind::Initial).await?;
    store.set_config(&Config { tenant_ceiling: 2, ..Config::default() }).await.map_err(said)?;
    let claim = || store.claim(store.new_id(), samples::time(0), MINUTE);
    let first = claim().await.map_err(said)?.ok_or("the first of two")?;
    claim().await.map_err(said)?.ok_or("the second of two")?;
    nothing(store, "a third under a ceiling of two").await?;
    store.end_job(&first, None).await.map_err(said)?;
    claim().await.map_err(said)?.ok_or("after one ended")?;
    Ok(())
}

async fn claims_that_run_out_are_taken_over_with_the_next_epoch(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    add(store, &batch, &users[0], PassKind::Initial).await?;
    let first = claim_of(store, batch.id, Duration::ZERO).await?;
    let second = claim_of(store, batch.id, MINUTE).await?;
    same!((second.id, second.epoch, second.attempts), (first.id, first.epoch + 1, 2), "id, epoch, attempts");
    refused(store.keep_job(&first, MINUTE).await, Kind::Conflict, "keeping the old claim")?;
    refused(store.end_job(&first, None).await, Kind::Conflict, "ending the old claim")?;
    let stale = [Write::Fence(&first), Write::RemoveUser(first.work.user)];
    refused(store.together(&stale).await, Kind::Conflict, "writing behind the old claim")?;
    store.user(first.work.user).await.map_err(said)?;
    store.together(&[Write::Fence(&second)]).await.map_err(said)?;
    refused(store.end_job(&first, Some(samples::time(1))).await, Kind::Conflict, "putting it back")?;
    same!(store.keep_job(&second, MINUTE).await.map_err(said)?, false, "whether it shall stop");
    store.end_job(&second, None).await.map_err(said)?;
    refused(store.keep_job(&second, MINUTE).await, Kind::Conflict, "keeping what ended")?;
    Ok(())
}

/// Workers died with three mailboxes, and meanwhile the endpoint has room for one alone.
async fn claims_that_run_out_beyond_a_lowered_limit_give_their_slots_back(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c"]).await?;
    for user in &users {
        add(store, &batch, user, PassKind::Initial).await?;
    }
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(claim_of(store, batch.id, Duration::from_millis(300)).await?);
    }
    let mut endpoint = store.endpoint_by_id(batch.source).await.map_err(said)?;
    endpoint.limits.max_concurrent_migrations = 1;
    store.set_endpoint(&endpoint).await.map_err(said)?;
    nothing(store, "while they live").await?;
    for job in &lost {
        // Their leases end now.
        store.keep_job(job, Duration::ZERO).await.map_err(said)?;
    }
    for _ in 0..3 {
        let job = claim_of(store, batch.id, MINUTE).await?;
        nothing(store, "beside it").await?;
        store.end_job(&job, None).await.map_err(said)?;
    }
    for job in &lost {
        refused(store.keep_job(job, MINUTE).await, Kind::Conflict, "a holder that comes back late")?;
    }
    Ok(())
}

async fn a_job_that_ended_may_wait_for_another_time(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    let id = add(store, &batch, &users[0], PassKind::Initial).await?;
    let job = claim_of(store, batch.id, MINUTE).await?;
    store.end_job(&job, Some(samples::time(100))).await.map_err(said)?;
    refused(store.keep_job(&job, MINUTE).await, Kind::Conflict, "keeping it while it waits")?;
    nothing(store, "before its time").await?;
    let again = store.claim(store.new_id(), samples::time(100), MINUTE).await.map_err(said)?;
    let again = again.ok_or("not claimed at its time")?;
    same!((again.id, again.attempts), (id, 2), "id, attempts");
    ensure!(again.epoch > job.epoch, "the epoch does not grow");
    Ok(())
}

async fn stopping_removes_what_waits_and_tells_what_runs(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c"]).await?;
    let (other, more) = samples::stored(store, &["d"]).await?;
    add(store, &batch, &users[0], PassKind::Initial).await?;
    add(store, &batch, &users[1], PassKind::Initial).await?;
    let (one, two) = (claim_of(store, batch.id, MINUTE).await?, claim_of(store, batch.id, MINUTE).await?);
    add(store, &batch, &users[2], PassKind::Initial).await?;
    add(store, &other, &more[0], PassKind::Initial).await?;
    store.stop_jobs(batch.id).await.map_err(said)?;
    let left = store.jobs(batch.id).await.map_err(said)?;
    same!(left.len(), 2, "work of the batch that is left");
    ensure!(left.iter().all(|j| j.stopping && j.claimed), "{left:?} shall stop");
    same!(store.keep_job(&one, MINUTE).await.map_err(said)?, true, "whether the first shall stop");
    store.end_job(&one, None).await.map_err(said)?;
    store.end_job(&two, Some(samples::time(-5))).await.map_err(said)?;
    same!(store.jobs(batch.id).await.map_err(said)?, [], "work of the stopped batch");
    claim_of(store, other.id, MINUTE).await.map(drop)
}

async fn stopping_one_leaves_all_others(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c"]).await?;
    add(store, &batch, &users[0], PassKind::Initial).await?;
    let running = claim_of(store, batch.id, MINUTE).await?;
    add(store, &batch, &users[1], PassKind::Initial).await?;
    add(store, &batch, &users[2], PassKind::Initial).await?;
    for user in &users[..2] {
        store.stop_job(user.id).await.map_err(said)?;
    }
    let left = store.jobs(batch.id).await.map_err(said)?;
    let told: Vec<_> = left.iter().map(|j| (j.work.user == users[0].id, j.stopping)).collect();
    ensure!(told.contains(&(true, true)) && told.contains(&(false, false)) && told.len() == 2, "{left:?}");
    same!(store.keep_job(&running, MINUTE).await.map_err(said)?, true, "whether it shall stop");
    store.stop_job(users[1].id).await.map_err(said)
}

/// What sixteen workers count together.
#[derive(Default)]
struct Tally {
    running: HashMap<(EndpointId, PassKind), i64>,
    done: HashMap<JobId, u32>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&mut self, job: &Job, by: i64) {
        for endpoint in [job.work.source, job.work.target] {
            let kind = job.work.kind;
            let running = self.running.entry((endpoint, kind)).or_default();
            *running += by;
            if *running > if kind == PassKind::Initial { 3 } else { 2 } {
                self.wrong.push(format!("{running} × {kind:?} at {endpoint}"));
            }
        }
    }
}

async fn sixteen_workers_never_exceed_the_limits_and_do_each_job_once(store: &dyn Store) -> Outcome {
    let names: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut jobs = 0;
    for _ in 0..2 {
        let (batch, users) = samples::stored(store, &names).await?;
        for (n, user) in users.iter().enumerate() {
            let kind = if n % 3 == 0 { PassKind::Incremental } else { PassKind::Initial };
            add(store, &batch, user, kind).await?;
            jobs += 1;
        }
    }
    let tally = Mutex::new(Tally::default());
    let count = |job: &Job, by| tally.lock().unwrap_or_else(PoisonError::into_inner).count(job, by);
    let workers = (0..16).map(|_| async {
        let owner = store.new_id();
        // Enough turns for all, also for those who find all slots taken.
        for _ in 0..20 * jobs {
            if tally.lock().unwrap_or_else(PoisonError::into_inner).done.len() == jobs {
                break;
            }
            let Some(job) = store.claim(owner, samples::time(0), MINUTE).await.map_err(said)? else {
                continue;
            };
            count(&job, 1);
            store.keep_job(&job, MINUTE).await.map_err(said)?;
            *tally.lock().unwrap_or_else(PoisonError::into_inner).done.entry(job.id).or_default() += 1;
            count(&job, -1);
            store.end_job(&job, None).await.map_err(said)?;
        }
        Ok::<(), String>(())
    });
    join_all(workers).await.into_iter().collect::<Result<(), String>>()?;
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(tally.wrong.is_empty(), "limits exceeded: {:?}", tally.wrong);
    same!(tally.done.len(), jobs, "jobs done");
    ensure!(tally.done.values().all(|n| *n == 1), "a job was done twice");
    Ok(())
}

async fn several_are_claimed_in_one_go_under_the_same_limits(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c", "d", "e"]).await?;
    for user in &users {
        add(store, &batch, user, PassKind::Initial).await?;
    }
    let claims = |most| store.claims(store.new_id(), samples::time(0), MINUTE, most);
    let two = claims(2).await.map_err(said)?;
    same!(two.len(), 2, "as many as asked for");
    let third = claims(9).await.map_err(said)?;
    same!(third.len(), 1, "three slots are all there are");
    let mut ids: Vec<JobId> = two.iter().chain(&third).map(|job| job.id).collect();
    ids.sort();
    ids.dedup();
    same!(ids.len(), 3, "each once");
    // Leases that end at once: each is taken over once in one go, and none twice.
    for job in two.iter().chain(&third) {
        store.keep_job(job, Duration::ZERO).await.map_err(said)?;
    }
    same!(claims(9).await.map_err(said)?.len(), 3, "taken over");
    Ok(())
}

/// Two batches of the same two endpoints; the first has all its work due long before the other.
async fn two_batches(store: &dyn Store) -> Result<[(Batch, Vec<User>); 2], String> {
    let (one, users) = samples::stored(store, &["a", "b", "c", "d"]).await?;
    let other = samples::batch(store, one.source, one.target);
    let more: Vec<User> =
        ["e", "f", "g", "h"].iter().map(|name| samples::user(store, other.id, name)).collect();
    store.add_batch(&other, &more).await.map_err(said)?;
    for (batch, users, due) in [(&one, &users, -100), (&other, &more, -1)] {
        for user in users {
            let job = samples::job(batch, user, PassKind::Initial, samples::time(due));
            store.add_job(&job).await.map_err(said)?;
        }
    }
    Ok([(one, users), (other, more)])
}

/// The batches of jobs that are claimed and ended, one at a time.
async fn order(store: &dyn Store, jobs: usize) -> Result<Vec<BatchId>, String> {
    let mut order = Vec::new();
    for _ in 0..jobs {
        let job = store.claim(store.new_id(), samples::time(0), MINUTE).await.map_err(said)?;
        let job = job.ok_or("nothing to claim")?;
        store.end_job(&job, None).await.map_err(said)?;
        order.push(job.work.batch);
    }
    Ok(order)
}

async fn batches_that_share_an_endpoint_take_turns(store: &dyn Store) -> Outcome {
    let [(one, _), (other, _)] = two_batches(store).await?;
    let both = store.claims(store.new_id(), samples::time(0), MINUTE, 2).await.map_err(said)?;
    let batches: Vec<BatchId> = both.iter().map(|job| job.work.batch).collect();
    same!(batches, [one.id, other.id], "one each, although the first was due long before");
    for job in &both {
        store.end_job(job, None).await.map_err(said)?;
    }
    let (one, other) = (one.id, other.id);
    same!(order(store, 6).await?, [one, other, one, other, one, other], "in turn where one slot comes free");
    Ok(())
}

async fn a_higher_priority_goes_first_and_a_lower_one_last(store: &dyn Store) -> Outcome {
    let [(one, _), (mut other, _)] = two_batches(store).await?;
    for (priority, first) in [(Priority::High, other.id), (Priority::Low, one.id)] {
        other.priority = priority;
        store.set_batch(&other).await.map_err(said)?;
        other.version += 1;
        same!(order(store, 2).await?, [first, first], "who goes first");
    }
    same!(store.batch_by_id(other.id).await.map_err(said)?.priority, Priority::Low, "the priority");
    Ok(())
}

async fn a_limit_that_is_lowered_drains_before_anything_new_is_claimed(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c", "d", "e"]).await?;
    for user in &users {
        add(store, &batch, user, PassKind::Initial).await?;
    }
    let held = store.claims(store.new_id(), samples::time(0), MINUTE, 3).await.map_err(said)?;
    let mut endpoint = store.endpoint_by_id(batch.target).await.map_err(said)?;
    endpoint.limits.max_concurrent_migrations = 1;
    store.set_endpoint(&endpoint).await.map_err(said)?;
    for job in &held {
        same!(store.keep_job(job, MINUTE).await.map_err(said)?, false, "what runs goes on");
        nothing(store, "above the limit").await?;
        store.end_job(job, None).await.map_err(said)?;
    }
    claim_of(store, batch.id, MINUTE).await?;
    nothing(store, "a second under a limit of one").await?;
    endpoint.version += 1;
    endpoint.limits.max_concurrent_migrations = 2;
    store.set_endpoint(&endpoint).await.map_err(said)?;
    claim_of(store, batch.id, MINUTE).await.map(drop)
}

async fn users_without_work_are_given_the_work_of_their_status(store: &dyn Store) -> Outcome {
    let (batch, mut users) = samples::stored(store, &["a", "b", "c", "d"]).await?;
    users[1].status = UserStatus::Synced;
    users[2].status = UserStatus::Completing;
    for user in &users[1..3] {
        store.set_user(user).await.map_err(said)?;
    }
    add(store, &batch, &users[3], PassKind::Initial).await?;
    let census = store.census().await.map_err(said)?;
    let expected = [(UserStatus::Completing, 1), (users[0].status, 2), (UserStatus::Synced, 1)];
    let found: HashMap<_, _> = census.iter().flat_map(|(_, census)| census.users.iter().copied()).collect();
    same!(found, HashMap::from(expected), "how many have which status");
    same!(
        (census.len(), census[0].0, census[0].1.jobs),
        (1, batch.id, 1),
        "of which batch, with how much work"
    );
    let wanted = [(users[0].status, PassKind::Initial), (UserStatus::Completing, PassKind::Completion)];
    same!(store.add_missing_jobs(&batch, &wanted, samples::time(0)).await.map_err(said)?, 2, "added");
    same!(store.add_missing_jobs(&batch, &wanted, samples::time(0)).await.map_err(said)?, 0, "added twice");
    let jobs = store.jobs(batch.id).await.map_err(said)?;
    let mut told: Vec<_> = jobs.iter().map(|job| (job.work.user, job.work.kind, job.work.target)).collect();
    told.sort_by_key(|(user, ..)| *user);
    let mut expected = vec![
        (users[0].id, PassKind::Initial, batch.target),
        (users[2].id, PassKind::Completion, batch.target),
        (users[3].id, PassKind::Initial, batch.target),
    ];
    expected.sort_by_key(|(user, ..)| *user);
    same!(told, expected, "the work");
    Ok(())
}

async fn what_is_held_is_kept_in_one_go(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b", "c"]).await?;
    for user in &users {
        add(store, &batch, user, PassKind::Initial).await?;
    }
    let owner = store.new_id();
    let jobs = store.claims(owner, samples::time(0), Duration::from_millis(300), 3).await.map_err(said)?;
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    store.stop_job(jobs[1].work.user).await.map_err(said)?;
    let mut kept = store.keep_jobs(owner, &ids[..2], MINUTE).await.map_err(said)?;
    kept.sort_by_key(|held| held.id);
    let told: Vec<_> = kept.iter().map(|held| (held.id, held.epoch, held.stopping)).collect();
    let mut expected = vec![(ids[0], 1, false), (ids[1], 1, true)];
    expected.sort();
    same!(told, expected, "what was kept");
    same!(store.held_jobs(owner).await.map_err(said)?.len(), 3, "what is held");
    same!(store.keep_jobs(store.new_id(), &ids, MINUTE).await.map_err(said)?, [], "by somebody else");
    same!(store.keep_jobs(owner, &[], MINUTE).await.map_err(said)?, [], "nothing");
    // The third was not kept: its lease ends, and another takes it over.
    let other = store.new_id();
    let mut taken = Vec::new();
    for _ in 0..1000 {
        taken = store.claims(other, samples::time(0), MINUTE, 3).await.map_err(said)?;
        if !taken.is_empty() {
            break;
        }
    }
    same!(taken.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[2]], "taken over");
    same!(store.keep_jobs(owner, &ids, MINUTE).await.map_err(said)?.len(), 2, "what is still its own");
    Ok(())
}

async fn a_duty_is_in_one_pair_of_hands(store: &dyn Store) -> Outcome {
    let (one, two) = (store.new_id(), store.new_id());
    let take = |owner, how_long| store.take_duty("watch", owner, how_long);
    same!(take(one, MINUTE).await.map_err(said)?, true, "the first");
    same!(take(two, MINUTE).await.map_err(said)?, false, "a second");
    same!(store.take_duty("other", two, MINUTE).await.map_err(said)?, true, "another duty");
    same!(take(one, MINUTE).await.map_err(said)?, true, "the first again");
    same!(take(one, Duration::ZERO).await.map_err(said)?, true, "given back");
    same!(take(two, MINUTE).await.map_err(said)?, true, "the second then");
    same!(take(one, MINUTE).await.map_err(said)?, false, "the first is too late");
    let all = join_all((0..8).map(|_| store.take_duty("new", store.new_id(), MINUTE))).await;
    same!(all.iter().filter(|taken| matches!(taken, Ok(true))).count(), 1, "of many at once");
    Ok(())
}
