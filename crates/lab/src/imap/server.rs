//! The listener and what all its sessions share. It stops, with all sessions, when it is dropped.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::{
    config::{Config, Security},
    conn::Conn,
    log::Log,
    person::Person,
    quirk::{Quirk, Quirks},
    session::Session,
    store::Store,
    throttle::Throttle,
    tls::{Identity, create_identity},
};

/// A guard, also after a panic elsewhere: a test that failed must not hide behind a second failure.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What sessions share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) quirks: Quirks,
    pub(super) log: Log,
    pub(super) throttle: Throttle,
    pub(super) identity: Option<Identity>,
    store: Mutex<Store>,
}

impl Shared {
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// An IMAP server on a free port of 127.0.0.1.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts it. Each user has an INBOX.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let identity = match config.security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(create_identity()?),
        };
        let mut store = Store::default();
        for user in &config.users {
            store.ensure_mailbox(&user.name, "INBOX");
            if let Some(account) = store.accounts.get_mut(&user.name) {
                account.password = user.password.clone();
                account.tokens = user.tokens.clone();
                account.quota = user.quota;
                account.subscribed.insert("INBOX".to_owned());
            }
        }
        let quirks = Quirks::default();
        config.quirks.iter().cloned().for_each(|quirk| quirks.add(quirk));
        let (log, throttle, store) = (Log::default(), Throttle::default(), Mutex::new(store));
        let shared = Arc::new(Shared { config, quirks, log, throttle, identity, store });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The authority that clients must trust, where there is TLS. The certificate is for `127.0.0.1` and `localhost`.
    pub fn ca_pem(&self) -> Option<&str> {
        self.shared.identity.as_ref().map(|identity| identity.ca_pem.as_str())
    }

    /// What clients asked.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Someone's mail, to be planted and looked at. A user that does not exist is made, without a password: nobody
    /// can sign in as them.
    pub fn user(&self, name: &str) -> Person {
        Person::create(Arc::clone(&self.shared), name)
    }

    /// Adds a quirk from now on; its occasions count from here.
    pub fn misbehave(&self, quirk: Quirk) {
        self.shared.quirks.add(quirk);
    }

    /// No quirk from now on.
    pub fn behave(&self) {
        self.shared.quirks.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    let mut link = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                link += 1;
                sessions.spawn(serve(stream, link, Arc::clone(&shared)));
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, link: u64, shared: Arc<Shared>) {
    shared.log.begin_link(link);
    let mut conn = Conn::create(stream, link, shared.log.clone());
    let greeted = match (&shared.identity, shared.config.security) {
        (Some(identity), Security::Tls) => conn.upgrade(&identity.acceptor).await,
        _ => Ok(()),
    };
    if greeted.is_ok() {
        Session::create(Arc::clone(&shared), conn).run().await;
    }
    shared.log.end_link(link);
}
