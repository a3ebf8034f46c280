//! One connection: one task that owns the socket, commands queued by many, many in flight, answers matched.
//!
//! The mailbox that is open is tracked as of the end of the queue. Retries nothing, signs nobody in.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use mailferry_model::{Error, Kind, Result, Scope, cancel::Cancel, port::Cx};
use mailferry_wire::imap::{
    Capabilities, Command, Literals, MailboxName, NameEncoding, QResync, ResponseFramer, SelectMode, UidSet,
};
use tokio::sync::{Notify, mpsc};

use super::{
    classify::{Op, classify},
    pipe::{Answer, Answers, Ask, Lost, Sent, Wants},
    selection::{Opened, Selection},
};
use crate::net::{Pacer, Stream, mask::Mask};

mod read;
mod route;
mod write;

/// How long answers are read when nothing can be sent any more.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection in use. Dropping the last handle ends it in order.
#[derive(Clone)]
pub struct Conn(Arc<Handle>);

struct Handle(Arc<Inner>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.log_out();
    }
}

/// What all parts of a connection share.
pub(super) struct Inner {
    cx: Cx,
    caps: Capabilities,
    mask: Mask,
    encoding: NameEncoding,
    mode: SelectMode,
    pacer: Arc<Pacer>,
    /// Whether the server has taken it on: only then does it speak for the account.
    taken_on: AtomicBool,
    state: Mutex<State>,
    wake: Notify,
    /// Milliseconds of the clock when something last moved.
    active: AtomicU64,
    /// How many waits for our own side are going on.
    ours: AtomicU32,
    /// Its socket is closed.
    over: Cancel,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    flight: VecDeque<Flying>,
    tag: u32,
    tail: Option<Arc<Selection>>,
    exclusive: usize,
    dead: Option<Error>,
    closing: bool,
    bye: Option<Error>,
    /// The tag whose literal waits for `+`.
    awaiting: u32,
}

struct Queued {
    ask: Ask,
    to: mpsc::UnboundedSender<Answer>,
    opens: Option<Arc<Selection>>,
}

struct Flying {
    tag: u32,
    wants: Wants,
    /// The messages it asks for, where it names them and nobody has been given them yet.
    uids: Option<UidSet>,
    to: mpsc::UnboundedSender<Answer>,
    opens: Option<(Arc<Selection>, Opened)>,
}

/// What the writer is told about the literal that waits.
enum Gate {
    Go,
    Refused,
}

/// Whether an account can do without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// The only one: what refuses it refuses the account.
    Only,
    /// One more: a refusal says no more than that fewer have to do.
    Further,
}

/// A signed-in stream with what it needs to become a connection.
pub struct Prepared {
    /// The context of the run.
    pub cx: Cx,
    /// The pauses of the account.
    pub pacer: Arc<Pacer>,
    /// Whether the account has others that work.
    pub rank: Rank,
    /// The socket.
    pub stream: Stream,
    /// The framer with what was read ahead.
    pub framer: ResponseFramer,
    /// The last tag used.
    pub tag: u32,
    /// What the server can do.
    pub caps: Capabilities,
    /// What nobody is to be shown of its answers.
    pub mask: Mask,
    /// How names are written.
    pub encoding: NameEncoding,
    /// How mailboxes are opened.
    pub mode: SelectMode,
}

impl Conn {
    /// Starts the task that owns the socket.
    pub fn start(prepared: Prepared) -> Self {
        let Prepared { cx, pacer, rank, stream, framer, tag, caps, mask, encoding, mode } = prepared;
        let state = Mutex::new(State { tag, ..State::default() });
        let (wake, active, ours) = (Notify::new(), AtomicU64::new(0), AtomicU32::new(0));
        let (taken_on, over) = (AtomicBool::new(rank == Rank::Only), Cancel::default());
        let inner = Arc::new(Inner {
            cx,
            caps,
            mask,
            encoding,
            mode,
            pacer,
            taken_on,
            state,
            wake,
            active,
            ours,
            over,
        });
        let conn = Self(Arc::new(Handle(inner.clone())));
        tokio::spawn(async move {
            let over = inner.over.clone();
            inner.run(stream, framer).await;
            over.cancel();
        });
        conn
    }

    /// What the server can do.
    pub fn caps(&self) -> &Capabilities {
        &self.0.0.caps
    }

    /// How names are written.
    pub fn encoding(&self) -> NameEncoding {
        self.0.0.encoding
    }

    /// Returns when the server has answered something on it. Some take a sign-in and say BYE to what follows.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn taken_on(&self) -> Result<()> {
        let (_, status) =
            self.send(Ask::of(Command::noop(), Wants::Nothing)).all().await.map_err(|l| l.error)?;
        if !status.is_ok() {
            return Err(classify(self.0.0.cx.side, Op::SignIn, &status));
        }
        self.0.0.taken_on.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Queues a command that needs no open mailbox.
    pub fn send(&self, ask: Ask) -> Answers {
        let (to, answers) = Answers::channel();
        let mut state = self.0.0.lock();
        state.push(Queued { ask, to, opens: None });
        drop(state);
        self.0.0.wake.notify_one();
        answers
    }

    /// Queues commands within a mailbox, opening it unless it will be open by then.
    pub fn send_in(
        &self,
        folder: &MailboxName,
        asks: impl IntoIterator<Item = Ask>,
    ) -> (Arc<Selection>, Vec<Answers>) {
        self.open_and_send(folder, None, asks)
    }

    /// Queues commands within a mailbox that is opened afresh.
    pub fn send_afresh(
        &self,
        folder: &MailboxName,
        sync: QResync,
        asks: impl IntoIterator<Item = Ask>,
    ) -> (Arc<Selection>, Vec<Answers>) {
        self.open_and_send(folder, Some(sync), asks)
    }

    fn open_and_send(
        &self,
        folder: &MailboxName,
        afresh: Option<QResync>,
        asks: impl IntoIterator<Item = Ask>,
    ) -> (Arc<Selection>, Vec<Answers>) {
        let mut state = self.0.0.lock();
        let open = state.tail.clone().filter(|s| afresh.is_none() && s.name == *folder && is_good(s));
        let selection = open.unwrap_or_else(|| {
            let selection = Selection::of(folder.clone());
            let sync = afresh.unwrap_or_default();
            let wants = if matches!(sync, QResync::Since { .. }) { Wants::Resync } else { Wants::Select };
            let ask = Ask::of(Command::select(folder, self.0.0.mode, &sync), wants);
            let (to, _) = Answers::channel();
            state.push(Queued { ask, to, opens: Some(selection.clone()) });
            state.tail = Some(selection.clone());
            selection
        });
        let mut all = Vec::new();
        for ask in asks {
            let (to, answers) = Answers::channel();
            state.push(Queued { ask, to, opens: None });
            all.push(answers);
        }
        drop(state);
        self.0.0.wake.notify_one();
        (selection, all)
    }

    /// Makes sure that STATUS does not tell an older state of the open mailbox: servers answer it from what the
    /// session has seen. Seen with Dovecot: NOOP helps only if its answer is waited for, because a sync is put off
    /// while commands are pipelined.
    // RFC 9051 §6.3.11: STATUS is not meant for the mailbox that is open.
    pub async fn refresh(&self) {
        if let Some(answers) = self.leave() {
            _ = answers.all().await;
        }
    }

    /// Leaves the open mailbox; the answers to wait for, where it cannot be left.
    fn leave(&self) -> Option<Answers> {
        let mut state = self.0.0.lock();
        state.tail.as_ref()?;
        let unselect = self.caps().has(mailferry_wire::imap::Capability::Unselect);
        let command = if unselect { Command::unselect() } else { Command::noop() };
        let (to, answers) = Answers::channel();
        state.push(Queued { ask: Ask::of(command, Wants::Nothing), to, opens: None });
        if unselect {
            state.tail = None;
        }
        drop(state);
        self.0.0.wake.notify_one();
        (!unselect).then_some(answers)
    }

    /// Whether both are handles of one connection.
    pub fn is(&self, other: &Conn) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it still works.
    pub fn is_alive(&self) -> bool {
        let state = self.0.0.lock();
        state.dead.is_none() && !state.closing && state.bye.is_none()
    }

    /// How much is queued or in flight, and whether this folder will be open.
    pub fn load(&self, folder: Option<&MailboxName>) -> Load {
        let state = self.0.0.lock();
        let open = folder.is_some() && state.tail.as_ref().map(|s| &s.name) == folder;
        Load { commands: state.flight.len() + state.queue.len(), exclusive: state.exclusive > 0, open }
    }

    /// Keeps others away while a large body passes.
    pub fn hold(&self) -> Hold {
        self.0.0.lock().exclusive += 1;
        Hold(self.clone())
    }

    /// Ends it in order; what was asked before is still answered.
    pub fn log_out(&self) {
        self.0.0.log_out();
    }

    /// Returns once its socket is closed.
    pub async fn closed(&self) {
        self.0.0.over.cancelled().await;
    }
}

/// How busy a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Commands queued or in flight.
    pub commands: usize,
    /// A large body passes.
    pub exclusive: bool,
    /// The folder asked for will be open.
    pub open: bool,
}

/// Keeps others away from a connection while it lives.
pub struct Hold(Conn);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.0.0.lock().exclusive -= 1;
    }
}

fn is_good(selection: &Selection) -> bool {
    !matches!(selection.peek(), Some(Err(_)))
}

impl State {
    fn push(&mut self, queued: Queued) {
        match &self.dead {
            Some(error) => queued.lose(&Lost { error: error.clone(), sent: Sent::Nothing, alone: false }),
            None => self.queue.push_back(queued),
        }
    }
}

impl Queued {
    fn lose(self, lost: &Lost) {
        if let Some(selection) = self.opens {
            selection.settle(Err(lost.error.clone()));
        }
        _ = self.to.send(Answer::Lost(lost.clone()));
    }
}

/// Commands of which not an octet was sent end with this.
fn lose(queue: VecDeque<Queued>, error: Error) {
    let unsent = Lost { error, sent: Sent::Nothing, alone: false };
    queue.into_iter().for_each(|queued| queued.lose(&unsent));
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_out(&self) {
        let mut state = self.lock();
        if !state.closing {
            state.closing = true;
            let (to, _) = Answers::channel();
            state.push(Queued { ask: Ask::of(Command::logout(), Wants::Nothing), to, opens: None });
            drop(state);
            self.wake.notify_one();
        }
    }

    fn literals(&self) -> Literals {
        self.caps.literals()
    }

    /// Something moved.
    fn touch(&self) {
        self.active.store(self.cx.clock.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    async fn run(self: Arc<Self>, stream: Stream, framer: ResponseFramer) {
        let (reading, writing) = tokio::io::split(stream);
        let (tell, gate) = mpsc::unbounded_channel();
        self.touch();
        let mut reading = pin!(self.read(reading, framer, tell));
        let error = tokio::select! {
            error = &mut reading => error,
            error = self.write(writing, gate) => {
                self.give_up(&error);
                // Who hangs up has often answered before: those answers lie here, only nobody has read them.
                if error.kind() == Kind::Unreachable && error.side() == self.cx.side {
                    tokio::select! {
                        _ = reading => {}
                        () = self.cx.clock.sleep(LAST_WORDS) => {}
                    }
                }
                error
            }
            error = self.watch() => error,
        };
        tracing::debug!(kind = error.kind().code(), "a connection ended");
        self.fail(error);
    }

    /// Ends with an error when an answer is overdue.
    async fn watch(&self) -> Error {
        let limit = self.cx.put_timeout.max(Duration::from_millis(100));
        loop {
            self.cx.clock.sleep(limit / 4).await;
            if self.lock().dead.is_some() {
                return self.error(Kind::Timeout, "given up");
            }
            if self.lock().flight.is_empty() || self.ours.load(Ordering::Relaxed) > 0 {
                self.touch();
                continue;
            }
            let idle = self.cx.clock.elapsed().as_millis() as u64;
            let idle = idle.saturating_sub(self.active.load(Ordering::Relaxed));
            if idle >= limit.as_millis() as u64 {
                return self.error(Kind::Timeout, format!("no answer within {} s", limit.as_secs()));
            }
        }
    }

    fn error(&self, kind: Kind, text: impl Into<String>) -> Error {
        Error::new(kind, self.cx.side, "connection", text).scope_of(Scope::Mailbox)
    }

    /// What was asked for during a pause is not sent any more; goodbye is.
    fn forget_queued(&self, error: Error) {
        let mut state = self.lock();
        let goodbye = |queued: &Queued| matches!(queued.ask.command.name(), "NOOP" | "LOGOUT");
        let (stays, goes): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut state.queue).into_iter().partition(goodbye);
        (state.queue, state.tail) = (stays, None);
        drop(state);
        lose(goes, error);
    }

    /// Nothing more can be sent; what was sent may still be answered.
    fn give_up(&self, error: &Error) {
        let mut state = self.lock();
        let error = state.bye.clone().unwrap_or_else(|| error.clone());
        state.dead = Some(error.clone());
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        lose(queue, error);
    }

    /// Everything unanswered is lost.
    fn fail(&self, error: Error) {
        self.give_up(&error);
        let mut state = self.lock();
        let error = state.dead.clone().unwrap_or(error);
        let flight = std::mem::take(&mut state.flight);
        drop(state);
        let alone = flight.len() == 1;
        for flying in flight {
            if let Some((selection, _)) = &flying.opens {
                selection.settle(Err(error.clone()));
            }
            _ = flying.to.send(Answer::Lost(Lost { error: error.clone(), sent: Sent::Perhaps, alone }));
        }
    }

    /// Takes the next command from the queue and gives it a tag; it counts as in flight from here on.
    fn next_queued(&self) -> Option<(u32, Ask)> {
        let mut state = self.lock();
        let Queued { ask, to, opens } = state.queue.pop_front()?;
        state.tag += 1;
        let tag = state.tag;
        let opens = opens.map(|selection| (selection, Opened::default()));
        tracing::trace!(side = ?self.cx.side, tag, command = ask.command.name(), "a command goes out");
        state.flight.push_back(Flying { tag, wants: ask.wants, uids: ask.uids.clone(), to, opens });
        Some((tag, ask))
    }
}
