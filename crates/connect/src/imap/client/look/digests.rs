//! Digests of bodies, which are read and forgotten: a few megabytes with one command.

use std::{collections::HashMap, sync::Arc};

use mailferry_codec::mime::Digester;
use mailferry_model::{Error, Kind, Result, key::Digest};
use mailferry_wire::imap::{Command, FetchItem, FetchModifier, MailboxName, QResync, Reply, UidSet};

use super::{body, check, parts};
use crate::imap::client::{
    classify::{Op, classify},
    conn::Conn,
    pipe::{Answer, Answers, Ask, Wants},
    pool::Pool,
    selection::Selection,
};

/// Bodies read for digests by one command, together.
const DIGEST_BYTES: u64 = 4 << 20;

/// Digests of messages, one answer for each UID in order.
pub async fn digests(
    pool: &Arc<Pool>,
    folder: &MailboxName,
    expected: Option<u32>,
    uids: &[Option<u32>],
) -> Vec<Result<Digest>> {
    let mut known = HashMap::new();
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
    known: &mut HashMap<u32, Digest>,
) -> Result<()> {
    let wanted: UidSet = uids.iter().flatten().copied().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let conn = pool.conn(Some(folder)).await?;
    for group in grouped(pool, &conn, folder, expected, &wanted).await? {
        let (selection, answers) = conn.send_in(folder, [Ask::bodies(group)]);
        for answers in answers {
            read_group(pool, &selection, expected, answers, known).await?;
        }
    }
    Ok(())
}

/// What one command asks for, by the sizes that the server lists.
async fn grouped(
    pool: &Arc<Pool>,
    conn: &Conn,
    folder: &MailboxName,
    expected: Option<u32>,
    wanted: &UidSet,
) -> Result<Vec<UidSet>> {
    let mut groups: Vec<UidSet> = Vec::new();
    let mut bytes = 0;
    for (at, part) in parts(pool, wanted).iter().enumerate() {
        let items = [FetchItem::Uid, FetchItem::Size];
        let ask = Ask::of(Command::uid_fetch(part, &items, FetchModifier::None), Wants::Fetch);
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
            match groups.last_mut().filter(|_| bytes + size <= DIGEST_BYTES) {
                Some(group) => group.insert(uid),
                None => (bytes, _) = (0, groups.push([uid].into_iter().collect())),
            }
            bytes += size;
        }
    }
    Ok(groups)
}

async fn read_group(
    pool: &Pool,
    selection: &Selection,
    expected: Option<u32>,
    mut answers: Answers,
    known: &mut HashMap<u32, Digest>,
) -> Result<()> {
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
                check(pool, selection, expected)?;
                return match status.is_ok() {
                    true => Ok(()),
                    false => Err(classify(pool.cx.side, Op::Read, &status)),
                };
            }
            Answer::Lost(lost) => return Err(lost.error),
        }
    }
}
