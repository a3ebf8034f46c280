//! The selected mailbox as this session sees it: message numbers, and what must be told when others change it.

use mailferry_wire::imap::{Condition, Numbering, SequenceSet, UidSet};

use super::{
    quirk::{Nth, Quirk, Renumbered},
    session::{Enabled, Session},
    store::{Mailbox, Message},
    verdict::{End, Verdict},
};

/// The selected mailbox.
#[derive(Debug)]
pub(super) struct Selected {
    /// Where it was when it was selected.
    pub(super) name: String,
    pub(super) id: u64,
    pub(super) uid_validity: u32,
    pub(super) writable: bool,
    /// UIDs by message number, upwards.
    pub(super) view: Vec<u32>,
    /// The MODSEQ up to which all was told.
    pub(super) seen: u64,
    /// Whether SELECT has been answered.
    pub(super) told: bool,
}

/// Whether expunged messages may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expunges {
    Told,
    Held,
}

impl Expunges {
    pub(super) fn unless_numbered(by: Numbering) -> Self {
        if by == Numbering::Uid { Self::Told } else { Self::Held }
    }
}

impl Selected {
    /// The UIDs that a set names, upwards, each once.
    pub(super) fn resolve(&self, by: Numbering, set: &SequenceSet) -> Result<Vec<u32>, Verdict> {
        let mut uids = Vec::new();
        match by {
            Numbering::Uid => {
                for (low, high) in set.resolve(self.view.last().copied().unwrap_or(0)) {
                    let from = self.view.partition_point(|uid| *uid < low);
                    let to = self.view.partition_point(|uid| *uid <= high);
                    uids.extend_from_slice(&self.view[from..to]);
                }
            }
            Numbering::Sequence => {
                for (low, high) in set.resolve(self.view.len() as u32) {
                    let range = self.view.get(low as usize - 1..high as usize);
                    uids.extend_from_slice(range.ok_or_else(|| Verdict::bad("No such message number"))?);
                }
            }
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The message number of a UID, 0 where it has none.
    pub(super) fn number(&self, uid: u32) -> usize {
        self.view.binary_search(&uid).map_or(0, |index| index + 1)
    }
}

impl Session {
    /// Does something with the selected mailbox; `None` when there is none (any more).
    pub(super) fn with_mailbox<T>(
        &mut self,
        work: impl FnOnce(&mut Mailbox, &mut Selected) -> T,
    ) -> Option<T> {
        let (seat, selected) = (self.seat.as_ref()?, self.selected.as_mut()?);
        let mut store = self.shared.store();
        let mailbox = store.accounts.get_mut(&seat.user)?.by_id(&selected.name, selected.id)?;
        Some(work(mailbox, selected))
    }

    /// Does something that changes the selected mailbox, so that what this session did itself is not told again.
    pub(super) fn change_mailbox<T>(
        &mut self,
        work: impl FnOnce(&mut Mailbox, &mut Selected) -> T,
    ) -> Option<T> {
        self.with_mailbox(|mailbox, selected| {
            let knew_all = mailbox.mod_seq == selected.seen;
            let done = work(mailbox, selected);
            if knew_all {
                selected.seen = mailbox.mod_seq;
            }
            done
        })
    }

    /// A message of the selected mailbox.
    pub(super) fn message(&mut self, uid: u32) -> Option<Message> {
        self.with_mailbox(|mailbox, _| mailbox.messages.get(&uid).cloned()).flatten()
    }

    /// Tells what others (or this session, elsewhere) changed in the selected mailbox.
    pub(super) fn tell_updates(&mut self, expunges: Expunges) -> Result<(), End> {
        if self.selected.is_none() {
            return Ok(());
        }
        self.renumber_when_due();
        let goes_on = self.shared.quirks.find(|quirk| match quirk {
            Quirk::Renumbers { then: Renumbered::GoesOn, .. } => Some(()),
            _ => None,
        });
        let changes = self.with_mailbox(|mailbox, selected| {
            if mailbox.uid_validity != selected.uid_validity {
                let (had, has) = (selected.view.len(), mailbox.messages.len());
                selected.uid_validity = mailbox.uid_validity;
                selected.view = mailbox.messages.keys().copied().collect();
                selected.seen = mailbox.mod_seq;
                goes_on?;
                return Some(Changes { exists: (has > had).then_some(has), ..Changes::default() });
            }
            Some(changes(mailbox, selected, expunges))
        });
        match changes {
            Some(Some(changes)) => {
                self.write_changes(changes);
                Ok(())
            }
            // Deleted, or other UIDs than before: nothing that this session knows holds any more.
            None | Some(None) => {
                self.out.status(b"*", Condition::Bye, "", "Mailbox has changed underneath, reconnect");
                Err(End::Closed)
            }
        }
    }

    fn renumber_when_due(&mut self) {
        let Some(selected) = &mut self.selected else { return };
        if !std::mem::replace(&mut selected.told, true) {
            // SELECT itself is no command in the mailbox.
            return;
        }
        let due = self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::Renumbers { after, .. } => Some((Nth::Only(*after), ())),
            _ => None,
        });
        if due.is_some() {
            let validity = self.shared.store().next_validity();
            self.with_mailbox(|mailbox, _| mailbox.renumber(validity));
        }
    }

    fn write_changes(&mut self, changes: Changes) {
        if self.enabled == Enabled::QResync && !changes.gone.is_empty() {
            // RFC 7162 §3.2.10
            let set: UidSet = changes.gone.iter().map(|(_, uid)| *uid).collect();
            self.out.untagged(format_args!("VANISHED {set}"));
        } else {
            for (number, _) in changes.gone.iter().rev() {
                self.out.untagged(format_args!("{number} EXPUNGE"));
            }
        }
        if let Some(exists) = changes.exists {
            self.out.untagged(format_args!("{exists} EXISTS"));
        }
        for (number, uid, message) in changes.flags {
            self.write_flags(number, uid, &message);
        }
    }

    /// An unsolicited answer about flags.
    pub(super) fn write_flags(&mut self, number: usize, uid: u32, message: &Message) {
        let flags: Vec<_> = message.flags.iter().cloned().collect();
        self.out.text(format_args!("* {number} FETCH (UID {uid} FLAGS ")).flags(&flags);
        if self.enabled != Enabled::Nothing {
            self.out.text(format_args!(" MODSEQ ({})", message.mod_seq));
        }
        self.out.text(")").end();
    }
}

#[derive(Default)]
struct Changes {
    /// Numbers and UIDs, upwards.
    gone: Vec<(usize, u32)>,
    exists: Option<usize>,
    flags: Vec<(usize, u32, Message)>,
}

fn changes(mailbox: &Mailbox, selected: &mut Selected, expunges: Expunges) -> Changes {
    let mut changes = Changes::default();
    if mailbox.mod_seq == selected.seen {
        return changes;
    }
    let before = selected.seen;
    let mut gone: Vec<(usize, u32)> = mailbox
        .gone_since(before)
        .filter_map(|uid| Some((selected.number(uid), uid)).filter(|(number, _)| *number > 0))
        .collect();
    gone.sort_unstable();
    let last = selected.view.last().copied().unwrap_or(0);
    if expunges == Expunges::Told {
        selected.view.retain(|uid| mailbox.messages.contains_key(uid));
        changes.gone = gone;
    } else if !gone.is_empty() {
        return changes;
    }
    selected.seen = mailbox.mod_seq;
    for (uid, message) in mailbox.messages.range(..=last).filter(|(_, m)| m.mod_seq > before) {
        changes.flags.push((selected.number(*uid), *uid, message.clone()));
    }
    let known = selected.view.len();
    selected.view.extend(mailbox.messages.range(last + 1..).map(|(uid, _)| *uid));
    changes.exists = (selected.view.len() > known).then_some(selected.view.len());
    changes
}
