//! Looking at items without taking them: header keys, and digests of bodies that are read and forgotten.
//!
//! Used by source and target alike. Answers with UIDs; what they mean is the caller's.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_codec::mime::{Digester, HEAD_LIMIT, HEAD_MAX, is_whole_head};
use mailferry_model::{
    Error, Kind, Result, Retry, Scope,
    flags::{Flags, SystemFlag},
    item::Date,
    key::{Digest, HeaderKey},
};
use mailferry_wire::imap::{
    Capability, Code, Command, Data, Edge, Fetch, FetchItem, FetchModifier, Flag, InternalDate, MailboxName,
    QResync, Reply, SearchKey, SequenceSet, UidSet,
};

use super::{
    classify::{Op, classify},
    conn::Conn,
    pipe::{Answer, Answers, Ask, Kept, Wants},
    pool::Pool,
    selection::{Opened, Selection},
};
use crate::convert::key;

/// Messages asked for by one command, at most.
pub const PAGE: u32 = 4_096;
/// Bodies read for digests by one command, together.
const DIGEST_BYTES: u64 = 4 << 20;

/// What was seen of one message.
#[derive(Debug)]
pub struct Seen {
    /// UIDVALIDITY of the folder.
    pub uid_validity: u32,
    /// UID.
    pub uid: u32,
    /// Header key.
    pub key: HeaderKey,
    /// Message-ID.
    pub message_id: Option<Box<str>>,
    /// Size as listed.
    pub size: u64,
    /// When it arrived.
    pub date: Option<Date>,
    /// Flags.
    pub flags: Flags,
}

/// Which messages are looked at.
#[derive(Clone, Debug)]
pub enum Range {
    /// From this UID on.
    From(u32),
    /// These.
    Only(UidSet),
}

/// Flags as the domain has them. `\Recent` and unknown system flags cannot be set anywhere and are left out.
pub fn flags(wire: &[Flag]) -> Flags {
    let mut flags = Flags::default();
    for flag in wire {
        match flag {
            Flag::Seen => flags = flags.with(SystemFlag::Seen),
            Flag::Answered => flags = flags.with(SystemFlag::Answered),
            Flag::Flagged => flags = flags.with(SystemFlag::Flagged),
            Flag::Deleted => flags = flags.with(SystemFlag::Deleted),
            Flag::Draft => flags = flags.with(SystemFlag::Draft),
            Flag::Keyword(keyword) => flags.insert_keyword(keyword.as_str().into()),
            Flag::Recent | Flag::Any | Flag::Extension(_) => {}
        }
    }
    flags
}

/// A date as the domain has it.
pub fn date(date: InternalDate) -> Date {
    Date { seconds: date.epoch_seconds(), zone: date.offset_minutes() }
}

/// The head in one piece, without a copy where it is: 16 KiB, and more only where it does not end within them.
pub fn beginning(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [] => Bytes::new(),
        [first, rest @ ..] if rest.is_empty() || is_whole_head(first) => first.clone(),
        pieces => {
            let start = joined(pieces, HEAD_LIMIT);
            if is_whole_head(&start) { start } else { joined(pieces, HEAD_MAX) }
        }
    }
}

fn joined(pieces: &[Bytes], most: usize) -> Bytes {
    let mut start = Vec::with_capacity(most.min(pieces.iter().map(Bytes::len).sum()));
    for piece in pieces {
        start.extend_from_slice(&piece[..piece.len().min(most - start.len())]);
    }
    start.into()
}

/// The body in an answer with its digest; `None` if the answer has no body at all.
///
/// # Errors
/// `Malformed` (item) for NIL, worth another try: servers say it for what they cannot read just now, too.
pub fn body(pool: &Pool, fetch: &Fetch, kept: Option<Kept>) -> Option<Result<Kept>> {
    match fetch.body()? {
        Data::Bytes(_) | Data::Streamed { .. } => kept.map(Ok),
        Data::Nil => {
            let text = "the server gives no body (NIL)";
            Some(Err(Error::new(Kind::Malformed, pool.cx.side, "read", text).retry_of(Retry::Soon)))
        }
    }
}

/// The folder has other UIDs now than those that were asked for.
pub fn renumbered(pool: &Pool) -> Error {
    Error::new(Kind::CursorExpired, pool.cx.side, "read", "UIDVALIDITY has changed").scope_of(Scope::Folder)
}

/// What refuses a listing reaches at least the folder; a server that wants to be left alone, all of them.
pub fn of_folder(error: Error) -> Error {
    let scope = error.scope().max(Scope::Folder);
    error.scope_of(scope)
}

/// Checks that a folder is still the one that was meant.
///
/// # Errors
/// Why it could not be opened, or `CursorExpired`.
pub fn check(pool: &Pool, selection: &Selection, expected: Option<u32>) -> Result<Option<Arc<Opened>>> {
    match selection.peek() {
        None => Ok(None),
        Some(Err(error)) => Err(error),
        Some(Ok(opened)) => match expected {
            Some(expected) if expected != opened.uid_validity => Err(renumbered(pool)),
            _ => Ok(Some(opened)),
        },
    }
}

/// All UIDs from one on.
///
/// # Errors
/// What SEARCH says.
pub async fn uids(pool: &Pool, conn: &Conn, folder: &MailboxName, from: u32) -> Result<UidSet> {
    let key = match from {
        0 | 1 => SearchKey::All,
        _ => SearchKey::Uid(SequenceSet::from_number_on(from)),
    };
    let returns: &[&str] = if pool.can(Capability::Esearch) { &["ALL"] } else { &[] };
    let ask = Ask::of(Command::uid_search(&[key], returns), Wants::Search);
    let (_, mut answers) = conn.send_in(folder, [ask]);
    let answers = answers.pop().ok_or_else(|| Error::bug("search", "nothing was asked"))?;
    let found = searched(pool, conn, folder, from, answers).await?;
    Ok(found.iter().filter(|uid| *uid >= from).collect())
}

/// Which of these UIDs are there.
///
/// # Errors
/// What SEARCH says.
pub async fn there(pool: &Pool, conn: &Conn, folder: &MailboxName, uids: &UidSet) -> Result<UidSet> {
    let returns: &[&str] = if pool.can(Capability::Esearch) { &["ALL"] } else { &[] };
    let search = |set| Ask::of(Command::uid_search(&[SearchKey::Uid(set)], returns), Wants::Search);
    let (_, answers) = conn.send_in(folder, parts(pool, uids).into_iter().map(search));
    let mut set = UidSet::empty();
    for answers in answers {
        let found = searched(pool, conn, folder, 1, answers).await?;
        found.ranges().iter().for_each(|(from, to)| set.insert_range(*from, *to));
    }
    Ok(set)
}

/// What a SEARCH found in all, also where the server stops after so many messages.
///
/// # Errors
/// What SEARCH says.
pub async fn searched(
    pool: &Pool,
    conn: &Conn,
    folder: &MailboxName,
    from: u32,
    answers: Answers,
) -> Result<UidSet> {
    let (mut set, mut answers) = (UidSet::empty(), answers);
    loop {
        let (replies, status) = answers.all().await.map_err(|lost| lost.error)?;
        if !status.is_ok() {
            return Err(classify(pool.cx.side, Op::Read, &status));
        }
        found(replies).ranges().iter().for_each(|(from, to)| set.insert_range(*from, *to));
        let Some(rest) = left_out(from, status.code.as_ref()) else { return Ok(set) };
        let returns: &[&str] = if pool.can(Capability::Esearch) { &["ALL"] } else { &[] };
        let ask = Ask::of(Command::uid_search(&[SearchKey::Uid(rest)], returns), Wants::Search);
        let mut more = conn.send_in(folder, [ask]).1;
        answers = more.pop().ok_or_else(|| Error::bug("search", "nothing was asked"))?;
    }
}

/// What SEARCH or ESEARCH found.
pub(in crate::imap) fn found(replies: Vec<Reply>) -> UidSet {
    let mut set = UidSet::empty();
    for reply in replies {
        match reply {
            Reply::Search(search) => set.extend(search.numbers),
            Reply::Esearch(found) => {
                if let Some(Ok(all)) = found.all.map(UidSet::try_from) {
                    all.ranges().iter().for_each(|(from, to)| set.insert_range(*from, *to));
                }
            }
            _ => {}
        }
    }
    set
}

/// Splits a question so that no command is too long and none touches too many messages.
pub fn parts(pool: &Pool, set: &UidSet) -> Vec<SequenceSet> {
    let count = pool.caps.message_limit().unwrap_or(PAGE).min(PAGE);
    let by_count = set.split_by_count(count);
    by_count.iter().flat_map(|part| part.split_by_length(8_000)).map(|part| (&part).into()).collect()
}

/// What a limited answer left out: everything below the lowest UID that was done.
// RFC 9738 §3.1
pub fn left_out(from: u32, code: Option<&Code>) -> Option<SequenceSet> {
    match code {
        Some(Code::MessageLimit { lowest_done: Some(lowest), .. }) if *lowest > from.max(1) => {
            Some(SequenceSet::range(Edge::Number(from.max(1)), Edge::Number(lowest - 1)))
        }
        _ => None,
    }
}

const HEAD_FIELDS: &str = "HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)";

fn trace_ask(set: &SequenceSet) -> Ask {
    let items = [
        FetchItem::Uid,
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Size,
        FetchItem::peek(HEAD_FIELDS),
    ];
    Ask::of(Command::uid_fetch(set, &items, FetchModifier::None), Wants::Fetch)
}

/// Looks at messages: opens the folder afresh, so that what others have put there is seen.
pub fn traces(
    pool: Arc<Pool>,
    folder: MailboxName,
    range: Range,
    expected: Option<u32>,
    expected_items: Option<u64>,
) -> BoxStream<'static, Result<Seen>> {
    let begun = async move {
        match Looking::begin(pool, folder, range, expected, expected_items).await {
            Ok(looking) => looking.into_stream(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(begun).flatten().boxed()
}

/// A look in progress.
struct Looking {
    pool: Arc<Pool>,
    conn: Conn,
    folder: MailboxName,
    selection: Arc<Selection>,
    expected: Option<u32>,
    from: u32,
    open_ended: bool,
    left: std::collections::VecDeque<SequenceSet>,
    asked: std::collections::VecDeque<Answers>,
    sequence: std::collections::HashMap<u32, u32>,
    over: bool,
}

impl Looking {
    async fn begin(
        pool: Arc<Pool>,
        folder: MailboxName,
        range: Range,
        expected: Option<u32>,
        items: Option<u64>,
    ) -> Result<Self> {
        let conn = pool.conn(Some(&folder)).await?;
        let limit = u64::from(pool.caps.message_limit().unwrap_or(PAGE).min(PAGE));
        let open_ended = matches!(range, Range::From(_)) && items.is_some_and(|n| n <= limit);
        let from = match range {
            Range::From(from) => from.max(1),
            Range::Only(_) => 1,
        };
        let mut left = std::collections::VecDeque::new();
        let mut asked = std::collections::VecDeque::new();
        let first = open_ended.then(|| trace_ask(&SequenceSet::from_number_on(from)));
        let (selection, answers) = conn.send_afresh(&folder, QResync::Plain, first);
        asked.extend(answers);
        match range {
            Range::From(_) if open_ended => {}
            Range::From(_) => {
                selection.opened().await?;
                left.extend(parts(&pool, &uids(&pool, &conn, &folder, from).await?));
            }
            Range::Only(set) => left.extend(parts(&pool, &set)),
        }
        let sequence = std::collections::HashMap::new();
        Ok(Self {
            pool,
            conn,
            folder,
            selection,
            expected,
            from,
            open_ended,
            left,
            asked,
            sequence,
            over: false,
        })
    }

    fn into_stream(self) -> BoxStream<'static, Result<Seen>> {
        stream::unfold(self, |mut looking| async move {
            let seen = looking.next().await?;
            looking.over |= seen.is_err();
            Some((seen, looking))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Result<Seen>> {
        while !self.over {
            while self.asked.len() < 2
                && let Some(part) = self.left.pop_front()
            {
                let (selection, answers) = self.conn.send_in(&self.folder, [trace_ask(&part)]);
                self.selection = selection;
                self.asked.extend(answers);
            }
            let answer = self.asked.front_mut()?.next().await;
            let opened = match check(&self.pool, &self.selection, self.expected) {
                Ok(opened) => opened,
                Err(error) => return Some(Err(error)),
            };
            match answer {
                Answer::Reply(Reply::Fetch(fetch), kept) => {
                    let uid_validity = opened.map_or(0, |o| o.uid_validity);
                    if let Some(seen) = self.seen(&fetch, kept, uid_validity) {
                        return Some(Ok(seen));
                    }
                }
                Answer::Reply(..) | Answer::Large { .. } => {}
                Answer::Done(status) if status.is_ok() => {
                    self.asked.pop_front();
                    if self.open_ended
                        && let Some(rest) = left_out(self.from, status.code.as_ref())
                    {
                        self.left.push_back(rest);
                    }
                }
                Answer::Done(status) => {
                    return Some(Err(of_folder(classify(self.pool.cx.side, Op::Read, &status))));
                }
                Answer::Lost(lost) => return Some(Err(lost.error)),
            }
        }
        None
    }

    fn seen(&mut self, fetch: &Fetch, kept: Option<Kept>, uid_validity: u32) -> Option<Seen> {
        if let (Some(uid), Some(number)) = (fetch.uid, fetch.sequence) {
            self.sequence.insert(number, uid);
        }
        let section = fetch.sections.iter().find(|s| s.part.to_ascii_uppercase().starts_with(b"HEADER"))?;
        let uid = fetch.uid.or_else(|| self.sequence.get(&fetch.sequence?).copied())?;
        // `n:*` names the last message even if its UID is lower.
        if uid < self.from {
            return None;
        }
        let first = match &section.data {
            Data::Bytes(bytes) => bytes.clone(),
            Data::Streamed { .. } => beginning(kept.unwrap_or_default().chunks.pieces()),
            Data::Nil => Bytes::new(),
        };
        let (key, message_id) = key(&first);
        Some(Seen {
            uid_validity,
            uid,
            key,
            message_id,
            size: fetch.size.unwrap_or(0),
            date: fetch.internal_date.map(date),
            flags: flags(fetch.flags.as_deref().unwrap_or_default()),
        })
    }
}

/// Digests of messages, one answer for each UID in order.
pub async fn digests(
    pool: &Arc<Pool>,
    folder: &MailboxName,
    expected: Option<u32>,
    uids: &[Option<u32>],
) -> Vec<Result<Digest>> {
    let mut known = std::collections::HashMap::new();
    let failed = read_digests(pool, folder, expected, uids, &mut known).await.err();
    let missing = || match &failed {
        Some(error) => error.clone(),
        None => Error::new(Kind::NotFound, pool.cx.side, "read", "the item is gone"),
    };
    uids.iter().map(|uid| uid.and_then(|uid| known.get(&uid).copied()).ok_or_else(missing)).collect()
}

async fn read_digests(
    pool: &Arc<Pool>,
    folder: &MailboxName,
    expected: Option<u32>,
    uids: &[Option<u32>],
    known: &mut std::collections::HashMap<u32, Digest>,
) -> Result<()> {
    let wanted: UidSet = uids.iter().flatten().copied().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let conn = pool.conn(Some(folder)).await?;
    let mut groups: Vec<UidSet> = vec![UidSet::empty()];
    let mut bytes = 0;
    for (at, part) in parts(pool, &wanted).iter().enumerate() {
        let ask = Ask::of(
            Command::uid_fetch(part, &[FetchItem::Uid, FetchItem::Size], FetchModifier::None),
            Wants::Fetch,
        );
        let (selection, mut answers) = match at {
            0 => conn.send_afresh(folder, QResync::Plain, [ask]),
            _ => conn.send_in(folder, [ask]),
        };
        let Some(answers) = answers.pop() else { continue };
        let replies = answers.done(pool.cx.side, Op::Read).await;
        check(pool, &selection, expected)?;
        for reply in replies? {
            let Reply::Fetch(fetch) = reply else { continue };
            let (Some(uid), size) = (fetch.uid, fetch.size.unwrap_or(0)) else { continue };
            if bytes > 0 && bytes + size > DIGEST_BYTES {
                (bytes, _) = (0, groups.push(UidSet::empty()));
            }
            bytes += size.max(1);
            groups.last_mut().into_iter().for_each(|group| group.insert(uid));
        }
    }
    for group in groups.iter().filter(|g| !g.is_empty()) {
        let (selection, mut answers) = conn.send_in(folder, [Ask::bodies(group.clone())]);
        let Some(mut answers) = answers.pop() else { continue };
        loop {
            match answers.next().await {
                Answer::Reply(Reply::Fetch(fetch), kept) => {
                    if let (Some(uid), Some(Ok(body))) = (fetch.uid, body(pool, &fetch, kept)) {
                        known.insert(uid, body.digest);
                    }
                }
                Answer::Large { fetch, size, mut pieces } => {
                    let (mut digester, mut got) = (Digester::default(), 0);
                    while let Some(piece) = pieces.recv().await {
                        got += piece.len() as u64;
                        digester.update(&piece);
                    }
                    if let Some(uid) = fetch.uid.filter(|_| got == size) {
                        known.insert(uid, Digest(digester.finish()));
                    }
                }
                Answer::Reply(..) => {}
                Answer::Done(status) => {
                    check(pool, &selection, expected)?;
                    if !status.is_ok() {
                        return Err(classify(pool.cx.side, Op::Read, &status));
                    }
                    break;
                }
                Answer::Lost(lost) => return Err(lost.error),
            }
        }
    }
    Ok(())
}
