//! Folders that the target does not make: left out of the pass, named with their items, tried again by the next one. A
//! verification without a pass makes none, and says what the last pass said.

use std::collections::HashSet;

use mailferry_model::{
    Error, Result,
    error::Reaction,
    folder::Folder,
    id::FolderId,
    ledger::{FolderEntry, FolderNo, Reason},
    port::Target,
    report::Named,
};

use super::renames::PUT_OFF;
use crate::plan::{Plan, Planned};

/// A folder without a place.
pub(super) struct Unmade {
    /// Which.
    pub no: FolderNo,
    /// The target's words.
    pub error: Error,
}

impl Unmade {
    /// A refusal that is about one folder.
    ///
    /// # Errors
    /// The refusal, where it reaches the whole mailbox.
    pub fn of(planned: &Planned, error: Error) -> Result<Self> {
        match error.reaction() {
            Reaction::StallMailbox | Reaction::ParkEndpoint => Err(error),
            Reaction::PauseFolder | Reaction::OweItem | Reaction::SkipItem => {
                let no = planned.entry.no;
                tracing::warn!(
                    folder = no.0,
                    error = error.kind().code(),
                    "the target does not make a folder"
                );
                Ok(Self { no, error })
            }
        }
    }
}

/// Folders that the target says to have made and does not list: where its state cannot be read either, it is not there.
///
/// # Errors
/// What reaches the whole mailbox.
pub(super) async fn only_said(
    target: &dyn Target,
    folders: &mut [Planned],
    listed: &[Folder],
) -> Result<Vec<Unmade>> {
    let there: HashSet<&FolderId> = listed.iter().map(|folder| &folder.id).collect();
    let mut unmade = Vec::new();
    for planned in folders.iter_mut() {
        let Some(id) = planned.entry.target.clone().filter(|id| !there.contains(id)) else { continue };
        let Err(error) = target.marks(std::slice::from_ref(&id)).await else { continue };
        let told = format!("it said OK, and the folder is not there: {}", error.context());
        let error = Error::new(error.kind(), error.side(), "create folder", told)
            .scope_of(error.scope())
            .retry_of(error.retry())
            .code_of("FOLDER_NOT_MADE");
        unmade.push(Unmade::of(planned, error)?);
        planned.entry.target = None;
    }
    Ok(unmade)
}

/// Takes them out of the plan's folders and names them; gives back what the ledger keeps of each: what it knew, and why
/// the folder was not made.
pub(super) fn leave_out(plan: &mut Plan, unmade: &[Unmade], known: &[FolderEntry]) -> Vec<FolderEntry> {
    let Plan { folders, unmade: named, .. } = plan;
    let mut kept = Vec::new();
    folders.retain(|planned| {
        let Some(Unmade { no, error }) = unmade.iter().find(|u| u.no == planned.entry.no) else {
            return true;
        };
        let why = Reason { code: error.code().into(), text: error.context().into(), message_id: None };
        let before = known.iter().find(|f| f.no == *no).unwrap_or(&planned.entry);
        named.push(name(planned, &why));
        kept.push(FolderEntry { unmade: Some(Box::new(why)), ..before.clone() });
        false
    });
    kept
}

/// A folder that a pass left out and that is not there now either: nothing of it is missed.
pub(super) fn told(planned: &Planned, target: Option<&FolderId>) -> Option<Named> {
    let why = planned.entry.unmade.as_deref().filter(|why| target.is_none() && &*why.code != PUT_OFF)?;
    Some(name(planned, why))
}

fn name(planned: &Planned, why: &Reason) -> Named {
    Named {
        folder: planned.listed.path.to_string(),
        uid: String::new(),
        message_id: None,
        size: 0,
        code: why.code.to_string(),
        reason: format!("the target does not make the folder: {}", why.text),
        items: Some(planned.listed.items.unwrap_or(0)),
        date: None,
        tries: None,
    }
}
