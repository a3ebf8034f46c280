//! Verification: looks afresh at the target and judges what was put against what lies there. Pure judgement
//! here; the reading is in [`crate::pass::check`].
//!
//! The ledger explains a difference, it never hides one: what a trace has seen and is gone now was changed by
//! a person; what no trace ever saw is missing.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailferry_model::{
    caps::Fidelity,
    id::{ItemId, TargetId},
    item::Trace,
    key::HeaderKey,
    ledger::{Entry, FolderEntry, Reason, Repair, Repairs, State},
    report::Named,
};

/// Code of what arrived without one of its keywords.
pub const KEYWORD_REFUSED: &str = "KEYWORD_REFUSED";

/// Code of what the source gives shorter than it lists it.
pub const SHORTER_THAN_LISTED: &str = "SHORTER_THAN_LISTED";

/// A look at one target folder while it goes on, trace by trace. Of what lies there as it was put nothing is kept but an
/// octet an entry: a folder may have very many items.
pub struct Look<'a> {
    entries: &'a [Entry],
    fidelity: Fidelity,
    /// Entries with an id at the target, in the order of those ids.
    by_id: Vec<u32>,
    seen: Vec<u8>,
    sizes: HashMap<TargetId, u64>,
    lacking: Lacking,
    free: Vec<Trace<TargetId>>,
}

/// Keywords that were put and are not there.
type Lacking = HashMap<TargetId, Vec<Box<str>>>;

/// What a look saw.
pub struct Seen {
    /// Of each entry, in their order: bits of what was seen of it, none where its id is not there or not known.
    entries: Vec<u8>,
    /// Sizes as the target lists them, where they are others than those that were put.
    sizes: HashMap<TargetId, u64>,
    lacking: Lacking,
    /// What no entry claims.
    free: Vec<Trace<TargetId>>,
}

// What was seen of an entry.
const THERE: u8 = 1;
const DIFFERS: u8 = 2;
const REDATED: u8 = 4;
const UNFLAGGED: u8 = 8;
/// Under an id that was not known.
const NAMED: u8 = 16;

/// What judging a folder found.
#[derive(Debug, Default)]
pub struct Judged {
    /// There, seen now; with the id where it was not known.
    pub there: Vec<Entry>,
    /// Of each of those, whether the ledger knows all of that.
    pub known: Vec<bool>,
    /// Key or size differ from what was put: only a digest can tell whether it is the same.
    pub ask: Vec<(Entry, TargetId)>,
    /// Sizes as the target lists them, where they are others than those that were put.
    pub sizes: HashMap<TargetId, u64>,
    /// Seen under another id before; what is equal in key and size lies in the same folder, under the new id.
    pub back: Vec<(Entry, Trace<TargetId>)>,
    /// Not there.
    pub absent: Vec<Entry>,
    /// There under another date.
    pub redated: Vec<Entry>,
    /// There for the first time, without flags that were put.
    pub unflagged: Vec<Entry>,
    /// Unclaimed, and equal in key and size to an item of ours.
    pub extra: Vec<Trace<TargetId>>,
    /// Unclaimed: may be what is absent elsewhere.
    pub free: Vec<Trace<TargetId>>,
}

impl<'a> Look<'a> {
    /// Begins to look for these entries.
    pub fn begin(entries: &'a [Entry], fidelity: Fidelity) -> Self {
        let with_id = (0..).zip(entries).filter(|(_, entry)| entry.target.is_some());
        let mut by_id: Vec<u32> = with_id.map(|(at, _)| at).collect();
        by_id.sort_by(|a, b| entries[*a as usize].target.cmp(&entries[*b as usize].target));
        let seen = vec![0; entries.len()];
        let (sizes, lacking) = (HashMap::new(), Lacking::new());
        Self { entries, fidelity, by_id, seen, sizes, lacking, free: Vec::new() }
    }

    /// The next thing that lies there.
    pub fn take(&mut self, trace: Trace<TargetId>) {
        let id = |at: &u32| self.entries[*at as usize].target.as_ref();
        let first = self.by_id.partition_point(|at| id(at) < Some(&trace.id));
        let same = self.by_id[first..].iter().take_while(|at| id(at) == Some(&trace.id));
        let mut is_claimed = false;
        for at in same {
            let entry = &self.entries[*at as usize];
            is_claimed |= matches!(entry.state, State::Placed | State::Gone);
            if entry.state == State::Placed {
                self.seen[*at as usize] = compare(self.fidelity, entry, &trace);
                note(&mut self.lacking, entry, &trace);
                if trace.size != entry.size {
                    self.sizes.insert(trace.id.clone(), trace.size);
                }
            }
        }
        if !is_claimed {
            self.free.push(trace);
        }
    }

    /// All has been seen.
    pub fn end(self) -> Seen {
        Seen { entries: self.seen, sizes: self.sizes, lacking: self.lacking, free: self.free }
    }
}

/// Judges one folder. `untrue` are items of which the source shows something else than was put.
pub fn judge(entries: Vec<Entry>, seen: Seen, untrue: &HashSet<ItemId>, fidelity: Fidelity) -> Judged {
    let Seen { entries: mut bits, sizes, mut lacking, free: unclaimed } = seen;
    let mut judged = Judged { sizes, ..Judged::default() };
    let mut free = Alike::new();
    for trace in unclaimed.iter().rev() {
        free.entry((trace.key, trace.size)).or_default().push(trace);
    }
    let mut newest = newest(entries.iter().zip(&bits).filter(|(e, b)| is_nameless(e, **b)), &mut free);
    let ours: HashSet<(HeaderKey, u64)> = match free.is_empty() && newest.is_empty() {
        true => HashSet::new(),
        false => entries.iter().filter(|e| e.state == State::Placed).map(|e| (e.key, e.size)).collect(),
    };
    let (mut there, mut at) = (entries, 0..);
    // In place: what is there, mostly all, is neither moved nor copied.
    there.retain_mut(|entry| {
        let Some(bits) = at.next().and_then(|at| bits.get_mut(at)) else { return false };
        if entry.state != State::Placed {
            return false;
        }
        if *bits == 0 {
            let kind = (entry.key, entry.size);
            if is_removed(entry) {
                match free.get_mut(&kind).filter(|alike| !alike.is_empty()).map(|alike| alike.remove(0)) {
                    Some(trace) => {
                        let back = Entry { target: Some(trace.id.clone()), ..entry.clone() };
                        judged.back.push((back, trace.clone()));
                    }
                    None => judged.absent.push(entry.clone()),
                }
                return false;
            }
            let Some(trace) = newest.get_mut(&kind).and_then(Vec::pop) else {
                judged.absent.push(entry.clone());
                return false;
            };
            *bits = NAMED | compare(fidelity, entry, trace);
            note(&mut lacking, entry, trace);
            entry.target = Some(trace.id.clone());
        }
        is_there(entry, *bits, untrue, &lacking, &mut judged)
    });
    judged.there = there;
    for ((key, size), traces) in free.into_iter().chain(newest) {
        let list = if ours.contains(&(key, size)) { &mut judged.extra } else { &mut judged.free };
        list.extend(traces.into_iter().cloned());
    }
    judged
}

/// Says what is to be said of an entry that was found; whether it is there as it was put.
fn is_there(
    entry: &mut Entry,
    bits: u8,
    untrue: &HashSet<ItemId>,
    lacking: &Lacking,
    judged: &mut Judged,
) -> bool {
    let has = |bit: u8| bits & bit != 0;
    let honest = entry.repair.is_some() || !untrue.contains(&entry.id);
    if has(DIFFERS) || !honest {
        judged.ask.extend(entry.target.clone().map(|id| (entry.clone(), id)));
        return false;
    }
    if has(REDATED) {
        judged.redated.push(entry.clone());
    }
    if has(UNFLAGGED) {
        judged.unflagged.push(entry.clone());
    }
    let reason = reason(entry, entry.target.as_ref().and_then(|id| lacking.get(id)));
    judged.known.push(entry.seen && !has(NAMED) && reason == entry.reason);
    (entry.seen, entry.reason) = (true, reason);
    true
}

impl Judged {
    /// It is there after all, which the ledger does not know.
    pub fn add(&mut self, entry: Entry) {
        self.there.push(entry);
        self.known.push(false);
    }
}

/// An id that is not there was removed by its user, unless nobody ever saw it.
fn is_removed(entry: &Entry) -> bool {
    entry.target.is_some() && entry.seen
}

/// Traces by header key and size, newest first.
type Alike<'a> = BTreeMap<(HeaderKey, u64), Vec<&'a Trace<TargetId>>>;

/// Whether its id is not there, or nobody knows it.
fn is_nameless(entry: &Entry, bits: u8) -> bool {
    entry.state == State::Placed && bits == 0 && !is_removed(entry)
}

/// The newest of what is alike, as many as there are entries whose ids nobody knows: what is older may have lain there
/// before us.
fn newest<'a, 'b>(nameless: impl Iterator<Item = (&'b Entry, &'b u8)>, free: &mut Alike<'a>) -> Alike<'a> {
    let mut wanted: BTreeMap<(HeaderKey, u64), usize> = BTreeMap::new();
    nameless.for_each(|(entry, _)| *wanted.entry((entry.key, entry.size)).or_default() += 1);
    let mut newest = Alike::new();
    for (kind, count) in wanted {
        if let Some(alike) = free.get_mut(&kind) {
            let older = alike.split_off(count.min(alike.len()));
            newest.insert(kind, std::mem::replace(alike, older));
        }
    }
    newest
}

/// What is seen of an entry.
fn compare(fidelity: Fidelity, entry: &Entry, trace: &Trace<TargetId>) -> u8 {
    let same = match fidelity {
        Fidelity::Exact => trace.key == entry.key && trace.size == entry.size,
        Fidelity::Rewritten => trace.key == entry.key,
    };
    let redated =
        matches!((entry.date, trace.date), (Some(put), Some(there)) if put.seconds != there.seconds);
    // Later on people may have changed them; keywords have no place in many targets.
    let lost = entry.flags.bits() & !trace.flags.bits();
    let unflagged = !entry.seen && entry.pass > 0 && lost != 0;
    let seen = [(DIFFERS, !same), (REDATED, redated), (UNFLAGGED, unflagged)];
    seen.into_iter().filter(|(_, is)| *is).fold(THERE, |bits, (bit, _)| bits | bit)
}

/// A keyword that is not there at the first look was left out for a target that refuses it; later it may be its
/// user who took it away. The ledger keeps it, so that each later report names it too, as long as one is lacking.
fn reason(entry: &Entry, lacking: Option<&Vec<Box<str>>>) -> Option<Box<Reason>> {
    let known = entry.reason.clone().filter(|r| lacking.is_some() || &*r.code != KEYWORD_REFUSED);
    known.or_else(|| lacking.filter(|_| !entry.seen).map(|lacking| Box::new(keyword_refused(lacking))))
}

/// Keeps the keywords that an entry was put with and that are not there.
fn note(lacking: &mut Lacking, entry: &Entry, trace: &Trace<TargetId>) {
    let keywords = trace.flags.difference(&entry.flags).add.keywords().to_vec();
    if !keywords.is_empty() {
        lacking.insert(trace.id.clone(), keywords);
    }
}

/// Why an item lacks keywords.
pub fn keyword_refused(lacking: &[Box<str>]) -> Reason {
    let word = if lacking.len() == 1 { "keyword" } else { "keywords" };
    let text = format!("the target does not take its {word} {}", lacking.join(", "));
    Reason { code: KEYWORD_REFUSED.into(), text: text.into(), message_id: None }
}

/// Why an item is shorter than the source says.
pub fn given_short(listed: u64, given: u64) -> Reason {
    let text =
        format!("the source lists {listed} octets and gives {given}, asked twice; what it gives was put");
    Reason { code: SHORTER_THAN_LISTED.into(), text: text.into(), message_id: None }
}

/// What the ledger keeps to be said of an item that is there: its code and reason.
pub fn said_of(entry: &Entry) -> Option<(&'static str, String)> {
    let reason = entry.reason.as_ref()?;
    let code = [KEYWORD_REFUSED, SHORTER_THAN_LISTED].into_iter().find(|code| *code == &*reason.code)?;
    Some((code, reason.text.to_string()))
}

/// An item named in a report.
pub fn named(folder: &FolderEntry, entry: &Entry, code: &str, reason: impl Into<String>) -> Named {
    Named {
        folder: folder.source_path.to_string(),
        uid: shown(entry.id.as_bytes()),
        message_id: entry.reason.as_ref().and_then(|r| r.message_id.clone()).map(Into::into),
        size: entry.size,
        code: code.to_owned(),
        reason: reason.into(),
        items: None,
        date: entry.date.and_then(|date| jiff::Timestamp::from_second(date.seconds).ok()),
        tries: (entry.tries > 0).then(|| entry.tries.into()),
    }
}

/// A folder that could not be read, named in a report; `listed` items are said to be in it, 0 where nobody said so.
pub fn named_folder(folder: &FolderEntry, error: &mailferry_model::Error, listed: u64) -> Named {
    let known = folder.placed + folder.owed + folder.skipped;
    Named {
        folder: folder.source_path.to_string(),
        uid: String::new(),
        message_id: None,
        size: 0,
        code: error.code(),
        reason: format!("the folder cannot be read: {}", error.context()),
        items: Some(listed.saturating_sub(known)),
        date: None,
        tries: None,
    }
}

/// An item of the target named in a report.
pub fn named_at_target(path: &str, trace: &Trace<TargetId>, code: &str, reason: &str) -> Named {
    Named {
        folder: path.to_owned(),
        uid: shown(trace.id.as_bytes()),
        message_id: trace.message_id.clone().map(Into::into),
        size: trace.size,
        code: code.to_owned(),
        reason: reason.to_owned(),
        items: None,
        date: None,
        tries: None,
    }
}

/// An id as people may know it: text as it is, a number of four or eight bytes as a number.
fn shown(id: &[u8]) -> String {
    match std::str::from_utf8(id) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| !c.is_control()) => text.to_owned(),
        _ => match id {
            [.., a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]).to_string(),
            other => other.escape_ascii().to_string(),
        },
    }
}

/// What repairs did, in words.
pub fn repair_words(repairs: Repairs) -> String {
    let words: Vec<&str> = repairs.iter().map(words_of).collect();
    words.join("; ")
}

fn words_of(repair: Repair) -> &'static str {
    match repair {
        Repair::Nul => "the target refuses NUL bytes: each became a space",
        Repair::BareLf => "the target refuses bare line feeds: they became CRLF",
        Repair::EightBitHeader => "the target refuses 8-bit headers: they became encoded words",
        Repair::NoHeaderLine => {
            "the target refuses a line in the head that is no header: it became X-Invalid-Header"
        }
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{flags::Flags, ledger::FolderNo};

    use super::*;

    fn entry(id: &str, target: Option<&str>, key: u8, seen: bool) -> Entry {
        Entry {
            folder: FolderNo(0),
            id: ItemId::from_bytes(id),
            state: State::Placed,
            target: target.map(TargetId::from_bytes),
            key: HeaderKey([key; 16]),
            digest: None,
            size: 10,
            date: None,
            flags: Flags::default(),
            seen,
            unanswered: 0,
            pass: 1,
            tries: 0,
            repair: None,
            reason: None,
        }
    }

    fn trace(id: &str, key: u8, size: u64) -> Trace<TargetId> {
        let key = HeaderKey([key; 16]);
        Trace {
            id: TargetId::from_bytes(id),
            marker: None,
            key,
            size,
            date: None,
            flags: Flags::default(),
            message_id: None,
        }
    }

    fn judged(entries: &[Entry], traces: &[Trace<TargetId>]) -> Judged {
        let mut look = Look::begin(entries, Fidelity::Exact);
        traces.iter().for_each(|trace| look.take(trace.clone()));
        judge(entries.to_vec(), look.end(), &HashSet::new(), Fidelity::Exact)
    }

    #[test]
    fn what_the_ledger_knows_is_not_told_anew_and_what_the_source_shows_otherwise_is_asked_about() {
        let two = [entry("1", Some("b"), 1, true), entry("2", Some("a"), 2, false)];
        let there = [trace("a", 2, 10), trace("b", 1, 10)];
        let look = || {
            let mut look = Look::begin(&two, Fidelity::Exact);
            there.iter().for_each(|trace| look.take(trace.clone()));
            look.end()
        };
        let told = judge(two.to_vec(), look(), &HashSet::new(), Fidelity::Exact);
        assert_eq!((told.there.len(), told.known), (2, vec![true, false]));
        let untrue = HashSet::from([two[0].id.clone()]);
        let told = judge(two.to_vec(), look(), &untrue, Fidelity::Exact);
        assert_eq!((told.known, told.ask.len()), (vec![false], 1));
    }

    #[test]
    fn an_id_that_was_forgotten_is_written_down_again() {
        let told = judged(&[entry("1", None, 1, true)], &[trace("a", 1, 10)]);
        assert_eq!((told.there[0].target.is_some(), told.known), (true, vec![false]));
    }

    #[test]
    fn what_lies_there_as_put_is_there() {
        let judged = judged(
            &[entry("1", Some("a"), 1, false), entry("2", None, 2, false)],
            &[trace("a", 1, 10), trace("b", 2, 10)],
        );
        assert_eq!((judged.there.len(), judged.absent.len(), judged.extra.len()), (2, 0, 0));
        assert!(judged.there.iter().all(|e| e.seen && e.target.is_some()));
    }

    #[test]
    fn half_a_message_or_another_one_is_asked_about_and_nothing_is_absent() {
        let judged = judged(
            &[
                entry("1", Some("a"), 1, false),
                entry("2", Some("b"), 2, false),
                entry("3", Some("c"), 3, false),
            ],
            &[trace("a", 1, 5), trace("b", 9, 10)],
        );
        assert_eq!((judged.there.len(), judged.ask.len(), judged.absent.len()), (0, 2, 1));
    }

    #[test]
    fn a_second_copy_is_extra_and_equal_messages_are_counted() {
        let two = [entry("1", Some("a"), 1, true), entry("2", Some("b"), 1, true)];
        assert_eq!(judged(&two, &[trace("a", 1, 10), trace("b", 1, 10)]).extra, []);
        assert_eq!(judged(&two, &[trace("a", 1, 10), trace("b", 1, 10), trace("c", 1, 10)]).extra.len(), 1);
        let gone = judged(&two, &[trace("a", 1, 10), trace("c", 1, 10)]);
        let back: Vec<_> = gone.back.iter().map(|(e, t)| (e.target.clone(), t.id.clone())).collect();
        assert_eq!(
            back,
            [(Some(trace("c", 1, 10).id), trace("c", 1, 10).id)],
            "bodies tell whether it is back"
        );
        assert_eq!((gone.extra.len(), gone.absent.len()), (0, 0));
    }

    #[test]
    fn what_lay_there_before_is_not_taken_for_an_item_whose_id_nobody_knows() {
        let there = [trace("a", 1, 10), trace("b", 1, 10), trace("c", 1, 10)];
        let judged = judged(&[entry("1", None, 1, false), entry("2", None, 1, false)], &there);
        let ids = |all: &[Trace<TargetId>]| all.iter().map(|t| t.id.clone()).collect::<Vec<_>>();
        let given: Vec<_> = judged.there.iter().filter_map(|e| e.target.clone()).collect();
        assert_eq!((given, ids(&judged.extra)), (ids(&there[1..]), ids(&there[..1])));
    }

    #[test]
    fn a_keyword_that_never_arrived_is_told_from_one_that_its_user_took_away() {
        let flagged =
            |seen| Entry { flags: Flags::from_parts(0, ["kw".into()]), ..entry("1", Some("a"), 1, seen) };
        let codes = |entry: Entry| {
            let there = judged(&[entry], &[trace("a", 1, 10)]).there;
            there.into_iter().map(|e| e.reason.map(|r| r.code.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(codes(flagged(false)), [Some(KEYWORD_REFUSED.to_owned())]);
        assert_eq!(codes(flagged(true)), [None]);
    }
}
