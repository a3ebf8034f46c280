//! One user's mail from outside: what tests plant, change, and look at, while clients are connected.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use mailferry_wire::imap::{Flag, InternalDate, StoreAction};

use super::{
    body::Body,
    server::Shared,
    store::{Access, Account, Mailbox},
};

/// A message to be planted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its octets.
    pub body: Body,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its INTERNALDATE.
    pub date: InternalDate,
}

impl Letter {
    /// Without flags, of 2025-03-01 10:00 UTC.
    pub fn create(body: impl Into<Body>) -> Self {
        Self { body: body.into(), flags: Vec::new(), date: InternalDate::from_epoch(1_740_823_200, 0) }
    }

    /// The same from text.
    pub fn from_text(text: &str) -> Self {
        Self::create(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its UID.
    pub uid: u32,
    /// Its octets.
    pub body: Body,
    /// Its flags.
    pub flags: BTreeSet<Flag>,
    /// Its INTERNALDATE.
    pub date: InternalDate,
}

/// All mailboxes that can be opened, with their messages by UID.
pub type Snapshot = BTreeMap<String, Vec<Held>>;

/// A user, to be changed from outside. Names of mailboxes are text, with the prefix of their namespace.
#[derive(Clone)]
pub struct Person {
    shared: Arc<Shared>,
    name: String,
}

impl Person {
    pub(super) fn create(shared: Arc<Shared>, name: &str) -> Self {
        shared.store().ensure_mailbox(name, "INBOX");
        Self { shared, name: name.to_owned() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        work(self.shared.store().accounts.entry(self.name.clone()).or_default())
    }

    fn with_mailbox<T>(&self, mailbox: &str, work: impl FnOnce(&mut Mailbox) -> T) -> T {
        work(self.shared.store().ensure_mailbox(&self.name, mailbox))
    }

    /// Makes a mailbox, if it is not there.
    pub fn create_mailbox(&self, mailbox: &str) {
        self.with_mailbox(mailbox, |_| ());
    }

    /// Makes a mailbox with SPECIAL-USE attributes (`\Sent`).
    pub fn create_special(&self, mailbox: &str, uses: &[&str]) {
        let uses = uses.iter().map(|name| (*name).to_owned()).collect();
        self.with_mailbox(mailbox, |mailbox| mailbox.uses = uses);
    }

    /// Makes a name that can only have children.
    pub fn create_noselect(&self, mailbox: &str) {
        self.with_mailbox(mailbox, |mailbox| mailbox.access = Access::Noselect);
    }

    /// Makes a mailbox that can only be read, as others' or virtual ones.
    pub fn create_read_only(&self, mailbox: &str) {
        self.with_mailbox(mailbox, |mailbox| mailbox.access = Access::ReadOnly);
    }

    /// Deletes a mailbox; whether it was there.
    pub fn delete_mailbox(&self, mailbox: &str) -> bool {
        self.with(|account| account.mailboxes.remove(mailbox).is_some())
    }

    /// Renames one mailbox (not its children); whether it was there.
    pub fn rename_mailbox(&self, from: &str, to: &str) -> bool {
        self.with(|account| {
            let Some(mailbox) = account.mailboxes.remove(from) else { return false };
            account.mailboxes.insert(to.to_owned(), mailbox);
            true
        })
    }

    /// Subscribes to a name, whether or not there is such a mailbox.
    pub fn subscribe(&self, mailbox: &str) {
        self.with(|account| account.subscribed.insert(mailbox.to_owned()));
    }

    /// What is subscribed to.
    pub fn subscribed(&self) -> BTreeSet<String> {
        self.with(|account| account.subscribed.clone())
    }

    /// SPECIAL-USE attributes by mailbox.
    pub fn special_uses(&self) -> BTreeMap<String, Vec<String>> {
        let of = |(name, mailbox): (&String, &Mailbox)| (name.clone(), mailbox.uses.clone());
        self.with(|account| account.mailboxes.iter().map(of).filter(|(_, uses)| !uses.is_empty()).collect())
    }

    /// Puts a message into a mailbox, which is made when it is not there; its UID.
    pub fn deliver(&self, mailbox: &str, letter: Letter) -> u32 {
        let mut store = self.shared.store();
        let message = store.message(letter.body, &letter.flags, letter.date);
        store.ensure_mailbox(&self.name, mailbox).add(message)
    }

    /// Delivers grown messages of a size, with seeds from `seed` on.
    pub fn fill(&self, mailbox: &str, count: u64, size: u64, seed: u64) {
        for seed in seed..seed + count {
            self.deliver(mailbox, Letter::create(Body::grown(seed, size)));
        }
    }

    /// Adds and removes flags; whether anything changed.
    pub fn flag(&self, mailbox: &str, uid: u32, add: &[Flag], remove: &[Flag]) -> bool {
        self.with_mailbox(mailbox, |mailbox| {
            let added = mailbox.set_flags(uid, StoreAction::Add, add);
            mailbox.set_flags(uid, StoreAction::Remove, remove) || added
        })
    }

    /// Expunges a message; whether it was there.
    pub fn remove(&self, mailbox: &str, uid: u32) -> bool {
        self.with_mailbox(mailbox, |mailbox| !mailbox.remove([uid]).is_empty())
    }

    /// Moves a message as another client would; its new UID.
    pub fn move_message(&self, from: &str, uid: u32, to: &str) -> Option<u32> {
        let mut store = self.shared.store();
        let source = store.ensure_mailbox(&self.name, from);
        let message = source.messages.get(&uid).cloned()?;
        source.remove([uid]);
        Some(store.ensure_mailbox(&self.name, to).add(message))
    }

    /// Gives a mailbox a new UIDVALIDITY and all its messages new UIDs.
    pub fn renumber(&self, mailbox: &str) {
        let mut store = self.shared.store();
        let validity = store.next_validity();
        store.ensure_mailbox(&self.name, mailbox).renumber(validity);
    }

    /// Octets that fit into all mailboxes together.
    pub fn set_quota(&self, octets: Option<u64>) {
        self.with(|account| account.quota = octets);
    }

    /// Gives a new password.
    pub fn set_password(&self, password: &str) {
        self.with(|account| account.password = password.to_owned());
    }

    /// Gives the access tokens that are good from now on.
    pub fn set_tokens(&self, tokens: &[&str]) {
        self.with(|account| account.tokens = tokens.iter().map(|token| (*token).to_owned()).collect());
    }

    /// Connections that are signed in as this user.
    pub fn connections(&self) -> usize {
        self.with(|account| account.connections)
    }

    /// UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ of a mailbox.
    pub fn numbers(&self, mailbox: &str) -> (u32, u32, u64) {
        self.with_mailbox(mailbox, |mailbox| (mailbox.uid_validity, mailbox.uid_next, mailbox.mod_seq))
    }

    /// Everything that is there.
    pub fn snapshot(&self) -> Snapshot {
        let held = |(uid, message): (&u32, &super::store::Message)| Held {
            uid: *uid,
            body: message.body.clone(),
            flags: message.flags.clone(),
            date: message.date,
        };
        self.with(|account| {
            let open = account.mailboxes.iter().filter(|(_, mailbox)| mailbox.access != Access::Noselect);
            open.map(|(name, mailbox)| (name.clone(), mailbox.messages.iter().map(held).collect())).collect()
        })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Person").field(&self.name).finish()
    }
}
