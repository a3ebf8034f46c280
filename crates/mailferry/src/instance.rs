//! This instance: its data folder, master key and store, and what is put together from them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use mailferry_connect::MimeConvert;
use mailferry_engine::{
    budget::{DEFAULT_BYTES, SharedBudget},
    meter::Gauge,
    open::House,
    tasks::Worker,
};
use mailferry_model::{
    Kind,
    outward::Outward,
    port::{Clock, Connector, Reports, Store},
};
use mailferry_server::{Context, Door, Judges, Problem, Tally, Trouble};
use mailferry_store::{DATABASE, Location, MasterKey, SqlStore};

use crate::{
    api::Api, args::Global, clock::SystemClock, database, exit::Failure, reports::FileReports, room::Watched,
};

/// The name of the master key's file, in the data folder and among systemd's credentials.
pub const KEY: &str = "mailferry-master-key";
/// How long an answer to a put may take unless somebody says otherwise.
pub const PUT_TIMEOUT: Duration = Duration::from_secs(60);

/// What commands that remember something work with.
pub struct Instance {
    /// The kinds of systems.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The same where other processes share it.
    pub shared: Option<Arc<SqlStore>>,
    /// What last passes found.
    pub reports: Arc<dyn Reports>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which addresses may be connected to: all, unless it is a service.
    pub outward: Arc<Outward>,
    /// What keeps work from being done, where there is a service.
    pub trouble: Trouble,
}

/// How a command wants its copies to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Bytes a second, over all copies.
    pub bytes_per_second: Option<u64>,
    /// How long an answer to a put may take.
    pub put_timeout: Option<Duration>,
}

impl Pace {
    /// For what a service does: it goes at its own pace.
    pub fn check_unset(self) -> Result<(), Failure> {
        match self.bytes_per_second.is_some() || self.put_timeout.is_some() {
            true => {
                let text = "--bwlimit and --put-timeout are the service's to say: mailferry serve --help";
                Err(Failure::usage(text))
            }
            false => Ok(()),
        }
    }
}

impl Instance {
    /// Opens the data folder, which is made on first use.
    pub async fn open(global: &Global, connectors: Vec<Arc<dyn Connector>>) -> Result<Self, Failure> {
        let folder = data_folder(global)?;
        make_private(&folder)?;
        let room = Watched::of(folder.clone());
        let url = database::url(global)?;
        let store = Arc::new(match &url {
            Some(url) => database::open(&folder, url).await?,
            None => SqlStore::open(&Location::Sqlite(folder.clone()), master_key(&folder)?).await?,
        });
        // Every process of a shared store reads what the others found.
        let reports: Arc<dyn Reports> = match &url {
            Some(_) => store.clone(),
            None => Arc::new(FileReports(folder.join("reports"))),
        };
        let clock = Arc::new(SystemClock::default());
        Ok(Self {
            connectors,
            shared: url.is_some().then(|| store.clone()),
            store,
            reports,
            clock,
            outward: Arc::default(),
            trouble: Trouble::of(move || room.fault()),
        })
    }

    /// The router, called in this process.
    pub fn api(&self, bell: Arc<dyn Fn() + Send + Sync>) -> Api {
        Api::of(self.router(bell, Door::Inside))
    }

    /// The router.
    pub fn router(&self, bell: Arc<dyn Fn() + Send + Sync>, door: Door) -> axum::Router {
        mailferry_server::router(Context {
            store: self.store.clone(),
            reports: self.reports.clone(),
            clock: self.clock.clone(),
            manifests: self.connectors.iter().map(|c| c.manifest()).collect(),
            judges: judges(self.connectors.clone()),
            actor: actor(),
            bell,
            door,
            trouble: self.trouble.clone(),
            tally: Tally::default(),
        })
    }

    /// What copies share.
    pub fn house(&self, pace: Pace) -> (House, Arc<Gauge>) {
        let meter = Arc::new(Gauge::of(self.clock.clone(), pace.bytes_per_second));
        let house = House {
            store: self.store.clone(),
            clock: self.clock.clone(),
            budget: Arc::new(SharedBudget::of(DEFAULT_BYTES)),
            meter: meter.clone(),
            convert: Arc::new(MimeConvert),
            owner: self.store.new_id(),
            put_timeout: pace.put_timeout.unwrap_or(PUT_TIMEOUT),
            outward: self.outward.clone(),
            busy: Arc::new(Mutex::new(HashSet::new())),
        };
        (house, meter)
    }

    /// A worker in this process.
    pub fn worker(&self, pace: Pace) -> Arc<Worker> {
        Worker::of(self.house(pace).0, self.connectors.clone(), self.reports.clone())
    }
}

/// What the connectors say of settings.
fn judges(connectors: Vec<Arc<dyn Connector>>) -> Judges {
    Arc::new(move |kind, settings| {
        let connector = connectors.iter().find(|connector| connector.manifest().kind == kind);
        connector.and_then(|connector| connector.check(settings).err()).unwrap_or_default()
    })
}

/// Who acts, for the audit trail: whose process this is, which its environment has no say in.
pub fn actor() -> String {
    let id = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    format!("cli:{}", name.unwrap_or(id))
}

/// Where everything is kept: the flag, `MAILFERRY_DATA_DIR`, else below the user's state folder.
pub fn data_folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.data_dir {
        return std::path::absolute(folder).map_err(|e| Failure::usage(format!("--data-dir: {e}")));
    }
    if let Some(folder) = &global.defaults.data_dir {
        return Ok(folder.clone());
    }
    let given = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")));
    let state = state.ok_or_else(|| Failure::usage("there is no home folder; give --data-dir"))?;
    Ok(state.join("mailferry"))
}

/// Makes the data folder, if it is not there, so that only its owner may enter it.
pub fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let unusable = |what: String| Failure::Store(format!("the data folder {}: {what}", folder.display()));
    match made {
        Ok(()) => Ok(()),
        Err(_) if folder.exists() => Err(unusable("it is not a folder".to_owned())),
        Err(e) => Err(unusable(format!("it cannot be made: {e}"))),
    }
}

/// Where a master key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In `MAILFERRY_MASTER_KEY`.
    Environment,
    /// Among systemd's credentials.
    Credential(PathBuf),
    /// In the data folder.
    Folder(PathBuf),
}

/// The master key, if there is one: from `MAILFERRY_MASTER_KEY`, systemd's credentials, or a file in the data folder.
pub fn known_key(folder: &Path) -> Result<Option<(MasterKey, KeyPlace)>, Failure> {
    if let Ok(text) = std::env::var("MAILFERRY_MASTER_KEY") {
        return Ok(Some((MasterKey::from_text(&text)?, KeyPlace::Environment)));
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| PathBuf::from(d).join(KEY));
    if let Some(path) = credentials.filter(|path| path.exists()) {
        return Ok(Some((MasterKey::from_credential(&path)?, KeyPlace::Credential(path))));
    }
    let path = folder.join(KEY);
    match MasterKey::from_file(&path) {
        Ok(key) => Ok(Some((key, KeyPlace::Folder(path)))),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(unkeyed(folder, e)),
    }
}

/// The master key, which is made on first use: a store that is there already was made with one.
pub fn master_key(folder: &Path) -> Result<MasterKey, Failure> {
    match known_key(folder)? {
        Some((key, _)) => Ok(key),
        // Looked for once more: another process may have made both in between, the key first.
        None if folder.join(DATABASE).is_file() => match known_key(folder)? {
            Some((key, _)) => Ok(key),
            None => Err(no_key(folder)),
        },
        None => MasterKey::create_file(&folder.join(KEY)).map_err(|e| unkeyed(folder, e)),
    }
}

/// There is a store, and its key is not here.
pub fn no_key(folder: &Path) -> Failure {
    let text = format!("There is a store in {}, and its master key is not here.", folder.display());
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Failure::Problem(Box::new(Problem::new(status, "DOCTOR_NO_KEY", text)))
}

/// Where it is not what is in the key's file, but that there is no way to it, the folder is at fault.
fn unkeyed(folder: &Path, error: mailferry_model::Error) -> Failure {
    match error.kind() {
        Kind::Busy => Failure::Store(format!("the data folder {}: {}", folder.display(), error.context())),
        _ => error.into(),
    }
}
