//! Two endpoints, a batch between them, and a connector over mailboxes in memory that counts its sign-ins.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_engine::{budget::SharedBudget, meter::Gauge, open::House, tasks::Worker};
use mailferry_lab::{
    clock::LabClock,
    fault::Faults,
    memory::{MemorySource, MemoryTarget, PlainConvert, World},
};
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    batch::Batch,
    cancel::Cancel,
    endpoint::Endpoint,
    finding::{Check, Finding, Step, TestResult, Verdict},
    flags::Flags,
    id::{BatchId, EndpointId, MailboxId, UserId},
    limits::Limits,
    mapping::RunOptions,
    port::{Clock, Connector, Cx, Probe, Reports, Source, Store, Target},
    report::Kept,
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
    status::BatchStatus,
    user::User,
};
use mailferry_store::{Location, MasterKey, SqlStore};

static MANIFEST: Manifest = Manifest {
    kind: "memory",
    title: "Memory",
    naming: "Endpoint",
    source: true,
    target: true,
    moves: true,
    schemes: &[],
    settings: &[SettingSpec {
        required: true,
        ..SettingSpec::optional("world", Takes::Text, None, "Which world.")
    }],
    guide: "",
};

#[derive(Default)]
pub struct Memory {
    worlds: Mutex<BTreeMap<(String, String), World>>,
    sign_ins: AtomicUsize,
    /// How often its probes were asked for.
    pub tests: AtomicUsize,
    /// With which settings.
    pub asked: Mutex<Vec<Settings>>,
    refuses: AtomicBool,
    is_busy: AtomicBool,
    hangs: AtomicBool,
    holds: AtomicBool,
    fails_tests: AtomicBool,
    /// Sign-ins that are waited for.
    waiting: AtomicUsize,
}

/// One sign-in that is waited for.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

static SIGNS_IN: Check = Check { step: Step::Auth, id: "memory-signs-in", title: "The account signs in" };

static ANSWERS: Check = Check { step: Step::Tcp, id: "memory-answers", title: "It answers" };

struct Answers;

#[async_trait]
impl Probe for Answers {
    fn check(&self) -> &'static Check {
        &ANSWERS
    }

    async fn ask(&self, _: &Cx) -> Finding {
        Finding {
            outcome: Verdict::Fail,
            cause: Some("nobody answers".to_owned()),
            code: Some("SOURCE_UNREACHABLE".to_owned()),
            ..Finding::pass(&ANSWERS, "", 0)
        }
    }
}

struct SignsIn {
    refuses: bool,
}

#[async_trait]
impl Probe for SignsIn {
    fn check(&self) -> &'static Check {
        &SIGNS_IN
    }

    async fn ask(&self, _: &Cx) -> Finding {
        let good = Finding::pass(&SIGNS_IN, "", 0);
        match self.refuses {
            true => Finding {
                outcome: Verdict::Fail,
                cause: Some("not this password".to_owned()),
                code: Some("SOURCE_AUTH_FAILED".to_owned()),
                ..good
            },
            false => good,
        }
    }
}

impl Memory {
    fn world(&self, settings: &Settings, mailbox: &MailboxAddress) -> World {
        let key = (settings.get("world").unwrap_or_default().to_owned(), mailbox.address.clone());
        self.worlds.lock().unwrap().entry(key).or_insert_with(World::able).clone()
    }
}

#[async_trait]
impl Connector for Memory {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, _: &Settings) -> std::result::Result<(), Vec<String>> {
        Ok(())
    }

    fn account_of_url(&self, _: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        Err("memory has no URL".to_owned())
    }

    fn probes(&self, settings: &Settings, _: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
        self.asked.lock().unwrap().push(settings.clone());
        let refuses = self.refuses.load(Ordering::SeqCst);
        self.tests.fetch_add(1, Ordering::SeqCst);
        match self.fails_tests.load(Ordering::SeqCst) {
            true => vec![Box::new(Answers)],
            false => vec![Box::new(SignsIn { refuses })],
        }
    }

    async fn source(
        &self,
        cx: &Cx,
        settings: &Settings,
        mailbox: &MailboxAddress,
    ) -> Result<Box<dyn Source>> {
        self.sign_ins.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            let _waits = Waits::begin(&self.waiting);
            return std::future::pending().await;
        }
        if self.holds.load(Ordering::SeqCst) {
            let _waits = Waits::begin(&self.waiting);
            cx.cancel.cancelled().await;
            return Err(Error::new(Kind::Cancelled, Side::Source, "sign in", "stopped"));
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Unauthenticated, Side::Source, "sign in", "not this password"));
        }
        if self.is_busy.load(Ordering::SeqCst) {
            let error = Error::new(Kind::Busy, Side::Source, "sign in", "[UNAVAILABLE] come back later");
            // Not within the same run.
            return Err(error.retry_of(Retry::Never));
        }
        Ok(Box::new(MemorySource::open(&self.world(settings, mailbox))))
    }

    async fn target(&self, _: &Cx, settings: &Settings, mailbox: &MailboxAddress) -> Result<Box<dyn Target>> {
        Ok(Box::new(MemoryTarget::open(&self.world(settings, mailbox), &Faults::default())))
    }
}

#[derive(Default)]
struct MemoryReports(Mutex<BTreeMap<MailboxId, Kept>>);

#[async_trait]
impl Reports for MemoryReports {
    async fn keep_report(&self, kept: &Kept) -> Result<()> {
        self.0.lock().unwrap().insert(kept.mailbox, kept.clone());
        Ok(())
    }

    async fn report(&self, mailbox: MailboxId) -> Result<Option<Kept>> {
        Ok(self.0.lock().unwrap().get(&mailbox).cloned())
    }

    async fn reports(&self) -> Result<Vec<Kept>> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }
}

pub struct Town {
    pub store: Arc<dyn Store>,
    pub connector: Arc<Memory>,
    reports: Arc<MemoryReports>,
    clock: Arc<LabClock>,
    pub meter: Arc<Gauge>,
    mailboxes: usize,
    _folder: tempfile::TempDir,
}

impl Town {
    /// So many mailboxes of three messages at `old`, nothing at `new`.
    pub async fn of(mailboxes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_text(&"ab".repeat(32)).unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqlStore::open(&Location::Sqlite(folder.path().to_owned()), key).await.unwrap());
        let connector = Arc::new(Memory::default());
        let clock = Arc::new(LabClock::default());
        for name in ["old", "new"] {
            let endpoint = Endpoint {
                id: EndpointId(store.new_id()),
                version: 1,
                name: name.to_owned(),
                kind: "memory".to_owned(),
                settings: Settings::default().with("world", name),
                limits: Limits::default(),
                needs_to_connect: None,
                last_test: None,
                last_good_test: None,
                told_waiting: false,
                certificate_told: None,
                created: clock.now(),
                modified: clock.now(),
            };
            store.add_endpoint(&endpoint).await.unwrap();
        }
        for n in 0..mailboxes {
            let address = MailboxAddress { address: format!("u{n}@x"), ..MailboxAddress::default() };
            let world = connector.world(&Settings::default().with("world", "old"), &address);
            for m in 0..3 {
                let body = format!("Message-ID: <{n}.{m}@x>\r\nSubject: {m}\r\n\r\nbody\r\n");
                world.deliver("INBOX", &body, Flags::default());
            }
        }
        let reports = Arc::new(MemoryReports::default());
        let meter = Arc::new(Gauge::of(clock.clone(), None));
        Self { store, connector, reports, clock, meter, mailboxes, _folder: folder }
    }

    /// A batch over all of them, started; its endpoints were tested just now.
    pub async fn begin(&self) -> BatchId {
        for name in ["old", "new"] {
            let mut endpoint = self.store.endpoint(name).await.unwrap();
            let test = TestResult {
                at: Some(self.clock.now()),
                ..TestResult::of(vec![Finding::pass(&SIGNS_IN, "", 0)])
            };
            endpoint.last_test = Some(test);
            self.store.set_endpoint(&endpoint).await.unwrap();
        }
        self.begin_untested().await
    }

    /// The same where nobody has tested anything.
    pub async fn begin_untested(&self) -> BatchId {
        let id = BatchId(self.store.new_id());
        let source = self.store.endpoint("old").await.unwrap().id;
        let target = self.store.endpoint("new").await.unwrap().id;
        let batch = Batch {
            status: BatchStatus::Starting,
            options: RunOptions { grace_seconds: Some(0), ..RunOptions::default() },
            ..Batch::created(id, "wave".to_owned(), (source, target), self.clock.now())
        };
        let users: Vec<User> = (0..self.mailboxes).map(|n| self.user(id, n)).collect();
        self.store.add_batch(&batch, &users).await.unwrap();
        id
    }

    pub fn user(&self, batch: BatchId, n: usize) -> User {
        let mailbox = MailboxAddress { address: format!("u{n}@x"), ..MailboxAddress::default() };
        let address = mailbox.address.clone();
        User::queued(UserId(self.store.new_id()), batch, address, (mailbox.clone(), mailbox))
    }

    /// What copies share; each call is another process.
    pub fn house(&self) -> House {
        House {
            store: self.store.clone(),
            clock: self.clock.clone(),
            budget: Arc::new(SharedBudget::of(1 << 20)),
            meter: self.meter.clone(),
            convert: Arc::new(PlainConvert),
            owner: self.store.new_id(),
            put_timeout: Duration::from_secs(60),
            outward: Arc::default(),
            busy: Arc::new(Mutex::new(HashSet::new())),
        }
    }

    pub fn worker(&self) -> Arc<Worker> {
        Worker::of(self.house(), vec![self.connector.clone()], self.reports.clone())
    }

    /// Lets the worker work until something is so, at most a minute.
    pub async fn until<F: Future<Output = bool>>(&self, worker: &Arc<Worker>, is_so: impl Fn() -> F) {
        let cancel = Cancel::default();
        let working = {
            let (worker, cancel) = (worker.clone(), cancel.clone());
            tokio::spawn(async move {
                let (moved, tested) = tokio::join!(worker.run(&cancel), worker.make_tests(&cancel));
                moved.and(tested)
            })
        };
        let began = self.clock.elapsed();
        while !is_so().await {
            assert!(self.clock.elapsed() - began < Duration::from_secs(60), "it never came to that");
            self.clock.sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
        working.await.unwrap().unwrap();
    }

    /// The time of its clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn batch(&self, id: BatchId) -> Batch {
        self.store.batch_by_id(id).await.unwrap()
    }

    pub async fn users(&self, id: BatchId) -> Vec<User> {
        self.store.users(id).await.unwrap()
    }

    pub async fn set_status(&self, id: BatchId, status: BatchStatus) {
        let batch = Batch { status, ..self.batch(id).await };
        self.store.set_batch(&batch).await.unwrap();
    }

    pub fn refuse_sign_ins(&self, on: bool) {
        self.connector.refuses.store(on, Ordering::SeqCst);
    }

    /// Whether the source is out of order for now.
    pub fn be_busy(&self, on: bool) {
        self.connector.is_busy.store(on, Ordering::SeqCst);
    }

    /// Whether tests find that nobody answers; mailboxes open all the same.
    pub fn fail_tests(&self, on: bool) {
        self.connector.fails_tests.store(on, Ordering::SeqCst);
    }

    /// From now on a source never answers a sign-in.
    pub fn hang(&self) {
        self.connector.hangs.store(true, Ordering::SeqCst);
    }

    /// From now on a source answers no sign-in until the pass is stopped; or does again.
    pub fn hold(&self, on: bool) {
        self.connector.holds.store(on, Ordering::SeqCst);
    }

    /// Sign-ins that are waited for now.
    pub fn waiting(&self) -> usize {
        self.connector.waiting.load(Ordering::SeqCst)
    }

    /// The mailbox of an address at an endpoint.
    pub fn world(&self, endpoint: &str, address: &str) -> World {
        let address = MailboxAddress { address: address.to_owned(), ..MailboxAddress::default() };
        self.connector.world(&Settings::default().with("world", endpoint), &address)
    }

    /// Sign-ins at the source so far.
    pub fn sign_ins(&self) -> usize {
        self.connector.sign_ins.load(Ordering::SeqCst)
    }

    /// Reports that were kept.
    pub fn kept(&self) -> usize {
        self.reports.0.lock().unwrap().len()
    }
}
