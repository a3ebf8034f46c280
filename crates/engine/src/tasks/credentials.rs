//! Whether a mailbox can be opened at both sides: signed in, its folders listed, nothing moved and nothing remembered but
//! that.

use futures_util::try_join;
use mailferry_model::{
    Result, Side,
    cancel::Cancel,
    job::Job,
    mode::CREDENTIALS_VERIFIED,
    port::{Source, Target},
    status::{UserEvent, UserStatus},
    user::{Detail, User},
};

use super::{
    user::{change, step},
    worker::Worker,
};
use crate::{
    copy::{Copy, close},
    open::House,
};

/// A mailbox that could be opened at both sides.
pub(super) struct Opened {
    /// Folders at the source.
    source: usize,
    /// Folders at the target.
    target: usize,
}

/// Opens both sides, lists their folders and closes them; `opened` is called once both are open.
///
/// # Errors
/// Why one of them cannot be opened, as of a pass.
pub(super) async fn verify(
    house: &House,
    run: &Copy,
    cancel: &Cancel,
    opened: &(dyn Fn() + Send + Sync),
) -> Result<Opened> {
    let cx = |side| house.cx(side, cancel, Some(1));
    let (from, to) = (cx(Side::Source), cx(Side::Target));
    let (source, target) = try_join!(run.source.source(&from), run.target.target(&to))?;
    opened();
    let listed = list(&*source, &*target).await;
    close(&*source, &*target).await;
    listed
}

async fn list(source: &dyn Source, target: &dyn Target) -> Result<Opened> {
    let (from, to) = try_join!(source.folders(), target.folders())?;
    Ok(Opened { source: from.len(), target: to.len() })
}

/// Writes that it could be opened. A mailbox that has moved nothing yet rests until its batch is started in full.
pub(super) async fn done(worker: &Worker, job: &Job, opened: &Opened) -> Result<()> {
    let now = worker.house.clock.now();
    let text = format!(
        "both sides were opened: {} folders at the source, {} at the target",
        opened.source, opened.target
    );
    change(worker, job, |user| {
        rest(user);
        user.detail = Some(Detail::fresh(CREDENTIALS_VERIFIED, text.clone(), now));
    })
    .await?;
    Ok(())
}

fn rest(user: &mut User) {
    let events: &[UserEvent] = match user.status {
        UserStatus::IncrementalSyncing => &[UserEvent::Done],
        _ => &[UserEvent::Stop, UserEvent::Halt],
    };
    events.iter().for_each(|event| step(user, *event));
}
