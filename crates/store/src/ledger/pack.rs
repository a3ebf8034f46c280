//! Entries of one folder as compact bytes: what does not change from one entry to the next is not written.
//!
//! Used for journal rows and segments alike. Any entries round-trip exactly, in any order; in the order of
//! their ids they are smallest. Reasons are written as they are: they are rare.

use mailferry_model::{
    flags::Flags,
    id::{ItemId, TargetId},
    item::Date,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderNo, Reason, Repair, Repairs, State},
};

use super::bytes::{Damaged, Parsed, Reader, Writer, frame, unframe};

/// The format. Another one gets another number; old ones stay readable.
const VERSION: u8 = 1;

// What an entry's first two bytes say. The two lowest bits are its state.
const STATE: u16 = 3;
const TARGET: u16 = 1 << 2;
const DIGEST: u16 = 1 << 3;
const DATE: u16 = 1 << 4;
const ZONE: u16 = 1 << 5;
const KEYWORDS: u16 = 1 << 6;
const SEEN: u16 = 1 << 7;
const UNANSWERED: u16 = 1 << 8;
const PASS: u16 = 1 << 9;
const TRIES: u16 = 1 << 10;
const REPAIR: u16 = 1 << 11;
const REASON: u16 = 1 << 12;
const ID_NEAR: u16 = 1 << 13;
const TARGET_NEAR: u16 = 1 << 14;

const STATES: [State; 4] = [State::Owed, State::Placed, State::Skipped, State::Gone];
/// One repair is its place among all; several are this and their bits.
const SEVERAL: u8 = 16;

/// What the entry before said.
#[derive(Default)]
struct Before {
    id: Vec<u8>,
    target: Vec<u8>,
    seconds: i64,
    zone: i16,
    pass: u32,
}

/// Entries of one folder as a blob.
pub(crate) fn pack<'a>(folder: FolderNo, entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    // Set 0 is the empty one.
    let mut keywords: Vec<&[Box<str>]> = vec![&[]];
    let (mut body, mut before, mut count) = (Writer::default(), Before::default(), 0);
    for entry in entries {
        let set = entry.flags.keywords();
        let set = match keywords.iter().position(|k| *k == set) {
            Some(at) => at,
            None => {
                keywords.push(set);
                keywords.len() - 1
            }
        };
        put(&mut body, &mut before, entry, set);
        count += 1;
    }
    let mut whole = Writer::default();
    whole.number(count);
    whole.number(keywords.len() as u64);
    for set in keywords {
        whole.number(set.len() as u64);
        set.iter().for_each(|keyword| whole.bytes(keyword.as_bytes()));
    }
    whole.0.append(&mut body.0);
    frame(VERSION, folder.0, &whole.0)
}

/// The entries of a blob that was packed for this folder.
pub(crate) fn unpack(folder: FolderNo, blob: &[u8]) -> Parsed<Vec<Entry>> {
    let mut from = unframe(VERSION, folder.0, blob)?;
    let count: usize = from.small()?;
    let sets: usize = from.small()?;
    let mut keywords = Vec::new();
    for _ in 0..sets {
        let words: usize = from.small()?;
        let mut set: Vec<Box<str>> = Vec::new();
        for _ in 0..words {
            set.push(from.text()?.into());
        }
        keywords.push(set);
    }
    // No entry is shorter than its two first bytes and its key.
    let mut entries = Vec::with_capacity(count.min(from.0.len() / 18));
    let mut before = Before::default();
    for _ in 0..count {
        entries.push(take(&mut from, &mut before, folder, &keywords)?);
    }
    from.end()?;
    Ok(entries)
}

fn put(to: &mut Writer, before: &mut Before, entry: &Entry, keywords: usize) {
    let near_id = step(&before.id, entry.id.as_bytes());
    let near_target = entry.target.as_ref().and_then(|t| step(&before.target, t.as_bytes()));
    let mut says = STATES.iter().position(|s| *s == entry.state).unwrap_or(0) as u16;
    for (bit, is) in [
        (TARGET, entry.target.is_some()),
        (DIGEST, entry.digest.is_some()),
        (DATE, entry.date.is_some()),
        (ZONE, entry.date.is_some_and(|d| d.zone != before.zone)),
        (KEYWORDS, keywords != 0),
        (SEEN, entry.seen),
        (UNANSWERED, entry.unanswered != 0),
        (PASS, entry.pass != before.pass),
        (TRIES, entry.tries != 0),
        (REPAIR, entry.repair.is_some()),
        (REASON, entry.reason.is_some()),
        (ID_NEAR, near_id.is_some()),
        (TARGET_NEAR, near_target.is_some()),
    ] {
        says |= if is { bit } else { 0 };
    }
    to.0.extend_from_slice(&says.to_le_bytes());
    put_id(to, &mut before.id, near_id, entry.id.as_bytes());
    if let Some(target) = &entry.target {
        put_id(to, &mut before.target, near_target, target.as_bytes());
    }
    to.0.extend_from_slice(&entry.key.0);
    if let Some(digest) = &entry.digest {
        to.0.extend_from_slice(&digest.0);
    }
    to.number(entry.size);
    if let Some(date) = entry.date {
        to.signed(date.seconds.wrapping_sub(before.seconds));
        if date.zone != before.zone {
            to.signed(date.zone.into());
        }
        (before.seconds, before.zone) = (date.seconds, date.zone);
    }
    to.0.push(entry.flags.bits());
    if keywords != 0 {
        to.number(keywords as u64);
    }
    if entry.pass != before.pass {
        to.number(entry.pass.into());
        before.pass = entry.pass;
    }
    to.0.extend([entry.unanswered, entry.tries].into_iter().filter(|n| *n != 0));
    if let Some(repair) = entry.repair {
        let bits = repair.bits();
        to.0.push(if bits.is_power_of_two() { bits.trailing_zeros() as u8 } else { SEVERAL | bits });
    }
    if let Some(reason) = &entry.reason {
        put_reason(to, reason);
    }
}

pub(super) fn put_reason(to: &mut Writer, reason: &Reason) {
    to.bytes(reason.code.as_bytes());
    to.bytes(reason.text.as_bytes());
    to.option(reason.message_id.as_ref().map(|id| id.as_bytes()));
}

fn take(
    from: &mut Reader<'_>,
    before: &mut Before,
    folder: FolderNo,
    keywords: &[Vec<Box<str>>],
) -> Parsed<Entry> {
    let says = u16::from_le_bytes(from.array()?);
    let has = |bit: u16| says & bit != 0;
    take_id(from, &mut before.id, has(ID_NEAR))?;
    if has(TARGET) {
        take_id(from, &mut before.target, has(TARGET_NEAR))?;
    }
    let key = HeaderKey(from.array()?);
    let digest = if has(DIGEST) { Some(Digest(from.array()?)) } else { None };
    let size = from.number()?;
    let date = if has(DATE) {
        before.seconds = before.seconds.wrapping_add(from.signed()?);
        if has(ZONE) {
            before.zone = from.signed()?.try_into().map_err(|_| Damaged("a time zone is too large"))?;
        }
        Some(Date { seconds: before.seconds, zone: before.zone })
    } else {
        None
    };
    let bits = from.byte()?;
    let set = if has(KEYWORDS) { from.small()? } else { 0 };
    let words = keywords.get(set).ok_or(Damaged("a set of keywords is missing"))?;
    if has(PASS) {
        before.pass = from.small()?;
    }
    Ok(Entry {
        folder,
        id: ItemId::from_bytes(&before.id),
        state: STATES[usize::from(says & STATE)],
        target: has(TARGET).then(|| TargetId::from_bytes(&before.target)),
        key,
        digest,
        size,
        date,
        flags: Flags::from_parts(bits, words.iter().cloned()),
        seen: has(SEEN),
        unanswered: if has(UNANSWERED) { from.byte()? } else { 0 },
        pass: before.pass,
        tries: if has(TRIES) { from.byte()? } else { 0 },
        repair: if has(REPAIR) { Some(take_repair(from)?) } else { None },
        reason: if has(REASON) { Some(Box::new(take_reason(from)?)) } else { None },
    })
}

fn take_repair(from: &mut Reader<'_>) -> Parsed<Repairs> {
    let byte = from.byte()?;
    let repairs = match Repair::ALL.get(usize::from(byte)) {
        Some(one) => Some(Repairs::of(*one)),
        None if byte & SEVERAL != 0 => Repairs::from_bits(byte ^ SEVERAL),
        None => None,
    };
    repairs.ok_or(Damaged("a repair is unknown"))
}

pub(super) fn take_reason(from: &mut Reader<'_>) -> Parsed<Reason> {
    Ok(Reason { code: from.text()?.into(), text: from.text()?.into(), message_id: from.option_text()? })
}

/// How far the last bytes of an id, read as a number, lie from those of the id before: `None` where the two
/// differ in length or before their last eight bytes, or lie so far apart that the tail itself is shorter.
fn step(before: &[u8], id: &[u8]) -> Option<i64> {
    if id.is_empty() || before.len() != id.len() {
        return None;
    }
    let tail = id.len().saturating_sub(8);
    let step = number(&id[tail..]).wrapping_sub(number(&before[tail..])) as i64;
    (before[..tail] == id[..tail] && step.unsigned_abs() < 1 << 27).then_some(step)
}

fn number(tail: &[u8]) -> u64 {
    tail.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn put_id(to: &mut Writer, before: &mut Vec<u8>, near: Option<i64>, id: &[u8]) {
    match near {
        Some(step) => to.signed(step),
        None => {
            let shared = before.iter().zip(id).take_while(|(a, b)| a == b).count();
            to.number(shared as u64);
            to.bytes(&id[shared..]);
        }
    }
    before.clear();
    before.extend_from_slice(id);
}

fn take_id(from: &mut Reader<'_>, before: &mut Vec<u8>, near: bool) -> Parsed<()> {
    if near {
        let step = from.signed()?;
        let tail = before.len().saturating_sub(8);
        let moved = number(&before[tail..]).wrapping_add(step as u64).to_be_bytes();
        let length = before.len() - tail;
        before[tail..].copy_from_slice(&moved[8 - length..]);
        return Ok(());
    }
    let shared = from.small()?;
    let rest = from.bytes()?;
    if shared > before.len() {
        return Err(Damaged("an id is cut short"));
    }
    before.truncate(shared);
    before.extend_from_slice(rest);
    Ok(())
}
