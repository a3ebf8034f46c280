//! Subscriptions, merged three ways like flags: what changed at the source since it was last carried is applied, and
//! what people changed at the target stays. Names nothing in reports: a refusal is a line of the log.

use std::{collections::HashMap, sync::Arc};

use mailferry_model::{Result, id::FolderId, ledger::FolderNo, port::Setting};

use super::shared::Shared;
use crate::plan::Plan;

/// Carries what changed, and remembers what was carried.
pub(super) async fn carry(shared: &Arc<Shared>, plan: &Plan) -> Result<()> {
    if !(shared.sides.source.caps().subscriptions && shared.sides.target.caps().subscriptions) {
        return Ok(());
    }
    let there: HashMap<FolderId, Option<bool>> =
        shared.target_subscriptions.iter().map(|(id, on)| (id.clone(), *on)).collect();
    let mut settings = Vec::new();
    let mut carried: Vec<(FolderNo, bool)> = Vec::new();
    let mut asked: Vec<(FolderNo, bool)> = Vec::new();
    for planned in &plan.folders {
        let Ok(folder) = shared.folder(planned.entry.no) else { continue };
        let (Some(target), Some(here)) = (folder.target, planned.listed.subscribed) else { continue };
        if folder.subscribed == Some(here) {
            continue;
        }
        let now = there.get(&target).copied().flatten();
        match change(folder.subscribed, here, now) {
            Some(on) => {
                asked.push((folder.no, here));
                settings.push(Setting::Subscription { folder: target, on });
            }
            None => carried.push((folder.no, here)),
        }
    }
    if !settings.is_empty() {
        for (asked, answer) in asked.into_iter().zip(shared.sides.target.apply(settings).await) {
            match answer {
                Ok(()) => carried.push(asked),
                // Tried again by the next pass: it does not count as carried.
                Err(e) => tracing::info!(error = e.kind().code(), "a subscription was refused"),
            }
        }
    }
    for (no, on) in carried {
        shared.change_folder(no, |f| f.subscribed = Some(on)).await?;
    }
    Ok(())
}

/// What to change at the target. A subscription goes only if the source had it: what it never had was made there.
fn change(carried: Option<bool>, source: bool, target: Option<bool>) -> Option<bool> {
    match (carried, source, target) {
        (_, true, Some(true)) | (_, false, Some(false)) => None,
        (Some(before), now, _) if before == now => None,
        (None, false, _) => None,
        (_, now, _) => Some(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_difference_of_the_source_is_carried() {
        for (carried, source, target, wanted) in [
            (None, true, Some(false), Some(true)),
            (None, true, None, Some(true)),
            (None, true, Some(true), None),
            (None, false, Some(true), None),
            (Some(true), true, Some(false), None),
            (Some(true), false, Some(true), Some(false)),
            (Some(true), false, None, Some(false)),
            (Some(true), false, Some(false), None),
            (Some(false), false, Some(true), None),
            (Some(false), true, Some(false), Some(true)),
        ] {
            assert_eq!(change(carried, source, target), wanted, "{carried:?} {source} {target:?}");
        }
    }
}
