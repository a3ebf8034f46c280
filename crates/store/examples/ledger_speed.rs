//! Measures the ledger: commits a second, bytes an item, reading, packing. Figures: `docs/concepts/ledger.md`.
//!
//! `cargo run --release -p mailferry-store --example ledger_speed -- FOLDER [POSTGRES-URL]`

use std::{path::Path, time::Instant};

use mailferry_model::{
    Result,
    flags::Flags,
    id::{FolderId, ItemId, Mark, TargetId},
    item::Date,
    key::{Digest, HeaderKey},
    ledger::{Commit, Entry, FolderNo, State, Window},
    port::{Ledger, Store, Work},
    secret::Secret,
};
use mailferry_store::{Location, MasterKey, SqlStore};

const ITEMS: u32 = 100_000;
const GROUP: u32 = 256;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let lite = Location::Sqlite(Path::new(&folder).join("ledger-speed"));
    for location in
        std::iter::once(lite).chain(arguments.next().map(|url| Location::Postgres(Secret::new(url))))
    {
        let engine = if matches!(location, Location::Sqlite(_)) { "SQLite" } else { "PostgreSQL" };
        println!("{engine}:");
        measure(&SqlStore::open(&location, MasterKey::from_text(&"07".repeat(32))?).await?).await?;
    }
    Ok(())
}

async fn measure(store: &SqlStore) -> Result<()> {
    let mailbox = store.mailbox(&format!("speed {}", store.new_id())).await?;
    let hour = std::time::Duration::from_secs(3600);
    let lease = store.lease(mailbox, store.new_id(), hour).await?.lease;
    let entries: Vec<Entry> = (0..ITEMS).map(typical).collect();
    let folder = FolderId::from_bytes(b"INBOX");

    let start = Instant::now();
    for n in 0..200u32 {
        let window =
            Window { folder: FolderId::from_bytes(n.to_be_bytes()), mark: Mark::from_bytes(b"mark") };
        store.open(lease, &[window]).await?;
    }
    rate("windows opened (durable)", 200.0, start);

    let start = Instant::now();
    for group in entries.chunks(GROUP as usize) {
        let mark = Window { folder: folder.clone(), mark: Mark::from_bytes(b"mark") };
        let commit = Commit { items: group.to_vec(), marks: vec![mark], ..Commit::default() };
        store.commit(lease, &commit).await?;
    }
    let commits = f64::from(ITEMS.div_ceil(GROUP));
    rate("commits of 256 items", commits, start);
    rate("items", f64::from(ITEMS), start);

    let start = Instant::now();
    let read = store.read(mailbox, FolderNo(1)).await?.len();
    rate("items read from the journal", read as f64, start);
    let start = Instant::now();
    store.pack(lease, FolderNo(1)).await?;
    rate("items packed", f64::from(ITEMS), start);
    let start = Instant::now();
    let read = store.read(mailbox, FolderNo(1)).await?.len();
    rate("items read from segments", read as f64, start);

    let start = Instant::now();
    let newer: Vec<Entry> = (ITEMS..ITEMS + 10).map(typical).collect();
    store.commit(lease, &Commit { items: newer, ..Commit::default() }).await?;
    store.pack(lease, FolderNo(1)).await?;
    println!("  ten more, committed and packed: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    println!("  packed: {:.1} bytes an item", store.packed_bytes(mailbox).await? as f64 / f64::from(ITEMS));
    Ok(())
}

fn rate(what: &str, count: f64, start: Instant) {
    println!("  {what}: {:.0}/s", count / start.elapsed().as_secs_f64());
}

/// As in a mailbox of IMAP: UIDs with gaps, random hashes, sizes around 60 kB, some flags.
fn typical(n: u32) -> Entry {
    let mut state = u64::from(n).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = || {
        state = (state ^ (state >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
        state
    };
    let mut hash = || ((u128::from(random()) << 64) | u128::from(random())).to_le_bytes();
    let (key, digest, other) = (hash(), hash(), hash());
    let size = u64::from(u16::from_le_bytes([other[0], other[1]])) * 2;
    Entry {
        folder: FolderNo(1),
        id: ItemId::from_bytes((0x6543_2100_0000_0000 + u64::from(1 + n + n / 10)).to_be_bytes()),
        state: State::Placed,
        target: Some(TargetId::from_bytes((0x6543_2100_0000_0000 + u64::from(n)).to_be_bytes())),
        key: HeaderKey(key),
        digest: Some(Digest(digest)),
        size: 2000 + size,
        date: Some(Date {
            seconds: 1_600_000_000 + i64::from(n) * 3000 + i64::from(other[2]) * 20,
            zone: if other[3] < 30 { 60 } else { 0 },
        }),
        flags: Flags::from_parts(other[4] & 3, (other[5] < 10).then(|| "$Forwarded".into())),
        seen: true,
        unanswered: 0,
        pass: 1,
        tries: 0,
        repair: None,
        reason: None,
    }
}
