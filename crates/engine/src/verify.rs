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
    ledger::{Entry, FolderEntry, Reason, Repair, State},
    report::Named,
};

/// Code of what arrived without one of its keywords.
pub const KEYWORD_REFUSED: &str = "KEYWORD_REFUSED";

/// Everything about one folder that judgement needs.
pub struct Scene<'a> {
    /// The folder.
    pub folder: &'a FolderEntry,
    /// Entries to be judged.
    pub entries: &'a [Entry],
    /// What lies in the target folder now (all, or what lies beyond the window's mark).
    pub traces: &'a [Trace<TargetId>],
    /// What the source shows now, where it was asked: the truth that an entry is held against.
    pub source: Option<&'a HashMap<ItemId, (HeaderKey, u64)>>,
    /// Whether the target keeps bytes.
    pub fidelity: Fidelity,
}

/// What judging a folder found.
#[derive(Debug, Default)]
pub struct Judged {
    /// There, seen now; with the id where it was not known.
    pub there: Vec<Entry>,
    /// Key or size differ from what was put: only a digest can tell whether it is the same.
    pub ask: Vec<(Entry, TargetId)>,
    /// Sizes as the target lists them, of what has to be asked about.
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

/// Judges one folder.
pub fn judge(scene: &Scene<'_>) -> Judged {
    let mut judged = Judged::default();
    let by_id: HashMap<&TargetId, &Trace<TargetId>> = scene.traces.iter().map(|t| (&t.id, t)).collect();
    let mut claimed: HashSet<&TargetId> = HashSet::new();
    let mut nameless: Vec<&Entry> = Vec::new();
    for entry in scene.entries.iter().filter(|e| e.state == State::Placed) {
        match entry.target.as_ref().and_then(|id| by_id.get(id)) {
            Some(trace) => {
                claimed.insert(&trace.id);
                compare(scene, entry, trace, &mut judged);
            }
            None => nameless.push(entry),
        }
    }
    for entry in scene.entries.iter().filter(|e| e.state == State::Gone) {
        claimed.extend(entry.target.as_ref().and_then(|id| by_id.get(id)).map(|t| &t.id));
    }
    let mut free = Alike::new();
    for trace in scene.traces.iter().rev().filter(|t| !claimed.contains(&t.id)) {
        free.entry((trace.key, trace.size)).or_default().push(trace);
    }
    let mut newest = newest(&nameless, &mut free);
    for entry in nameless {
        let kind = (entry.key, entry.size);
        if is_removed(entry) {
            match free.get_mut(&kind).filter(|alike| !alike.is_empty()).map(|alike| alike.remove(0)) {
                Some(trace) => {
                    let back = Entry { target: Some(trace.id.clone()), ..entry.clone() };
                    judged.back.push((back, trace.clone()));
                }
                None => judged.absent.push(entry.clone()),
            }
            continue;
        }
        match newest.get_mut(&kind).and_then(Vec::pop) {
            Some(trace) => {
                let entry = Entry { target: Some(trace.id.clone()), ..entry.clone() };
                compare(scene, &entry, trace, &mut judged);
            }
            None => judged.absent.push(entry.clone()),
        }
    }
    let ours: HashSet<(HeaderKey, u64)> =
        scene.entries.iter().filter(|e| e.state == State::Placed).map(|e| (e.key, e.size)).collect();
    for ((key, size), traces) in free.into_iter().chain(newest) {
        let list = if ours.contains(&(key, size)) { &mut judged.extra } else { &mut judged.free };
        list.extend(traces.into_iter().cloned());
    }
    judged
}

/// An id that is not there was removed by its user, unless nobody ever saw it.
fn is_removed(entry: &Entry) -> bool {
    entry.target.is_some() && entry.seen
}

/// Traces by header key and size, newest first.
type Alike<'a> = BTreeMap<(HeaderKey, u64), Vec<&'a Trace<TargetId>>>;

/// The newest of what is alike, as many as there are entries whose ids nobody knows: what is older may have lain there
/// before us.
fn newest<'a>(nameless: &[&Entry], free: &mut Alike<'a>) -> Alike<'a> {
    let mut wanted: BTreeMap<(HeaderKey, u64), usize> = BTreeMap::new();
    let of_ours = nameless.iter().filter(|entry| !is_removed(entry));
    of_ours.for_each(|entry| *wanted.entry((entry.key, entry.size)).or_default() += 1);
    let mut newest = Alike::new();
    for (kind, count) in wanted {
        if let Some(alike) = free.get_mut(&kind) {
            let older = alike.split_off(count.min(alike.len()));
            newest.insert(kind, std::mem::replace(alike, older));
        }
    }
    newest
}

fn compare(scene: &Scene<'_>, entry: &Entry, trace: &Trace<TargetId>, judged: &mut Judged) {
    let truth = scene.source.and_then(|s| s.get(&entry.id)).filter(|_| entry.repair.is_none());
    let honest = truth.is_none_or(|(key, _)| *key == entry.key);
    let same = match scene.fidelity {
        Fidelity::Exact => trace.key == entry.key && trace.size == entry.size,
        Fidelity::Rewritten => trace.key == entry.key,
    };
    if !same || !honest {
        judged.ask.push((entry.clone(), trace.id.clone()));
        judged.sizes.insert(trace.id.clone(), trace.size);
        return;
    }
    if let (Some(put), Some(there)) = (entry.date, trace.date)
        && put.seconds != there.seconds
    {
        judged.redated.push(entry.clone());
    }
    // Later on people may have changed them; keywords have no place in many targets.
    let lost = entry.flags.bits() & !trace.flags.bits();
    if !entry.seen && entry.pass > 0 && lost != 0 {
        judged.unflagged.push(entry.clone());
    }
    let reason = reason(entry, trace);
    judged.there.push(Entry { seen: true, reason, ..entry.clone() });
}

/// A keyword that is not there at the first look was left out for a target that refuses it; later it may be its
/// user who took it away. The ledger keeps it, so that each later report names it too, as long as one is lacking.
fn reason(entry: &Entry, trace: &Trace<TargetId>) -> Option<Box<Reason>> {
    let lacks = !trace.flags.difference(&entry.flags).add.keywords().is_empty();
    let known = entry.reason.clone().filter(|r| lacks || &*r.code != KEYWORD_REFUSED);
    known.or_else(|| (lacks && !entry.seen).then(|| Box::new(keyword_refused())))
}

/// Why an item lacks a keyword.
pub fn keyword_refused() -> Reason {
    Reason {
        code: KEYWORD_REFUSED.into(),
        text: "the target does not take one of its keywords".into(),
        message_id: None,
    }
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

/// What a repair did, in words.
pub fn repair_words(repair: Repair) -> &'static str {
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
    use mailferry_model::{flags::Flags, folder::FolderPath, id::FolderId, ledger::FolderNo};

    use super::*;

    fn folder() -> FolderEntry {
        FolderEntry {
            no: FolderNo(0),
            source: FolderId::from_bytes("A"),
            source_path: FolderPath::of(["A"]),
            identity: None,
            epoch: None,
            target: None,
            target_path: FolderPath::of(["A"]),
            target_epoch: None,
            target_items: None,
            first: None,
            renamed: None,
            fingerprint: None,
            cursor: None,
            filter: 0,
            owed: 0,
            placed: 0,
            skipped: 0,
            left: 0,
            bytes: 0,
            placed_pass: 0,
            gone: false,
        }
    }

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
        judge(&Scene { folder: &folder(), entries, traces, source: None, fidelity: Fidelity::Exact })
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
