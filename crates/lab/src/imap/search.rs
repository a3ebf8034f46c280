//! SEARCH: conditions over messages, answered in the old form or as ESEARCH.

use std::collections::BTreeSet;

use mailferry_wire::imap::{Capability, Flag, InternalDate, Numbering, SequenceSet, UidSet, Value};

use super::{
    section::field,
    session::{Enabled, Session},
    store::Message,
    verdict::Verdict,
};

/// A condition.
enum Key {
    All,
    Flag(Flag),
    Among(BTreeSet<u32>),
    Since(i64),
    Before(i64),
    On(i64),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    EmailId(String),
    Header(String, String),
    Body(String),
    Text(String),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

impl Session {
    /// SEARCH and UID SEARCH
    // RFC 9051 §6.4.4; RFC 4731 §3.1
    pub(super) fn search(
        &mut self,
        by: Numbering,
        returns: Option<&[String]>,
        criteria: &[Value],
    ) -> Verdict {
        if returns.is_some() && !self.has(Capability::Esearch) {
            return self.unknown("SEARCH RETURN");
        }
        let mut reader = Reader { session: self, values: criteria, at: 0 };
        let mut keys = Vec::new();
        while reader.at < reader.values.len() {
            match reader.key() {
                Some(key) => keys.push(key),
                None => return Verdict::bad("A search key that is not built here"),
            }
        }
        let by_mod_seq = keys.iter().any(|key| matches!(key, Key::ModSeq(_)));
        if by_mod_seq && !self.has(Capability::CondStore) {
            return self.unknown("SEARCH MODSEQ");
        }
        if by_mod_seq {
            self.enabled = self.enabled.max(Enabled::CondStore);
        }
        let key = Key::And(keys);
        let found: Vec<(u32, usize, u64)> = self
            .with_mailbox(|mailbox, selected| {
                let known = selected.view.iter().enumerate();
                let found = known.filter_map(|(i, uid)| {
                    let message = mailbox.messages.get(uid)?;
                    holds(&key, *uid, message).then_some((*uid, i + 1, message.mod_seq))
                });
                found.collect()
            })
            .unwrap_or_default();
        let mut uids: Vec<u32> = found.iter().map(|(uid, ..)| *uid).collect();
        let limited = self.limit(&mut uids);
        let told = found.iter().filter(|(uid, ..)| uids.binary_search(uid).is_ok());
        let numbers = told.map(|(uid, number, _)| if by == Numbering::Uid { *uid } else { *number as u32 });
        let numbers: UidSet = numbers.collect();
        let highest = found.iter().map(|(.., mod_seq)| *mod_seq).max().filter(|_| by_mod_seq);
        self.write_found(by, returns, &numbers, highest);
        limited.unwrap_or_else(|| Verdict::ok("SEARCH completed"))
    }

    fn write_found(
        &mut self,
        by: Numbering,
        returns: Option<&[String]>,
        numbers: &UidSet,
        highest: Option<u64>,
    ) {
        let Some(returns) = returns else {
            self.out.text("* SEARCH");
            for number in numbers.iter() {
                self.out.text(format_args!(" {number}"));
            }
            if let Some(highest) = highest {
                self.out.text(format_args!(" (MODSEQ {highest})"));
            }
            self.out.end();
            return;
        };
        let asks = |name: &str| returns.iter().any(|option| option == name);
        let tag = self.current_tag();
        self.out.text("* ESEARCH (TAG \"").raw(&tag).text("\")");
        if by == Numbering::Uid {
            self.out.text(" UID");
        }
        if let (Some((first, _)), Some((_, last))) = (numbers.ranges().first(), numbers.ranges().last()) {
            if asks("MIN") {
                self.out.text(format_args!(" MIN {first}"));
            }
            if asks("MAX") {
                self.out.text(format_args!(" MAX {last}"));
            }
            // RFC 4731 §3.1: () is (ALL).
            if asks("ALL") || returns.is_empty() {
                self.out.text(format_args!(" ALL {numbers}"));
            }
        }
        if asks("COUNT") {
            self.out.text(format_args!(" COUNT {}", numbers.len()));
        }
        if let Some(highest) = highest {
            self.out.text(format_args!(" MODSEQ {highest}"));
        }
        self.out.end();
    }
}

struct Reader<'a> {
    session: &'a Session,
    values: &'a [Value],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Value> {
        self.at += 1;
        self.values.get(self.at - 1)
    }

    fn text(&mut self) -> Option<String> {
        self.next()?.text().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    fn number(&mut self) -> Option<u64> {
        self.next()?.number()
    }

    fn day(&mut self) -> Option<i64> {
        InternalDate::parse(self.text()?.as_bytes()).map(day)
    }

    fn among(&mut self, by: Numbering) -> Option<Key> {
        let set = SequenceSet::parse(self.text()?.as_bytes())?;
        let uids = self.session.selected.as_ref()?.resolve(by, &set).ok()?;
        Some(Key::Among(uids.into_iter().collect()))
    }

    fn key(&mut self) -> Option<Key> {
        if let Value::List(inner) = self.values.get(self.at)? {
            self.at += 1;
            let mut reader = Reader { session: self.session, values: inner, at: 0 };
            let mut keys = Vec::new();
            while reader.at < inner.len() {
                keys.push(reader.key()?);
            }
            return Some(Key::And(keys));
        }
        let word = self.text()?;
        let flag = |flag| Some(Key::Flag(flag));
        let not = |key| Some(Key::Not(Box::new(key)));
        match word.to_ascii_uppercase().as_str() {
            "ALL" | "OLD" => Some(Key::All),
            "CHARSET" => self.text().map(|_| Key::All),
            "NEW" | "RECENT" => not(Key::All),
            "SEEN" => flag(Flag::Seen),
            "ANSWERED" => flag(Flag::Answered),
            "FLAGGED" => flag(Flag::Flagged),
            "DELETED" => flag(Flag::Deleted),
            "DRAFT" => flag(Flag::Draft),
            "UNSEEN" => not(Key::Flag(Flag::Seen)),
            "UNANSWERED" => not(Key::Flag(Flag::Answered)),
            "UNFLAGGED" => not(Key::Flag(Flag::Flagged)),
            "UNDELETED" => not(Key::Flag(Flag::Deleted)),
            "UNDRAFT" => not(Key::Flag(Flag::Draft)),
            "KEYWORD" => Some(Key::Flag(Flag::Keyword(self.text()?))),
            "UNKEYWORD" => not(Key::Flag(Flag::Keyword(self.text()?))),
            "UID" => self.among(Numbering::Uid),
            "SINCE" => Some(Key::Since(self.day()?)),
            "BEFORE" => Some(Key::Before(self.day()?)),
            "ON" => Some(Key::On(self.day()?)),
            "LARGER" => Some(Key::Larger(self.number()?)),
            "SMALLER" => Some(Key::Smaller(self.number()?)),
            "MODSEQ" => Some(Key::ModSeq(self.number()?)),
            "EMAILID" => Some(Key::EmailId(self.text()?)),
            "HEADER" => Some(Key::Header(self.text()?, self.text()?)),
            "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => Some(Key::Header(word, self.text()?)),
            "BODY" => Some(Key::Body(self.text()?)),
            "TEXT" => Some(Key::Text(self.text()?)),
            "NOT" => not(self.key()?),
            "OR" => Some(Key::Or(Box::new(self.key()?), Box::new(self.key()?))),
            _ => {
                self.at -= 1;
                self.among(Numbering::Sequence)
            }
        }
    }
}

/// The day in the zone that the date is written in.
fn day(date: InternalDate) -> i64 {
    (date.epoch_seconds() + i64::from(date.offset_minutes()) * 60).div_euclid(86_400)
}

fn holds(key: &Key, uid: u32, message: &Message) -> bool {
    let contains =
        |text: &[u8], part: &str| String::from_utf8_lossy(text).to_lowercase().contains(&part.to_lowercase());
    let head = || message.body.read(0..message.body.head_size());
    match key {
        Key::All => true,
        Key::Flag(Flag::Keyword(name)) => {
            message.flags.iter().any(|flag| flag.as_str().eq_ignore_ascii_case(name))
        }
        Key::Flag(flag) => message.flags.contains(flag),
        Key::Among(uids) => uids.contains(&uid),
        Key::Since(since) => day(message.date) >= *since,
        Key::Before(before) => day(message.date) < *before,
        Key::On(on) => day(message.date) == *on,
        Key::Larger(size) => message.body.size() > *size,
        Key::Smaller(size) => message.body.size() < *size,
        Key::ModSeq(mod_seq) => message.mod_seq >= *mod_seq,
        Key::EmailId(id) => format!("E{}", message.email_id) == *id,
        Key::Header(name, part) => field(&head(), name).is_some_and(|value| contains(value.as_bytes(), part)),
        Key::Body(part) => contains(&message.body.read(message.body.head_size()..message.body.size()), part),
        Key::Text(part) => contains(&message.body.to_bytes(), part),
        Key::Not(key) => !holds(key, uid, message),
        Key::Or(a, b) => holds(a, uid, message) || holds(b, uid, message),
        Key::And(keys) => keys.iter().all(|key| holds(key, uid, message)),
    }
}
