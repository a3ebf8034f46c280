//! Plays a scenario: passes one after another, a fault in the last one, the resumption, and one more run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, Either, select};
use mailferry_engine::{
    budget::SharedBudget,
    meter::Gauge,
    pass::{self, Depth, Progress, Report, Sides, Terms},
};
use mailferry_lab::{
    clock::LabClock,
    fault::{Faults, Strike},
    memory::{MemoryLedger, MemorySource, MemoryTarget, MendingConvert, Seen, World},
};
use mailferry_model::{
    Result, Side,
    cancel::Cancel,
    job::{Claim, PassKind},
    ledger::FolderEntry,
    mapping::RunOptions,
    port::{Clock, Cx, Ledger, Meter},
};

use crate::scenarios::{Scenario, Stage};

/// What a calm play needed.
pub struct Outcome {
    /// Calls of put in the last pass.
    pub puts: u64,
    /// Writes of the ledger in the last pass.
    pub commits: u64,
}

/// All strikes for a pass with so many puts and commits.
pub fn strikes(puts: u64, commits: u64) -> Vec<(Strike, u64)> {
    let at = |sort: &[Strike], n: u64| -> Vec<(Strike, u64)> {
        sort.iter().flat_map(|s| (0..n).map(move |nth| (*s, nth))).collect()
    };
    [at(&Strike::PUTS, puts), at(&Strike::COMMITS, commits)].concat()
}

struct NoMeter;

impl Meter for NoMeter {
    fn throttled(&self, _side: Side, _wait: Duration, _evidence: &str) {}

    fn moved(&self, _side: Side, _bytes: u64) {}

    fn admit(&self, _bytes: u64) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn at_once(&self) -> Option<u64> {
        None
    }
}

/// Two worlds, a ledger and a clock.
pub struct Play {
    source: World,
    target: World,
    pub ledger: MemoryLedger,
    clock: LabClock,
    /// Whether passes try again what was skipped.
    pub retries: AtomicBool,
    /// What stops its passes.
    pub cancel: Cancel,
    meter: Arc<dyn Meter>,
}

impl Play {
    /// Begins with an empty ledger.
    pub fn begin(source: World, target: World) -> Self {
        Self {
            source,
            target,
            ledger: MemoryLedger::default(),
            clock: LabClock::default(),
            retries: AtomicBool::default(),
            cancel: Cancel::default(),
            meter: Arc::new(NoMeter),
        }
    }

    /// The same under a bandwidth limit.
    pub fn limited(self, bytes_per_second: u64) -> Self {
        let meter = Arc::new(Gauge::of(Arc::new(self.clock), Some(bytes_per_second)));
        Self { meter, ..self }
    }

    /// The time that has passed.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn stage(&self) -> Stage<'_> {
        Stage { source: &self.source, target: &self.target, ledger: &self.ledger }
    }

    /// One pass as a process of its own; it can be dropped at any moment.
    fn pass(
        &self,
        options: &RunOptions,
        kind: PassKind,
        faults: &Faults,
        abandoned: bool,
        expired: &Arc<AtomicBool>,
    ) -> impl Future<Output = Result<Report>> + Send + 'static {
        let (sides, terms, cx) = self.given(options, kind, faults, abandoned, expired);
        pass::run(sides, terms, cx)
    }

    /// What a pass is given.
    fn given(
        &self,
        options: &RunOptions,
        kind: PassKind,
        faults: &Faults,
        abandoned: bool,
        expired: &Arc<AtomicBool>,
    ) -> (Sides, Terms, Cx) {
        let lease = self.ledger.lease();
        let sides = Sides {
            source: Arc::new(MemorySource::open(&self.source)),
            target: Arc::new(MemoryTarget::open(&self.target, faults)),
            ledger: Arc::new(self.ledger.under(faults)),
            convert: Arc::new(MendingConvert),
        };
        let expired = expired.clone();
        let terms = Terms {
            options: options.clone(),
            kind,
            claim: Claim { lease, abandoned: abandoned.then(|| self.clock.now()) },
            lease_left: Arc::new(move || match expired.load(Ordering::SeqCst) {
                true => Duration::ZERO,
                false => Duration::from_secs(3600),
            }),
            grace: Duration::from_secs(5),
            commit_items: 2,
            commit_after: None,
            rise_items: 3,
            depth: Depth::Written,
            dry_run: false,
            retry_skipped: self.retries.load(Ordering::SeqCst),
            progress: Arc::new(Progress::default()),
        };
        let cx = Cx {
            cancel: self.cancel.clone(),
            clock: Arc::new(self.clock),
            budget: Arc::new(SharedBudget::of(8 << 20)),
            meter: self.meter.clone(),
            side: Side::Us,
            connections: 2,
            put_timeout: Duration::from_secs(60),
            outward: Arc::default(),
        };
        (sides, terms, cx)
    }

    /// The ledger is lost.
    pub fn lose_ledger(&self) {
        self.ledger.lose();
    }

    /// Verification without a pass.
    pub async fn verify(&self) -> Result<Report> {
        let (options, kind) = (RunOptions::default(), PassKind::Incremental);
        let (sides, terms, cx) = self.given(&options, kind, &Faults::default(), false, &Arc::default());
        pass::verify(sides, terms, cx).await
    }

    /// What a pass would do.
    pub async fn would(&self, options: &RunOptions) -> Result<Report> {
        let kind = PassKind::Incremental;
        let (sides, terms, cx) = self.given(options, kind, &Faults::default(), false, &Arc::default());
        pass::run(sides, Terms { dry_run: true, ..terms }, cx).await
    }

    /// The folders that are called differently at the target, and why.
    pub async fn renamed(&self) -> Vec<String> {
        let head = self.ledger.head(self.ledger.lease().mailbox).await.unwrap_or_default();
        let told = |f: FolderEntry| Some(format!("{} > {}: {}", f.source_path, f.target_path, f.renamed?));
        head.folders.into_iter().filter_map(told).collect()
    }

    /// A pass that ends in order although faults strike.
    pub async fn struck(&self, faults: &Faults) -> Result<Report> {
        self.pass(&RunOptions::default(), PassKind::Initial, faults, false, &Arc::default()).await
    }

    /// A pass whose process dies, if it comes that far.
    pub async fn dies(&self, kind: PassKind, strike: Strike, nth: u64) {
        let faults = Faults::at(strike, nth);
        let run = self.pass(&RunOptions::default(), kind, &faults, false, &Arc::default());
        select(Box::pin(run), Box::pin(faults.struck())).await;
    }

    /// A pass that ends in order.
    pub async fn calm(&self, options: &RunOptions, kind: PassKind, abandoned: bool) -> Result<Report> {
        self.pass(options, kind, &Faults::default(), abandoned, &Arc::default()).await
    }
}

/// Plays a scenario; the strike hits its last pass. `Err` says what is wrong.
pub async fn play(
    scenario: &Scenario,
    strike: Option<(Strike, u64)>,
) -> std::result::Result<Outcome, String> {
    let (source, target) = (scenario.make)();
    let play = Play::begin(source, target);
    let stage = play.stage();
    let mut outcome = Outcome { puts: 0, commits: 0 };
    let last = scenario.passes.len() - 1;
    for (at, people) in scenario.passes.iter().enumerate() {
        people(&stage);
        let kind = if at == 0 { PassKind::Initial } else { PassKind::Incremental };
        if at < last {
            play.calm(&scenario.options, kind, false).await.map_err(|e| format!("pass {at}: {e}"))?;
            continue;
        }
        let faults = strike.map_or_else(Faults::default, |(s, nth)| Faults::at(s, nth));
        struck(&play, scenario, kind, &faults, strike.map(|s| s.0)).await?;
        outcome = Outcome { puts: faults.puts(), commits: faults.commits() };
    }
    compare(&play, scenario, "after the last pass")?;
    quiet(&play, scenario).await?;
    Ok(outcome)
}

/// The last pass, under a fault, resumed until it ends in order.
async fn struck(
    play: &Play,
    scenario: &Scenario,
    kind: PassKind,
    faults: &Faults,
    strike: Option<Strike>,
) -> std::result::Result<(), String> {
    let expired = Arc::new(AtomicBool::new(false));
    let run = Box::pin(play.pass(&scenario.options, kind, faults, false, &expired));
    let later = {
        let (world, faults) = (play.target.clone(), faults.clone());
        tokio::spawn(async move {
            faults.struck().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            world.land();
            faults.resume();
        })
    };
    let landing = matches!(strike, Some(Strike::PutUnsureLands));
    if landing {
        let world = play.target.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_secs(3)).await;
                world.land();
            }
        });
    }
    let dead = match select(run, Box::pin(faults.struck())).await {
        Either::Left((done, _)) => Some(done),
        Either::Right((_, run)) => {
            if strike == Some(Strike::PutZombie) {
                expired.store(true, Ordering::SeqCst);
                tokio::spawn(run);
            }
            (scenario.meanwhile)(&play.stage());
            None
        }
    };
    let mut done = dead;
    for _ in 0..4 {
        match &done {
            Some(Ok(report)) => {
                later.abort();
                return judge(report, scenario);
            }
            Some(Err(e)) if matches!(e.retry(), mailferry_model::Retry::Never) => {
                return Err(format!("gave up: {e}"));
            }
            _ => done = Some(play.calm(&scenario.options, kind, true).await),
        }
    }
    match done {
        Some(Ok(report)) => judge(&report, scenario),
        other => Err(format!("never ended in order: {:?}", other.map(|r| r.map(|_| ())))),
    }
}

/// The report tells the truth of the scenario.
fn judge(report: &Report, scenario: &Scenario) -> std::result::Result<(), String> {
    let found = &report.findings;
    let told = (found.skipped.len(), found.missing.len(), found.changed_at_target.len());
    if (told.0, told.1) != (scenario.skipped, 0) {
        return Err(format!("the report names {told:?} (skipped, missing, changed): {found:?}"));
    }
    if !found.doubled.is_empty() {
        return Err(format!("reported as doubled: {:?}", found.doubled));
    }
    Ok(())
}

fn compare(play: &Play, scenario: &Scenario, when: &str) -> std::result::Result<(), String> {
    let (wanted, mut there) = ((scenario.expect)(&play.source, &play.target), play.target.seen());
    if !scenario.removes {
        // It can only mark what shall go; a mark on a copy too many would have been reported.
        there.values_mut().for_each(|items| items.retain(|(_, flags)| !flags.contains("\\Deleted")));
    }
    if wanted == there {
        return Ok(());
    }
    let short = |seen: &Seen| -> Vec<String> {
        let subject = |body: &str| body.split("Subject: ").nth(1).unwrap_or(body).replace("\r\n", "|");
        seen.iter()
            .flat_map(|(f, items)| items.iter().map(move |(b, g)| format!("{f}: {} ({g})", subject(b))))
            .collect()
    };
    let (mut lost, mut extra) = (short(&wanted), short(&there));
    lost.retain(|item| extra.iter().position(|e| e == item).map(|at| extra.remove(at)).is_none());
    let folders = (wanted.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    Err(format!("{when}: lost {lost:#?} extra {extra:#?}, folders {folders:?}"))
}

/// One more run changes nothing: no put, no edit, no folder, no body read on either side.
async fn quiet(play: &Play, scenario: &Scenario) -> std::result::Result<(), String> {
    let before = (play.source.traffic(), play.target.traffic());
    let report = play
        .calm(&scenario.options, PassKind::Incremental, false)
        .await
        .map_err(|e| format!("one more run: {e}"))?;
    let after = (play.source.traffic(), play.target.traffic());
    if before != after {
        return Err(format!("one more run: traffic {before:?} became {after:?}, {:?}", report.deeds));
    }
    compare(play, scenario, "after one more run")
}
