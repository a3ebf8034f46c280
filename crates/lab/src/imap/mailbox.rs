//! Verbs about whole mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE, STATUS, GETQUOTAROOT.

use bytes::Bytes;
use mailferry_wire::imap::{Capability, Flag, MailboxName, StatusItem};

use super::{
    names::{is_below, parents},
    quirk::Quirk,
    session::Session,
    store::{Access, Account},
    verdict::Verdict,
};

impl Session {
    /// Does something with the account of who is signed in.
    pub(super) fn with_account<T>(&self, work: impl FnOnce(&mut Account) -> T) -> Option<T> {
        self.shared.store().accounts.get_mut(self.user()).map(work)
    }

    /// CREATE
    // RFC 9051 §6.3.4; RFC 6154 §3
    pub(super) fn create_mailbox(&mut self, mailbox: &MailboxName, special_use: &[Bytes]) -> Verdict {
        if !special_use.is_empty() && !self.has(Capability::CreateSpecialUse) {
            return self.unknown("CREATE USE");
        }
        let name = self.name(mailbox);
        if self.with_account(|account| exists(account, &name)) == Some(true) {
            return Verdict::no("ALREADYEXISTS", "Mailbox already exists");
        }
        if let Some(verdict) = self.refuse_name(&name) {
            return verdict;
        }
        let user = self.user().to_owned();
        let separator = self.shared.config.namespaces.separator(&name);
        let mut store = self.shared.store();
        if self.shared.quirks.has(&Quirk::CreatesParents) {
            for parent in parents(&name, separator) {
                store.ensure_mailbox(&user, parent).access = Access::Full;
            }
        }
        let made = store.ensure_mailbox(&user, &name);
        made.access = Access::Full;
        made.uses = special_use.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        match self.has(Capability::ObjectId) {
            // RFC 8474 §4.1
            true => Verdict::ok_with(format!("MAILBOXID (M{})", made.id), "CREATE completed"),
            false => Verdict::ok("CREATE completed"),
        }
    }

    /// DELETE
    // RFC 9051 §6.3.5
    pub(super) fn delete_mailbox(&mut self, mailbox: &MailboxName) -> Verdict {
        let name = self.name(mailbox);
        if name == "INBOX" {
            return Verdict::no("CANNOT", "INBOX stays");
        }
        let separator = self.shared.config.namespaces.separator(&name);
        let done = self.with_account(|account| match account.mailboxes.get(&name) {
            None => Verdict::no("NONEXISTENT", "No such mailbox"),
            Some(mailbox) if mailbox.access == Access::ReadOnly => Verdict::no("NOPERM", "Not yours"),
            Some(mailbox) => {
                let has_children = account.mailboxes.keys().any(|other| is_below(other, &name, separator));
                if has_children && mailbox.access == Access::Noselect {
                    return Verdict::no("HASCHILDREN", "Mailbox has children");
                }
                account.mailboxes.remove(&name);
                Verdict::ok("DELETE completed")
            }
        });
        done.unwrap_or_else(|| Verdict::bad("Sign in first"))
    }

    /// RENAME
    // RFC 9051 §6.3.6
    pub(super) fn rename_mailbox(&mut self, from: &MailboxName, to: &MailboxName) -> Verdict {
        let (from, to) = (self.name(from), self.name(to));
        if let Some(verdict) = self.refuse_name(&to) {
            return verdict;
        }
        let separator = self.shared.config.namespaces.separator(&from);
        let user = self.user().to_owned();
        let mut store = self.shared.store();
        let Some(account) = store.accounts.get_mut(&user) else { return Verdict::bad("Sign in first") };
        if exists(account, &to) || is_below(&to, &from, separator) {
            return Verdict::no("ALREADYEXISTS", "Mailbox already exists");
        }
        if from == "INBOX" {
            // The messages go, the mailbox stays.
            let messages = account.mailboxes.get_mut("INBOX").map(|inbox| {
                let kept: Vec<_> = inbox.messages.values().cloned().collect();
                let uids: Vec<u32> = inbox.messages.keys().copied().collect();
                inbox.remove(uids);
                kept
            });
            let made = store.ensure_mailbox(&user, &to);
            messages.into_iter().flatten().for_each(|message| _ = made.add(message));
            return Verdict::ok("RENAME completed");
        }
        let mut moved = Vec::new();
        for old in account.mailboxes.keys() {
            if *old == from || is_below(old, &from, separator) {
                moved.push((old.clone(), format!("{to}{}", &old[from.len()..])));
            }
        }
        if moved.is_empty() {
            return Verdict::no("NONEXISTENT", "No such mailbox");
        }
        for (old, new) in moved {
            if let Some(mailbox) = account.mailboxes.remove(&old) {
                account.mailboxes.insert(new, mailbox);
            }
        }
        Verdict::ok("RENAME completed")
    }

    /// SUBSCRIBE
    pub(super) fn subscribe(&mut self, mailbox: &MailboxName) -> Verdict {
        let name = self.name(mailbox);
        self.with_account(|account| account.subscribed.insert(name));
        Verdict::ok("SUBSCRIBE completed")
    }

    /// UNSUBSCRIBE
    pub(super) fn unsubscribe(&mut self, mailbox: &MailboxName) -> Verdict {
        let name = self.name(mailbox);
        self.with_account(|account| account.subscribed.remove(&name));
        Verdict::ok("UNSUBSCRIBE completed")
    }

    /// STATUS
    // RFC 9051 §6.3.11
    pub(super) fn status(&mut self, mailbox: &MailboxName, items: &[StatusItem]) -> Verdict {
        let name = self.name(mailbox);
        for (item, ability) in [
            (StatusItem::HighestModSeq, Capability::CondStore),
            (StatusItem::Size, Capability::StatusSize),
            (StatusItem::MailboxId, Capability::ObjectId),
        ] {
            if items.contains(&item) && !self.has(ability) {
                return self.unknown(&format!("STATUS {item}"));
            }
        }
        if self.status_values(&name, items).is_none() {
            return Verdict::no("NONEXISTENT", "No such mailbox");
        }
        self.write_status(&name, items);
        Verdict::ok("STATUS completed")
    }

    /// Names and values, for a mailbox that can be opened.
    pub(super) fn status_values(&self, name: &str, items: &[StatusItem]) -> Option<Vec<String>> {
        let no_uid_next = self.shared.quirks.has(&Quirk::NoUidNext);
        let no_mod_seq = self.shared.quirks.has(&Quirk::NoModSeq);
        self.with_account(|account| {
            let mailbox = account.mailboxes.get(name).filter(|m| m.access != Access::Noselect)?;
            let value = |item: &StatusItem| {
                Some(match item {
                    StatusItem::Messages => mailbox.messages.len().to_string(),
                    StatusItem::Recent => "0".to_owned(),
                    StatusItem::UidNext if no_uid_next => return None,
                    StatusItem::UidNext => mailbox.uid_next.to_string(),
                    StatusItem::UidValidity => mailbox.uid_validity.to_string(),
                    StatusItem::Unseen => mailbox.count(|flags| !flags.contains(&Flag::Seen)).to_string(),
                    StatusItem::Deleted => mailbox.count(|flags| flags.contains(&Flag::Deleted)).to_string(),
                    StatusItem::Size => mailbox.octets().to_string(),
                    StatusItem::HighestModSeq if no_mod_seq => "0".to_owned(),
                    StatusItem::HighestModSeq => mailbox.mod_seq.to_string(),
                    StatusItem::MailboxId => format!("(M{})", mailbox.id),
                    StatusItem::AppendLimit => {
                        self.shared.config.append_limit.map_or("NIL".to_owned(), |limit| limit.to_string())
                    }
                })
            };
            Some(items.iter().filter_map(|item| Some(format!("{item} {}", value(item)?))).collect())
        })?
    }

    /// GETQUOTAROOT
    // RFC 9208 §4.1.2; STORAGE counts in units of 1024 octets.
    pub(super) fn quota_root(&mut self, mailbox: &MailboxName) -> Verdict {
        let name = self.name(mailbox);
        let found = self.with_account(|account| {
            account.mailboxes.contains_key(&name).then(|| (account.octets(), account.quota))
        });
        let Some((used, quota)) = found.flatten() else {
            return Verdict::no("NONEXISTENT", "No such mailbox");
        };
        let wire = self.wire(&name);
        self.out.text("* QUOTAROOT ").astring(wire.raw()).text(" \"\"").end();
        match quota {
            Some(quota) => {
                let (used, quota) = (used.div_ceil(1024), quota / 1024);
                self.out.untagged(format_args!("QUOTA \"\" (STORAGE {used} {quota})"));
            }
            None => _ = self.out.untagged("QUOTA \"\" ()"),
        }
        Verdict::ok("GETQUOTAROOT completed")
    }
}

fn exists(account: &Account, name: &str) -> bool {
    account.mailboxes.get(name).is_some_and(|mailbox| mailbox.access != Access::Noselect)
}
