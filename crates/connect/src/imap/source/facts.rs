//! Collects what FETCH tells about messages, also when it tells it in several answers.

use std::collections::{BTreeMap, HashMap};

use mailferry_model::{
    flags::Flags,
    item::{Change, Stub},
};
use mailferry_wire::imap::{Fetch, FetchItem, Reply, UidSet, Vanished};

use crate::imap::client::{ids, look, pool::Pool};

/// What is known of one message.
#[derive(Default)]
struct Fact {
    flags: Option<Flags>,
    date: Option<mailferry_model::item::Date>,
    size: Option<u64>,
    identity: Option<Box<str>>,
}

/// What is known of several.
#[derive(Default)]
pub struct Facts {
    uid_validity: u32,
    by_uid: BTreeMap<u32, Fact>,
    by_sequence: HashMap<u32, u32>,
    vanished: UidSet,
}

/// What is asked for to make a stub.
pub fn items(pool: &Pool) -> Vec<FetchItem> {
    let mut items = vec![FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
    if pool.can(mailferry_wire::imap::Capability::ObjectId) {
        items.push(FetchItem::EmailId);
    }
    items
}

impl Facts {
    /// Nothing known yet of a folder with this UIDVALIDITY.
    pub fn of(uid_validity: u32) -> Self {
        Self { uid_validity, ..Self::default() }
    }

    /// Takes answers in their order.
    pub fn take(&mut self, replies: impl IntoIterator<Item = Reply>) {
        for reply in replies {
            match reply {
                Reply::Fetch(fetch) => self.fetch(&fetch),
                Reply::Vanished(vanished) => self.vanish(&vanished),
                // Numbers behind it shift; answers without UID must not be taken for another message.
                Reply::Expunge(_) => self.by_sequence.clear(),
                _ => {}
            }
        }
    }

    fn vanish(&mut self, vanished: &Vanished) {
        if let Ok(set) = UidSet::try_from(vanished.uids.clone()) {
            set.ranges().iter().for_each(|(from, to)| self.vanished.insert_range(*from, *to));
        }
    }

    fn fetch(&mut self, fetch: &Fetch) {
        let known = |number: u32| self.by_sequence.get(&number).copied();
        let Some(uid) = fetch.uid.or_else(|| fetch.sequence.and_then(known)) else { return };
        if let Some(number) = fetch.sequence {
            self.by_sequence.insert(number, uid);
        }
        let fact = self.by_uid.entry(uid).or_default();
        if let Some(flags) = &fetch.flags {
            fact.flags = Some(look::flags(flags));
        }
        fact.date = fetch.internal_date.map(look::date).or(fact.date);
        fact.size = fetch.size.or(fact.size);
        if let Some(id) = &fetch.email_id {
            fact.identity = Some(String::from_utf8_lossy(id).into());
        }
    }

    /// The highest UID seen.
    pub fn highest(&self) -> u32 {
        self.by_uid.last_key_value().map_or(0, |(uid, _)| *uid)
    }

    /// How many messages were seen.
    pub fn len(&self) -> usize {
        self.by_uid.len()
    }

    /// Which of these are neither known nor vanished.
    pub fn lacking(&self, of: &UidSet) -> UidSet {
        of.iter().filter(|uid| !self.by_uid.contains_key(uid) && !self.vanished.contains(*uid)).collect()
    }

    /// Names messages of which nothing else is known.
    pub fn name(&mut self, uids: &UidSet) {
        uids.iter().for_each(|uid| _ = self.by_uid.entry(uid).or_default());
    }

    /// UIDs that vanished meanwhile.
    pub fn vanished(&self) -> &UidSet {
        &self.vanished
    }

    /// Stubs of messages from a UID on.
    pub fn upserts(&mut self, from: u32) -> impl Iterator<Item = Change> {
        let validity = self.uid_validity;
        self.by_uid.split_off(&from).into_iter().map(move |(uid, fact)| {
            Change::Upsert(Stub {
                id: ids::item_id(validity, uid),
                size: fact.size.unwrap_or(0),
                date: fact.date,
                flags: fact.flags.unwrap_or_default(),
                identity: fact.identity,
            })
        })
    }

    /// Flags of messages below a UID.
    pub fn flags(&mut self, below: u32) -> impl Iterator<Item = Change> {
        let above = self.by_uid.split_off(&below);
        let known = std::mem::replace(&mut self.by_uid, above);
        let validity = self.uid_validity;
        known.into_iter().map(move |(uid, fact)| match fact.flags {
            Some(flags) => Change::Flags(ids::item_id(validity, uid), flags),
            None => Change::Stays(ids::item_id(validity, uid)),
        })
    }
}
