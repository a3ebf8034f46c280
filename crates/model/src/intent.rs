//! Intent: what a person's word, or the time that a person set, does to a batch and its users. Pure; workers act on what
//! is written.

use jiff::Timestamp;

use crate::{
    approval::{held, with_gate},
    batch::Batch,
    mode::RunMode,
    report::Score,
    status::{BatchEvent, BatchStatus, StatusSummary, UserEvent, UserStatus},
    user::User,
};

/// What a person wants of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start, resume, retry what failed.
    Start,
    /// Sync what is synced once more.
    Sync,
    /// The last sync and the verification.
    Complete,
    /// Stop what is under way.
    Stop,
}

/// What a person wants of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Start or resume it.
    Start,
    /// Try again what failed.
    Retry,
    /// Sync it once more.
    Sync,
    /// The last sync and the verification, of it alone.
    Complete,
    /// Stop what is under way.
    Stop,
}

/// How a batch is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// In a mode, which it keeps.
    Mode(RunMode),
    /// Only what failed or was left behind is tried again.
    Errors,
}

/// Why an action does not apply: the batch or the user is not in the state for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// One sentence.
    pub detail: String,
    /// What stands in the way, a sentence each.
    pub blockers: Vec<String>,
}

/// What has to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent {
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

    /// Whether a user is at what is asked.
    fn is_at(self, status: UserStatus) -> bool {
        use UserStatus as S;
        match self {
            Self::Sync => status == S::IncrementalSyncing,
            Self::Complete => matches!(status, S::Completing | S::CompletionSynced),
            Self::Start | Self::Stop => false,
        }
    }

    /// Whether the action is of a user's concern; one that waits for its first pass is started with its batch.
    pub fn reaches(self, user: &User) -> bool {
        self.on(user).is_some() || (self == Self::Start && user.status == UserStatus::Queued)
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
        let stops = self == Self::Stop;
        let detail = user.detail.clone().filter(|_| stops);
        // A reason is for one completion, and that does not happen now.
        let despite_score = user.despite_score.clone().filter(|_| !stops);
        Some(User { status, detail, despite_score, ..user.clone() })
    }
}

impl UserAction {
    /// The word for messages and the audit trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Retry => "retry",
            Self::Sync => "sync",
            Self::Complete => "complete",
            Self::Stop => "stop",
        }
    }

    /// Whether a user in that status does already what is asked, or has done it.
    fn is_done(self, status: UserStatus) -> bool {
        use StatusSummary as S;
        match self {
            Self::Start => matches!(status.summary(), S::Active | S::Synced | S::Completed),
            Self::Retry => status.is_active(),
            Self::Sync => status == UserStatus::IncrementalSyncing,
            Self::Complete => status.summary() == S::Completed || Action::Complete.is_at(status),
            Self::Stop => status == UserStatus::Stopping || status.summary() == S::Stopped,
        }
    }

    /// The user as it shall be; `None` if this does not apply to it.
    fn on(self, user: &User) -> Option<User> {
        match self {
            Self::Start => Action::Start.on(user),
            Self::Retry => Action::Start.on(user).filter(|_| user.status.is_failure()),
            Self::Sync => Action::Sync.on(user),
            Self::Complete => Action::Complete.on(user),
            Self::Stop => Action::Stop.on(user),
        }
    }
}

/// What an action on one user writes. No other user of the batch changes by it.
///
/// # Errors
/// Why it does not apply.
pub fn intend_user(batch: &Batch, user: &User, action: UserAction) -> Result<Intent, Refused> {
    let refused = |who: &str, status: String| {
        let detail = format!("{who} is {status}: {} cannot {} from there.", user.address, action.word());
        Err(Refused { detail, blockers: Vec::new() })
    };
    let of_batch = || refused(&format!("The batch {}", batch.name), batch.status.label());
    if batch.status == BatchStatus::Created {
        // All its users wait for its start: one alone cannot be started before the others.
        return of_batch();
    }
    if action.is_done(user.status) {
        return Ok(Intent::default());
    }
    let Some(changed) = action.on(user) else { return refused(&user.address, user.status.label()) };
    if let Some(why) = batch.mode.sentence(&batch.name).filter(|_| action == UserAction::Complete) {
        let detail = format!("{} is not completed. The batch {}: {why}", user.address, batch.name);
        return Err(Refused { detail, blockers: Vec::new() });
    }
    if let Some(held) = held(batch, user).filter(|_| action == UserAction::Complete) {
        let sentence = held.sentence(&user.address, &batch.name);
        let blockers = vec![format!("{}: {sentence}", user.address)];
        let detail = format!("{} is not completed: {sentence}.", user.address);
        return Err(Refused { detail, blockers });
    }
    let status = match (action, batch.status) {
        (UserAction::Stop, status) => Some(status),
        // The batch would be Completed with a user that is not.
        (_, BatchStatus::Stopping | BatchStatus::Completing) => None,
        // It goes on when its endpoint is replaced.
        _ if batch.paused_for.is_some() => None,
        (_, status) if status.is_active() => Some(status),
        (_, status) => revived(status),
    };
    match status {
        Some(status) => Ok(Intent { status: Some(status), users: vec![changed] }),
        None => of_batch(),
    }
}

/// The status of a batch at rest when one of its users is taken up again.
fn revived(status: BatchStatus) -> Option<BatchStatus> {
    status.after(BatchEvent::Start).or_else(|| status.after(BatchEvent::Sync))
}

/// What an action writes.
///
/// # Errors
/// Why it does not apply.
pub fn intend(batch: &Batch, users: &[User], action: Action, now: Timestamp) -> Result<Intent, Refused> {
    let completes = action == Action::Complete;
    let on = |user: &User| match completes && held(batch, user).is_some() {
        // It says why it stays as it is.
        true => Some(with_gate(user.clone(), batch, now)).filter(|told| told != user),
        false => action.on(user),
    };
    let changed: Vec<User> = users.iter().filter_map(on).collect();
    if completes && let Some(why) = batch.mode.sentence(&batch.name) {
        let detail = format!("The batch {} is not completed. {why}", batch.name);
        return Err(Refused { detail, blockers: Vec::new() });
    }
    // It rests while some of its users were stopped alone.
    let resumes = action == Action::Start && batch.status == BatchStatus::Synced && !changed.is_empty();
    let waits_for_it =
        batch.status == BatchStatus::Waiting && users.iter().any(|user| action.is_at(user.status));
    if (action.is_done(batch.status) || waits_for_it) && !resumes {
        return Ok(Intent::default());
    }
    let next = if resumes { revived(batch.status) } else { batch.status.after(action.event()) };
    let status = next.ok_or_else(|| {
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
        Refused { detail, blockers }
    })?;
    // A retry of a completion that failed goes on with the completion.
    Ok(Intent { status: Some(status), users: changed })
}

/// What a start in another mode writes, or one that only tries again what failed. The batch has its new mode then.
///
/// # Errors
/// Why it does not apply.
pub fn intend_run(batch: &Batch, users: &[User], run: Run, now: Timestamp) -> Result<Intent, Refused> {
    let refused = |detail: String| Err(Refused { detail, blockers: Vec::new() });
    let name = &batch.name;
    let mode = match run {
        Run::Errors => return intend_errors(batch, users, now),
        Run::Mode(mode) => mode,
    };
    if mode == batch.mode {
        return intend(batch, users, Action::Start, now);
    }
    if batch.status.is_active() {
        let status = batch.status.label();
        return refused(format!("The batch {name} is {status}: stop it before it runs in another mode."));
    }
    let moved_more =
        !matches!(batch.mode, RunMode::VerifyCredentials | RunMode::Trial) && batch.started.is_some();
    if moved_more && matches!(mode, RunMode::VerifyCredentials | RunMode::Trial) {
        let word = mode.word();
        return refused(format!(
            "Mailboxes of the batch {name} have moved further than {word} would: it comes before that."
        ));
    }
    // What is synced is synced once more: with the new mode there is more to move.
    let on = |user: &User| Action::Start.on(user).or_else(|| Action::Sync.on(user));
    let changed: Vec<User> = users.iter().filter_map(on).collect();
    match revived(batch.status) {
        Some(status) => Ok(Intent { status: Some(status), users: changed }),
        None => refused(format!("The batch {name} is {}: it cannot start from there.", batch.status.label())),
    }
}

/// Mailboxes that failed are started, and those that left something behind are synced: they try that again.
fn intend_errors(batch: &Batch, users: &[User], now: Timestamp) -> Result<Intent, Refused> {
    let again = |user: &User| {
        let left = user.totals.skipped > 0 || matches!(user.score, Some(Score::Investigate | Score::Poor));
        let sync = || Action::Sync.on(user).filter(|_| left);
        let user = Action::Start.on(user).filter(|_| user.status.is_failure()).or_else(sync)?;
        Some(User { retry_skipped: true, ..user })
    };
    let changed: Vec<User> = users.iter().filter_map(again).collect();
    if changed.is_empty() {
        return Ok(Intent::default());
    }
    let status = match batch.status {
        status if status.is_active() => Some(status),
        status => revived(status),
    };
    match status.filter(|_| batch.paused_for.is_none()) {
        Some(status) => Ok(Intent { status: Some(status), users: changed }),
        None => intend(batch, users, Action::Start, now),
    }
}

/// The status of a batch to which mailboxes are added: they begin with it, or at once where it is under way or synced.
///
/// # Errors
/// Why none can be added.
pub fn intend_add(batch: &Batch) -> Result<BatchStatus, Refused> {
    use BatchStatus as S;
    let status = match batch.status {
        S::Created | S::Stopped | S::Failed => Some(batch.status),
        S::Starting | S::Waiting | S::Syncing | S::IncrementalSyncing => Some(batch.status),
        S::Synced | S::SyncedWithErrors if batch.paused_for.is_none() => revived(batch.status),
        _ => None,
    };
    status.ok_or_else(|| {
        let detail = format!("The batch {} is {}: no mailboxes are added.", batch.name, batch.status.label());
        Refused { detail, blockers: Vec::new() }
    })
}
