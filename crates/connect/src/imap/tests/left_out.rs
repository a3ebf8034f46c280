//! A server that leaves messages out of a listing: what is there is named all the same, once more asked for.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::TryStreamExt;
use mailferry_model::{
    Side,
    id::{Cursor, FolderId, ItemId},
    item::{Change, Page},
    port::{Connector, Source},
    settings::MailboxAddress,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{
    imap::{Imap, client::ids},
    testing::cx,
};

const PLAIN: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+";
const CONDSTORE: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ ENABLE CONDSTORE ESEARCH";
const QRESYNC: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ ENABLE CONDSTORE QRESYNC ESEARCH";

/// A server with messages up to a UID, that leaves one out of so many FETCH answers.
#[derive(Clone)]
struct Forgetful {
    caps: &'static str,
    last: Arc<AtomicU32>,
    forgets: u32,
    times: Arc<AtomicU32>,
}

impl Forgetful {
    fn of(caps: &'static str, last: u32) -> Self {
        Self { caps, last: Arc::new(last.into()), forgets: 0, times: Arc::default() }
    }

    /// Leaves out this message so often.
    fn forgetting(self, uid: u32, times: u32) -> Self {
        self.times.store(times, Ordering::SeqCst);
        Self { forgets: uid, ..self }
    }

    async fn source(&self) -> Box<dyn Source> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let (reading, mut writing) = stream.into_split();
                    let mut lines = BufReader::new(reading).lines();
                    writing.write_all(format!("* OK [CAPABILITY {}] x\r\n", server.caps).as_bytes()).await?;
                    while let Some(line) = lines.next_line().await? {
                        writing.write_all(server.answer(&line).as_bytes()).await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        let url = format!("imap://u@127.0.0.1:{port}?security=none");
        let (settings, who) = Imap.account_of_url(&url).unwrap();
        let who = MailboxAddress { password: Some("p".into()), ..who };
        Imap.source(&cx(Side::Source), &settings, &who).await.unwrap()
    }

    fn answer(&self, line: &str) -> String {
        let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
        let last = self.last.load(Ordering::SeqCst);
        let modseq = if self.caps.contains("CONDSTORE") { "* OK [HIGHESTMODSEQ 9] x\r\n" } else { "" };
        let all = 1..=last;
        let words: Vec<&str> = command.split(' ').collect();
        let told = match &words[..] {
            ["ENABLE", ..] => "* ENABLED QRESYNC\r\n".to_owned(),
            ["EXAMINE", ..] => format!(
                "* {last} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {}] x\r\n{modseq}",
                last + 1
            ),
            ["UID", "FETCH", set, ..] if command.contains("CHANGEDSINCE") => {
                assert!(!set.is_empty());
                String::new()
            }
            ["UID", "FETCH", set, ..] => {
                let asked: Vec<u32> = all.filter(|uid| is_in(set, *uid, last)).collect();
                let forgotten = asked.contains(&self.forgets)
                    && self
                        .times
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                        .is_ok();
                let shown = asked.iter().filter(|uid| !forgotten || **uid != self.forgets);
                let one = |uid: &u32| {
                    format!(
                        "* {uid} FETCH (UID {uid} FLAGS (\\Seen) INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" \
                         RFC822.SIZE 10{uid} BODY[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)] \"\")\r\n"
                    )
                };
                shown.map(one).collect()
            }
            ["UID", "SEARCH", "RETURN", ..] => format!("* ESEARCH (TAG \"{tag}\") UID ALL 1:{last}\r\n"),
            ["UID", "SEARCH", which @ ..] => {
                let set = which.last().filter(|_| which.len() > 1).copied().unwrap_or("1:*");
                let found = all.filter(|uid| is_in(set, *uid, last)).map(|uid| uid.to_string());
                format!("* SEARCH {}\r\n", found.collect::<Vec<_>>().join(" "))
            }
            _ => String::new(),
        };
        format!("{told}{tag} OK [CAPABILITY {}] done\r\n", self.caps)
    }
}

fn is_in(set: &str, uid: u32, last: u32) -> bool {
    set.split(',').any(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse().unwrap_or(last);
        (number(from).min(number(to))..=number(from).max(number(to))).contains(&uid)
    })
}

fn inbox() -> FolderId {
    FolderId::from_bytes("INBOX")
}

async fn all_pages(source: &dyn Source, cursor: Option<Cursor>) -> (Vec<Change>, Cursor) {
    let (mut changes, mut cursor) = (Vec::new(), cursor);
    loop {
        let Page { changes: some, next, more, .. } = source.changes(&inbox(), cursor.as_ref()).await.unwrap();
        changes.extend(some);
        if !more {
            return (changes, next);
        }
        cursor = Some(next);
    }
}

/// UIDs with their sizes as they were told.
fn new(changes: &[Change]) -> Vec<(u32, u64)> {
    let stub = |change: &Change| match change {
        Change::Upsert(stub) => Some((ids::item_uid(&stub.id)?.1, stub.size)),
        _ => None,
    };
    let mut all: Vec<_> = changes.iter().filter_map(stub).collect();
    all.sort_unstable();
    all
}

/// UIDs that a listing says are there.
fn named(changes: &[Change]) -> Vec<u32> {
    let id = |change: &Change| match change {
        Change::Upsert(stub) => ids::item_uid(&stub.id),
        Change::Flags(id, _) | Change::Stays(id) => ids::item_uid(id),
        Change::Gone(_) => None,
    };
    let mut all: Vec<u32> = changes.iter().filter_map(id).map(|(_, uid)| uid).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[tokio::test]
async fn what_a_first_listing_leaves_out_is_asked_for_once_more() {
    for (caps, last) in [(PLAIN, 5), (QRESYNC, 5), (PLAIN, 5000), (QRESYNC, 5000)] {
        let source = Forgetful::of(caps, last).forgetting(3, 1).source().await;
        let (changes, _) = all_pages(&*source, None).await;
        let new = new(&changes);
        assert_eq!(new.len(), last as usize, "{caps}");
        assert_eq!(new[2], (3, 103), "{caps}");
    }
}

#[tokio::test]
async fn what_is_left_out_always_is_named_without_facts() {
    for last in [5, 5000] {
        let source = Forgetful::of(PLAIN, last).forgetting(3, 99).source().await;
        let (changes, _) = all_pages(&*source, None).await;
        assert_eq!(new(&changes)[2], (3, 0));
    }
}

#[tokio::test]
async fn what_a_later_listing_leaves_out_is_not_gone() {
    for (caps, forgets) in [(PLAIN, 2), (PLAIN, 5), (CONDSTORE, 5), (QRESYNC, 5)] {
        let server = Forgetful::of(caps, 4);
        let source = server.source().await;
        let (_, cursor) = all_pages(&*source, None).await;
        let server = server.forgetting(forgets, 1);
        server.last.store(6, Ordering::SeqCst);
        let later = server.source().await;
        let (changes, _) = all_pages(&*later, Some(cursor)).await;
        assert_eq!(new(&changes), [(5, 105), (6, 106)], "{caps}, without {forgets}");
        if caps != QRESYNC {
            assert_eq!(named(&changes), [1, 2, 3, 4, 5, 6], "{caps}, without {forgets}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_for_by_name_and_left_out_is_there_all_the_same() {
    for (times, sizes) in [(1, [102, 103, 104]), (99, [102, 0, 104])] {
        let source = Forgetful::of(PLAIN, 5).forgetting(3, times).source().await;
        // One that does not exist is left out in silence.
        let ids: Vec<ItemId> = [2, 3, 4, 9].map(|uid| ids::item_id(7, uid)).to_vec();
        let mut found: Vec<(u32, u64)> = source
            .traces(&inbox(), Some(&ids))
            .map_ok(|trace| (ids::item_uid(&trace.id).unwrap().1, trace.size))
            .try_collect()
            .await
            .unwrap();
        found.sort_unstable();
        assert_eq!(found, [(2, sizes[0]), (3, sizes[1]), (4, sizes[2])], "left out {times} times");
    }
}
