//! Which UIDs are there, in questions that no server finds too long, and answers that a server may cut short.

use mailferry_model::{Error, Result};
use mailferry_wire::imap::{
    Capability, Code, Command, Edge, MailboxName, Reply, SearchKey, SequenceSet, UidSet,
};

use crate::imap::client::{
    classify::{Op, classify},
    conn::Conn,
    pipe::{Answers, Ask, Wants},
    pool::Pool,
};

/// Messages asked for by one command, at most.
pub const PAGE: u32 = 4_096;
/// The question for the UIDs of these, answered as shortly as the server can.
pub fn search_ask(pool: &Pool, key: SearchKey) -> Ask {
    let returns: &[&str] = if pool.can(Capability::Esearch) { &["ALL"] } else { &[] };
    Ask::of(Command::uid_search(&[key], returns), Wants::Search)
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
    let (_, mut answers) = conn.send_in(folder, [search_ask(pool, key)]);
    let answers = answers.pop().ok_or_else(|| Error::bug("search", "nothing was asked"))?;
    let found = searched(pool, conn, folder, from, answers).await?;
    Ok(found.iter().filter(|uid| *uid >= from).collect())
}

/// Which of these UIDs are there.
///
/// # Errors
/// What SEARCH says.
pub async fn there(pool: &Pool, conn: &Conn, folder: &MailboxName, uids: &UidSet) -> Result<UidSet> {
    let search = |set| search_ask(pool, SearchKey::Uid(set));
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
        let mut more = conn.send_in(folder, [search_ask(pool, SearchKey::Uid(rest))]).1;
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
