//! STORE and EXPUNGE.

use mailferry_wire::imap::{Capability, Flag, SequenceSet, StoreRequest, UidSet};

use super::{
    session::{Enabled, Session},
    verdict::Verdict,
};

impl Session {
    /// STORE and UID STORE
    // RFC 9051 §6.4.6; RFC 7162 §3.1.3
    pub(super) fn store(&mut self, asked: &StoreRequest) -> Verdict {
        let Some(selected) = &self.selected else { return Verdict::bad("No mailbox is selected") };
        if !selected.writable {
            return Verdict::no("CANNOT", "Mailbox is read-only");
        }
        if let Some(refused) = self.refuse_keywords(&asked.flags) {
            return refused;
        }
        let mut uids = match selected.resolve(asked.by, &asked.set) {
            Ok(uids) => uids,
            Err(verdict) => return verdict,
        };
        if asked.unchanged_since.is_some() {
            if !self.has(Capability::CondStore) {
                return self.unknown("STORE UNCHANGEDSINCE");
            }
            self.enabled = self.enabled.max(Enabled::CondStore);
        }
        let limited = self.limit(&mut uids);
        let by_uid = asked.by == mailferry_wire::imap::Numbering::Uid;
        let (mut modified, mut told) = (UidSet::default(), Vec::new());
        self.change_mailbox(|mailbox, selected| {
            for uid in uids {
                let number = selected.number(uid);
                let Some(before) = mailbox.messages.get(&uid).map(|message| message.mod_seq) else {
                    continue;
                };
                if asked.unchanged_since.is_some_and(|since| before > since) {
                    modified.insert(if by_uid { uid } else { number as u32 });
                    continue;
                }
                let changed = mailbox.set_flags(uid, asked.action, &asked.flags);
                if let Some(message) = mailbox.messages.get(&uid) {
                    told.push((number, uid, message.clone(), changed));
                }
            }
        });
        for (number, uid, message, changed) in told {
            if asked.silent.is_none() {
                self.write_flags(number, uid, &message);
            } else if changed && self.enabled != Enabled::Nothing {
                self.out.untagged(format_args!("{number} FETCH (UID {uid} MODSEQ ({}))", message.mod_seq));
            }
        }
        if !modified.is_empty() {
            return Verdict::ok_with(format!("MODIFIED {modified}"), "Some were changed by others");
        }
        limited.unwrap_or_else(|| Verdict::ok("STORE completed"))
    }

    /// EXPUNGE, and UID EXPUNGE of a set. The updates that follow tell it.
    // RFC 9051 §6.4.3, §6.4.9
    pub(super) fn expunge(&mut self, set: Option<&SequenceSet>) -> Verdict {
        let done = self.with_mailbox(|mailbox, selected| {
            if !selected.writable {
                return Verdict::no("CANNOT", "Mailbox is read-only");
            }
            let last = mailbox.uid_next - 1;
            let marked = mailbox.messages.iter().filter(|(uid, message)| {
                message.flags.contains(&Flag::Deleted) && set.is_none_or(|set| set.contains(**uid, last))
            });
            let uids: Vec<u32> = marked.map(|(uid, _)| *uid).collect();
            mailbox.remove(uids);
            Verdict::ok("EXPUNGE completed")
        });
        done.unwrap_or_else(|| Verdict::bad("No mailbox is selected"))
    }
}
