//! Sign-ins that were refused, as the audit trail tells them: at most once a minute for an account and an address,
//! with how many there were. The name that was typed is not told where there is no such account: it may be a password.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;
use mailferry_model::{
    Result,
    account::Account,
    audit::AuditEntry,
    port::{Clock, Store},
};

use super::limiter::{LONGEST, Limiter, network};
use crate::{Context, door::Keeper};

/// What is told where there is no such account, and from more places than are told apart.
const NO_ACCOUNT: &str = "no account";
const MANY: &str = "many addresses";
/// Between two entries about the same.
const PAUSE: Duration = Duration::from_secs(60);
/// So many accounts and addresses are told apart; what is beyond is told together.
const MOST: usize = 1000;

/// What was refused since it was last told.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, Since>>);

/// Whose account, from where; without both: from more places than are told apart.
type Key = (Option<String>, Option<String>);

struct Since {
    told: Duration,
    untold: Refused,
}

/// How many were refused, and for how many of them something was tried: who has to wait tries nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    count: u32,
    tried: u32,
}

impl Refused {
    /// A name, a password or a code did not fit.
    pub(crate) const TRIED: Self = Self { count: 1, tried: 1 };
    /// Nothing was looked at: it was too soon.
    pub(crate) const TOO_SOON: Self = Self { count: 1, tried: 0 };

    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.tried = self.tried.saturating_add(other.tried);
    }
}

impl Refusals {
    /// Counts a refusal; how many are to be told of now.
    fn count(&self, now: Duration, key: Key, refused: Refused) -> Vec<(Key, Refused)> {
        let mut due = self.due(now);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if all.len() < MOST || all.contains_key(&key) { key } else { (None, None) };
        match all.get_mut(&key) {
            Some(since) => since.untold.add(refused),
            None => {
                all.insert(key.clone(), Since { told: now, untold: Refused::default() });
                due.push((key, refused));
            }
        }
        due
    }

    /// What was held back and is to be told of now.
    fn due(&self, now: Duration) -> Vec<(Key, Refused)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        all.retain(|key, since| {
            let over = now >= since.told + PAUSE;
            if over && since.untold.count > 0 {
                due.push((key.clone(), since.untold));
                *since = Since { told: now, untold: Refused::default() };
                return true;
            }
            !over
        });
        due
    }
}

/// As many entries at the trail's end are read at a start.
const RECALLED: u64 = 2000;

/// Takes up what the audit trail tells of the last quarter of an hour, so that a restart is no way around the limits.
///
/// # Errors
/// What the store says.
pub async fn recall_refusals(keeper: &Keeper, store: &dyn Store, clock: &dyn Clock) -> Result<()> {
    let quiet = SignedDuration::try_from(LONGEST).unwrap_or_default();
    let mut after = store.audit_end().await?.saturating_sub(RECALLED);
    loop {
        let entries = store.audit(after).await?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        after = *last;
        for (_, entry) in entries.iter().filter(|(_, entry)| entry.at + quiet > clock.now()) {
            recall(&keeper.limiter, clock.elapsed(), entry);
        }
    }
}

fn recall(limiter: &Limiter, now: Duration, entry: &AuditEntry) {
    match entry.action.as_str() {
        "session.refused" => {
            let change = entry.change.as_deref().unwrap_or_default();
            let told: serde_json::Value = serde_json::from_str(change).unwrap_or_default();
            // Entries of older releases tell how many there were alone.
            let tried = told.get("tried").unwrap_or(&told["count"]);
            let tried = tried.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
            let name = Some(entry.actor.as_str()).filter(|_| entry.subject != NO_ACCOUNT);
            limiter.recall(now, name, told["from"].as_str().unwrap_or(MANY), tried);
        }
        "session.new" => limiter.recall_success(&entry.actor),
        _ => {}
    }
}

/// A sign-in was refused. Told beside the answer, which takes no longer for an account that there is.
pub(crate) fn refused(
    context: &Context,
    refusals: &Refusals,
    (account, address): (Option<&Account>, &str),
    refused: Refused,
) {
    let key = (account.map(|a| a.name.clone()), Some(network(address)));
    let due = refusals.count(context.clock.elapsed(), key, refused);
    if !due.is_empty() {
        let context = context.clone();
        tokio::spawn(async move { tell(&context, due).await });
    }
}

/// Tells what was held back long enough.
pub(crate) async fn tell_due(context: &Context, refusals: &Refusals) {
    tell(context, refusals.due(context.clock.elapsed())).await;
}

async fn tell(context: &Context, due: Vec<(Key, Refused)>) {
    for ((account, address), Refused { count, tried }) in due {
        let from = address.as_deref().unwrap_or(MANY);
        tracing::warn!(known = account.is_some(), from, count, "signing in was refused");
        let entry = AuditEntry {
            at: context.clock.now(),
            actor: account.clone().unwrap_or_else(|| "nobody".to_owned()),
            action: "session.refused".to_owned(),
            subject: account.map_or_else(|| NO_ACCOUNT.to_owned(), |name| format!("account {name}")),
            change: Some(serde_json::json!({ "from": from, "count": count, "tried": tried }).to_string()),
        };
        if let Err(error) = context.store.record(&entry).await {
            tracing::warn!(code = error.code(), "a refused sign-in could not be told to the audit trail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_entry_a_minute_and_memory_is_bounded() {
        let refusals = Refusals::default();
        let at = Duration::from_secs;
        let anna = || (Some("anna".to_owned()), Some("10.0.0.1".to_owned()));
        let wrong = Refused::TRIED;
        assert_eq!(refusals.count(at(0), anna(), wrong), [(anna(), wrong)]);
        assert_eq!(refusals.count(at(1), anna(), wrong), []);
        for _ in 0..500 {
            assert_eq!(refusals.count(at(1), anna(), Refused::TOO_SOON), []);
        }
        assert_eq!(refusals.due(at(59)), []);
        assert_eq!(refusals.due(at(60)), [(anna(), Refused { count: 501, tried: 1 })]);
        assert_eq!(refusals.due(at(121)), []);
        let told: usize =
            (0..5000).map(|n| refusals.count(at(200), (None, Some(format!("10.{n}"))), wrong).len()).sum();
        assert_eq!(told, MOST + 1);
        assert!(refusals.0.lock().unwrap().len() <= MOST + 1);
    }
}
