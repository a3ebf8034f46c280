//! What changed in a folder: by QRESYNC, by CONDSTORE, or by looking at all flags. The first listing goes in pages.
//!
//! UIDNEXT and HIGHESTMODSEQ are remembered as they were before a listing, so that nothing that changes meanwhile is
//! missed: it is told again in the next run.

use std::sync::{Arc, PoisonError};

use mailferry_model::{
    Error, Kind, Result,
    id::{Cursor, FolderId},
    item::{Change, Page},
};
use mailferry_wire::imap::{
    Capability, Command, Edge, FetchItem, FetchModifier, MailboxName, QResync, SearchKey, SequenceSet, UidSet,
};

use super::{ImapSource, facts, facts::Facts};
use crate::imap::client::{
    classify::{Op, classify},
    conn::Conn,
    ids::{self, Place},
    look,
    pipe::{Answer, Answers, Ask, Wants},
    selection::Opened,
};

/// More vanished UIDs than that are not told one by one: the folder is listed instead.
const VANISHED_MAX: u64 = 2_000_000;

/// A first listing in progress.
pub(super) struct Run {
    uids: UidSet,
    /// It began in this session, so that its pages together name everything.
    whole: Whole,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

impl ImapSource {
    pub(super) async fn read_changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page> {
        let name = ids::folder_name(folder);
        let page = match cursor.map(Place::from_cursor) {
            None => self.first(folder, &name).await,
            Some(None) => Err(look::renumbered(&self.pool)),
            Some(Some(place)) if place.from > 0 => self.next_page(folder, &name, place).await,
            Some(Some(place)) => self.since(folder, &name, place).await,
        };
        if page.as_ref().is_err_and(|e| e.kind() == Kind::CursorExpired) {
            self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
            self.epochs.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
            self.directories.forget();
        }
        page
    }

    fn facts_ask(&self, set: &SequenceSet) -> Ask {
        Ask::of(Command::uid_fetch(set, &facts::items(&self.pool), FetchModifier::None), Wants::Fetch)
    }

    /// The beginning of a first listing; of a small folder all of it.
    async fn first(&self, folder: &FolderId, name: &MailboxName) -> Result<Page> {
        let known = self.directories.last().and_then(|d| d.state(name).cloned());
        let items = known.as_ref().and_then(|s| s.messages);
        if let Some(state) = &known
            && let (Some(0), Some(uid_validity), Some(uid_next)) =
                (state.messages, state.uid_validity, state.uid_next)
        {
            // It was empty a moment ago; what has arrived since lies from UIDNEXT on.
            self.set_epoch(folder, uid_validity);
            let mod_seq = state.highest_mod_seq.unwrap_or(0);
            let place = Place { uid_validity, uid_next, mod_seq, from: 0 };
            return Ok(Page { changes: Vec::new(), next: place.to_cursor(), more: false, listing: true });
        }
        let page = u64::from(self.pool.caps.message_limit().unwrap_or(look::PAGE).min(look::PAGE));
        let conn = self.pool.conn(Some(name)).await?;
        let at_once = items.is_some_and(|n| n <= page).then(|| self.facts_ask(&SequenceSet::all()));
        let (selection, mut answers) = conn.send_afresh(name, self.plain_sync(), at_once);
        let opened = selection.opened().await?;
        self.set_epoch(folder, opened.uid_validity);
        let Some(answers) = answers.pop() else {
            let uids = look::uids(&self.pool, &conn, name, 1).await?;
            let uid_next = opened.uid_next.unwrap_or_else(|| highest(&uids) + 1);
            let place = Place { from: 1, ..place(&opened, uid_next) };
            let run = Run { uids, whole: Whole::Yes };
            self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone(), run);
            return self.next_page(folder, name, place).await;
        };
        let mut facts = Facts::of(opened.uid_validity);
        self.collect(&conn, name, 1, answers, &mut facts).await?;
        self.ask_for_rest(&conn, name, &opened, &mut facts).await?;
        let uid_next = opened.uid_next.unwrap_or(facts.highest() + 1);
        let next = place(&opened, uid_next).to_cursor();
        Ok(Page { changes: facts.upserts(1).collect(), next, more: false, listing: true })
    }

    fn plain_sync(&self) -> QResync {
        if self.pool.can(Capability::CondStore) { QResync::CondStore } else { QResync::Plain }
    }

    /// Reads a FETCH to its end, and what a limited answer left out.
    async fn collect(
        &self,
        conn: &Conn,
        name: &MailboxName,
        from: u32,
        answers: Answers,
        facts: &mut Facts,
    ) -> Result<()> {
        let mut answers = answers;
        loop {
            // One by one, so that a large folder's answers need no memory of their own.
            let status = loop {
                match answers.next().await {
                    Answer::Reply(reply, _) => facts.take([reply]),
                    Answer::Large { .. } => {}
                    Answer::Done(status) => break status,
                    Answer::Lost(lost) => return Err(lost.error),
                }
            };
            if !status.is_ok() {
                return Err(look::of_folder(classify(self.pool.cx.side, Op::Read, &status)));
            }
            let Some(rest) = look::left_out(from, status.code.as_ref()) else { return Ok(()) };
            let mut more = conn.send_in(name, [self.facts_ask(&rest)]).1;
            answers = more.pop().ok_or_else(|| Error::bug("list", "nothing was asked"))?;
        }
    }

    /// What a whole listing does not name although there is more.
    async fn ask_for_rest(
        &self,
        conn: &Conn,
        name: &MailboxName,
        opened: &Opened,
        facts: &mut Facts,
    ) -> Result<()> {
        if facts.len() as u64 >= u64::from(opened.exists) {
            return Ok(());
        }
        // Nearly always some were expunged meanwhile, and nothing is lacking.
        let there = look::uids(&self.pool, conn, name, 1).await?;
        self.ask_again(conn, name, facts.lacking(&there), facts).await
    }

    /// Asks once more for what a listing left out. What is there and is left out again is named without facts: its body
    /// may still be given, and if not, the item is reported.
    async fn ask_again(
        &self,
        conn: &Conn,
        name: &MailboxName,
        lacking: UidSet,
        facts: &mut Facts,
    ) -> Result<()> {
        if lacking.is_empty() {
            return Ok(());
        }
        for set in look::parts(&self.pool, &lacking) {
            let (_, answers) = conn.send_in(name, [self.facts_ask(&set)]);
            for answers in answers {
                self.collect(conn, name, 1, answers, facts).await?;
            }
        }
        let lacking = facts.lacking(&lacking);
        if !lacking.is_empty() {
            let there = look::there(&self.pool, conn, name, &lacking).await?;
            tracing::warn!(count = there.len(), "the server has messages of which it tells nothing");
            facts.name(&there);
        }
        Ok(())
    }

    /// A page of a first listing.
    async fn next_page(&self, folder: &FolderId, name: &MailboxName, at: Place) -> Result<Page> {
        let conn = self.pool.conn(Some(name)).await?;
        let known = {
            let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.get(folder).map(|run| (page_of(&run.uids, at), run.whole))
        };
        let (part, whole) = match known {
            Some(known) => known,
            None => {
                let uids = look::uids(&self.pool, &conn, name, at.from).await?;
                let part = page_of(&uids, at);
                let run = Run { uids, whole: Whole::No };
                self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone(), run);
                (part, Whole::No)
            }
        };
        let mut facts = Facts::of(at.uid_validity);
        for set in look::parts(&self.pool, &part.uids) {
            // Afresh: where the folder has been open for long, newer messages would be left out.
            let (selection, mut answers) = conn.send_afresh(name, self.plain_sync(), [self.facts_ask(&set)]);
            let opened = selection.opened().await?;
            if opened.uid_validity != at.uid_validity {
                return Err(look::renumbered(&self.pool));
            }
            let Some(answers) = answers.pop() else { continue };
            self.collect(&conn, name, part.uids.ranges().first().map_or(1, |r| r.0), answers, &mut facts)
                .await?;
        }
        self.ask_again(&conn, name, facts.lacking(&part.uids), &mut facts).await?;
        self.set_epoch(folder, at.uid_validity);
        let more = part.next > 0;
        if !more {
            self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
        }
        let next = Place { from: part.next, ..at }.to_cursor();
        Ok(Page { changes: facts.upserts(1).collect(), next, more, listing: whole == Whole::Yes })
    }

    /// What changed since an earlier run.
    async fn since(&self, folder: &FolderId, name: &MailboxName, at: Place) -> Result<Page> {
        let resync = self.pool.can(Capability::QResync) && at.mod_seq > 0;
        let condstore = self.pool.can(Capability::CondStore) && at.mod_seq > 0;
        if resync && let Some(page) = self.resync(folder, name, at).await? {
            return Ok(page);
        }
        if condstore
            && !resync
            && let Some(page) = self.condstore(folder, name, at).await?
        {
            return Ok(page);
        }
        self.compare_flags(folder, name, at).await
    }

    fn same(&self, folder: &FolderId, opened: &Opened, at: Place) -> Result<()> {
        if opened.uid_validity != at.uid_validity {
            return Err(look::renumbered(&self.pool));
        }
        self.set_epoch(folder, opened.uid_validity);
        Ok(())
    }

    // RFC 7162 §3.2.5
    async fn resync(&self, folder: &FolderId, name: &MailboxName, at: Place) -> Result<Option<Page>> {
        let conn = self.pool.conn(Some(name)).await?;
        let known = below(at.uid_next);
        let sync = QResync::Since { uid_validity: at.uid_validity, mod_seq: at.mod_seq, known };
        let new = SequenceSet::from_number_on(at.uid_next);
        let asks = [self.facts_ask(&new), look::search_ask(&self.pool, SearchKey::Uid(new))];
        let (selection, answers) = conn.send_afresh(name, sync, asks);
        let opened = selection.opened().await?;
        self.same(folder, &opened, at)?;
        let mut facts = Facts::of(at.uid_validity);
        let mut answers = answers.into_iter();
        if let (Some(new), Some(there)) = (answers.next(), answers.next()) {
            self.collect(&conn, name, at.uid_next, new, &mut facts).await?;
            let there = look::searched(&self.pool, &conn, name, at.uid_next, there).await?;
            let there = there.iter().filter(|uid| *uid >= at.uid_next).collect();
            self.ask_again(&conn, name, facts.lacking(&there), &mut facts).await?;
        }
        if opened.mod_seq.is_none() {
            return Ok(None);
        }
        let mut gone = facts.vanished().clone();
        for set in opened.vanished.iter().cloned().filter_map(|set| UidSet::try_from(set).ok()) {
            set.ranges().iter().for_each(|(from, to)| gone.insert_range(*from, *to));
        }
        if gone.len() > VANISHED_MAX {
            return Ok(None);
        }
        let uid_next = opened.uid_next.unwrap_or(facts.highest().max(at.uid_next - 1) + 1);
        let mut changes: Vec<Change> = facts.upserts(at.uid_next).collect();
        changes.extend(facts.flags(at.uid_next));
        let changed = opened.changed.iter().filter(|(uid, _)| *uid < at.uid_next);
        changes.extend(
            changed.map(|(uid, flags)| Change::Flags(ids::item_id(at.uid_validity, *uid), flags.clone())),
        );
        changes.extend(gone.iter().map(|uid| Change::Gone(ids::item_id(at.uid_validity, uid))));
        let next = place(&opened, uid_next.max(at.uid_next)).to_cursor();
        Ok(Some(Page { changes, next, more: false, listing: false }))
    }

    // RFC 7162 §3.1.4
    async fn condstore(&self, folder: &FolderId, name: &MailboxName, at: Place) -> Result<Option<Page>> {
        let conn = self.pool.conn(Some(name)).await?;
        let mut asks = vec![
            self.facts_ask(&SequenceSet::from_number_on(at.uid_next)),
            look::search_ask(&self.pool, SearchKey::All),
        ];
        if let Some(known) = below(at.uid_next) {
            let items = [FetchItem::Uid, FetchItem::Flags];
            let changed = Command::uid_fetch(
                &SequenceSet::from(&known),
                &items,
                FetchModifier::ChangedSince(at.mod_seq),
            );
            asks.push(Ask::of(changed, Wants::Fetch));
        }
        let (selection, answers) = conn.send_afresh(name, QResync::CondStore, asks);
        let opened = selection.opened().await?;
        self.same(folder, &opened, at)?;
        if opened.mod_seq.is_none() {
            return Ok(None);
        }
        let mut answers = answers.into_iter();
        let mut facts = Facts::of(at.uid_validity);
        let mut changes = Vec::new();
        if let (Some(new), Some(there)) = (answers.next(), answers.next()) {
            self.collect(&conn, name, at.uid_next, new, &mut facts).await?;
            let there = look::searched(&self.pool, &conn, name, 1, there).await?;
            let (known, new): (UidSet, UidSet) = there.iter().partition(|uid| *uid < at.uid_next);
            self.ask_again(&conn, name, facts.lacking(&new), &mut facts).await?;
            changes.extend(facts.upserts(at.uid_next));
            changes.extend(known.iter().map(|uid| Change::Stays(ids::item_id(at.uid_validity, uid))));
        }
        let uid_next = opened.uid_next.unwrap_or(highest_new(&changes, at));
        if let Some(changed) = answers.next() {
            // Where the server stops early, the rest is read whole, changed or not.
            self.collect(&conn, name, 1, changed, &mut facts).await?;
            changes.extend(facts.flags(at.uid_next));
        }
        let next = place(&opened, uid_next.max(at.uid_next)).to_cursor();
        Ok(Some(Page { changes, next, more: false, listing: true }))
    }

    /// The slow way: all flags.
    async fn compare_flags(&self, folder: &FolderId, name: &MailboxName, at: Place) -> Result<Page> {
        let conn = self.pool.conn(Some(name)).await?;
        let mut asks = vec![self.facts_ask(&SequenceSet::from_number_on(at.uid_next))];
        if at.uid_next > 1 {
            let known = SequenceSet::range(Edge::Number(1), Edge::Number(at.uid_next - 1));
            let items = [FetchItem::Uid, FetchItem::Flags];
            asks.push(Ask::of(Command::uid_fetch(&known, &items, FetchModifier::None), Wants::Fetch));
        }
        let (selection, answers) = conn.send_afresh(name, self.plain_sync(), asks);
        let opened = selection.opened().await?;
        self.same(folder, &opened, at)?;
        let mut facts = Facts::of(at.uid_validity);
        for (which, answers) in answers.into_iter().enumerate() {
            let from = if which == 0 { at.uid_next } else { 1 };
            self.collect(&conn, name, from, answers, &mut facts).await?;
        }
        self.ask_for_rest(&conn, name, &opened, &mut facts).await?;
        let mut changes: Vec<Change> = facts.upserts(at.uid_next).collect();
        changes.extend(facts.flags(at.uid_next));
        let uid_next = opened.uid_next.unwrap_or(highest_new(&changes, at)).max(at.uid_next);
        let next = place(&opened, uid_next).to_cursor();
        Ok(Page { changes, next, more: false, listing: true })
    }
}

fn highest_new(changes: &[Change], at: Place) -> u32 {
    let uid = |change: &Change| match change {
        Change::Upsert(stub) => ids::item_uid(&stub.id).map(|(_, uid)| uid),
        _ => None,
    };
    changes.iter().filter_map(uid).max().map_or(at.uid_next, |uid| uid + 1)
}

fn place(opened: &Arc<Opened>, uid_next: u32) -> Place {
    Place {
        uid_validity: opened.uid_validity,
        uid_next: uid_next.max(1),
        mod_seq: opened.mod_seq.unwrap_or(0),
        from: 0,
    }
}

fn below(uid_next: u32) -> Option<UidSet> {
    let mut set = UidSet::empty();
    if uid_next > 1 {
        set.insert_range(1, uid_next - 1);
    }
    (uid_next > 1).then_some(set)
}

fn highest(uids: &UidSet) -> u32 {
    uids.ranges().last().map_or(0, |(_, hi)| *hi)
}

/// The UIDs of a page, and the one that follows it (0: none).
struct Part {
    uids: UidSet,
    next: u32,
}

fn page_of(all: &UidSet, at: Place) -> Part {
    let left: UidSet = {
        let mut left = UidSet::empty();
        for &(lo, hi) in all.ranges() {
            let (lo, hi) = (lo.max(at.from), hi.min(at.uid_next.saturating_sub(1)));
            if lo <= hi {
                left.insert_range(lo, hi);
            }
        }
        left
    };
    let mut parts = left.split_by_count(look::PAGE).into_iter();
    let uids = parts.next().unwrap_or_default();
    let next = parts.next().and_then(|part| part.ranges().first().map(|r| r.0)).unwrap_or(0);
    Part { uids, next }
}
