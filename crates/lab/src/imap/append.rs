//! APPEND of one message or of a group: whole or not at all, unless a quirk lies about it.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use mailferry_wire::imap::{
    AppendForm, Appended, Capability, Data, Flag, Frame, InternalDate, MailboxName, NameEncoding, UidSet,
};

use super::{
    body::{Body, head_size},
    quirk::{Lie, Quirk, Refused},
    session::{Session, delay},
    store::Access,
    verdict::{End, Verdict},
};

/// A message that is to be stored.
struct Coming {
    body: Body,
    flags: Vec<Flag>,
    date: InternalDate,
}

impl Session {
    /// Whether a literal is refused before it is sent.
    pub(super) fn refuse_literal(&self, head: &Frame, size: u64) -> Option<Verdict> {
        let text = head.bytes();
        let verb = text.split(|octet| *octet == b' ').nth(1).unwrap_or_default();
        if !verb.eq_ignore_ascii_case(b"APPEND") {
            return None;
        }
        self.check_size(size)
    }

    fn check_size(&self, size: u64) -> Option<Verdict> {
        let limits = self.shared.quirks.all(|quirk| match quirk {
            Quirk::Refuses(Refused::Larger(most)) => Some(*most),
            _ => None,
        });
        let most = limits.into_iter().chain(self.shared.config.append_limit).min()?;
        // RFC 7889 §4
        (size > most).then(|| Verdict::no("TOOBIG", "Message is too large"))
    }

    /// Notes literals that were sent without being asked for, though the server has no such extension.
    // RFC 7888 §4
    pub(super) fn check_literals(&self, frame: &Frame) {
        let most = match (self.has(Capability::LiteralPlus), self.has(Capability::LiteralMinus)) {
            (true, _) => return,
            (false, true) => 4096,
            (false, false) => 0,
        };
        let (text, mut at) = (frame.bytes(), 0);
        while let Some(end) = text[at..].windows(2).position(|pair| pair == b"\r\n").map(|n| at + n) {
            let line = &text[at..end];
            at = end + 2;
            let Some(open) = line.iter().rposition(|octet| *octet == b'{') else { continue };
            let Some(digits) = line[open + 1..].strip_suffix(b"}") else { continue };
            let plus = digits.strip_suffix(b"+");
            let size = std::str::from_utf8(plus.unwrap_or(digits)).ok().and_then(|n| n.parse::<u64>().ok());
            let Some(size) = size else { continue };
            if plus.is_some() && size > most {
                self.shared.log.violation(format!("a literal of {size} octets that did not wait"));
            }
            if size < super::conn::STREAM_MIN {
                at = (at + size as usize).min(text.len());
            }
        }
    }

    /// APPEND
    // RFC 9051 §6.3.12; RFC 3502 §6.3.11
    pub(super) async fn append(
        &mut self,
        mailbox: &MailboxName,
        messages: Vec<Appended>,
    ) -> Result<Verdict, End> {
        let name = self.name(mailbox);
        let count = messages.len() as u32;
        messages.iter().for_each(|_| self.count_body());
        if count > 1 && !self.has(Capability::MultiAppend) {
            return Ok(self.unknown("APPEND of several messages"));
        }
        let mut coming = Vec::new();
        for message in messages {
            match self.receive(message) {
                Ok(message) => coming.push(message),
                Err(verdict) => return Ok(verdict),
            }
        }
        let access = self.with_account(|account| account.mailboxes.get(&name).map(|m| m.access)).flatten();
        match access {
            None | Some(Access::Noselect) => return Ok(Verdict::no("TRYCREATE", "No such mailbox")),
            Some(Access::ReadOnly) => return Ok(Verdict::no("NOPERM", "Not yours to write")),
            Some(Access::Full) => {}
        }
        let refuses_groups = self.shared.quirks.find(|quirk| match quirk {
            Quirk::RefusesGroups(most) if count as usize > *most => Some(()),
            _ => None,
        });
        if refuses_groups.is_some() {
            return Ok(Verdict::no("LIMIT", "Too many messages at once"));
        }
        if let Some(verdict) = coming.iter().find_map(|message| self.refuse_message(message)) {
            return Ok(verdict);
        }
        self.take_time(count).await;
        let coming = coming.into_iter().map(|message| self.change(message)).collect();
        Ok(self.keep(&name, coming))
    }

    fn receive(&mut self, message: Appended) -> Result<Coming, Verdict> {
        match message.form {
            AppendForm::Plain => {}
            AppendForm::Utf8 if self.names == NameEncoding::Utf8 => {}
            _ => return Err(self.unknown("APPEND in this form")),
        }
        let body = match message.body {
            Data::Bytes(bytes) => Body::from(Bytes::copy_from_slice(&bytes)),
            Data::Streamed { .. } => self.streamed.pop_front().ok_or_else(|| Verdict::bad("No body"))?,
            Data::Nil => return Err(Verdict::bad("No body")),
        };
        let now = || InternalDate::from_epoch(now(), 0);
        Ok(Coming { body, flags: message.flags, date: message.date.unwrap_or_else(now) })
    }

    /// Time passes, and what the dead sent lands late.
    async fn take_time(&mut self, count: u32) {
        let each = delay(&self.shared, |quirk| match quirk {
            Quirk::AppendTakes(each) => Some(*each),
            _ => None,
        });
        let late = self.shared.quirks.find(|quirk| match quirk {
            Quirk::LandsLate(late) => Some(*late),
            _ => None,
        });
        let was_gone = self.conn.gone;
        let takes = (each * count).max(Duration::from_millis(late.map_or(0, |_| 1)));
        if !takes.is_zero() && !was_gone {
            self.conn.pass_time(takes).await;
        }
        if self.conn.gone {
            // Late once for each connection: the rest follows at once.
            if let Some(late) = late.filter(|_| !was_gone) {
                tokio::time::sleep(late).await;
            }
            (0..count).for_each(|_| self.shared.log.has_landed());
        }
    }

    fn refuse_message(&self, message: &Coming) -> Option<Verdict> {
        let refused = self.shared.quirks.all(|quirk| match quirk {
            Quirk::Refuses(refused) => Some(*refused),
            _ => None,
        });
        let text = if message.body.is_grown() || refused.is_empty() {
            Bytes::new()
        } else {
            message.body.to_bytes()
        };
        let head = &text[..head_size(&text)];
        let because = |refused: &Refused| match refused {
            Refused::Nul if text.contains(&0) => Some(("", "Message contains NUL characters")),
            Refused::BareLf if has_bare_lf(&text) => Some(("", "Message contains bare newlines")),
            Refused::EightBitHead if !head.is_ascii() => {
                Some(("", "Message contains non-ASCII characters in headers"))
            }
            Refused::NoHeaderLine if has_no_header_line(head) => {
                Some(("", "Message contains invalid header"))
            }
            Refused::Empty if message.body.size() == 0 => Some(("", "Can't save a zero byte message")),
            _ => None,
        };
        let found = refused.iter().find_map(because).map(|(code, text)| Verdict::no(code, text));
        found
            .or_else(|| self.refuse_keywords(&message.flags))
            .or_else(|| self.check_size(message.body.size()))
    }

    /// What this server says of keywords that it does not take.
    pub(super) fn refuse_keywords(&self, flags: &[Flag]) -> Option<Verdict> {
        let keywords = flags.iter().filter(|flag| matches!(flag, Flag::Keyword(_)));
        let longest = keywords.map(|flag| flag.as_str().len()).max().unwrap_or(0);
        self.shared.quirks.find(|quirk| match quirk {
            Quirk::Refuses(Refused::LongKeyword(most)) if longest > *most => {
                Some(Verdict::no("CANNOT", "Keyword length too long"))
            }
            Quirk::Refuses(Refused::Keyword) if longest > 0 => {
                Some(Verdict::no("CANNOT", "Keywords are not supported"))
            }
            _ => None,
        })
    }

    /// What this server makes of a message before it stores it.
    fn change(&self, mut message: Coming) -> Coming {
        let quirks = &self.shared.quirks;
        let seconds = message.date.epoch_seconds();
        if quirks.has(&Quirk::ClampsDates) && !(0..=now()).contains(&seconds) {
            message.date = InternalDate::from_epoch(now(), 0);
        }
        if message.body.is_grown() {
            return message;
        }
        if quirks.has(&Quirk::NormalizesLineEnds) && has_bare_lf(&message.body.to_bytes()) {
            message.body = normalize(&message.body.to_bytes()).into();
        }
        let text = message.body.to_bytes();
        if quirks.has(&Quirk::AddsLastLineEnd) && !text.ends_with(b"\n") {
            message.body = Bytes::from([&text[..], b"\r\n"].concat()).into();
        }
        message
    }

    /// Stores all, or answers NO and stores none.
    fn keep(&mut self, name: &str, coming: Vec<Coming>) -> Verdict {
        let lies: Vec<Option<Lie>> = coming.iter().map(|_| self.lie()).collect();
        let user = self.user().to_owned();
        let mut store = self.shared.store();
        let size = coming.iter().map(|message| message.body.size()).sum();
        if !store.accounts.get(&user).is_some_and(|account| account.has_room(size)) {
            // RFC 9208 §4.3.1
            return Verdict::no("OVERQUOTA", "Quota exceeded (mailbox for user is full)");
        }
        let validity = match store.accounts.get(&user).and_then(|account| account.mailboxes.get(name)) {
            Some(mailbox) => mailbox.uid_validity,
            None => return Verdict::no("TRYCREATE", "No such mailbox"),
        };
        let mut uids = UidSet::default();
        let denied = lies.iter().flatten().find(|lie| matches!(lie, Lie::No | Lie::NoForLong)).copied();
        for (coming, lie) in coming.into_iter().zip(lies) {
            let coming = told_wrong(coming, lie);
            let message = store.message(coming.body, &coming.flags, coming.date);
            let mailbox = store.ensure_mailbox(&user, name);
            if lie == Some(Lie::Twice) {
                mailbox.add(message.clone());
            }
            let uid = mailbox.add(message);
            if lie == Some(Lie::Nothing) {
                mailbox.messages.remove(&uid);
            }
            uids.insert(uid);
        }
        if let Some(lie) = denied {
            let wait =
                if lie == Lie::NoForLong { " Suggested Backoff Time: 3600000 milliseconds" } else { "" };
            return Verdict::no("", format!("Message was not taken.{wait}"));
        }
        match self.has(Capability::UidPlus) {
            // RFC 4315 §3
            true => Verdict::ok_with(format!("APPENDUID {validity} {uids}"), "APPEND completed"),
            false => Verdict::ok("APPEND completed"),
        }
    }

    fn lie(&self) -> Option<Lie> {
        self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::Lies(lie, nth) => Some((*nth, *lie)),
            _ => None,
        })
    }
}

fn told_wrong(mut coming: Coming, lie: Option<Lie>) -> Coming {
    let size = coming.body.size();
    match lie {
        Some(Lie::Half) => coming.body = coming.body.read(0..size / 2).into(),
        Some(Lie::Other) => coming.body = BytesMut::from_iter((0..size).map(|_| b'x')).freeze().into(),
        Some(Lie::Date) => coming.date = InternalDate::from_epoch(now(), 0),
        Some(Lie::NoFlags) => coming.flags.clear(),
        Some(Lie::Nothing | Lie::Twice | Lie::No | Lie::NoForLong) | None => {}
    }
    coming
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

fn has_bare_lf(text: &[u8]) -> bool {
    let bare = |(i, octet): (usize, &u8)| *octet == b'\n' && (i == 0 || text[i - 1] != b'\r');
    text.iter().enumerate().any(bare)
}

fn has_no_header_line(head: &[u8]) -> bool {
    let lines: BTreeSet<&[u8]> =
        head.split(|octet| *octet == b'\n').map(|line| line.trim_ascii_end()).collect();
    lines.iter().any(|line| {
        !line.is_empty() && !line.starts_with(b" ") && !line.starts_with(b"\t") && !line.contains(&b':')
    })
}

fn normalize(text: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(start) => {
                out.extend_from_slice(start.strip_suffix(b"\r").unwrap_or(start));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out.freeze()
}
