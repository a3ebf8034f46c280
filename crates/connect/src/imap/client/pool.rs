//! The connections of one account: the first signs in alone, more are opened when calls overlap.
//!
//! A connection that ended is replaced when the next one is needed, never after a refused password.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join_all, select};
use mailferry_model::{Error, Kind, Result, port::Cx};
use mailferry_wire::imap::{Capabilities, Capability, Command, MailboxName, NameEncoding, Reply};
use tokio_util::task::AbortOnDropHandle;

use super::{
    conn::{Conn, Hold, Rank},
    home::Homes,
    layout::Layout,
    open::{Account, Fresh, open},
    pipe::{Answers, Ask, Wants},
    quirk::{Quirk, Quirks},
};
use crate::net::Pacer;

/// A signed-in account.
pub struct Pool {
    /// The context of the run.
    pub cx: Cx,
    /// What the server can do.
    pub caps: Capabilities,
    /// How names are written.
    pub encoding: NameEncoding,
    /// What it does not keep.
    pub quirks: Quirks,
    /// So many bodies in a row were shorter than listed and no longer when asked for again.
    pub asked_in_vain: AtomicUsize,
    /// Where names begin and how they are cut.
    pub layout: Layout,
    account: Account,
    pacer: Arc<Pacer>,
    limit: AtomicUsize,
    /// Which folders go where.
    pub homes: Homes,
    conns: Mutex<Vec<Conn>>,
    /// How many are on their way.
    opening: AtomicUsize,
    /// Serialises replacing the last connection.
    replacing: tokio::sync::Mutex<Replaced>,
    refused: Mutex<Option<Error>>,
}

/// When connections were replaced last.
#[derive(Default)]
struct Replaced(VecDeque<Duration>);

impl Replaced {
    /// So many sign-ins a minute need no pause: more look like an attack, and many servers lock out who tries.
    const FREE: usize = 10;

    /// How long to wait before the next one, which is noted.
    fn pause(&mut self, now: Duration) -> Duration {
        const MINUTE: Duration = Duration::from_secs(60);
        self.0.retain(|at| now.saturating_sub(*at) < MINUTE);
        let pause = match self.0.len() {
            n if n < Self::FREE => Duration::ZERO,
            n => Duration::from_millis(250 << (n - Self::FREE).min(3)),
        };
        self.0.push_back(now + pause);
        pause
    }
}

/// More than so many commands in flight on every connection: another is opened.
const BUSY: usize = 2;
/// So long a server is waited for that does not end a connection after LOGOUT.
const FAREWELL: Duration = Duration::from_secs(2);

impl Pool {
    /// Signs in for the first time; `first` is sent right behind it and answered with the pool.
    ///
    /// # Errors
    /// What connecting or signing in says.
    pub async fn open(
        cx: &Cx,
        account: Account,
        first: impl FnOnce(&Conn) -> Option<Ask>,
    ) -> Result<(Arc<Self>, Option<Answers>)> {
        let pacer = Arc::new(Pacer::default());
        let Fresh { conn, enabled, namespaces } = open(cx, &pacer, &account, Rank::Only).await?;
        let also = first(&conn).map(|ask| conn.send(ask));
        let quirks = Quirks::default();
        if let Some(enabled) = enabled {
            let replies = enabled.all().await.map_err(|lost| lost.error)?.0;
            let on =
                replies.iter().any(|r| matches!(r, Reply::Enabled(caps) if caps.has(Capability::QResync)));
            if !on && conn.caps().has(Capability::QResync) {
                quirks.note(Quirk::ResyncNotHonoured);
            }
        }
        let mut layout = Layout::of(conn.encoding());
        if let Some(namespaces) = namespaces {
            for reply in namespaces.all().await.map_err(|lost| lost.error)?.0 {
                if let Reply::Namespace(namespaces) = reply {
                    layout.namespaces = namespaces;
                }
            }
        }
        let pool = Self {
            cx: cx.clone(),
            caps: conn.caps().clone(),
            encoding: conn.encoding(),
            quirks,
            asked_in_vain: AtomicUsize::new(0),
            layout,
            account,
            pacer,
            limit: AtomicUsize::new(usize::from(cx.connections.clamp(1, 64))),
            conns: Mutex::new(vec![conn]),
            homes: Homes::default(),
            opening: AtomicUsize::new(0),
            replacing: tokio::sync::Mutex::default(),
            refused: Mutex::new(None),
        };
        Ok((Arc::new(pool), also))
    }

    /// Whether the server can do something and keeps it.
    pub fn can(&self, capability: Capability) -> bool {
        match capability {
            // RFC 7162 §3.2.3: only what was enabled may be used.
            Capability::QResync if !self.caps.has(Capability::Enable) => false,
            Capability::QResync if self.quirks.has(Quirk::ResyncNotHonoured) => false,
            Capability::MultiAppend if self.quirks.has(Quirk::MultiAppendRefused) => false,
            Capability::ListStatus | Capability::ListExtended
                if self.quirks.has(Quirk::ExtendedListRefused) =>
            {
                false
            }
            // RFC 7162 §3.2.3: QRESYNC implies CONDSTORE.
            Capability::CondStore => self.caps.has(capability) || self.caps.has(Capability::QResync),
            _ => self.caps.has(capability),
        }
    }

    /// How many connections may be used.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// A further connection was refused: those that are there have to do.
    fn settle_for_less(&self, error: &Error) {
        let open = self.conns().len().max(1);
        self.limit.fetch_min(open, Ordering::Relaxed);
        tracing::info!(kind = error.kind().code(), open, "no further connection could be opened");
    }

    /// Waits for a pause that the server asked for, or until nobody wants to go on.
    pub async fn paced(&self) {
        select(pin!(self.pacer.ready(&self.cx)), pin!(self.cx.cancel.cancelled())).await;
    }

    /// A living connection at once, if there is one: where the folder is open, else the least busy. Opens others
    /// behind the scenes when all are busy.
    pub fn pick(self: &Arc<Self>, folder: Option<&MailboxName>) -> Option<Conn> {
        self.pick_by(folder, |_| (0, false))
    }

    /// The same, where the fewest others have their home, and rather not elsewhere than before.
    pub fn pick_by(
        self: &Arc<Self>,
        folder: Option<&MailboxName>,
        homes: impl Fn(&Conn) -> (usize, bool),
    ) -> Option<Conn> {
        let mut conns = self.conns();
        conns.retain(Conn::is_alive);
        let loads = conns.iter().map(|conn| (conn, conn.load(folder), homes(conn)));
        let (conn, load, (others, _)) = loads.min_by_key(|(_, load, (others, elsewhere))| {
            (load.exclusive, *others, *elsewhere, load.commands + usize::from(!load.open))
        })?;
        let conn = conn.clone();
        if load.exclusive || others > 0 || load.commands >= BUSY {
            self.open_another(conns.len());
        }
        Some(conn)
    }

    /// Opens what may be needed behind the scenes, because much is about to come.
    pub fn prepare(self: &Arc<Self>) {
        self.open_another(self.conns().len());
    }

    /// Opens one more behind the scenes, unless as many as may be are there or on their way. The second goes alone:
    /// a server that wants one only is asked for one more only.
    fn open_another(self: &Arc<Self>, there: usize) {
        let may = |opening| {
            let alone = opening == 0 || there > 1;
            (alone && there + opening < self.limit()).then_some(opening + 1)
        };
        if self.opening.fetch_update(Ordering::SeqCst, Ordering::SeqCst, may).is_err() {
            return;
        }
        let pool = self.clone();
        tokio::spawn(async move {
            // Where all have ended meanwhile, one signs in before others try.
            if pool.lead().is_some()
                && let Err(error) = pool.add().await
            {
                pool.settle_for_less(&error);
            }
            pool.opening.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// The first connection, for what has to keep its order.
    pub fn lead(&self) -> Option<Conn> {
        self.conns().iter().find(|c| c.is_alive()).cloned()
    }

    /// A living connection; connects anew if all ended.
    ///
    /// # Errors
    /// What connecting says.
    pub async fn conn(self: &Arc<Self>, folder: Option<&MailboxName>) -> Result<Conn> {
        if let Some(conn) = self.pick(folder) {
            return Ok(conn);
        }
        let (pool, folder) = (self.clone(), folder.cloned());
        let replaced = tokio::spawn(async move { pool.replaced(folder.as_ref()).await });
        // A task of its own: whoever asks may not be polled while a neighbour waits for the same lock.
        let replaced = AbortOnDropHandle::new(replaced).await;
        replaced.unwrap_or_else(|e| Err(Error::bug("connect", e.to_string())))
    }

    async fn replaced(self: &Arc<Self>, folder: Option<&MailboxName>) -> Result<Conn> {
        let mut before = self.replacing.lock().await;
        if let Some(conn) = self.pick(folder) {
            return Ok(conn);
        }
        self.cx.cancel.check()?;
        if let Some(error) = self.pacer.refusal(&self.cx) {
            return Err(error);
        }
        self.paced().await;
        let pause = before.pause(self.cx.clock.elapsed());
        if !pause.is_zero() {
            tracing::info!(side = ?self.cx.side, "the server ends one connection after the other");
            select(pin!(self.cx.clock.sleep(pause)), pin!(self.cx.cancel.cancelled())).await;
            self.cx.cancel.check()?;
        }
        self.add().await
    }

    /// A connection for a large body: one without work, a new one, or the least busy.
    ///
    /// # Errors
    /// What connecting says.
    pub async fn alone(self: &Arc<Self>) -> Result<(Conn, Hold)> {
        let idle = {
            let mut conns = self.conns();
            conns.retain(Conn::is_alive);
            let free = |c: &&Conn| {
                let load = c.load(None);
                load.commands == 0 && !load.exclusive
            };
            let idle = conns.iter().find(free).cloned();
            // Where all have ended, one signs in before others try.
            idle.ok_or(!conns.is_empty() && conns.len() < self.limit())
        };
        let conn = match idle {
            Ok(conn) => conn,
            Err(true) => match self.add().await {
                Ok(conn) => conn,
                Err(error) => {
                    self.settle_for_less(&error);
                    self.conn(None).await?
                }
            },
            Err(false) => self.conn(None).await?,
        };
        let hold = conn.hold();
        Ok((conn, hold))
    }

    /// Opens one more. One that others can do without gets no work before the server has answered on it.
    async fn add(&self) -> Result<Conn> {
        if let Some(error) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(error);
        }
        let rank = if self.conns().iter().any(Conn::is_alive) { Rank::Further } else { Rank::Only };
        let opened = async {
            let conn = open(&self.cx, &self.pacer, &self.account, rank).await?.conn;
            if rank == Rank::Further {
                conn.taken_on().await?;
            }
            Ok::<Conn, Error>(conn)
        };
        match opened.await {
            Ok(conn) => {
                self.conns().push(conn.clone());
                Ok(conn)
            }
            Err(error) => {
                if error.kind() == Kind::Unauthenticated {
                    *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    fn conns(&self) -> MutexGuard<'_, Vec<Conn>> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs out everywhere; what was handed out goes on to its end. Whoever has a slot gives it back afterwards, so the
    /// server's side is waited for a little, too: until then it counts the mailbox as open.
    pub async fn close(&self) {
        let conns = std::mem::take(&mut *self.conns());
        // A last NOOP is answered after everything before it.
        let last: Vec<_> = conns
            .iter()
            .filter(|c| !c.load(None).exclusive)
            .map(|c| c.send(Ask::of(Command::noop(), Wants::Nothing)))
            .collect();
        conns.iter().for_each(Conn::log_out);
        let answered = async {
            for answers in last {
                _ = answers.all().await;
            }
        };
        let stopped = async {
            self.cx.cancel.cancelled().await;
            self.cx.clock.sleep(FAREWELL).await;
        };
        tokio::select! {
            () = answered => {}
            // What was asked for and is no longer wanted may take long.
            () = stopped => {}
        }
        let closed = join_all(conns.iter().map(Conn::closed));
        tokio::select! {
            _ = closed => {}
            () = self.cx.clock.sleep(FAREWELL) => {}
        }
    }

    /// Tries an idempotent call again: after a pause that the server asked for, and once after a lost connection.
    ///
    /// # Errors
    /// What the last try said.
    pub async fn retried<T, F: Future<Output = Result<T>>>(&self, mut call: impl FnMut() -> F) -> Result<T> {
        let (mut lost, mut paused) = (0, 0);
        loop {
            match call().await {
                Err(e) if e.kind() == Kind::Unreachable && lost < 1 => lost += 1,
                Err(e) if self.worth_waiting(&e) && paused < 4 => {
                    paused += 1;
                    self.wait_for(&e).await;
                }
                other => return other,
            }
            self.cx.cancel.check()?;
        }
    }

    /// Whether a refusal asks for a pause that is short enough to be waited for.
    pub fn worth_waiting(&self, error: &Error) -> bool {
        match (error.kind(), error.retry()) {
            (Kind::Throttled | Kind::Busy, mailferry_model::Retry::After(wait)) => {
                wait <= crate::net::pacer::LONGEST
            }
            _ => false,
        }
    }

    /// Waits as long as a refusal asks.
    pub async fn wait_for(&self, error: &Error) {
        if let mailferry_model::Retry::After(wait) = error.retry() {
            self.pacer.hold(&self.cx, wait, error.context());
        }
        self.paced().await;
    }
}
