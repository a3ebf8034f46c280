//! FETCH: which messages, which items, and what reading them changes. How they are told is in `tell`.

use mailferry_wire::imap::{
    Access, Capability, FetchItem, Flag, Numbering, RequestedModifier, SectionForm, SectionItem, SequenceSet,
    StoreAction, UidSet,
};

use super::{
    quirk::Quirk,
    session::{Enabled, Session},
    store::Message,
    tell::Told,
    verdict::{End, Verdict},
};

/// How much is collected before it is sent.
const PENDING_MAX: u64 = 128 << 10;

impl Session {
    /// FETCH and UID FETCH
    // RFC 9051 §6.4.5; RFC 7162 §3.1.4, §3.2.6
    pub(super) async fn fetch(
        &mut self,
        by: Numbering,
        set: &SequenceSet,
        items: Vec<FetchItem>,
        modifier: RequestedModifier,
    ) -> Result<Verdict, End> {
        let mut items = match self.check_items(by, items) {
            Ok(items) => items,
            Err(verdict) => return Ok(verdict),
        };
        if let Some(verdict) = self.check_modifier(modifier) {
            return Ok(verdict);
        }
        if modifier.changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        let Some(resolved) = self.selected.as_ref().map(|selected| selected.resolve(by, set)) else {
            return Ok(Verdict::bad("No mailbox is selected"));
        };
        let mut uids = match resolved {
            Ok(uids) => uids,
            Err(verdict) => return Ok(verdict),
        };
        if let (Some(since), Some(_)) = (modifier.changed_since, modifier.vanished) {
            self.tell_vanished(since, set);
        }
        if let Some(since) = modifier.changed_since {
            self.with_mailbox(|mailbox, _| {
                uids.retain(|uid| mailbox.messages.get(uid).is_some_and(|m| m.mod_seq > since));
            });
        }
        let limited = self.limit(&mut uids);
        let first = self.order(&mut items);
        let mut pending = 0;
        for uid in uids {
            let Some(mut message) = self.message(uid) else { continue };
            if reads_body(&items) && self.shared.quirks.has(&Quirk::FetchFails(uid)) {
                return Ok(Verdict::no("SERVERBUG", "FETCH failed: this message cannot be read"));
            }
            pending += self.mark_seen(uid, &items, &mut message);
            let number = self.selected.as_ref().map_or(0, |selected| selected.number(uid));
            let told = Told { number, uid, message: &message };
            for part in [&items[..first], &items[first..]] {
                pending += self.tell_message(&told, part).await?;
            }
            self.chatter(uid);
            if pending > PENDING_MAX {
                pending = 0;
                self.flush().await?;
            }
            if self.conn.gone {
                return Err(End::Gone);
            }
        }
        Ok(limited.unwrap_or_else(|| Verdict::ok("FETCH completed")))
    }

    /// Macros resolved, UID in front where the command asks by it.
    fn check_items(&self, by: Numbering, items: Vec<FetchItem>) -> Result<Vec<FetchItem>, Verdict> {
        use FetchItem::{EmailId, Fast, Flags, InternalDate, ModSeq, SaveDate, Section, Size, Uid};
        let mut all = if by == Numbering::Uid { vec![Uid] } else { Vec::new() };
        for item in items {
            let ability = match &item {
                ModSeq => Capability::CondStore,
                EmailId => Capability::ObjectId,
                SaveDate => Capability::SaveDate,
                _ => Capability::Imap4Rev1,
            };
            if !self.has(ability) && ability != Capability::Imap4Rev1 {
                return Err(self.unknown(&format!("FETCH {item}")));
            }
            match item {
                Fast => all.extend([Flags, InternalDate, Size]),
                Uid if by == Numbering::Uid => {}
                Section(SectionItem { form: SectionForm::Body, .. })
                | Uid
                | Flags
                | InternalDate
                | Size
                | ModSeq
                | EmailId
                | SaveDate
                | FetchItem::Rfc822
                | FetchItem::Rfc822Header
                | FetchItem::Rfc822Text => all.push(item),
                other => return Err(Verdict::bad(format!("FETCH {other} is not built here"))),
            }
        }
        Ok(all)
    }

    fn check_modifier(&mut self, modifier: RequestedModifier) -> Option<Verdict> {
        if modifier.changed_since.is_some() && !self.has(Capability::CondStore) {
            return Some(self.unknown("FETCH CHANGEDSINCE"));
        }
        if modifier.vanished.is_some() && self.enabled != Enabled::QResync {
            return Some(self.unknown("FETCH VANISHED without ENABLE QRESYNC"));
        }
        if modifier.changed_since.is_some() && self.shared.quirks.has(&Quirk::NoModSeq) {
            // RFC 7162 §3.1.2.2
            return Some(Verdict::bad("No MODSEQs in this mailbox"));
        }
        if modifier.changed_since.is_some() {
            self.enabled = self.enabled.max(Enabled::CondStore);
        }
        None
    }

    // RFC 7162 §3.2.6
    fn tell_vanished(&mut self, since: u64, set: &SequenceSet) {
        let gone: Option<UidSet> = self.with_mailbox(|mailbox, _| {
            let last = mailbox.uid_next - 1;
            mailbox.gone_since(since).filter(|uid| set.contains(*uid, last)).collect()
        });
        if let Some(gone) = gone.filter(|gone| !gone.is_empty()) {
            self.out.untagged(format_args!("VANISHED (EARLIER) {gone}"));
        }
    }

    /// Cuts to what one command may touch: the highest UIDs.
    // RFC 9738 §3.1
    pub(super) fn limit(&self, uids: &mut Vec<u32>) -> Option<Verdict> {
        let limit = self.shared.quirks.find(|quirk| match quirk {
            Quirk::MessageLimit(limit) => Some(*limit),
            _ => None,
        })?;
        let surplus = uids.len().checked_sub(limit as usize).filter(|surplus| *surplus > 0)?;
        uids.drain(..surplus);
        let lowest = uids.first().copied().unwrap_or(0);
        let text = format!("Exceeded the maximum of {limit} messages");
        Some(Verdict::ok_with(format!("MESSAGELIMIT {limit} {lowest}"), text))
    }

    /// Puts items in the order of the quirks; how many belong to a first answer.
    fn order(&self, items: &mut [FetchItem]) -> usize {
        if self.shared.quirks.has(&Quirk::BodyBeforeUid) {
            items.sort_by_key(|item| !is_body(item));
        } else if self.shared.quirks.has(&Quirk::FetchInTwoAnswers) && items.iter().any(is_body) {
            items.sort_by_key(is_body);
            return items.iter().filter(|item| !is_body(item)).count();
        }
        0
    }

    /// `\Seen` for bodies that are read without PEEK; the octets of an answer that tells.
    fn mark_seen(&mut self, uid: u32, items: &[FetchItem], message: &mut Message) -> u64 {
        let marks = |item: &FetchItem| match item {
            FetchItem::Section(section) => section.access == Access::SetsSeen,
            FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
            _ => false,
        };
        if !items.iter().any(marks) || message.flags.contains(&Flag::Seen) {
            return 0;
        }
        let changed = self.change_mailbox(|mailbox, selected| {
            let may = selected.writable && mailbox.set_flags(uid, StoreAction::Add, &[Flag::Seen]);
            may.then(|| (selected.number(uid), mailbox.messages.get(&uid).cloned()))
        });
        let Some(Some((number, Some(changed)))) = changed else { return 0 };
        self.write_flags(number, uid, &changed);
        *message = changed;
        100
    }
}

fn is_body(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::Section(_) | FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text
    )
}

/// Whether more than heads is read.
fn reads_body(items: &[FetchItem]) -> bool {
    items.iter().any(|item| match item {
        FetchItem::Section(section) => !section.part.to_ascii_uppercase().starts_with("HEADER"),
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        _ => false,
    })
}
