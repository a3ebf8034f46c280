//! Bodies: one command for all that is asked, sent at once; each answer handed on as it comes, never copied.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_codec::mime::{Digester, HEAD_LIMIT, HEAD_MAX, is_whole_head};
use mailferry_model::{
    Error, Kind, Result, Retry, Scope,
    id::FolderId,
    item::{Body, Form, Item, ItemDigest, Stub},
    key::Digest,
    port::Fetched,
};
use mailferry_wire::imap::{Fetch, MailboxName, QResync, Reply, UidSet};
use tokio::sync::mpsc;

use super::short::{self, Short};
use crate::{
    convert::key,
    imap::client::{
        classify::{Op, classify, pause},
        conn::{Conn, Hold},
        home::Home,
        ids, look,
        pipe::{Answer, Answers, Ask, Kept, Lost, Sent},
        pool::Pool,
        selection::Selection,
    },
};

/// The bodies of these stubs. Sent now if a connection is there, else when the stream is first polled.
pub fn fetch<'a>(
    pool: &Arc<Pool>,
    folder: &FolderId,
    epoch: Option<u32>,
    stubs: Vec<Stub>,
) -> BoxStream<'a, Fetched> {
    let (mut waiting, mut out) = (Vec::with_capacity(stubs.len()), VecDeque::new());
    let alone = stubs.iter().any(|s| s.size > Body::IN_MEMORY);
    for stub in stubs {
        match ids::item_uid(&stub.id) {
            Some((validity, uid)) if epoch.is_none_or(|epoch| epoch == validity) => {
                waiting.push((uid, stub));
            }
            _ => out.push_back((stub.id, Err(gone(pool)))),
        }
    }
    let name = ids::folder_name(folder);
    let asked = None;
    let (by_sequence, tries, hold) = (HashMap::new(), 0, None);
    let (pool, view, asking, later) = (pool.clone(), View::AsItIs, UidSet::empty(), Vec::new());
    // Boxed: it is handed over with every answer.
    let mut fetching = Box::new(Fetching {
        pool,
        name,
        epoch,
        waiting: Waiting::of(waiting),
        asking,
        later,
        out,
        asked,
        by_sequence,
        tries,
        losses: Losses::default(),
        hold,
        home: None,
        alone,
        view,
        short: Short::default(),
    });
    if !alone
        && !fetching.waiting.0.is_empty()
        && let Some(home) = Home::find(&fetching.pool, &fetching.name)
    {
        fetching.ask(&home);
        fetching.home = Some(home);
    }
    stream::unfold(fetching, |mut fetching| async move {
        let fetched = fetching.next().await?;
        Some((fetched, fetching))
    })
    .boxed()
}

fn gone(pool: &Pool) -> Error {
    Error::new(Kind::NotFound, pool.cx.side, "read", "the item is gone")
}

/// A fetch in progress.
struct Fetching {
    pool: Arc<Pool>,
    name: MailboxName,
    epoch: Option<u32>,
    /// All that is not yet answered.
    waiting: Waiting,
    /// What the question names; nothing: all that waits.
    asking: UidSet,
    /// What is asked after it: parts of a question that was refused as a whole.
    later: Vec<UidSet>,
    out: VecDeque<Fetched>,
    asked: Option<(Arc<Selection>, Answers)>,
    by_sequence: HashMap<u32, u32>,
    tries: u8,
    losses: Losses,
    hold: Option<Hold>,
    home: Option<Home>,
    alone: bool,
    view: View,
    short: Short,
}

/// So often connections may end one after another before anything arrives.
const LOSSES: u8 = 12;
/// So often an item is asked for alone before it is blamed.
const ASKED_ALONE: u8 = 2;
/// So many are blamed in a row before it is the server.
const BLAMED: u8 = 3;

/// Connections that ended while this was asked.
#[derive(Default)]
struct Losses {
    all: u8,
    /// While one item was asked for alone.
    alone: u8,
    /// Items that were blamed since the last one arrived.
    blamed: u8,
}

/// Stubs of what is not yet answered, highest UID first: servers answer in the order of UIDs, so that the next is the
/// last one.
struct Waiting(Vec<(u32, Stub)>);

impl Waiting {
    fn of(mut stubs: Vec<(u32, Stub)>) -> Self {
        stubs.sort_by_key(|(uid, _)| std::cmp::Reverse(*uid));
        stubs.dedup_by_key(|(uid, _)| *uid);
        Self(stubs)
    }

    fn uids(&self) -> impl Iterator<Item = u32> {
        self.0.iter().rev().map(|(uid, _)| *uid)
    }

    fn take(&mut self, uid: u32) -> Option<Stub> {
        let at = self.0.binary_search_by(|(there, _)| uid.cmp(there)).ok()?;
        Some(self.0.remove(at).1)
    }

    /// It was no answer.
    fn put_back(&mut self, stub: Stub) {
        let Some((_, uid)) = ids::item_uid(&stub.id) else { return };
        let at = self.0.partition_point(|(there, _)| *there > uid);
        self.0.insert(at, (uid, stub));
    }
}

/// Whether the folder is opened anew for the question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    AsItIs,
    Afresh,
}

impl Fetching {
    fn ask(&mut self, conn: &Conn) {
        let ask = Ask::bodies(self.open());
        let (selection, mut answers) = match self.view {
            View::AsItIs => conn.send_in(&self.name, [ask]),
            View::Afresh => conn.send_afresh(&self.name, QResync::Plain, [ask]),
        };
        self.by_sequence.clear();
        self.asked = answers.pop().map(|answers| (selection, answers));
    }

    /// What the question names and is not yet answered.
    fn open(&self) -> UidSet {
        let all = self.asking.is_empty();
        self.waiting.uids().filter(|uid| all || self.asking.contains(*uid)).collect()
    }

    async fn next(&mut self) -> Option<Fetched> {
        loop {
            if let Some(fetched) = self.out.pop_front() {
                return Some(fetched);
            }
            if self.waiting.0.is_empty() {
                return None;
            }
            let answer = match &mut self.asked {
                // Whoever stops does not wait for a large body from a slow server.
                Some((_, answers)) => tokio::select! {
                    answer = answers.next() => answer,
                    () = self.pool.cx.cancel.cancelled() => {
                        let stopped = self.pool.cx.cancel.check().err();
                        self.fail(&stopped.unwrap_or_else(|| gone(&self.pool)));
                        continue;
                    }
                },
                None => {
                    if let Err(error) = self.connect().await {
                        self.fail(&error);
                    }
                    continue;
                }
            };
            if let Some((selection, _)) = &self.asked
                && let Err(error) = look::check(&self.pool, selection, self.epoch)
                && !matches!(answer, Answer::Lost(_))
            {
                self.fail(&error);
                continue;
            }
            match answer {
                Answer::Reply(Reply::Fetch(fetch), kept) => self.body(&fetch, kept),
                Answer::Reply(Reply::Expunge(_), _) => self.by_sequence.clear(),
                Answer::Reply(..) => {}
                Answer::Large { fetch, size, pieces } => self.large(&fetch, size, pieces).await,
                Answer::Done(status) if status.is_ok() => {
                    // RFC 9738 §3.1: the server may have stopped early.
                    if look::left_out(1, status.code.as_ref()).is_some() && self.tries < 100 {
                        self.tries += 1;
                        self.asked = None;
                    } else if self.open().is_empty() {
                        self.turn_to_next();
                    } else if self.view == View::AsItIs || self.short.take() {
                        // The folder may have been open here since before the item arrived.
                        self.view = View::Afresh;
                        self.asked = None;
                    } else {
                        self.fail(&gone(&self.pool));
                    }
                }
                Answer::Done(status) => {
                    let error = classify(self.pool.cx.side, Op::Read, &status);
                    match error.scope() == Scope::Item && pause(&status).is_none() {
                        true => self.narrow(&error),
                        false => self.again_or_fail(error).await,
                    }
                }
                Answer::Lost(lost) if lost.sent == Sent::Nothing && self.tries == 0 => {
                    self.tries += 1;
                    self.asked = None;
                }
                Answer::Lost(lost) => self.lost(lost),
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        self.pool.cx.cancel.check()?;
        if self.alone {
            let (conn, hold) = self.pool.alone().await?;
            self.hold = Some(hold);
            self.ask(&conn);
        } else {
            let home = Home::take(&self.pool, &self.name).await?;
            self.ask(&home);
            self.home = Some(home);
        }
        Ok(())
    }

    async fn again_or_fail(&mut self, error: Error) {
        if self.tries < 4 && self.pool.worth_waiting(&error) && self.pool.cx.cancel.check().is_ok() {
            self.tries += 1;
            self.pool.wait_for(&error).await;
            self.asked = None;
        } else {
            self.fail(&error);
        }
    }

    /// One of those that were asked for cannot be read: halves are asked for until it stands alone.
    fn narrow(&mut self, error: &Error) {
        let mut open: Vec<u32> = self.open().iter().collect();
        self.asked = None;
        if open.len() > 1 {
            let rest = open.split_off(open.len() / 2);
            self.later.push(rest.into_iter().collect());
            self.asking = open.into_iter().collect();
            return;
        }
        self.give_up(&open, error);
    }

    /// These get this answer; the others are asked for.
    fn give_up(&mut self, open: &[u32], error: &Error) {
        let stubs = open.iter().filter_map(|uid| self.waiting.take(*uid));
        self.out.extend(stubs.map(|stub| (stub.id, Err(error.clone()))));
        self.turn_to_next();
    }

    /// The connection ended. The first of what is open may be why: it is asked for alone, on a connection that nobody
    /// else uses, then blamed, so that one message on which a server dies does not hold up all others. Whether the
    /// server still lives the next connection tells.
    fn lost(&mut self, lost: Lost) {
        let error = lost.error.scope_of(Scope::Mailbox);
        let ended = matches!(error.kind(), Kind::Unreachable | Kind::Timeout);
        if !ended || self.losses.all >= LOSSES || self.pool.cx.cancel.check().is_err() {
            return self.fail(&error);
        }
        self.losses.all += 1;
        (self.asked, self.home, self.hold, self.alone) = (None, None, None, true);
        let mut open: Vec<u32> = self.open().iter().collect();
        if open.len() > 1 {
            let rest = open.split_off(1);
            self.later.push(rest.into_iter().collect());
            self.asking = open.into_iter().collect();
            self.losses.alone = 0;
            return;
        }
        self.losses.alone += u8::from(lost.alone);
        if self.losses.alone < ASKED_ALONE {
            return;
        }
        self.losses.alone = 0;
        self.losses.blamed += 1;
        if self.losses.blamed >= BLAMED {
            return self.fail(&error);
        }
        let text = format!("the source ends the connection at this message: {}", error.context());
        let blamed = Error::new(Kind::Malformed, self.pool.cx.side, "read", text).retry_of(Retry::Soon);
        self.give_up(&open, &blamed);
    }

    /// Asks for the next part.
    fn turn_to_next(&mut self) {
        (self.asked, self.hold, self.alone) = (None, None, false);
        self.asking = self.later.pop().unwrap_or_else(UidSet::empty);
    }

    /// All that is unanswered gets this answer.
    fn fail(&mut self, error: &Error) {
        self.asked = None;
        let waiting = std::mem::take(&mut self.waiting.0);
        self.out.extend(waiting.into_iter().rev().map(|(_, stub)| (stub.id, Err(error.clone()))));
    }

    /// Whose answer this is, if it was asked for.
    fn stub(&mut self, fetch: &Fetch) -> Option<Stub> {
        let known = |number: u32| self.by_sequence.get(&number).copied();
        let uid = fetch.uid.or_else(|| fetch.sequence.and_then(known));
        let only = || (self.waiting.0.len() == 1).then(|| self.waiting.uids().next()).flatten();
        self.waiting.take(uid.or_else(only)?)
    }

    fn body(&mut self, fetch: &Fetch, kept: Option<Kept>) {
        let Some(body) = look::body(&self.pool, fetch, kept) else {
            // Flags that somebody changed, or the first half of an answer.
            if let (Some(uid), Some(number)) = (fetch.uid, fetch.sequence) {
                self.by_sequence.insert(number, uid);
            }
            return;
        };
        let Some(stub) = self.stub(fetch) else { return };
        (self.losses.all, self.losses.blamed) = (0, 0);
        if stub.size > 0 && body.as_ref().is_ok_and(|kept| kept.chunks.is_empty()) {
            return self.empty(stub);
        }
        let id = stub.id.clone();
        let lines = |kept: &Kept| short::line_ends(kept.chunks.pieces());
        let short_of = body.as_ref().ok().and_then(|b| short::of(stub.size, b.chunks.len(), || lines(b)));
        if short_of.is_some() && self.short.asks_again(&self.pool, &id) {
            return self.waiting.put_back(stub);
        }
        if short_of.is_none() {
            self.short.came(&self.pool, &id);
        }
        let item = body.map(|Kept { chunks, digest }| {
            self.pool.cx.meter.moved(self.pool.cx.side, chunks.len());
            let first = look::beginning(chunks.pieces());
            Item { short_of, ..item(stub, &first, Body::Bytes(chunks), ItemDigest::Known(digest)) }
        });
        self.out.push_back((id, item));
    }

    /// A message that was listed with a size came without a body: it is asked for once more with what is left open, then
    /// left for the next pass. What is empty is not put: a target that refuses it would be blamed.
    fn empty(&mut self, stub: Stub) {
        if self.view == View::AsItIs {
            return self.waiting.put_back(stub);
        }
        let text = format!("the server listed {} octets and gave an empty body", stub.size);
        let error = Error::new(Kind::Malformed, self.pool.cx.side, "read", text).retry_of(Retry::Soon);
        self.out.push_back((stub.id, Err(error)));
    }

    async fn large(&mut self, fetch: &Fetch, size: u64, mut pieces: mpsc::Receiver<Bytes>) {
        let Some(stub) = self.stub(fetch) else { return };
        (self.losses.all, self.losses.blamed) = (0, 0);
        let short_of = short::of(stub.size, size, || size / short::LINE);
        if short_of.is_some() && self.short.asks_again(&self.pool, &stub.id) {
            while pieces.recv().await.is_some() {}
            return self.waiting.put_back(stub);
        }
        let (mut ahead, mut octets) = (Vec::new(), 0);
        while octets < HEAD_MAX
            && octets as u64 != size
            && (octets < HEAD_LIMIT || !is_whole_head(&look::beginning(&ahead)))
            && let Some(piece) = pieces.recv().await
        {
            octets += piece.len();
            ahead.push(piece);
        }
        let first = look::beginning(&ahead);
        let digest = Arc::new(OnceLock::new());
        let passing = Passing {
            pool: self.pool.clone(),
            ahead: ahead.into(),
            pieces,
            digester: Some(Box::default()),
            digest: digest.clone(),
            left: size,
            _hold: self.hold.take(),
        };
        let pieces = stream::unfold(passing, |mut passing| async move {
            let piece = passing.next().await?;
            Some((piece, passing))
        });
        let body = Body::Stream { size, pieces: pieces.boxed() };
        let id = stub.id.clone();
        let item = Item { short_of, ..item(stub, &first, body, ItemDigest::Passing(digest)) };
        self.out.push_back((id, Ok(item)));
    }
}

fn item(stub: Stub, first: &[u8], body: Body, digest: ItemDigest) -> Item {
    let (key, message_id) = key(first);
    let (id, form, date, flags) = (stub.id, Form::Mime, stub.date, stub.flags);
    Item { id, form, key, message_id, date, flags, body, digest, short_of: None }
}

/// A large body on its way; keeps its connection to itself until it has passed.
struct Passing {
    pool: Arc<Pool>,
    ahead: VecDeque<Bytes>,
    pieces: mpsc::Receiver<Bytes>,
    digester: Option<Box<Digester>>,
    digest: Arc<OnceLock<Digest>>,
    left: u64,
    _hold: Option<Hold>,
}

impl Passing {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        self.digester.as_ref()?;
        let piece = match self.ahead.pop_front() {
            Some(piece) => Some(piece),
            None if self.left == 0 => None,
            None => self.pieces.recv().await,
        };
        match piece {
            Some(piece) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                self.pool.cx.meter.moved(self.pool.cx.side, piece.len() as u64);
                if let Some(digester) = &mut self.digester {
                    digester.update(&piece);
                }
                // Set with the last piece: who has all octets may ask for the digest at once.
                if self.left == 0
                    && let Some(mut digester) = self.digester.take()
                {
                    _ = self.digest.set(Digest(digester.take()));
                }
                Some(Ok(piece))
            }
            None => {
                self.digester = None;
                let text = "the connection ended in the middle of a body";
                let error = Error::new(Kind::Unreachable, self.pool.cx.side, "read", text);
                (self.left > 0).then(|| Err(error.scope_of(Scope::Mailbox)))
            }
        }
    }
}
