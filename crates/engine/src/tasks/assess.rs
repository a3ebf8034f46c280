//! One mailbox of a scan: opened, its folders and the listing of its items read, closed. No body, no write.

use std::{collections::HashSet, hash::BuildHasher, sync::Arc};

use mailferry_model::{
    Kind, Result, Scope, Side,
    cancel::Cancel,
    endpoint::Endpoint,
    filter::Choice,
    folder::Folder,
    item::Change,
    mapping::RunOptions,
    port::{Source, Target},
    scan::{Assessment, MICROSOFT_365, Preview, Scan, ScanMailbox, awkward, clashes},
};

use super::{user::end_of, worker::Worker};
use crate::plan::preview;

/// Between which endpoints.
pub(super) struct Ends {
    pub source: Endpoint,
    pub target: Option<Endpoint>,
}

/// What the target says, as far as it could be asked.
struct There {
    folders: Vec<Folder>,
    separator: Option<char>,
    max_item: Option<u64>,
}

impl Worker {
    /// Reads one mailbox of a scan.
    pub(super) async fn assess(
        &self,
        scan: &Scan,
        ends: &Ends,
        mailbox: &ScanMailbox,
        cancel: &Cancel,
    ) -> Result<Assessment> {
        let began = self.house.clock.elapsed();
        let own = self.house.store.unseal(mailbox.secrets.id()).await?;
        let (_, end) = end_of(self, &ends.source, &mailbox.source, &own, "source").await?;
        let source = end.source(&self.house.cx(Side::Source, cancel, Some(1))).await?;
        let there = match &ends.target {
            None => None,
            Some(target) => {
                let asked = async {
                    let (_, end) = end_of(self, target, &mailbox.target, &own, "target").await?;
                    there(end.target(&self.house.cx(Side::Target, cancel, Some(1))).await?).await
                };
                Some((target, asked.await))
            }
        };
        if let Some((_, Err(error))) = &there
            && error.kind() == Kind::Unauthenticated
            && error.scope() == Scope::Endpoint
        {
            // Tried for no other mailbox: the same password would be refused again.
            return Err(error.clone());
        }
        let (limit, whose) = limit(scan, there.as_ref());
        let mut found = Assessment::above(limit, whose);
        let read = read(&*source, &mailbox.options, &mut found, cancel).await;
        // Nobody waits for it: what was read was read.
        if let Err(error) = source.close().await {
            tracing::debug!(%error, "a source that was scanned did not close in order");
        }
        let listed = read?;
        found.preview = there.map(|(_, there)| match there {
            Ok(there) => preview(&listed, &there.folders, there.separator, &mailbox.options),
            Err(error) => Preview { unknown: Some(error.to_string()), ..Preview::default() },
        });
        let took = self.house.clock.elapsed().saturating_sub(began);
        found.milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(found)
    }
}

/// Above what items are named, and whose limit that is.
fn limit(scan: &Scan, there: Option<&(&Endpoint, Result<There>)>) -> (u64, String) {
    let of_target = there.and_then(|(target, there)| Some((target, there.as_ref().ok()?.max_item?)));
    match (scan.max_size, of_target) {
        (Some(limit), _) => (limit, "this scan".to_owned()),
        (None, Some((target, limit))) => (limit, target.name.clone()),
        (None, None) => (MICROSOFT_365, "Microsoft 365 as it comes".to_owned()),
    }
}

async fn there(target: Arc<dyn Target>) -> Result<There> {
    let folders = target.folders().await;
    let caps = target.caps();
    let (separator, max_item) = (caps.separator, caps.max_item);
    if let Err(error) = target.close().await {
        tracing::debug!(%error, "a target that was asked for its folders did not close in order");
    }
    Ok(There { folders: folders?, separator, max_item })
}

/// Reads folders and listings; the folders.
async fn read(
    source: &dyn Source,
    options: &RunOptions,
    found: &mut Assessment,
    cancel: &Cancel,
) -> Result<Vec<Folder>> {
    let folders = source.folders().await?;
    let mut moving = Vec::new();
    for folder in &folders {
        match options.filter.folder(folder, &folders) {
            Choice::Moves => {
                found.add_folder(folder);
                found.add_names(awkward(&folder.path));
                moving.push(folder);
            }
            Choice::NotPersonal | Choice::Filtered => found.leave_out(folder),
        }
    }
    found.add_names(clashes(moving.iter().map(|folder| &folder.path)));
    for folder in moving.into_iter().filter(|folder| folder.selectable) {
        cancel.check()?;
        match list(source, folder, options, found).await {
            Ok(()) => {}
            Err(error) if error.scope() <= Scope::Folder && error.kind() != Kind::Cancelled => {
                found.fail_folder(&folder.path, &error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(folders)
}

/// Adds the items of a folder, page by page. Pages may repeat an item: eight bytes of each are remembered as long as its
/// folder is read, and nothing else.
async fn list(
    source: &dyn Source,
    folder: &Folder,
    options: &RunOptions,
    found: &mut Assessment,
) -> Result<()> {
    let (mut seen, hashes) = (HashSet::new(), std::hash::RandomState::new());
    let mut cursor = None;
    loop {
        let page = source.changes(&folder.id, cursor.as_ref()).await?;
        for change in &page.changes {
            if let Change::Upsert(stub) = change
                && options.filter.item(stub)
                && seen.insert(hashes.hash_one(&stub.id))
            {
                found.add_item(&folder.path, stub);
            }
        }
        if !page.more {
            return Ok(());
        }
        cursor = Some(page.next);
    }
}
