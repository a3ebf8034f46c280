//! The contract of `Ledger`.

use std::time::Duration;

use mailferry_model::{
    Kind,
    id::{FolderId, Mark},
    ledger::{Commit, Entry, FolderNo, Lease, State, Window},
    port::Store,
};

use super::{Outcome, ensure, refused, said, same, samples, sentences};

sentences! { "ledger":
    an_identity_has_one_mailbox,
    a_new_ledger_has_not_begun,
    a_window_that_is_open_keeps_its_older_mark,
    marks_move_up_and_windows_close_with_a_commit,
    folders_are_replaced_by_number_and_read_back_whole,
    entries_read_back_whole_and_the_newest_state_counts,
    folders_do_not_mix,
    packing_changes_nothing_but_forgets_what_is_gone,
    packing_again_and_again_keeps_large_folders,
    a_stale_epoch_writes_nothing,
    forgetting_leaves_nothing_and_keeps_the_lease,
}

async fn leased(store: &dyn Store) -> Result<Lease, String> {
    let mailbox = store.mailbox(&format!("a → b {}", store.new_id())).await.map_err(said)?;
    let claim = store.lease(mailbox, store.new_id(), Duration::from_secs(60)).await.map_err(said)?;
    Ok(claim.lease)
}

fn window(folder: &[u8], mark: &[u8]) -> Window {
    Window { folder: FolderId::from_bytes(folder), mark: Mark::from_bytes(mark) }
}

fn items(items: Vec<Entry>) -> Commit {
    Commit { items, ..Commit::default() }
}

fn by_id(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

async fn read(store: &dyn Store, lease: Lease, folder: u32) -> Result<Vec<Entry>, String> {
    store.read(lease.mailbox, FolderNo(folder)).await.map(by_id).map_err(said)
}

async fn an_identity_has_one_mailbox(store: &dyn Store) -> Outcome {
    let name = format!("imaps://ü\0@x → {}", store.new_id());
    let one = store.mailbox(&name).await.map_err(said)?;
    same!(store.mailbox(&name).await.map_err(said)?, one, "asked again");
    ensure!(store.mailbox(&format!("{name}2")).await.map_err(said)? != one, "another copy shares a ledger");
    Ok(())
}

async fn a_new_ledger_has_not_begun(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let head = store.head(lease.mailbox).await.map_err(said)?;
    same!(head, mailferry_model::ledger::Head::default(), "a new head");
    let commit = Commit { pass: Some(1), ..Commit::default() };
    store.commit(lease, &commit).await.map_err(said)?;
    let head = store.head(lease.mailbox).await.map_err(said)?;
    same!((head.begun, head.passes), (true, 1), "begun, passes");
    Ok(())
}

async fn a_window_that_is_open_keeps_its_older_mark(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    store.open(lease, &[window(b"a", b"1"), window(b"b\0", b"")]).await.map_err(said)?;
    store.open(lease, &[window(b"a", b"2"), window(b"c", b"3"), window(b"c", b"4")]).await.map_err(said)?;
    let mut open = store.head(lease.mailbox).await.map_err(said)?.windows;
    open.sort_by(|a, b| a.folder.cmp(&b.folder));
    same!(open, [window(b"a", b"1"), window(b"b\0", b""), window(b"c", b"3")], "windows");
    Ok(())
}

async fn marks_move_up_and_windows_close_with_a_commit(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let long = [7; 4000];
    store.open(lease, &[window(b"a", b"1"), window(&long, b"1")]).await.map_err(said)?;
    let commit = Commit {
        marks: vec![window(b"a", b"1"), window(b"a", b"2"), window(&long, b"2")],
        close: vec![FolderId::from_bytes(long), FolderId::from_bytes(b"never opened")],
        ..Commit::default()
    };
    store.commit(lease, &commit).await.map_err(said)?;
    let head = store.head(lease.mailbox).await.map_err(said)?;
    same!(head.windows, [window(b"a", b"2")], "windows");
    Ok(())
}

async fn folders_are_replaced_by_number_and_read_back_whole(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let (mut one, two) = (samples::folder_entry(1), samples::folder_entry(2));
    let commit = Commit { folders: vec![two.clone(), one.clone(), one.clone()], ..Commit::default() };
    store.commit(lease, &commit).await.map_err(said)?;
    (one.cursor, one.gone, one.target_items) = (None, false, None);
    let commit = Commit { folders: vec![one.clone()], ..Commit::default() };
    store.commit(lease, &commit).await.map_err(said)?;
    same!(store.head(lease.mailbox).await.map_err(said)?.folders, [one, two], "folders by number");
    Ok(())
}

async fn entries_read_back_whole_and_the_newest_state_counts(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let (plain, odd) = (samples::entry(1, 5), samples::odd_entry(1));
    let owed = Entry { state: State::Owed, target: None, ..plain.clone() };
    store.commit(lease, &items(vec![odd.clone(), owed.clone()])).await.map_err(said)?;
    same!(read(store, lease, 1).await?, by_id(vec![odd.clone(), owed.clone()]), "first states");
    store.commit(lease, &items(vec![owed, plain.clone()])).await.map_err(said)?;
    same!(read(store, lease, 1).await?, by_id(vec![odd, plain]), "newest states");
    Ok(())
}

async fn folders_do_not_mix(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let (one, two) = (samples::entry(1, 5), samples::entry(2, 5));
    store.commit(lease, &items(vec![one.clone(), two.clone()])).await.map_err(said)?;
    store.pack(lease, FolderNo(1)).await.map_err(said)?;
    same!(read(store, lease, 1).await?, [one], "folder 1");
    same!(read(store, lease, 2).await?, [two], "folder 2");
    same!(read(store, lease, 3).await?, [], "a folder without items");
    let other = leased(store).await?;
    same!(read(store, other, 1).await?, [], "another mailbox");
    Ok(())
}

async fn packing_changes_nothing_but_forgets_what_is_gone(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let (kept, odd) = (samples::entry(1, 1), samples::odd_entry(1));
    let left = Entry { state: State::Gone, ..samples::entry(1, 2) };
    let gone = Entry { state: State::Gone, target: None, ..samples::entry(1, 3) };
    let all = by_id(vec![kept.clone(), odd.clone(), left.clone(), gone]);
    store.commit(lease, &items(all.clone())).await.map_err(said)?;
    same!(read(store, lease, 1).await?, all, "before");
    store.pack(lease, FolderNo(1)).await.map_err(said)?;
    same!(read(store, lease, 1).await?, by_id(vec![kept.clone(), odd.clone(), left]), "after");
    let now_gone = Entry { state: State::Gone, target: None, ..samples::entry(1, 2) };
    store.commit(lease, &items(vec![now_gone])).await.map_err(said)?;
    store.pack(lease, FolderNo(1)).await.map_err(said)?;
    same!(read(store, lease, 1).await?, by_id(vec![kept, odd]), "gone from the segment too");
    Ok(())
}

async fn packing_again_and_again_keeps_large_folders(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let mut all = std::collections::BTreeMap::new();
    // Out of order, with overlaps, over the size of any part.
    for (from, to) in [(10_000, 20_000), (0, 11_000), (19_900, 40_000), (5, 6), (45_000, 45_001)] {
        let some: Vec<Entry> = (from..to).map(|n| Entry { pass: from, ..samples::entry(1, n) }).collect();
        all.extend(some.iter().map(|e| (e.id.clone(), e.clone())));
        store.commit(lease, &items(some)).await.map_err(said)?;
        store.pack(lease, FolderNo(1)).await.map_err(said)?;
        let read = store.read(lease.mailbox, FolderNo(1)).await.map_err(said)?;
        let wrong = by_id(read).into_iter().zip(all.values()).find(|(a, b)| a != *b);
        ensure!(wrong.is_none(), "after {from}..{to}: {wrong:?}");
        let count = store.read(lease.mailbox, FolderNo(1)).await.map_err(said)?.len();
        same!(count, all.len(), "entries");
    }
    Ok(())
}

async fn a_stale_epoch_writes_nothing(store: &dyn Store) -> Outcome {
    let mailbox = store.mailbox(&format!("fenced {}", store.new_id())).await.map_err(said)?;
    let none = Lease { mailbox, epoch: 0 };
    refused(store.commit(none, &Commit::default()).await, Kind::Conflict, "a commit without a lease")?;
    let old = store.lease(mailbox, store.new_id(), Duration::ZERO).await.map_err(said)?.lease;
    let new = store.lease(mailbox, store.new_id(), Duration::from_secs(60)).await.map_err(said)?.lease;
    ensure!(new.epoch > old.epoch, "epochs do not grow: {} then {}", old.epoch, new.epoch);
    let full = Commit {
        items: vec![samples::entry(1, 1)],
        folders: vec![samples::folder_entry(1)],
        marks: vec![window(b"a", b"1")],
        pass: Some(9),
        close: vec![],
    };
    refused(store.commit(old, &full).await, Kind::Conflict, "commit")?;
    refused(store.open(old, &[window(b"a", b"1")]).await, Kind::Conflict, "open")?;
    refused(store.pack(old, FolderNo(1)).await, Kind::Conflict, "pack")?;
    refused(store.forget(old).await, Kind::Conflict, "forget")?;
    let future = Lease { epoch: new.epoch + 1, ..new };
    refused(store.commit(future, &full).await, Kind::Conflict, "an epoch that was never given")?;
    let head = store.head(mailbox).await.map_err(said)?;
    same!(head, mailferry_model::ledger::Head::default(), "the head");
    same!(read(store, new, 1).await?, [], "entries");
    store.commit(new, &full).await.map_err(said)
}

async fn forgetting_leaves_nothing_and_keeps_the_lease(store: &dyn Store) -> Outcome {
    let lease = leased(store).await?;
    let full = Commit {
        items: vec![samples::entry(1, 1), samples::entry(2, 1)],
        folders: vec![samples::folder_entry(1)],
        pass: Some(1),
        ..Commit::default()
    };
    store.commit(lease, &full).await.map_err(said)?;
    store.open(lease, &[window(b"a", b"1")]).await.map_err(said)?;
    store.pack(lease, FolderNo(1)).await.map_err(said)?;
    store.forget(lease).await.map_err(said)?;
    let head = store.head(lease.mailbox).await.map_err(said)?;
    same!(head, mailferry_model::ledger::Head::default(), "the head");
    same!(read(store, lease, 1).await?, [], "packed entries");
    same!(read(store, lease, 2).await?, [], "journal entries");
    store.commit(lease, &full).await.map_err(said)
}
