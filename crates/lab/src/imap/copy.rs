//! COPY and MOVE.

use mailferry_wire::imap::{Capability, Condition, MailboxName, Numbering, SequenceSet, UidSet};

use super::{
    numbers::Expunges,
    quirk::Quirk,
    session::Session,
    store::{Access, Message},
    verdict::Verdict,
};

impl Session {
    /// COPY and UID COPY
    // RFC 9051 §6.4.7
    pub(super) fn copy(&mut self, by: Numbering, set: &SequenceSet, to: &MailboxName) -> Verdict {
        match self.copy_messages(by, set, to) {
            Ok((_, code)) => Verdict::ok_with(code, "COPY completed"),
            Err(verdict) => verdict,
        }
    }

    /// MOVE and UID MOVE
    // RFC 6851 §3.2, §4.3
    pub(super) fn move_messages(&mut self, by: Numbering, set: &SequenceSet, to: &MailboxName) -> Verdict {
        if self.selected.as_ref().is_some_and(|selected| !selected.writable) {
            return Verdict::no("CANNOT", "Mailbox is read-only");
        }
        match self.copy_messages(by, set, to) {
            Ok((uids, code)) => {
                if !code.is_empty() {
                    self.out.status(b"*", Condition::Ok, &code, "Moved");
                }
                self.with_mailbox(|mailbox, _| mailbox.remove(uids));
                match self.tell_updates(Expunges::Told) {
                    Ok(()) => Verdict::ok("MOVE completed"),
                    Err(_) => Verdict::no("", "Mailbox is gone"),
                }
            }
            Err(verdict) => verdict,
        }
    }

    /// The UIDs that were copied, and COPYUID.
    fn copy_messages(
        &mut self,
        by: Numbering,
        set: &SequenceSet,
        to: &MailboxName,
    ) -> Result<(Vec<u32>, String), Verdict> {
        let to = self.name(to);
        let Some(selected) = &self.selected else { return Err(Verdict::bad("No mailbox is selected")) };
        if self.shared.quirks.has(&Quirk::MovesNothing) {
            return Ok((Vec::new(), String::new()));
        }
        let uids = selected.resolve(by, set)?;
        let limit = self.shared.quirks.find(|quirk| match quirk {
            Quirk::MessageLimit(limit) => Some(*limit),
            _ => None,
        });
        if let Some(limit) = limit.filter(|limit| uids.len() > *limit as usize) {
            // RFC 9738 §3.1: nothing is done rather than a part.
            return Err(Verdict::no(format!("MESSAGELIMIT {limit}"), "Too many messages to copy"));
        }
        let messages: Vec<(u32, Message)> = self
            .with_mailbox(|mailbox, _| {
                let found = |uid: &u32| Some((*uid, mailbox.messages.get(uid)?.clone()));
                uids.iter().filter_map(found).collect()
            })
            .unwrap_or_default();
        let size = messages.iter().map(|(_, message)| message.body.size()).sum();
        let copied = self.with_account(|account| {
            let access = account.mailboxes.get(&to).map(|mailbox| mailbox.access);
            match access {
                None | Some(Access::Noselect) => return Err(Verdict::no("TRYCREATE", "No such mailbox")),
                Some(Access::ReadOnly) => return Err(Verdict::no("NOPERM", "Not yours to write")),
                Some(Access::Full) if !account.has_room(size) => {
                    return Err(Verdict::no("OVERQUOTA", "Quota exceeded (mailbox for user is full)"));
                }
                Some(Access::Full) => {}
            }
            let mailbox =
                account.mailboxes.get_mut(&to).ok_or_else(|| Verdict::no("TRYCREATE", "No such mailbox"))?;
            let (mut from, mut made) = (UidSet::default(), UidSet::default());
            for (uid, message) in &messages {
                from.insert(*uid);
                made.insert(mailbox.add(message.clone()));
            }
            Ok((mailbox.uid_validity, from, made))
        });
        let (validity, from, made) = copied.unwrap_or_else(|| Err(Verdict::bad("Sign in first")))?;
        // RFC 4315 §3
        let told = self.has(Capability::UidPlus) && !made.is_empty();
        let code = if told { format!("COPYUID {validity} {from} {made}") } else { String::new() };
        Ok((messages.into_iter().map(|(uid, _)| uid).collect(), code))
    }
}
