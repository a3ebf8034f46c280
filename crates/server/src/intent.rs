//! Intent: what a person's word does to a batch and its users. Pure; workers act on what is written.

use mailferry_model::{
    batch::Batch,
    status::{BatchEvent, BatchStatus, UserEvent, UserStatus},
    user::User,
};

use crate::problem::Problem;

/// What a person wants of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start, resume, retry what failed.
    Start,
    /// Sync what is synced once more.
    Sync,
    /// The last sync and the verification.
    Complete,
    /// Stop what is under way.
    Stop,
}

/// What has to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Intent {
    /// The batch's new status; `None`: it is so already.
    pub status: Option<BatchStatus>,
    /// Users that change.
    pub users: Vec<User>,
}

impl Action {
    /// The word for messages and the audit trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Sync => "sync",
            Self::Complete => "complete",
            Self::Stop => "stop",
        }
    }

    fn event(self) -> BatchEvent {
        match self {
            Self::Start => BatchEvent::Start,
            Self::Sync => BatchEvent::Sync,
            Self::Complete => BatchEvent::Complete,
            Self::Stop => BatchEvent::Stop,
        }
    }

    /// Whether a batch in that status does already what is asked, or has done it.
    fn is_done(self, status: BatchStatus) -> bool {
        use BatchStatus as S;
        match self {
            Self::Start => matches!(
                status,
                S::Starting
                    | S::Waiting
                    | S::Syncing
                    | S::IncrementalSyncing
                    | S::Completing
                    | S::Synced
                    | S::Completed
            ),
            Self::Sync => status == S::IncrementalSyncing,
            Self::Complete => matches!(status, S::Completing | S::Completed),
            Self::Stop => matches!(status, S::Stopping | S::Stopped),
        }
    }

    /// The user as it shall be; `None` if this does not concern it.
    fn on(self, user: &User) -> Option<User> {
        use UserStatus as S;
        let status = match self {
            Self::Start => match user.status {
                S::Stopped | S::Failed => user.status.after(UserEvent::Start)?,
                S::IncrementalStopped | S::IncrementalFailed | S::CompletionFailed => {
                    user.status.after(UserEvent::Start)?.after(UserEvent::Sync)?
                }
                _ => return None,
            },
            Self::Sync => user.status.after(UserEvent::Sync)?,
            Self::Complete => user.status.after(UserEvent::Complete)?,
            Self::Stop => user.status.after(UserEvent::Stop)?,
        };
        let detail = if self == Self::Stop { user.detail.clone() } else { None };
        Some(User { status, detail, ..user.clone() })
    }
}

/// What an action writes, or why it does not apply.
pub(crate) fn intend(batch: &Batch, users: &[User], action: Action) -> Result<Intent, Problem> {
    if action.is_done(batch.status) {
        return Ok(Intent::default());
    }
    let changed: Vec<User> = users.iter().filter_map(|u| action.on(u)).collect();
    let status = batch.status.after(action.event()).ok_or_else(|| {
        let blockers = users
            .iter()
            .filter(|u| action == Action::Complete && u.status.is_active())
            .map(|u| format!("{} is {}", u.address, u.status.label()))
            .take(20)
            .collect();
        let detail = format!(
            "The batch {} is {}: it cannot {} from there.",
            batch.name,
            batch.status.label(),
            action.word()
        );
        Problem::conflict("WRONG_STATE", detail).blocked_by(blockers)
    })?;
    // A retry of a completion that failed goes on with the completion.
    Ok(Intent { status: Some(status), users: changed })
}
