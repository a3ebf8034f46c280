//! SELECT and EXAMINE, with what CONDSTORE and QRESYNC add, and ENABLE.

use std::collections::BTreeSet;

use mailferry_wire::imap::{
    Capability, Condition, Flag, MailboxName, NameEncoding, Resync, SelectMode, SequenceSet, UidSet,
};

use super::{
    numbers::Selected,
    quirk::Quirk,
    session::{Enabled, Session},
    store::{Access, Mailbox, Message},
    verdict::Verdict,
};

const SYSTEM: [Flag; 5] = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

/// What SELECT tells.
struct Opened {
    selected: Selected,
    keywords: BTreeSet<Flag>,
    uid_next: u32,
    gone: UidSet,
    changed: Vec<(u32, Message)>,
}

impl Session {
    /// ENABLE
    // RFC 5161 §3.1
    pub(super) fn enable(&mut self, names: &[String]) -> Verdict {
        let mut done = String::new();
        for name in names {
            let enabled = match name.as_str() {
                "CONDSTORE" if self.has(Capability::CondStore) => Enabled::CondStore,
                "QRESYNC" if self.has(Capability::QResync) => Enabled::QResync,
                "UTF8=ACCEPT" if self.has(Capability::Utf8Accept) => {
                    self.names = NameEncoding::Utf8;
                    self.enabled
                }
                _ => continue,
            };
            self.enabled = self.enabled.max(enabled);
            done += &format!(" {name}");
        }
        self.out.untagged(format_args!("ENABLED{done}"));
        Verdict::ok("ENABLE completed")
    }

    /// SELECT and EXAMINE
    pub(super) fn select(
        &mut self,
        name: &MailboxName,
        mode: SelectMode,
        resync: Option<&Resync>,
    ) -> Verdict {
        let was_open = self.selected.take().is_some();
        match resync {
            Some(Resync::CondStore) if self.has(Capability::CondStore) => {
                self.enabled = self.enabled.max(Enabled::CondStore);
            }
            // RFC 7162 §3.2.5
            Some(Resync::Since { .. }) if self.enabled != Enabled::QResync => {
                return self.unknown("SELECT QRESYNC without ENABLE");
            }
            Some(Resync::CondStore) => return self.unknown("SELECT CONDSTORE"),
            _ => {}
        }
        let name = self.name(name);
        let opened = self.with_account(|account| {
            let mailbox = account.mailboxes.get(&name).filter(|m| m.access != Access::Noselect)?;
            Some(open(&name, mailbox, mode, resync))
        });
        let Some(opened) = opened.flatten() else {
            return Verdict::no("NONEXISTENT", "No such mailbox");
        };
        if was_open && self.enabled == Enabled::QResync {
            // RFC 7162 §3.2.11
            self.out.status(b"*", Condition::Ok, "CLOSED", "Previous mailbox closed");
        }
        let writable = opened.selected.writable;
        self.write_opened(opened);
        match (writable, mode) {
            (true, _) => Verdict::ok_with("READ-WRITE", "SELECT completed"),
            (false, SelectMode::ReadOnly) => Verdict::ok_with("READ-ONLY", "EXAMINE completed"),
            (false, _) => Verdict::ok_with("READ-ONLY", "SELECT completed"),
        }
    }

    // RFC 9051 §6.3.2
    fn write_opened(&mut self, opened: Opened) {
        let mut flags: Vec<Flag> = SYSTEM.into_iter().chain(opened.keywords).collect();
        self.out.text("* FLAGS ").flags(&flags).end();
        flags.push(Flag::Any);
        let permanent = if opened.selected.writable { &flags[..] } else { &[] };
        self.out.text("* OK [PERMANENTFLAGS ").flags(permanent).text("] Flags permitted").end();
        self.out.untagged(format_args!("{} EXISTS", opened.selected.view.len()));
        self.out.untagged("0 RECENT");
        let mut ok = |code: String| _ = self.out.status(b"*", Condition::Ok, &code, "so it is");
        ok(format!("UIDVALIDITY {}", opened.selected.uid_validity));
        ok(format!("UIDNEXT {}", opened.uid_next));
        if self.shared.config.abilities.has(Capability::CondStore) {
            ok(match self.shared.quirks.has(&Quirk::NoModSeq) {
                true => "NOMODSEQ".to_owned(),
                false => format!("HIGHESTMODSEQ {}", opened.selected.seen),
            });
        }
        if self.shared.config.abilities.has(Capability::ObjectId) {
            ok(format!("MAILBOXID (M{})", opened.selected.id));
        }
        if !opened.gone.is_empty() {
            self.out.untagged(format_args!("VANISHED (EARLIER) {}", opened.gone));
        }
        for (uid, message) in opened.changed {
            self.write_flags(opened.selected.number(uid), uid, &message);
        }
        self.selected = Some(opened.selected);
    }

    /// CLOSE
    // RFC 9051 §6.4.1
    pub(super) fn close_mailbox(&mut self) -> Verdict {
        self.change_mailbox(|mailbox, selected| {
            if selected.writable {
                let deleted =
                    |(uid, message): (&u32, &Message)| message.flags.contains(&Flag::Deleted).then_some(*uid);
                let uids: Vec<u32> = mailbox.messages.iter().filter_map(deleted).collect();
                mailbox.remove(uids);
            }
        });
        self.selected = None;
        Verdict::ok("CLOSE completed")
    }
}

fn open(name: &str, mailbox: &Mailbox, mode: SelectMode, resync: Option<&Resync>) -> Opened {
    let selected = Selected {
        name: name.to_owned(),
        id: mailbox.id,
        uid_validity: mailbox.uid_validity,
        writable: mode == SelectMode::ReadWrite && mailbox.access == Access::Full,
        view: mailbox.messages.keys().copied().collect(),
        seen: mailbox.mod_seq,
        told: false,
    };
    let (mut gone, mut changed) = (UidSet::default(), Vec::new());
    if let Some(Resync::Since { uid_validity, mod_seq, known }) = resync
        && *uid_validity == mailbox.uid_validity
    {
        let known = known.clone().unwrap_or_else(SequenceSet::all);
        gone = mailbox.gone_since(*mod_seq).filter(|uid| known.contains(*uid, mailbox.uid_next)).collect();
        let newer = |(_, message): &(&u32, &Message)| message.mod_seq > *mod_seq;
        changed = mailbox.messages.iter().filter(newer).map(|(uid, m)| (*uid, m.clone())).collect();
    }
    Opened { selected, keywords: mailbox.keywords(), uid_next: mailbox.uid_next, gone, changed }
}
