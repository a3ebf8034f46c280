//! Settling: which owed items are at the target already. No put before two looks a grace apart agree.
//!
//! Servers finish what dead clients sent; a first look may miss what appears a moment later.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use mailferry_model::{
    Error, Kind, Result,
    flags::{Difference, Flags},
    id::{FolderId, ItemId, Mark, TargetId},
    item::Trace,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderEntry, FolderNo, State},
};

use super::{
    finish,
    matching::{self, Found, Trust, Wanted},
    reading::{source_digests, source_traces, target_digests, target_traces},
    shared::{Owed, Shared, locked},
    stray,
};
use crate::seeded::Bug;

/// How often looks may disagree before the mailbox is left for later.
const LOOKS: usize = 20;
/// Folders looked at together.
const TOGETHER: usize = 16;
/// Folders whose bodies are read together: more would push each other off the connections.
const READ_TOGETHER: usize = 4;

/// Where to look.
pub(super) struct Look {
    /// Target folders and the marks beyond which to look; `None`: everything.
    pub places: Vec<(FolderId, Option<Mark>)>,
    /// Whether one trace of equal key and size is enough.
    pub trust: Trust,
    /// The second look is not before this moment of the clock.
    pub not_before: Duration,
}

/// An item that was found, and where.
#[derive(Clone, PartialEq)]
struct Hit {
    /// `None`: in another folder than its own, where its user moved it.
    id: Option<TargetId>,
    flags: Flags,
}

/// What lies in each folder and nobody claims.
pub(super) type Seen = Vec<(FolderId, Vec<Trace<TargetId>>)>;
type Hits = BTreeMap<(FolderNo, ItemId), Hit>;

/// What a settling found out.
#[derive(Default)]
pub(super) struct Settled {
    /// Not there: to be put.
    pub owed: Vec<Owed>,
    /// Flags that the source has and a found copy lacks.
    pub flags: Vec<(FolderNo, Entry, Difference)>,
}

/// Settles what is owed: records what is there as placed, gives back what is not.
pub(super) async fn settle(shared: &Arc<Shared>, owed: Vec<Owed>, look: Look) -> Result<Settled> {
    if owed.is_empty() {
        return Ok(Settled::default());
    }
    shared.terms.progress.set_phase("looking for what is there already");
    load_claims(shared, &look).await?;
    let (items, read) = (forms(shared, owed).await?, Read::default());
    let mut before: Option<Hits> = None;
    for _ in 0..LOOKS {
        shared.cx.cancel.check()?;
        let mut seen = traces(shared, &look).await?;
        if look.trust == Trust::BeyondMark {
            finish::claim_placed(shared, &mut seen).await?;
        }
        let hits = find(shared, &items, &seen, look.trust, &read).await?;
        if before.as_ref() == Some(&hits) || Bug::NoGrace.is_on() {
            // What is nobody's may be ours in another form: that shows when its body is at hand.
            let taken = hits.iter().filter_map(|((no, _), hit)| Some((*no, hit.id.clone()?)));
            stray::note(shared, seen, taken)?;
            return record(shared, items, hits).await;
        }
        before = Some(hits);
        let wait = look.not_before.saturating_sub(shared.cx.clock.elapsed()).max(shared.grace());
        shared.cx.clock.sleep(wait).await;
    }
    Err(Error::new(
        Kind::Busy,
        mailferry_model::Side::Target,
        "settle",
        "the target folders do not come to rest",
    ))
}

/// An owed item in each form in which it may have been sent.
struct Item {
    owed: Owed,
    wanted: Wanted,
    /// Digests in each form, once they were read: what an id stands for does not change.
    digests: OnceLock<Vec<Digest>>,
}

/// Digests of what lies at the target, as far as a look has read them: the next one reads only what is new.
type Read = Mutex<HashMap<FolderId, HashMap<TargetId, Digest>>>;

/// Asks the source for the keys of what is owed. What is gone there is no longer owed.
async fn forms(shared: &Shared, owed: Vec<Owed>) -> Result<Vec<Item>> {
    let mut by_folder: BTreeMap<FolderNo, Vec<Owed>> = BTreeMap::new();
    owed.into_iter().for_each(|o| by_folder.entry(o.folder).or_default().push(o));
    let mut items = Vec::new();
    for (no, owed) in by_folder {
        let folder = shared.folder(no)?;
        let ids: Vec<ItemId> = owed.iter().map(|o| o.stub.id.clone()).collect();
        let traces = source_traces(shared, &folder.source, Some(&ids)).await?;
        let facts: HashMap<ItemId, (HeaderKey, u64)> =
            traces.into_iter().map(|t| (t.id, (t.key, t.size))).collect();
        for owed in owed {
            let Some(fact) = facts.get(&owed.stub.id) else {
                // Gone, or left out of the answer: what the source does not list any more is not owed in the next pass.
                shared.leave_untold();
                continue;
            };
            let sent = owed.entry.as_deref().filter(|e| e.repair.is_some() || e.unanswered > 0);
            let mut forms = vec![*fact];
            forms.extend(sent.map(|e| (e.key, e.size)).filter(|f| f != fact));
            items.push(Item { owed, wanted: Wanted { forms }, digests: OnceLock::new() });
        }
    }
    Ok(items)
}

/// Loads the target ids that the ledger knows, so that nobody else claims them.
pub(super) async fn load_claims(shared: &Shared, look: &Look) -> Result<()> {
    for (place, _) in &look.places {
        if locked(&shared.claimed).contains_key(place) {
            continue;
        }
        let ids = claims(shared, place).await?;
        locked(&shared.claimed).insert(place.clone(), ids);
    }
    Ok(())
}

/// The target ids that the ledger knows in a target folder, of all folders that go or went there. One that is none of
/// ours may be one of ours that its user renamed: there all ids count, because they stay when a folder is renamed.
pub(super) async fn claims(shared: &Shared, place: &FolderId) -> Result<HashSet<TargetId>> {
    let all = shared.known_folders();
    let goes_there = |f: &FolderEntry| f.target.as_ref() == Some(place);
    let is_ours = all.iter().any(goes_there);
    let mut ids = HashSet::new();
    for folder in all.iter().filter(|f| !is_ours || goes_there(f)) {
        shared.writer.sync().await?;
        let entries = shared.entries(folder.no).await?;
        ids.extend(entries.into_iter().filter_map(|e| e.target));
    }
    Ok(ids)
}

/// One look: all traces beyond the marks that nobody claims.
pub(super) async fn traces(shared: &Shared, look: &Look) -> Result<Seen> {
    let one = |(folder, mark): (FolderId, Option<Mark>)| async move {
        let found = match target_traces(shared, &folder, mark.as_ref()).await {
            Err(e) if e.kind() == Kind::CursorExpired => target_traces(shared, &folder, None).await?,
            Err(e) if super::gather::is_gone(&e) => Vec::new(),
            other => other?,
        };
        let claimed = locked(&shared.claimed).get(&folder).cloned().unwrap_or_default();
        let free = found.into_iter().filter(|t| !claimed.contains(&t.id)).collect();
        Ok::<_, Error>((folder, free))
    };
    let mut seen: Seen =
        stream::iter(look.places.clone()).map(one).buffer_unordered(TOGETHER).try_collect().await?;
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(seen)
}

/// Matches owed items with traces: each in its own folder first, then anywhere.
async fn find(shared: &Shared, items: &[Item], seen: &Seen, trust: Trust, read: &Read) -> Result<Hits> {
    let mut hits = Hits::new();
    let mut taken: HashSet<(FolderId, TargetId)> = HashSet::new();
    let mut own: BTreeMap<FolderId, Vec<&Item>> = BTreeMap::new();
    for item in items {
        own.entry(shared.target_of(item.owed.folder)?).or_default().push(item);
    }
    let at_home = seen.iter().filter_map(|(folder, traces)| Some((folder, traces, own.get(folder)?)));
    let pairs: Vec<_> = at_home
        .map(|(folder, traces, items)| async move {
            Ok::<_, Error>((folder, pair(shared, items, (folder, traces), trust, read).await?))
        })
        .collect();
    let pairs: Vec<_> = stream::iter(pairs).buffered(READ_TOGETHER).try_collect().await?;
    for (folder, pairs) in pairs {
        for (item, trace) in pairs {
            taken.insert((folder.clone(), trace.id.clone()));
            let hit = Hit { id: Some(trace.id.clone()), flags: trace.flags.clone() };
            hits.insert((item.owed.folder, item.owed.stub.id.clone()), hit);
        }
    }
    if trust == Trust::BeyondMark && !Bug::UserIgnored.is_on() {
        for (folder, traces) in seen {
            let left: Vec<&Item> = items
                .iter()
                .filter(|i| !hits.contains_key(&(i.owed.folder, i.owed.stub.id.clone())))
                .filter(|i| {
                    i.owed.entry.as_deref().is_some_and(|e| e.unanswered > 0) || i.owed.entry.is_none()
                })
                .collect();
            let free: Vec<Trace<TargetId>> =
                traces.iter().filter(|t| !taken.contains(&(folder.clone(), t.id.clone()))).cloned().collect();
            for (item, trace) in pair(shared, &left, (folder, &free), Trust::Nothing, read).await? {
                taken.insert((folder.clone(), trace.id.clone()));
                let hit = Hit { id: None, flags: trace.flags.clone() };
                hits.insert((item.owed.folder, item.owed.stub.id.clone()), hit);
            }
        }
    }
    Ok(hits)
}

async fn pair<'a, 'b>(
    shared: &Shared,
    items: &[&'a Item],
    (folder, traces): (&FolderId, &'b [Trace<TargetId>]),
    trust: Trust,
    read: &Read,
) -> Result<Vec<(&'a Item, &'b Trace<TargetId>)>> {
    let wanted: Vec<Wanted> = items.iter().map(|i| i.wanted.clone()).collect();
    let found: Vec<Found> = traces.iter().map(|t| Found { key: t.key, size: t.size }).collect();
    let pairing = matching::pair(&wanted, &found, trust, shared.sides.target.caps().fidelity);
    let mut pairs: Vec<(&Item, &Trace<TargetId>)> =
        pairing.sure.iter().map(|(w, f)| (items[*w], &traces[*f])).collect();
    // All that the folder leaves open in one call: each call opens it anew.
    let ws = pairing.ask.iter().flat_map(|(ws, _)| ws);
    let fs = pairing.ask.iter().flat_map(|(_, fs)| fs);
    let (ours, theirs) = try_join!(
        our_digests(shared, ws.map(|w| (*w, items[*w])).collect()),
        their_digests(shared, folder, fs.map(|f| (*f, &traces[*f].id)).collect(), read)
    )?;
    for (ws, fs) in &pairing.ask {
        let ours: Vec<(usize, Vec<Digest>)> =
            ws.iter().filter_map(|w| Some((*w, ours.get(w)?.clone()))).collect();
        let theirs: Vec<(usize, Digest)> = fs.iter().filter_map(|f| Some((*f, *theirs.get(f)?))).collect();
        // The flags that it was sent with tell an item from others with the same body.
        let fits = |w: usize, f: usize| *items[w].owed.sent_flags() == traces[f].flags;
        let paired = matching::pair_by_digest(&ours, &theirs, fits);
        pairs.extend(paired.into_iter().map(|(w, f)| (items[w], &traces[f])));
    }
    Ok(pairs)
}

/// Digests of owed items in each form that may have been sent. An item that cannot be read has none of its own.
async fn our_digests(shared: &Shared, items: Vec<(usize, &Item)>) -> Result<HashMap<usize, Vec<Digest>>> {
    let mut all: HashMap<usize, Vec<Digest>> = HashMap::new();
    let mut by_folder: BTreeMap<FolderNo, Vec<(usize, &Item)>> = BTreeMap::new();
    for (at, item) in items {
        match item.digests.get() {
            Some(digests) => _ = all.insert(at, digests.clone()),
            None => by_folder.entry(item.owed.folder).or_default().push((at, item)),
        }
    }
    for (no, items) in by_folder {
        let folder = shared.folder(no)?;
        let ids: Vec<ItemId> = items.iter().map(|(_, item)| item.owed.stub.id.clone()).collect();
        for ((at, item), read) in items.into_iter().zip(source_digests(shared, &folder.source, &ids).await?) {
            let repaired = item.owed.entry.as_deref().filter(|e| e.repair.is_some()).and_then(|e| e.digest);
            let is_read = read.is_ok();
            let digests: Vec<Digest> = read.ok().into_iter().chain(repaired).collect();
            if is_read {
                _ = item.digests.set(digests.clone());
            }
            all.insert(at, digests);
        }
    }
    Ok(all)
}

/// Digests of what lies in a target folder; what cannot be read has none.
async fn their_digests(
    shared: &Shared,
    folder: &FolderId,
    found: Vec<(usize, &TargetId)>,
    read: &Read,
) -> Result<HashMap<usize, Digest>> {
    let known = |id| locked(read).get(folder).and_then(|known| known.get(id).copied());
    let new: Vec<TargetId> =
        found.iter().map(|(_, id)| *id).filter(|id| known(id).is_none()).cloned().collect();
    if !new.is_empty() {
        let answers = target_digests(shared, folder, &new).await?;
        let digests = new.into_iter().zip(answers).filter_map(|(id, digest)| Some((id, digest.ok()?)));
        locked(read).entry(folder.clone()).or_default().extend(digests);
    }
    Ok(found.into_iter().filter_map(|(at, id)| Some((at, known(id)?))).collect())
}

/// Writes down what was found; what was not will be put, and remembered as perhaps put before.
async fn record(shared: &Arc<Shared>, items: Vec<Item>, hits: Hits) -> Result<Settled> {
    let mut settled = Settled::default();
    for Item { owed, wanted, .. } in items {
        let before = owed.as_entry();
        let Some(hit) = hits.get(&(owed.folder, owed.stub.id.clone())) else {
            settled.owed.push(owed);
            continue;
        };
        let (key, size) = wanted.forms.last().copied().unwrap_or((before.key, before.size));
        let entry = Entry {
            state: State::Placed,
            target: hit.id.clone(),
            key,
            size,
            flags: owed.stub.flags.clone(),
            seen: true,
            pass: shared.pass,
            reason: None,
            ..before
        };
        locked(&shared.deeds).found += 1;
        shared.find(&entry);
        shared.record(entry.clone(), owed.entry.as_deref()).await?;
        let difference = since_sent(&hit.flags, &owed);
        if hit.id.is_some() && !difference.is_empty() {
            settled.flags.push((owed.folder, entry, difference));
        }
    }
    Ok(settled)
}

/// What is to be changed about a copy that was found: it gets the flags that it lacks. What else it has its user may
/// have given it, but for what it was sent with and the source has taken away since.
fn since_sent(there: &Flags, owed: &Owed) -> Difference {
    let add = there.difference(&owed.stub.flags).add;
    let sent = owed.entry.as_deref().filter(|entry| entry.unanswered > 0);
    let remove = sent.map(|entry| entry.flags.difference(&owed.stub.flags).remove).unwrap_or_default();
    Difference { add, remove }
}

/// Writes down that these may have been put before: an extra copy of theirs may be ours.
pub(super) async fn remember_doubt(shared: &Arc<Shared>, owed: Vec<Owed>) -> Result<Vec<Owed>> {
    let mut remembered = Vec::with_capacity(owed.len());
    for item in owed {
        let (before, flags) = (item.as_entry(), item.stub.flags.clone());
        let unanswered = before.unanswered.saturating_add(1);
        let entry = Entry { state: State::Owed, unanswered, flags, ..before };
        shared.record(entry.clone(), item.entry.as_deref()).await?;
        remembered.push(Owed { entry: Some(Box::new(entry)), ..item });
    }
    shared.writer.sync().await?;
    Ok(remembered)
}
