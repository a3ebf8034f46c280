//! What scheduling costs: workers as they are, over PostgreSQL, whose passes are simulated. For `cargo xtask bench
//! scheduler`, which starts several of these processes and reads their CPU time from outside.
//!
//! `scheduler fill URL` makes the mailboxes, `scheduler work URL SECONDS` works until standard input ends and then says
//! how many passes it carried, `scheduler claim URL SECONDS` claims and ends jobs as fast as it can and says how many.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set its scene has failed")]

use std::{
    collections::HashSet,
    io::Read,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use mailferry_engine::{
    budget::SharedBudget,
    meter::Gauge,
    open::House,
    tasks::{Length, Worker},
};
use mailferry_model::{
    Result,
    batch::Batch,
    cancel::Cancel,
    config::Config,
    endpoint::Endpoint,
    finding::{Finding, TestResult},
    id::{BatchId, EndpointId, UserId},
    job::Job,
    limits::Limits,
    port::{Batches, Clock, Configs, Endpoints, Store, Work},
    secret::Secret,
    settings::{MailboxAddress, Settings},
    status::BatchStatus,
    user::User,
};
use mailferry_store::{Location, MasterKey, SqlStore};

const BATCHES: usize = 100;
const USERS: usize = 1000;
/// Pairs of endpoints; each has so many slots that a thousand mailboxes move in all.
const PAIRS: usize = 10;
const SLOTS: u32 = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seconds = || words[2].parse().map(Duration::from_secs_f64).unwrap();
    let key = MasterKey::from_text(&"ab".repeat(32))?;
    let store = Arc::new(SqlStore::open(&Location::Postgres(Secret::new(words[1].clone())), key).await?);
    match words[0].as_str() {
        "fill" => fill(&store).await?,
        "work" => work(store, seconds()).await?,
        "claim" => println!("{}", claim(&store, seconds()).await?),
        _ => return Err("fill, work or claim".into()),
    }
    Ok(())
}

/// The clock of this machine.
struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}

async fn fill(store: &SqlStore) -> Result<()> {
    let now = Timestamp::now();
    store.set_config(&Config { tenant_ceiling: PAIRS as u32 * SLOTS, ..Config::default() }).await?;
    let mut pairs = Vec::new();
    for n in 0..PAIRS {
        let mut ends = Vec::new();
        for side in ["old", "new"] {
            let limits = Limits { max_concurrent_migrations: SLOTS, max_concurrent_incremental_syncs: SLOTS };
            let endpoint = Endpoint {
                id: EndpointId(store.new_id()),
                version: 1,
                name: format!("{side} {n}"),
                kind: "simulated".to_owned(),
                settings: Settings::default(),
                limits,
                needs_to_connect: None,
                last_test: Some(TestResult { at: Some(now), ..TestResult::of(Vec::<Finding>::new()) }),
                last_good_test: None,
                told_waiting: false,
                certificate_told: None,
                created: now,
                modified: now,
            };
            store.add_endpoint(&endpoint).await?;
            ends.push(endpoint.id);
        }
        pairs.push((ends[0], ends[1]));
    }
    for n in 0..BATCHES {
        let id = BatchId(store.new_id());
        let batch = Batch {
            status: BatchStatus::Syncing,
            ..Batch::created(id, format!("wave {n}"), pairs[n % PAIRS], now)
        };
        let user = |m: usize| {
            let address = format!("user{m}@wave{n}.example");
            let mailbox = MailboxAddress { address: address.clone(), ..MailboxAddress::default() };
            User::queued(UserId(store.new_id()), id, address, (mailbox.clone(), mailbox))
        };
        let users: Vec<User> = (0..USERS).map(user).collect();
        store.add_batch(&batch, &users).await?;
        let wanted = [(users[0].status, mailferry_model::job::PassKind::Initial)];
        store.add_missing_jobs(&batch, &wanted, now).await?;
    }
    Ok(())
}

/// Passes take half to one and a half times the mean, by their ids.
async fn work(store: Arc<SqlStore>, mean: Duration) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
    let carried = Arc::new(AtomicU64::new(0));
    let length: Length = {
        let carried = carried.clone();
        Arc::new(move |job: &Job| {
            carried.fetch_add(1, Ordering::Relaxed);
            let part = job.id.0.as_bytes()[15];
            mean.mul_f64(0.5 + f64::from(part) / 255.0)
        })
    };
    let house = House {
        store: store.clone(),
        clock: clock.clone(),
        budget: Arc::new(SharedBudget::of(1 << 20)),
        meter: Arc::new(Gauge::of(clock, None)),
        convert: Arc::new(mailferry_lab::memory::PlainConvert),
        owner: store.new_id(),
        put_timeout: Duration::from_secs(60),
        outward: Arc::default(),
        busy: Arc::new(Mutex::new(HashSet::new())),
    };
    let worker = Worker::simulating(house, store.clone(), length);
    let cancel = Cancel::default();
    let working = {
        let (worker, cancel) = (worker.clone(), cancel.clone());
        tokio::spawn(async move { worker.run(&cancel).await })
    };
    let ringing: tokio::task::JoinHandle<Result<()>> = {
        let (worker, store) = (worker.clone(), store.clone());
        tokio::spawn(async move {
            let mut bell = store.bell().await?;
            loop {
                bell.rung().await?;
                worker.ring();
            }
        })
    };
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    cancel.cancel();
    ringing.abort();
    working.await.unwrap()?;
    println!("{}", carried.load(Ordering::Relaxed));
    Ok(())
}

/// Jobs are claimed one by one and put back behind all others.
async fn claim(store: &SqlStore, how_long: Duration) -> Result<u64> {
    let (began, owner) = (Instant::now(), store.new_id());
    let mut claimed = 0;
    while began.elapsed() < how_long {
        let now = Timestamp::now();
        for job in store.claims(owner, now, Duration::from_secs(60), 8).await? {
            claimed += 1;
            store.end_job(&job, Some(now)).await?;
        }
    }
    Ok(claimed)
}
