//! What clients asked and how much went over the wire. Verbs and sizes, never secrets, names of mail, or bodies.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use mailferry_wire::imap::Condition;

use super::server::lock;

/// One command.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which connection, counted from 1.
    pub link: u64,
    /// Who had signed in.
    pub user: String,
    /// The verb, with `UID ` in front where it stood there.
    pub verb: String,
    /// Octets of the command, literals included.
    pub size: u64,
    /// Messages that came along or whose bodies (or parts of them other than heads) were told.
    pub bodies: u64,
    /// When it had arrived.
    pub began: Instant,
    /// How it was answered.
    pub answer: Option<Condition>,
}

/// Octets of one connection, as they are inside TLS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// From the client.
    pub octets_in: u64,
    /// To the client.
    pub octets_out: u64,
    /// Whether it has ended.
    pub ended: bool,
}

/// What happened since the start or the last [`Log::clear`]. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    links: BTreeMap<u64, Link>,
    entries: Vec<Entry>,
    /// Entries that were cleared away.
    cleared: usize,
    violations: Vec<String>,
    wrong_passwords: BTreeMap<String, u64>,
    landed: u64,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

const WRITES: [&str; 10] =
    ["APPEND", "STORE", "CREATE", "DELETE", "RENAME", "COPY", "MOVE", "EXPUNGE", "SUBSCRIBE", "UNSUBSCRIBE"];

impl Log {
    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0)
    }

    /// All commands, in the order of their arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.book().entries.clone()
    }

    /// How many commands there were with a verb, given without UID.
    pub fn count(&self, verb: &str) -> usize {
        self.book().entries.iter().filter(|entry| entry.is(verb)).count()
    }

    /// Commands that change something.
    pub fn writes(&self) -> Vec<Entry> {
        let is_write = |entry: &&Entry| WRITES.iter().any(|verb| entry.is(verb));
        self.book().entries.iter().filter(is_write).cloned().collect()
    }

    /// Bodies that were read.
    pub fn bodies_read(&self) -> u64 {
        self.book().entries.iter().filter(|entry| entry.is("FETCH")).map(|entry| entry.bodies).sum()
    }

    /// Commands that are not yet answered.
    pub fn unanswered(&self, verb: &str) -> usize {
        self.book().entries.iter().filter(|entry| entry.is(verb) && entry.answer.is_none()).count()
    }

    /// The connections by number.
    pub fn links(&self) -> BTreeMap<u64, Link> {
        self.book().links.clone()
    }

    /// Octets from clients.
    pub fn octets_in(&self) -> u64 {
        self.book().links.values().map(|link| link.octets_in).sum()
    }

    /// Octets to clients.
    pub fn octets_out(&self) -> u64 {
        self.book().links.values().map(|link| link.octets_out).sum()
    }

    /// What clients did that they must not: back-off ignored, extensions used that are not there.
    pub fn violations(&self) -> Vec<String> {
        self.book().violations.clone()
    }

    /// How often a user's password or token was wrong.
    pub fn wrong_passwords(&self, user: &str) -> u64 {
        self.book().wrong_passwords.get(user).copied().unwrap_or(0)
    }

    /// Messages that were stored after their client was gone.
    pub fn landed(&self) -> u64 {
        self.book().landed
    }

    /// Forgets everything but the connections that are open, whose octets count from zero.
    pub fn clear(&self) {
        let mut book = self.book();
        book.cleared += book.entries.len();
        book.entries.clear();
        book.violations.clear();
        book.wrong_passwords.clear();
        book.landed = 0;
        book.links.retain(|_, link| !link.ended);
        for link in book.links.values_mut() {
            *link = Link::default();
        }
    }

    pub(super) fn begin_link(&self, link: u64) {
        self.book().links.insert(link, Link::default());
    }

    pub(super) fn end_link(&self, link: u64) {
        self.book().links.entry(link).or_default().ended = true;
    }

    pub(super) fn add_in(&self, link: u64, octets: u64) {
        self.book().links.entry(link).or_default().octets_in += octets;
    }

    pub(super) fn add_out(&self, link: u64, octets: u64) {
        self.book().links.entry(link).or_default().octets_out += octets;
    }

    pub(super) fn begin(&self, entry: Entry) -> Place {
        let mut book = self.book();
        book.entries.push(entry);
        Place(book.cleared + book.entries.len() - 1)
    }

    /// Completes an entry, if it was not cleared away.
    pub(super) fn update(&self, place: Place, change: impl FnOnce(&mut Entry)) {
        let mut book = self.book();
        let index = place.0.checked_sub(book.cleared);
        if let Some(entry) = index.and_then(|index| book.entries.get_mut(index)) {
            change(entry);
        }
    }

    pub(super) fn violation(&self, text: String) {
        self.book().violations.push(text);
    }

    pub(super) fn wrong_password(&self, user: &str) {
        *self.book().wrong_passwords.entry(user.to_owned()).or_default() += 1;
    }

    pub(super) fn has_landed(&self) {
        self.book().landed += 1;
    }
}

impl Entry {
    /// Whether it has this verb, with or without UID.
    pub fn is(&self, verb: &str) -> bool {
        self.verb.strip_prefix("UID ").unwrap_or(&self.verb) == verb
    }
}
