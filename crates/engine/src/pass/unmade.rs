//! Folders that the target does not make: left out of the pass, named with their items, tried again by the next one.

use mailferry_model::{Error, Result, error::Reaction, ledger::FolderNo, report::Named};

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

/// Takes them out of the plan's folders: the ledger keeps what it knows of them.
pub(super) fn leave_out(plan: &mut Plan, unmade: &[Unmade]) {
    let Plan { folders, unmade: named, .. } = plan;
    folders.retain(|planned| {
        let found = unmade.iter().find(|u| u.no == planned.entry.no);
        named.extend(found.map(|u| name(planned, &u.error)));
        found.is_none()
    });
}

fn name(planned: &Planned, error: &Error) -> Named {
    Named {
        folder: planned.listed.path.to_string(),
        uid: String::new(),
        message_id: None,
        size: 0,
        code: error.code(),
        reason: format!("the target does not make the folder: {}", error.context()),
        items: Some(planned.listed.items.unwrap_or(0)),
    }
}
