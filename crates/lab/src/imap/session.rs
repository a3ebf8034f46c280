//! One connection from greeting to end: takes commands in order, hands them to their verbs, answers.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mailferry_wire::imap::{Answer, Arrival, Capability, Condition, Frame, NameEncoding, Request};

use super::{
    body::Body,
    collect::Collector,
    conn::Conn,
    log::{Entry, Place},
    numbers::Selected,
    quirk::Quirk,
    server::Shared,
    verdict::{End, Then, Verdict},
};

/// A connection's state.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) conn: Conn,
    pub(super) out: Answer,
    pub(super) seat: Option<Seat>,
    pub(super) selected: Option<Selected>,
    pub(super) enabled: Enabled,
    pub(super) names: NameEncoding,
    /// The large literals of the command that is being read.
    pub(super) streamed: VecDeque<Body>,
    pub(super) current: Option<Current>,
    reading: Option<Collector>,
}

/// Which extensions this session has switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Enabled {
    #[default]
    Nothing,
    CondStore,
    /// Includes CONDSTORE.
    QResync,
}

/// Who is signed in; the connection counts until it is dropped.
pub(super) struct Seat {
    pub(super) shared: Arc<Shared>,
    pub(super) user: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(account) = self.shared.store().accounts.get_mut(&self.user) {
            account.connections = account.connections.saturating_sub(1);
        }
    }
}

/// The command that is being read or done.
pub(super) struct Current {
    pub(super) tag: Bytes,
    pub(super) place: Place,
    pub(super) began: Instant,
}

impl Session {
    pub(super) fn create(shared: Arc<Shared>, conn: Conn) -> Self {
        Self {
            shared,
            conn,
            out: Answer::default(),
            seat: None,
            selected: None,
            enabled: Enabled::Nothing,
            names: NameEncoding::ModifiedUtf7,
            streamed: VecDeque::new(),
            current: None,
            reading: None,
        }
    }

    /// Serves until one side ends it.
    pub(super) async fn run(mut self) {
        if let Some(octets) = self.shared.quirks.find(|quirk| match quirk {
            Quirk::BreaksAfter(octets) => Some(*octets),
            _ => None,
        }) {
            self.conn.break_after(octets);
        }
        let greeting = format!("CAPABILITY {}", self.capabilities());
        self.out.status(b"*", Condition::Ok, &greeting, "mailferry lab ready");
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(End::Closed) => {
                    // What cannot be said any more needs no answer.
                    let _ = self.flush().await;
                    self.seat = None;
                    return self.conn.close().await;
                }
                Err(End::Gone | End::Cut) => return,
            }
        }
    }

    async fn turn(&mut self) -> Result<(), End> {
        self.flush().await?;
        let frame = self.take_command().await?;
        let tag = frame.tag();
        let verdict = match Request::parse(&frame) {
            Ok(request) => self.handle(request.verb).await?,
            Err(error) => Verdict::bad(error.to_string()),
        };
        self.streamed.clear();
        self.answer(&tag, &verdict);
        match verdict.then {
            Then::NextCommand => Ok(()),
            Then::TlsHandshake => self.begin_tls().await,
            Then::Close => Err(End::Closed),
        }
    }

    /// Writes the tagged answer.
    pub(super) fn answer(&mut self, tag: &[u8], verdict: &Verdict) {
        self.out.status(tag, verdict.condition, &verdict.code, &verdict.text);
        if let Some(current) = self.current.take() {
            self.shared.log.update(current.place, |entry| entry.answer = Some(verdict.condition));
        }
    }

    /// Sends what was written so far.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let segments = self.out.take();
        self.conn.write(&segments).await
    }

    pub(super) fn has(&self, ability: Capability) -> bool {
        self.shared.config.abilities.has(ability)
    }

    /// BAD for a command of an extension that is not there.
    pub(super) fn unknown(&self, what: &str) -> Verdict {
        self.shared.log.violation(format!("{what}: not announced"));
        Verdict::bad(format!("Unknown command: {what}"))
    }

    /// Who is signed in.
    pub(super) fn user(&self) -> &str {
        self.seat.as_ref().map_or("", |seat| &seat.user)
    }

    /// The tag of the command that is being done.
    pub(super) fn current_tag(&self) -> Bytes {
        self.current.as_ref().map(|current| current.tag.clone()).unwrap_or_default()
    }

    /// Counts bodies that came or went with the current command.
    pub(super) fn count_body(&self) {
        if let Some(current) = &self.current {
            self.shared.log.update(current.place, |entry| entry.bodies += 1);
        }
    }

    /// Reads a whole command.
    async fn take_command(&mut self) -> Result<Frame, End> {
        loop {
            let arrival = match self.conn.framer.next() {
                Ok(Some(arrival)) => arrival,
                Ok(None) => {
                    self.conn.read().await?;
                    continue;
                }
                Err(error) => {
                    self.out.status(b"*", Condition::Bye, "", &error.to_string());
                    return Err(End::Closed);
                }
            };
            match arrival {
                Arrival::Command(frame) => {
                    self.begin(frame.bytes());
                    self.count_size(frame.bytes().len() as u64);
                    self.check_literals(&frame);
                    return Ok(frame);
                }
                Arrival::Asked { head, size } => {
                    self.begin(head.bytes());
                    match self.refuse_literal(&head, size) {
                        Some(verdict) => {
                            self.conn.framer.refuse();
                            self.answer(&head.tag(), &verdict);
                        }
                        None => {
                            self.out.proceed("go on");
                            self.conn.framer.accept().map_err(|_| End::Closed)?;
                        }
                    }
                    self.flush().await?;
                }
                Arrival::LiteralStart { head, .. } => {
                    self.begin(head.bytes());
                    self.reading = Some(Collector::default());
                }
                Arrival::LiteralChunk(chunk) => {
                    self.count_size(chunk.len() as u64);
                    if let Some(reading) = &mut self.reading {
                        reading.feed(&chunk);
                    }
                }
                Arrival::LiteralEnd => {
                    self.streamed.extend(self.reading.take().map(Collector::finish));
                }
            }
        }
    }

    /// A line inside AUTHENTICATE.
    pub(super) async fn take_line(&mut self) -> Result<Bytes, End> {
        self.flush().await?;
        loop {
            match self.conn.framer.next() {
                Ok(Some(Arrival::Command(frame))) => return Ok(frame.bytes().clone()),
                Ok(None) => _ = self.conn.read().await?,
                _ => return Err(End::Closed),
            }
        }
    }

    fn begin(&mut self, text: &[u8]) {
        if self.current.is_some() {
            return;
        }
        let line = text.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
        let mut words = line.split(|b| *b == b' ').skip(1);
        let mut word = || String::from_utf8_lossy(words.next().unwrap_or_default()).to_ascii_uppercase();
        let mut verb = word();
        if verb == "UID" {
            verb = format!("UID {}", word());
        }
        let (link, user, began) = (self.conn.link, self.user().to_owned(), Instant::now());
        let entry = Entry { link, user, verb, size: 0, bodies: 0, began, answer: None };
        let tag = Bytes::copy_from_slice(text.split(|b| *b == b' ').next().unwrap_or_default());
        self.current = Some(Current { tag, place: self.shared.log.begin(entry), began });
    }

    fn count_size(&self, octets: u64) {
        if let Some(current) = &self.current {
            self.shared.log.update(current.place, |entry| entry.size += octets);
        }
    }
}

/// How long a body or message takes, where a quirk says so.
pub(super) fn delay(shared: &Shared, of: impl Fn(&Quirk) -> Option<Duration>) -> Duration {
    shared.quirks.find(of).unwrap_or_default()
}
