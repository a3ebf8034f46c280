//! Counters: what mailboxes gained between two looks, summed up since the service began.
//!
//! A mailbox that is removed takes nothing away, and one whose numbers fall (people deleted) does not either. With a
//! new process counting begins anew, at what there is then, as counters may.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mailferry_model::{
    batch::Batch,
    id::{EndpointId, UserId},
    report::Totals,
    user::User,
};
use tokio::sync::{Mutex, MutexGuard};

use super::Told;

/// What was counted so far.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

impl Tally {
    /// For whoever counts; one at a time.
    pub(super) async fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().await
    }
}

/// The counters, and how each mailbox stood when it was last looked at.
#[derive(Default)]
pub(super) struct Counts {
    seen: HashMap<UserId, (u64, Totals)>,
    look: u64,
    /// Items that came to a target.
    pub placed: u64,
    /// Items that were skipped.
    pub skipped: u64,
    /// Bytes that were read from an endpoint.
    pub read: BTreeMap<EndpointId, u64>,
    /// Bytes that were written to an endpoint.
    pub written: BTreeMap<EndpointId, u64>,
    pub told: Told,
}

impl Counts {
    /// A look at all mailboxes begins.
    pub fn begin(&mut self) {
        self.look += 1;
    }

    /// A mailbox as it stands.
    pub fn add(&mut self, batch: &Batch, user: &User) {
        let before =
            self.seen.insert(user.id, (self.look, user.totals)).map_or(Totals::default(), |(_, t)| t);
        let now = user.totals;
        self.placed += now.placed.saturating_sub(before.placed);
        self.skipped += now.skipped.saturating_sub(before.skipped);
        let bytes = now.bytes.saturating_sub(before.bytes);
        *self.read.entry(batch.source).or_default() += bytes;
        *self.written.entry(batch.target).or_default() += bytes;
    }

    /// The look is over: those that were not seen are gone.
    pub fn end(&mut self) {
        self.seen.retain(|_, (look, _)| *look == self.look);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mailferry_model::{id::BatchId, settings::MailboxAddress};

    use super::*;

    /// A number as an id.
    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u8) -> T {
        format!("00000000-0000-0000-0000-0000000000{n:02}").parse().unwrap()
    }

    #[test]
    fn what_falls_or_goes_takes_nothing_away() {
        let ends = (id(2), id(3));
        let batch = Batch::created(id::<BatchId>(1), "w".into(), ends, Timestamp::UNIX_EPOCH);
        let mailboxes = (MailboxAddress::default(), MailboxAddress::default());
        let mut user = User::queued(id(4), batch.id, "a@x".into(), mailboxes);
        let mut counts = Counts::default();
        let mut look = |placed: Option<u64>| {
            counts.begin();
            if let Some(placed) = placed {
                user.totals = Totals { placed, bytes: placed * 10, ..Totals::default() };
                counts.add(&batch, &user);
            }
            counts.end();
            (counts.placed, counts.written[&batch.target], counts.read[&batch.source])
        };
        assert_eq!(look(Some(5)), (5, 50, 50));
        assert_eq!(look(Some(5)), (5, 50, 50));
        assert_eq!(look(Some(3)), (5, 50, 50), "people deleted");
        assert_eq!(look(Some(4)), (6, 60, 60));
        assert_eq!(look(None), (6, 60, 60), "it was removed");
    }
}
