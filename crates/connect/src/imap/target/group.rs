//! One APPEND, of one message or of several: written, sent, and its answer read. Decides nothing.

use mailferry_model::{
    flags::{Flags, SystemFlag},
    id::TargetId,
    item::{Chunks, Date},
    key::HeaderKey,
    port::Outcome,
};
use mailferry_wire::imap::{
    AppendForm, AppendMessage, Code, Command, Flag, InternalDate, MailboxName, Payload, Status,
};

/// A message to be appended, with its place among the puts.
#[derive(Clone)]
pub(super) struct Letter {
    /// Its place.
    pub at: usize,
    /// Its flags.
    pub flags: Flags,
    /// Keywords that are not among them, because the target refused one of them.
    pub without: Flags,
    /// When it arrived.
    pub date: Option<Date>,
    /// Its bytes.
    pub body: Chunks,
    /// Its header key.
    pub key: HeaderKey,
}

/// Header key and size: what is alike in both may be the same message.
pub(super) type LetterKind = (HeaderKey, u64);

impl Letter {
    /// What it is found by in a folder.
    pub(super) fn kind(&self) -> LetterKind {
        (self.key, self.body.len())
    }

    /// Where it lies and the keywords that it lacks there, unless it was the only one that the target refused.
    pub(super) fn bare(&self, placed: &Outcome) -> Option<(TargetId, Flags)> {
        match placed {
            Outcome::Placed(Some(id)) if self.without.keywords().len() > 1 => {
                Some((id.clone(), self.without.clone()))
            }
            _ => None,
        }
    }
}

/// Flags as they are sent: keywords that the grammar or the folder forbids are left out.
pub(super) fn flags(flags: &Flags, permanent: Option<&[Flag]>) -> Vec<Flag> {
    let system = [
        (SystemFlag::Answered, Flag::Answered),
        (SystemFlag::Flagged, Flag::Flagged),
        (SystemFlag::Deleted, Flag::Deleted),
        (SystemFlag::Seen, Flag::Seen),
        (SystemFlag::Draft, Flag::Draft),
    ];
    let system = system.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, flag)| flag);
    let keywords = flags.keywords().iter().map(|k| Flag::Keyword(k.to_string()));
    let lasts = |flag: &Flag| match permanent {
        None => true,
        Some(list) if list.contains(&Flag::Any) => true,
        Some(list) => list.iter().any(|f| f.as_str().eq_ignore_ascii_case(flag.as_str())),
    };
    system.chain(keywords.filter(|flag| flag.is_settable() && lasts(flag))).collect()
}

/// The date as it is sent.
pub(super) fn internal_date(date: Option<Date>) -> Option<InternalDate> {
    date.map(|date| InternalDate::from_epoch(date.seconds, date.zone))
}

/// The command for these.
pub(super) fn append(name: &MailboxName, letters: &[Letter], permanent: Option<&[Flag]>) -> Command {
    let messages = letters.iter().map(|letter| AppendMessage {
        flags: flags(&letter.flags, permanent),
        date: internal_date(letter.date),
        form: AppendForm::Plain,
        body: payload(&letter.body),
    });
    Command::append(name, messages)
}

fn payload(body: &Chunks) -> Payload {
    match body.pieces() {
        [one] => Payload::Bytes(one.clone()),
        many => Payload::Chunks(many.to_vec()),
    }
}

/// UIDVALIDITY and UIDs of what was appended, if the answer tells one for each.
pub(in crate::imap) fn appended(status: &Status, count: usize) -> Option<(u32, Vec<u32>)> {
    let Some(Code::AppendUid { uid_validity, uids }) = &status.code else { return None };
    let uids: Vec<u32> = uids.numbers()?.take(count + 1).collect();
    (uids.len() == count).then_some((*uid_validity, uids))
}
