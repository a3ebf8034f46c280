//! Blobs of the ledger: everything round-trips exactly, nothing damaged is believed.

use mailferry_model::{
    flags::Flags,
    folder::FolderPath,
    id::{Cursor, Fingerprint, FolderId, ItemId, Mark, TargetId},
    item::Date,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderEntry, FolderNo, Reason, Repair, Repairs, State},
};
use proptest::{collection::vec, option, prelude::*};

use super::{
    bytes::{Reader, Writer, frame, unframe},
    folder::{pack_folder, unpack_folder},
    pack::{pack, unpack},
};

fn id() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..12),
        any::<u32>().prop_map(|n| n.to_be_bytes().to_vec()),
        (0..40u32).prop_map(|n| n.to_string().into_bytes()),
        (any::<bool>(), any::<u64>()).prop_map(|(a, n)| [&[u8::from(a)][..], &n.to_be_bytes()].concat()),
        (any::<u8>(), 200..300usize).prop_map(|(n, l)| vec![n; l]),
    ]
}

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![Just("\0"), Just(""), Just("ü"), Just("TARGET_MALFORMED")].prop_map(Box::from)
}

fn date() -> impl Strategy<Value = Date> {
    let zone = prop_oneof![Just(0), Just(120), any::<i16>()];
    let seconds = prop_oneof![any::<i64>(), 1_700_000_000..1_700_000_100i64];
    (seconds, zone).prop_map(|(seconds, zone)| Date { seconds, zone })
}

prop_compose! {
    fn reason()(code in text(), words in text(), message_id in option::of(text())) -> Box<Reason> {
        Box::new(Reason { code, text: words, message_id })
    }
}

prop_compose! {
    fn flags()(bits in any::<u8>(), words in vec("[a-cA-C]{0,2}", 0..3)) -> Flags {
        Flags::from_parts(bits, words.into_iter().map(String::into_boxed_str))
    }
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Owed), Just(State::Placed), Just(State::Skipped), Just(State::Gone)]
}

fn repair() -> impl Strategy<Value = Repairs> {
    (1..16u8).prop_filter_map("none", Repairs::from_bits)
}

prop_compose! {
    fn entry()(
        (id, target) in (id(), option::of(id())),
        (state, key, digest) in (state(), any::<[u8; 16]>(), option::of(any::<[u8; 16]>())),
        (size, date, flags) in (any::<u64>(), option::of(date()), flags()),
        (seen, unanswered, pass, tries) in (any::<bool>(), 0..3u8, prop_oneof![0..2u32, any::<u32>()], any::<u8>()),
        (repair, reason) in (option::of(repair()), option::of(reason())),
    ) -> Entry {
        Entry {
            folder: FolderNo(7),
            id: ItemId::from_bytes(id),
            state,
            target: target.map(TargetId::from_bytes),
            key: HeaderKey(key),
            digest: digest.map(Digest),
            size, date, flags, seen, unanswered, pass, tries, repair, reason,
        }
    }
}

prop_compose! {
    fn folder()(
        (source, target, first) in (id(), option::of(id()), option::of(id())),
        (paths, texts) in (vec(vec(".{0,3}", 0..3), 2), vec(option::of(text()), 4)),
        (print, cursor, items) in (option::of(id()), option::of(id()), option::of(any::<u64>())),
        counts in any::<[u64; 6]>(),
        (placed_pass, gone) in (any::<u32>(), any::<bool>()),
        (unmade, subscribed, unread_since) in (option::of(reason()), option::of(any::<bool>()), option::of(any::<u32>())),
    ) -> FolderEntry {
        FolderEntry {
            no: FolderNo(9),
            source: FolderId::from_bytes(source),
            source_path: FolderPath::of(paths[0].clone()),
            identity: texts[0].clone(),
            epoch: texts[1].clone(),
            target: target.map(FolderId::from_bytes),
            target_path: FolderPath::of(paths[1].clone()),
            target_epoch: texts[2].clone(),
            target_items: items,
            first: first.map(Mark::from_bytes),
            renamed: texts[3].clone(),
            fingerprint: print.map(Fingerprint::from_bytes),
            cursor: cursor.map(Cursor::from_bytes),
            filter: counts[0],
            owed: counts[1],
            placed: counts[2],
            skipped: counts[3],
            left: counts[4],
            bytes: counts[5],
            placed_pass,
            gone,
            unmade,
            subscribed,
            unread_since,
        }
    }
}

proptest! {
    #[test]
    fn entries_to_bytes_and_back(entries in vec(entry(), 0..30)) {
        let blob = pack(FolderNo(7), &entries);
        prop_assert_eq!(unpack(FolderNo(7), &blob), Ok(entries));
    }

    #[test]
    fn folders_to_bytes_and_back(folder in folder()) {
        prop_assert_eq!(unpack_folder(folder.no, &pack_folder(&folder)), Ok(folder));
    }

    #[test]
    fn folders_of_the_first_format_are_read(folder in folder()) {
        let folder = FolderEntry { unmade: None, subscribed: None, unread_since: None, ..folder };
        let blob = pack_folder(&folder);
        // What was added since stands at the end: a no for each.
        let older = frame(1, folder.no.0, &blob[9..blob.len() - 3]);
        prop_assert_eq!(unpack_folder(folder.no, &older), Ok(folder));
    }

    #[test]
    fn a_changed_byte_is_noticed(entries in vec(entry(), 1..5), at in any::<prop::sample::Index>(), by in 1..=255u8) {
        let mut blob = pack(FolderNo(7), &entries);
        prop_assert!(unpack(FolderNo(8), &blob).is_err(), "another folder's blob");
        let at = at.index(blob.len());
        prop_assert!(unpack(FolderNo(7), &blob[..at]).is_err(), "cut short");
        blob[at] ^= by;
        prop_assert!(unpack(FolderNo(7), &blob).is_err());
    }

    #[test]
    fn nonsense_under_a_right_checksum_never_panics(payload in vec(any::<u8>(), 0..300)) {
        let blob = frame(1, 7, &payload);
        let _ = unpack(FolderNo(7), &blob);
        let _ = unpack_folder(FolderNo(7), &blob);
        let _ = unpack_folder(FolderNo(7), &frame(2, 7, &payload));
        prop_assert!(unframe(2, 7, &blob).is_err());
    }

    #[test]
    fn numbers_to_bytes_and_back(n in any::<u64>(), shift in 0..64u32, s in any::<i64>()) {
        let mut to = Writer::default();
        to.number(n >> shift);
        to.signed(s >> shift);
        let mut from = Reader(&to.0);
        prop_assert_eq!((from.number(), from.signed()), (Ok(n >> shift), Ok(s >> shift)));
        prop_assert_eq!(from.end(), Ok(()));
    }
}

/// As it was written when there was no more than one.
#[test]
fn a_single_repair_is_written_as_ever() {
    for (at, repair) in Repair::ALL.into_iter().enumerate() {
        let entry = Entry { repair: Some(Repairs::of(repair)), ..typical(1) };
        let blob = pack(FolderNo(7), [&entry]);
        assert_eq!(blob.last(), Some(&(at as u8)), "{repair:?}");
    }
}

#[test]
fn an_item_of_imap_takes_at_most_50_bytes() {
    let entries: Vec<Entry> = (0..4096u32).map(typical).collect();
    let each = pack(FolderNo(7), &entries).len() as f64 / 4096.0;
    assert!((33.0..50.0).contains(&each), "{each} bytes an item");
}

/// A source UID of 4 bytes, a target id of UIDVALIDITY and UID, a message a few minutes after the other.
fn typical(n: u32) -> Entry {
    let random = blake3::hash(&n.to_be_bytes());
    let random = random.as_bytes();
    let half = |at: usize| std::array::from_fn(|i| random[at + i]);
    let size = u64::from(random[3]) << 8 | u64::from(random[4]);
    Entry {
        folder: FolderNo(7),
        id: ItemId::from_bytes((0x6543_2100_0000_0000 + u64::from(1 + n + n / 10)).to_be_bytes()),
        state: State::Placed,
        target: Some(TargetId::from_bytes((0x6543_2100_0000_0000 + u64::from(n)).to_be_bytes())),
        key: HeaderKey(half(0)),
        digest: Some(Digest(half(16))),
        size: 2000 + size * 2,
        date: Some(Date {
            seconds: 1_600_000_000 + i64::from(n) * 3000 + i64::from(random[9]) * 20,
            zone: if random[7] < 30 { 60 } else { 0 },
        }),
        flags: Flags::from_parts(random[5] & 3, (random[6] < 10).then(|| "$Forwarded".into())),
        seen: true,
        unanswered: 0,
        pass: 1,
        tries: 0,
        repair: None,
        reason: None,
    }
}
