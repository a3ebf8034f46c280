//! Header keys, sizes, dates and flags of messages, without their bodies.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_model::{
    Result,
    flags::{Flags, SystemFlag},
    item::Date,
    key::HeaderKey,
};
use mailferry_wire::imap::{
    Command, Data, Fetch, FetchItem, FetchModifier, Flag, InternalDate, MailboxName, QResync, Reply,
    SequenceSet, UidSet,
};

use super::{PAGE, beginning, check, left_out, of_folder, parts, there, uids};
use crate::{
    convert::key,
    imap::client::{
        classify::{Op, classify},
        conn::Conn,
        pipe::{Answer, Answers, Ask, Kept, Wants},
        pool::Pool,
        selection::Selection,
    },
};

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
    left: VecDeque<SequenceSet>,
    asked: VecDeque<Answers>,
    sequence: HashMap<u32, u32>,
    /// What was asked for by name and not told yet.
    lacking: UidSet,
    stage: Stage,
    over: bool,
}

/// How often what was asked for by name has been asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Once,
    Again,
    /// What is there all the same is named without anything known of it.
    Named,
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
        let mut left = VecDeque::new();
        let mut asked = VecDeque::new();
        let first = open_ended.then(|| trace_ask(&SequenceSet::from_number_on(from)));
        let (selection, answers) = conn.send_afresh(&folder, QResync::Plain, first);
        asked.extend(answers);
        let mut lacking = UidSet::empty();
        match range {
            Range::From(_) if open_ended => {}
            Range::From(_) => {
                selection.opened().await?;
                left.extend(parts(&pool, &uids(&pool, &conn, &folder, from).await?));
            }
            Range::Only(set) => {
                left.extend(parts(&pool, &set));
                lacking = set;
            }
        }
        let (sequence, stage) = (HashMap::new(), Stage::Once);
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
            lacking,
            stage,
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
            let Some(answers) = self.asked.front_mut() else {
                match self.rest().await {
                    Ok(true) => continue,
                    Ok(false) => return self.bare().map(Ok),
                    Err(error) => return Some(Err(error)),
                }
            };
            let answer = answers.next().await;
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

    /// What the server left out is asked for once more, then looked for; whether there is more to read.
    async fn rest(&mut self) -> Result<bool> {
        match self.stage {
            Stage::Once if !self.lacking.is_empty() => {
                self.stage = Stage::Again;
                self.left.extend(parts(&self.pool, &self.lacking));
                Ok(true)
            }
            Stage::Again if !self.lacking.is_empty() => {
                self.stage = Stage::Named;
                self.lacking = there(&self.pool, &self.conn, &self.folder, &self.lacking).await?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// A message that is there and of which the server tells nothing: an empty head, so that it is like none.
    fn bare(&mut self) -> Option<Seen> {
        let uid = self.lacking.iter().next().filter(|_| self.stage == Stage::Named)?;
        self.lacking.remove(uid);
        let uid_validity = self.selection.peek().and_then(Result::ok).map_or(0, |o| o.uid_validity);
        let (key, message_id) = key(&[]);
        Some(Seen { uid_validity, uid, key, message_id, size: 0, date: None, flags: Flags::default() })
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
        self.lacking.remove(uid);
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
