//! What an answer means: the one place where words of servers are read.
//!
//! Judges single answers; what follows from them (wait, halve, try again) is decided by the callers.

use std::time::Duration;

use mailferry_model::{Error, Kind, Retry, Scope, Side};
use mailferry_wire::imap::{Code, Condition, PlainCode, Reply, Status};

use crate::net::mask::Mask;

/// What was tried: decides how far a refusal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The greeting, and what comes before sign-in.
    Greet,
    /// Signing in.
    SignIn,
    /// Listing folders and their states.
    List,
    /// SELECT and EXAMINE.
    Open,
    /// FETCH, SEARCH.
    Read,
    /// APPEND.
    Append,
    /// COPY, MOVE.
    Move,
    /// STORE, EXPUNGE.
    Edit,
    /// CREATE, RENAME, DELETE.
    Folder,
    /// SUBSCRIBE.
    Subscribe,
}

impl Op {
    /// In words, for errors.
    pub fn word(self) -> &'static str {
        match self {
            Op::Greet => "greeting",
            Op::SignIn => "sign in",
            Op::List => "list folders",
            Op::Open => "open folder",
            Op::Read => "read",
            Op::Append => "append",
            Op::Move => "move",
            Op::Edit => "change flags",
            Op::Folder => "create folder",
            Op::Subscribe => "subscribe",
        }
    }

    fn scope(self) -> Scope {
        match self {
            Op::Greet | Op::SignIn | Op::List => Scope::Mailbox,
            Op::Open | Op::Folder | Op::Subscribe => Scope::Folder,
            Op::Read | Op::Append | Op::Move | Op::Edit => Scope::Item,
        }
    }
}

/// The words of a status, with its code.
pub fn words(status: &Status) -> String {
    if let Some(shown) = &status.shown {
        return shown.clone();
    }
    let text = status.text();
    let text: String = text.chars().filter(|c| !c.is_control()).take(1000).collect();
    match &status.code {
        Some(Code::Plain(code)) => format!("[{}] {text}", code.as_str()),
        Some(Code::Other { name, .. }) => format!("[{}] {text}", String::from_utf8_lossy(name)),
        _ if text.is_empty() => format!("the server answered {}", status.condition.as_str()),
        _ => text,
    }
}

/// Has people shown no secret of a refusal: some servers repeat what they were given. What it means is judged by what it
/// was.
pub fn guard(reply: &mut Reply, mask: &Mask) {
    if let Reply::Done { status, .. } | Reply::Status(status) = reply
        && !status.is_ok()
    {
        status.shown = Some(mask.clean(&words(status)));
    }
}

/// Whether a refusal is about a keyword, without which the rest would do.
pub fn is_about_keywords(status: &Status) -> bool {
    let text = status.text().to_ascii_lowercase();
    !status.is_ok() && ["keyword", "flag"].iter().any(|w| text.contains(w))
}

/// Whether a sign-in was refused for its mechanism and not for who signs in: only then another one is tried. Each
/// further try with a wrong password may lock the account.
pub fn is_about_the_mechanism(status: &Status) -> bool {
    let text = status.text().to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let plain = status.code.is_none() || status.code.as_ref().is_some_and(|c| c.is(PlainCode::Cannot));
    // Of a command that is refused as such BAD says it in many words; NO is about who signs in, unless it names the way.
    let commands = [
        "not supported",
        "unknown command",
        "unrecognized",
        "unrecognised",
        "invalid command",
        "not implemented",
        "syntax",
    ];
    let is_bad = status.condition == Condition::Bad;
    plain
        && pause(status).is_none()
        && (any(&[
            "mechanism",
            "unsupported auth",
            "unknown auth",
            "authentication type",
            "authentication method",
        ]) || (is_bad && any(&commands)))
}

/// Words of those who have had enough for a day.
const DAY_LIMITS: [&str; 4] = ["bandwidth limit", "exceeded command", "download limit", "account exceeded"];

/// How long the server asks to wait, where it asks.
pub fn pause(status: &Status) -> Option<Duration> {
    if status.is_ok() {
        return None;
    }
    let text = status.text().to_ascii_lowercase();
    if let Some(wait) = suggested(&text) {
        return Some(wait);
    }
    let plain = |code| status.code.as_ref().is_some_and(|c| c.is(code));
    let any = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if any(&DAY_LIMITS) {
        return Some(Duration::from_secs(3600));
    }
    if any(&[
        "too many simultaneous",
        "number of connections",
        "too many connections",
        "connection limit",
        "simultaneous connections",
    ]) {
        return Some(Duration::from_secs(30));
    }
    if any(&[
        "throttl",
        "rate limit",
        "too many requests",
        "slow down",
        "too many commands",
        "try again later",
    ]) || (plain(PlainCode::Limit)
        && any(&["rate", "too many", "exceeded the"])
        && !any(&["size", "large"])
        && !is_about_the_group(&text)
        && !is_about_folders(&text))
    {
        return Some(Duration::from_secs(30));
    }
    plain(PlainCode::InUse).then_some(Duration::from_secs(5))
}

/// `Suggested Backoff Time: 25000 milliseconds`
fn suggested(lower: &str) -> Option<Duration> {
    let rest = &lower[lower.find("backoff time")? + "backoff time".len()..];
    let rest = rest.trim_start_matches([':', ' ']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let unit = rest[digits.len()..].trim_start();
    let wait =
        if unit.starts_with('s') { Duration::from_secs(number) } else { Duration::from_millis(number) };
    Some(wait.min(Duration::from_secs(86_400)))
}

/// An answer that is not OK as an error.
pub fn classify(side: Side, op: Op, status: &Status) -> Error {
    let text = status.text().to_ascii_lowercase();
    let (kind, scope) = judge(op, status, &text);
    let error = Error::new(kind, side, op.word(), words(status)).scope_of(scope);
    match (kind, pause(status)) {
        // Whoever names a time speaks for the account, whatever he refuses.
        (Kind::Throttled | Kind::Busy, Some(wait)) if suggested(&text).is_some() => {
            error.scope_of(scope.max(Scope::Mailbox)).retry_of(Retry::After(wait))
        }
        (Kind::Throttled | Kind::Busy, Some(wait)) => error.retry_of(Retry::After(wait)),
        (Kind::Forbidden | Kind::NotFound, None) if scope == Scope::Folder => error.retry_of(Retry::Never),
        _ => error,
    }
}

fn judge(op: Op, status: &Status, text: &str) -> (Kind, Scope) {
    let any = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let whole = Scope::Mailbox;
    // Gmail says [OVERQUOTA] to who reads or writes too much in a day, too.
    if any(&DAY_LIMITS) {
        return (Kind::Throttled, whole);
    }
    if any(&["quota", "mailbox is full", "mailbox full", "disk full", "out of storage"])
        && !matches!(status.code, Some(Code::Plain(PlainCode::TooBig)))
        && op != Op::SignIn
    {
        return (Kind::QuotaExceeded, if op == Op::Folder { Scope::Folder } else { whole });
    }
    // So many folders and no more. Whether there is room for messages is for APPEND to say.
    if op == Op::Folder && pause(status).is_none() && is_limit(status) {
        return (Kind::QuotaExceeded, Scope::Folder);
    }
    if let Some(Code::Plain(code)) = &status.code
        && let Some(known) = judge_code(op, *code, text)
    {
        return known;
    }
    if pause(status).is_some() {
        return (Kind::Throttled, whole);
    }
    if op == Op::Append && is_size(text) {
        return (Kind::TooLarge, Scope::Item);
    }
    if any(&["temporar", "internal error", "system error", "server error", "not connected", "unavailable"]) {
        return (Kind::Busy, if op == Op::Greet || op == Op::SignIn { whole } else { op.scope() });
    }
    match (op, status.condition) {
        (_, Condition::Bye) => (Kind::Unreachable, whole),
        (Op::Greet, _) => (Kind::Unsupported, Scope::Endpoint),
        (Op::SignIn, Condition::Bad) => (Kind::Unsupported, Scope::Endpoint),
        (Op::SignIn, _) => (Kind::Unauthenticated, whole),
        (_, _) if any(&["permission denied", "access denied", "not permitted", "no permission"]) => {
            (Kind::Forbidden, op.scope())
        }
        (Op::Open, _) if any(&["exist", "unknown mailbox", "not found", "no such", "invalid mailbox"]) => {
            (Kind::NotFound, Scope::Folder)
        }
        (Op::Open | Op::List, _) => (Kind::Busy, op.scope()),
        (Op::Folder, _) if any(&["already exists", "exists already", "mailbox exists"]) => {
            (Kind::AlreadyExists, Scope::Folder)
        }
        (Op::Append, _) if any(&["trycreate", "doesn't exist", "does not exist", "unknown mailbox"]) => {
            (Kind::NotFound, Scope::Folder)
        }
        (Op::Read, _) => (Kind::Busy, Scope::Item),
        _ => (Kind::Malformed, op.scope()),
    }
}

fn judge_code(op: Op, code: PlainCode, text: &str) -> Option<(Kind, Scope)> {
    let whole = Scope::Mailbox;
    Some(match code {
        PlainCode::OverQuota => (Kind::QuotaExceeded, whole),
        PlainCode::TooBig => (Kind::TooLarge, Scope::Item),
        // RFC 5530 §3 LIMIT says which only in words; an APPEND that is alone in being refused is too large.
        PlainCode::Limit
            if op == Op::Append
                && (is_about_the_group(text) || !text.contains("rate") && !text.contains("too many")) =>
        {
            (Kind::TooLarge, Scope::Item)
        }
        PlainCode::Limit => (Kind::Throttled, whole),
        PlainCode::InUse => (Kind::Busy, if op == Op::SignIn { whole } else { op.scope() }),
        PlainCode::Unavailable | PlainCode::ServerBug => {
            (Kind::Busy, if matches!(op, Op::SignIn | Op::Greet) { whole } else { op.scope() })
        }
        PlainCode::AuthenticationFailed | PlainCode::Expired => (Kind::Unauthenticated, whole),
        PlainCode::AuthorizationFailed => (Kind::Forbidden, whole),
        PlainCode::ContactAdmin => (Kind::Forbidden, whole),
        PlainCode::PrivacyRequired => (Kind::Tls, Scope::Endpoint),
        PlainCode::NoPerm => (Kind::Forbidden, op.scope()),
        PlainCode::NonExistent | PlainCode::TryCreate if op == Op::Folder => (Kind::NotFound, Scope::Folder),
        PlainCode::NonExistent | PlainCode::TryCreate => (Kind::NotFound, Scope::Folder),
        PlainCode::AlreadyExists => (Kind::AlreadyExists, Scope::Folder),
        PlainCode::Cannot | PlainCode::Corruption | PlainCode::Parse => (Kind::Malformed, op.scope()),
        PlainCode::HasChildren => (Kind::Conflict, Scope::Folder),
        PlainCode::ExpungeIssued => (Kind::NotFound, Scope::Item),
        _ => return None,
    })
}

/// Not too often, but too many in one command: a smaller group is taken.
fn is_about_the_group(text: &str) -> bool {
    text.contains("messages at once")
}

/// Not too often, but too many that there are.
fn is_about_folders(text: &str) -> bool {
    ["too many folders", "too many mailboxes", "number of folders", "number of mailboxes"]
        .iter()
        .any(|w| text.contains(w))
}

fn is_limit(status: &Status) -> bool {
    let plain = |code| status.code.as_ref().is_some_and(|c| c.is(code));
    plain(PlainCode::Limit) || plain(PlainCode::OverQuota)
}

fn is_size(text: &str) -> bool {
    ["too large", "too big", "exceeds the maximum", "maximum size", "maximum message size", "size limit"]
        .iter()
        .any(|w| text.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailferry_wire::imap::{Frame, Reply};

    fn status(line: &str) -> Status {
        match Reply::parse(&Frame::from_bytes(line.as_bytes().to_vec())).unwrap() {
            Reply::Done { status, .. } | Reply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn recorded_answers() {
        use Kind::*;
        use Scope::{Endpoint, Folder, Item, Mailbox};
        let table: &[(Op, &str, Kind, Scope)] = &[
            (Op::SignIn, "f1 NO [AUTHENTICATIONFAILED] Authentication failed.", Unauthenticated, Mailbox),
            (Op::SignIn, "f1 NO LOGIN failed.", Unauthenticated, Mailbox),
            (Op::SignIn, "f1 NO [UNAVAILABLE] Temporary authentication failure.", Busy, Mailbox),
            (Op::SignIn, "f1 NO [AUTHORIZATIONFAILED] no proxy rights", Forbidden, Mailbox),
            (Op::SignIn, "f1 NO [PRIVACYREQUIRED] TLS first", Tls, Endpoint),
            (
                Op::SignIn,
                "f1 NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)",
                Throttled,
                Mailbox,
            ),
            (Op::SignIn, "f1 NO [ALERT] Too many simultaneous connections. (Failure)", Throttled, Mailbox),
            (Op::SignIn, "f1 NO User is authenticated but not connected.", Busy, Mailbox),
            (
                Op::Open,
                "f2 NO [NONEXISTENT] Mailbox doesn't exist: x (0.001 + 0.000 secs).",
                NotFound,
                Folder,
            ),
            (Op::Open, "f2 NO Mailbox does not exist", NotFound, Folder),
            (Op::Open, "f2 NO [NOPERM] Permission denied", Forbidden, Folder),
            (Op::Open, "f2 NO [INUSE] Mailbox in use", Busy, Folder),
            (Op::Open, "f2 NO [SERVERBUG] Internal error occurred.", Busy, Folder),
            (
                Op::Append,
                "f3 NO [OVERQUOTA] Quota exceeded (mailbox for user is full)",
                QuotaExceeded,
                Mailbox,
            ),
            (Op::Append, "f3 NO Over quota", QuotaExceeded, Mailbox),
            (
                Op::Append,
                "f3 NO [LIMIT] Requested allocation size is over the maximum mail size",
                TooLarge,
                Item,
            ),
            (Op::Append, "f3 NO [LIMIT] Too many messages at once", TooLarge, Item),
            (Op::Append, "f3 NO [TOOBIG] Message too big", TooLarge, Item),
            (Op::Append, "f3 NO Message size exceeds the maximum size", TooLarge, Item),
            (Op::Append, "f3 NO [TRYCREATE] Mailbox doesn't exist: x", NotFound, Folder),
            (Op::Append, "f3 NO Message contains NUL characters", Malformed, Item),
            (Op::Append, "f3 NO Message contains bare newlines", Malformed, Item),
            (Op::Append, "f3 NO [CANNOT] Keyword length too long", Malformed, Item),
            (Op::Append, "f3 NO Can't save a zero byte message", Malformed, Item),
            (Op::Append, "f3 BAD Command Argument Error. 11", Malformed, Item),
            (
                Op::Append,
                "f3 NO Server Unavailable. Request is throttled. Suggested Backoff Time: 1500 milliseconds",
                Throttled,
                Mailbox,
            ),
            (
                Op::Read,
                "f4 NO [ALERT] Account exceeded command or bandwidth limits. (Failure)",
                Throttled,
                Mailbox,
            ),
            (
                Op::Append,
                "f3 NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
                Throttled,
                Mailbox,
            ),
            (Op::Read, "f4 NO [LIMIT] rate limit hit", Throttled, Mailbox),
            (Op::Read, "f4 NO Server error - Please try again later", Throttled, Mailbox),
            (Op::Read, "* BYE Session expired, please login again.", Unreachable, Mailbox),
            (Op::Greet, "* BYE Too many connections", Throttled, Mailbox),
        ];
        for (op, line, kind, scope) in table {
            let error = classify(Side::Target, *op, &status(line));
            assert_eq!((error.kind(), error.scope()), (*kind, *scope), "{line}");
        }
    }

    #[test]
    fn a_refused_folder_reaches_no_further() {
        use Kind::*;
        use Scope::{Folder, Mailbox};
        let table: &[(&str, Kind, Scope)] = &[
            ("f5 NO [ALREADYEXISTS] Mailbox already exists", AlreadyExists, Folder),
            ("f5 NO [CANNOT] Folder contains excess whitespace (Failure)", Malformed, Folder),
            ("f5 NO Invalid mailbox name", Malformed, Folder),
            ("f5 NO [NOPERM] no", Forbidden, Folder),
            ("f5 NO Permission denied", Forbidden, Folder),
            ("f5 NO [OVERQUOTA] too many mailboxes", QuotaExceeded, Folder),
            ("f5 NO Folder quota exceeded", QuotaExceeded, Folder),
            ("f5 NO [LIMIT] too many folders", QuotaExceeded, Folder),
            ("f5 NO [LIMIT] no more of them", QuotaExceeded, Folder),
            ("f5 NO [LIMIT] Too many requests", Throttled, Mailbox),
            ("f5 NO [SERVERBUG] Internal error occurred.", Busy, Folder),
        ];
        for (line, kind, scope) in table {
            let error = classify(Side::Target, Op::Folder, &status(line));
            assert_eq!((error.kind(), error.scope()), (*kind, *scope), "{line}");
        }
    }

    #[test]
    fn pauses() {
        let wait = |line: &str| pause(&status(line));
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(wait("f1 NO x Suggested Backoff Time: 299961 milliseconds"), ms(299_961));
        assert_eq!(wait("f1 BAD Request is throttled. Suggested Backoff Time: 2 seconds"), ms(2000));
        assert_eq!(wait("f1 NO [INUSE] locked"), ms(5000));
        assert_eq!(wait("f1 OK Suggested Backoff Time: 5 milliseconds"), None);
        assert_eq!(wait("f1 NO Message contains NUL characters"), None);
        let error = classify(Side::Source, Op::Read, &status("f1 NO Suggested Backoff Time: 7 milliseconds"));
        assert_eq!((error.kind(), error.retry()), (Kind::Throttled, Retry::After(Duration::from_millis(7))));
    }
}
