//! Reads a command from its frame.
//!
//! Stricter than the reading of answers where a mistake of ours should show, as lenient where real clients differ.

use super::verb::{Appended, Asked, Mailboxes, Request, RequestedModifier, Resync, StoreRequest, Verb};
use crate::imap::{
    command::{AppendForm, SelectMode, StoreAction},
    cursor::{Cursor, Malformed, Value, Word},
    date::InternalDate,
    frame::Frame,
    items::{FetchItem, SectionItem, StatusItem},
    list::MailboxName,
    mailbox::Numbering,
    reply::read_id,
    sequence_set::SequenceSet,
    status::read_flag,
};
use bytes::Bytes;

impl Request {
    /// Reads a command. On error answer BAD with [`Frame::tag`].
    // RFC 9051 §9 command
    pub fn parse(frame: &Frame) -> Result<Request, Malformed> {
        let mut cursor = Cursor::start(frame);
        let tag = cursor.word(Word::Plain);
        if tag.is_empty() || tag.iter().any(|b| matches!(b, b'+' | b'*' | b'"' | b'{')) {
            return Err(cursor.expected("a tag"));
        }
        cursor.expect(b' ', "a space")?;
        let verb = read_verb(&mut cursor)?;
        cursor.spaces();
        if !cursor.at_end() {
            return Err(cursor.expected("the end of the command"));
        }
        Ok(Request { tag, verb })
    }
}

fn upper(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_uppercase()
}

fn read_verb(cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let mut name = upper(&cursor.word(Word::Plain));
    let mut by = Numbering::Sequence;
    if name == "UID" {
        by = Numbering::Uid;
        cursor.spaces();
        name = upper(&cursor.word(Word::Plain));
    }
    cursor.spaces();
    Ok(match (name.as_str(), by) {
        ("EXPUNGE", Numbering::Uid) => Verb::UidExpunge(set(cursor)?),
        ("FETCH", _) => fetch(by, cursor)?,
        ("SEARCH", _) => search(by, cursor)?,
        ("STORE", _) => store(by, cursor)?,
        ("COPY", _) => Verb::Copy { by, set: set(cursor)?, to: name_of(cursor)? },
        ("MOVE", _) => Verb::Move { by, set: set(cursor)?, to: name_of(cursor)? },
        (_, Numbering::Uid) => return Err(cursor.expected("a command that knows UIDs")),
        ("LOGIN", _) => {
            let user = cursor.astring(Word::Plain)?;
            cursor.spaces();
            Verb::Login { user, password: cursor.astring(Word::Plain)? }
        }
        ("AUTHENTICATE", _) => {
            let mechanism = upper(&cursor.word(Word::Plain));
            cursor.spaces();
            Verb::Authenticate { mechanism, initial: Some(cursor.rest()).filter(|text| !text.is_empty()) }
        }
        ("ID", _) => match cursor.peek() {
            Some(b'(') => Verb::Id(read_id(cursor)?),
            _ => {
                cursor.string(Word::Plain)?;
                Verb::Id(Vec::new())
            }
        },
        ("ENABLE", _) => {
            let names = cursor.rest();
            Verb::Enable(upper(&names).split_ascii_whitespace().map(str::to_owned).collect())
        }
        ("COMPRESS", _) => Verb::Compress(upper(&cursor.word(Word::Plain))),
        ("LIST", _) => Verb::List(mailboxes(cursor)?),
        ("LSUB", _) => Verb::Lsub(mailboxes(cursor)?),
        ("CREATE", _) => create(cursor)?,
        ("DELETE", _) => Verb::Delete(name_of(cursor)?),
        ("RENAME", _) => Verb::Rename { from: name_of(cursor)?, to: name_of(cursor)? },
        ("SUBSCRIBE", _) => Verb::Subscribe(name_of(cursor)?),
        ("UNSUBSCRIBE", _) => Verb::Unsubscribe(name_of(cursor)?),
        ("SELECT", _) => select(SelectMode::ReadWrite, cursor)?,
        ("EXAMINE", _) => select(SelectMode::ReadOnly, cursor)?,
        ("STATUS", _) => Verb::Status { mailbox: name_of(cursor)?, items: status_items(cursor)? },
        ("GETQUOTAROOT", _) => Verb::GetQuotaRoot(name_of(cursor)?),
        ("APPEND", _) => append(cursor)?,
        _ if cursor.at_end() => Verb::Plain(name),
        _ => Verb::Other { name, arguments: cursor.rest() },
    })
}

fn set(cursor: &mut Cursor<'_>) -> Result<SequenceSet, Malformed> {
    let set = SequenceSet::parse(&cursor.word(Word::Plain)).ok_or(cursor.expected("a set of messages"))?;
    cursor.spaces();
    Ok(set)
}

fn name_of(cursor: &mut Cursor<'_>) -> Result<MailboxName, Malformed> {
    let name = cursor.astring(Word::Plain)?;
    cursor.spaces();
    Ok(MailboxName::from_wire(name))
}

fn words(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Malformed> {
    cursor.list(|c| Ok(upper(&c.word(Word::Plain))))
}

fn status_items(cursor: &mut Cursor<'_>) -> Result<Vec<StatusItem>, Malformed> {
    cursor.list(|c| StatusItem::from_name(&upper(&c.word(Word::Plain))).ok_or(c.expected("a STATUS item")))
}

// RFC 9051 §9 list
fn mailboxes(cursor: &mut Cursor<'_>) -> Result<Mailboxes, Malformed> {
    let mut query = Mailboxes::default();
    if cursor.peek() == Some(b'(') {
        query.only = words(cursor)?;
        cursor.spaces();
    }
    query.reference = cursor.astring(Word::Plain)?;
    cursor.spaces();
    query.patterns = cursor.list(|c| c.astring(Word::Plain))?;
    cursor.spaces();
    if cursor.at_end() {
        return Ok(query);
    }
    if upper(&cursor.word(Word::Plain)) != "RETURN" {
        return Err(cursor.expected("RETURN"));
    }
    cursor.spaces();
    let mut status = None;
    let names = cursor.list(|c| {
        let name = upper(&c.word(Word::Plain));
        if name == "STATUS" {
            c.spaces();
            status = Some(status_items(c)?);
        }
        Ok(name)
    })?;
    query.returns = names.into_iter().filter(|name| name != "STATUS").collect();
    query.status = status;
    Ok(query)
}

// RFC 6154 §3
fn create(cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let mailbox = name_of(cursor)?;
    let mut special_use = Vec::new();
    if cursor.peek() == Some(b'(') {
        let Value::List(parameters) = cursor.value()? else { return Err(cursor.expected("parameters")) };
        for pair in parameters.chunks(2) {
            if let [name, Value::List(uses)] = pair
                && name.text().is_some_and(|name| name.eq_ignore_ascii_case(b"USE"))
            {
                special_use.extend(uses.iter().filter_map(|value| value.text().cloned()));
            }
        }
    }
    Ok(Verb::Create { mailbox, special_use })
}

// RFC 7162 §7 select-param
fn select(mode: SelectMode, cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let mailbox = name_of(cursor)?;
    let mut resync = None;
    if cursor.peek() == Some(b'(') {
        let Value::List(parameters) = cursor.value()? else { return Err(cursor.expected("parameters")) };
        let is =
            |value: &Value, name: &[u8]| value.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
        resync = match &parameters[..] {
            [name] if is(name, b"CONDSTORE") => Some(Resync::CondStore),
            [name, Value::List(known)] if is(name, b"QRESYNC") => {
                let number =
                    |i: usize| known.get(i).and_then(Value::number).ok_or(cursor.expected("a number"));
                Some(Resync::Since {
                    uid_validity: number(0)?.try_into().map_err(|_| cursor.expected("UIDVALIDITY"))?,
                    mod_seq: number(1)?,
                    known: known.get(2).and_then(|value| SequenceSet::parse(value.text()?)),
                })
            }
            _ => return Err(cursor.expected("CONDSTORE or QRESYNC")),
        };
    }
    Ok(Verb::Select { mailbox, mode, resync })
}

fn fetch(by: Numbering, cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let set = set(cursor)?;
    let items = cursor.list(fetch_item)?;
    let mut modifier = RequestedModifier::default();
    cursor.spaces();
    if cursor.peek() == Some(b'(') {
        let Value::List(words) = cursor.value()? else { return Err(cursor.expected("modifiers")) };
        let text = |i: usize| words.get(i).and_then(Value::text).map(|text| upper(text)).unwrap_or_default();
        for i in 0..words.len() {
            match text(i).as_str() {
                "CHANGEDSINCE" => modifier.changed_since = words.get(i + 1).and_then(Value::number),
                "VANISHED" => modifier.vanished = Some(Asked),
                _ => {}
            }
        }
    }
    Ok(Verb::Fetch { by, set, items, modifier })
}

// RFC 9051 §9 fetch-att
fn fetch_item(cursor: &mut Cursor<'_>) -> Result<FetchItem, Malformed> {
    let name = upper(&cursor.word(Word::Item));
    if cursor.peek() != Some(b'[') {
        return Ok(FetchItem::from_name(&name).unwrap_or(FetchItem::Other(name)));
    }
    cursor.eat(b'[');
    let part = cursor.until(b']').ok_or(cursor.expected("`]`"))?;
    let part = String::from_utf8_lossy(&part).into_owned();
    let mut item = SectionItem::from_name(&name, part).ok_or(cursor.expected("BODY or BINARY"))?;
    if cursor.eat(b'<') {
        let range = cursor.until(b'>').ok_or(cursor.expected("`>`"))?;
        let range = String::from_utf8_lossy(&range).into_owned();
        let numbers =
            range.split_once('.').and_then(|(first, count)| Some((first.parse().ok()?, count.parse().ok()?)));
        item.partial = Some(numbers.ok_or(cursor.expected("first.count"))?);
    }
    Ok(FetchItem::Section(item))
}

fn search(by: Numbering, cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let mut returns = None;
    let mut criteria = Vec::new();
    loop {
        cursor.spaces();
        if cursor.at_end() {
            return Ok(Verb::Search { by, returns, criteria });
        }
        let value = cursor.value()?;
        if criteria.is_empty() && value.text().is_some_and(|word| word.eq_ignore_ascii_case(b"RETURN")) {
            cursor.spaces();
            returns = Some(words(cursor)?);
            continue;
        }
        criteria.push(value);
    }
}

// RFC 9051 §9 store; RFC 7162 §7 store-modifier
fn store(by: Numbering, cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let set = set(cursor)?;
    let mut unchanged_since = None;
    if cursor.peek() == Some(b'(') {
        let Value::List(words) = cursor.value()? else { return Err(cursor.expected("a modifier")) };
        unchanged_since =
            Some(words.get(1).and_then(Value::number).ok_or(cursor.expected("UNCHANGEDSINCE n"))?);
        cursor.spaces();
    }
    let name = upper(&cursor.word(Word::Plain));
    let (name, silent) = match name.strip_suffix(".SILENT") {
        Some(name) => (name, Some(Asked)),
        None => (name.as_str(), None),
    };
    let action = match name {
        "+FLAGS" => StoreAction::Add,
        "-FLAGS" => StoreAction::Remove,
        "FLAGS" => StoreAction::Replace,
        _ => return Err(cursor.expected("FLAGS")),
    };
    let mut flags = Vec::new();
    loop {
        cursor.spaces();
        if cursor.at_end() {
            return Ok(Verb::Store(StoreRequest { by, set, unchanged_since, action, silent, flags }));
        }
        flags.extend(cursor.list(|c| read_flag(c))?);
    }
}

// RFC 3502 §6.3.11; RFC 6855 §4
fn append(cursor: &mut Cursor<'_>) -> Result<Verb, Malformed> {
    let mailbox = name_of(cursor)?;
    let mut messages = Vec::new();
    while !cursor.at_end() {
        messages.push(appended(cursor)?);
        cursor.spaces();
    }
    if messages.is_empty() {
        return Err(cursor.expected("a message"));
    }
    Ok(Verb::Append { mailbox, messages })
}

fn appended(cursor: &mut Cursor<'_>) -> Result<Appended, Malformed> {
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = cursor.list(|c| read_flag(c))?;
        cursor.spaces();
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        let text: Bytes = cursor.astring(Word::Plain)?;
        date = Some(InternalDate::parse(&text).ok_or(cursor.expected("a date-time"))?);
        cursor.spaces();
    }
    match cursor.peek() {
        Some(b'{') => {
            Ok(Appended { flags, date, form: AppendForm::Plain, body: cursor.string(Word::Plain)? })
        }
        Some(b'~') => {
            Ok(Appended { flags, date, form: AppendForm::Binary, body: cursor.string(Word::Plain)? })
        }
        _ if cursor.word(Word::Plain).eq_ignore_ascii_case(b"UTF8") => {
            cursor.spaces();
            cursor.expect(b'(', "`(`")?;
            let body = cursor.string(Word::Plain)?;
            cursor.expect(b')', "`)`")?;
            Ok(Appended { flags, date, form: AppendForm::Utf8, body })
        }
        _ => Err(cursor.expected("a literal")),
    }
}
