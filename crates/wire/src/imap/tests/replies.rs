//! Answers of real servers and of the RFCs, and what we read from them.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;

const DOVECOT: &[u8] = include_bytes!("../../../testdata/imap/dovecot-2.3.19.trace");

fn status(text: &str) -> Status {
    match reply(text) {
        Reply::Done { status, .. } | Reply::Status(status) => status,
        other => panic!("{text}: {other:?}"),
    }
}

fn fetch(text: &str) -> Fetch {
    match reply(text) {
        Reply::Fetch(fetch) => *fetch,
        other => panic!("{text}: {other:?}"),
    }
}

fn listed(text: &str) -> Listed {
    match reply(text) {
        Reply::List(listed) | Reply::Lsub(listed) => listed,
        other => panic!("{text}: {other:?}"),
    }
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::parse(text.as_bytes()).unwrap()
}

#[test]
fn codes() {
    let b = |text: &'static str| Bytes::from_static(text.as_bytes());
    for (text, code) in [
        ("[UIDVALIDITY 3857529045] UIDs valid", Code::UidValidity(3_857_529_045)),
        ("[UIDNEXT 4392] x", Code::UidNext(4392)),
        ("[UNSEEN 12]", Code::Unseen(12)),
        ("[HIGHESTMODSEQ 18446744073709551615] x", Code::HighestModSeq(u64::MAX)),
        (
            "[APPENDUID 38505 3955] APPEND completed",
            Code::AppendUid { uid_validity: 38505, uids: set("3955") },
        ),
        (
            "[COPYUID 38505 304,319:320 3956:3958] Done",
            Code::CopyUid { uid_validity: 38505, from: set("304,319:320"), to: set("3956:3958") },
        ),
        (
            "[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] x",
            Code::MailboxId(b("F2212ea87-6097-4256-9d51-71338625")),
        ),
        ("[MESSAGELIMIT 1000 23221] x", Code::MessageLimit { limit: 1000, lowest_done: Some(23221) }),
        ("[MESSAGELIMIT 1000] x", Code::MessageLimit { limit: 1000, lowest_done: None }),
        ("[MODIFIED 7,9] Conditional STORE failed", Code::Modified(set("7,9"))),
        ("[BADCHARSET] x", Code::BadCharset(vec![])),
        ("[BADCHARSET (UTF-8 \"US-ASCII\")] x", Code::BadCharset(vec![b("UTF-8"), b("US-ASCII")])),
        (
            "[PERMANENTFLAGS (\\Deleted [bad] \\*)] x",
            Code::PermanentFlags(vec![Flag::Deleted, Flag::Keyword("[bad]".into()), Flag::Any]),
        ),
        (
            "[CAPABILITY IMAP4rev1 LITERAL+] x",
            Code::Capability(["IMAP4REV1", "LITERAL+"].into_iter().collect()),
        ),
        ("[X-PROXYREROUTE 1 2] x", Code::Other { name: b("X-PROXYREROUTE"), data: b("1 2") }),
        ("[UIDNEXT soon] x", Code::Other { name: b("UIDNEXT"), data: b("soon") }),
        ("[overquota] x", Code::Plain(PlainCode::OverQuota)),
        ("[UNAVAILABLE with more] x", Code::Plain(PlainCode::Unavailable)),
    ] {
        assert_eq!(status(&format!("f1 OK {text}")).code, Some(code.clone()), "{text}");
        assert_eq!(status(&format!("* NO {text}")).code, Some(code), "{text}");
    }
    for code in PlainCode::ALL {
        let status = status(&format!("f1 NO [{}] why", code.as_str()));
        assert!(status.code.is_some_and(|c| c.is(*code)));
        assert_eq!(&status.text[..], b"why");
    }
}

#[test]
fn odd_statuses() {
    assert_eq!(
        status("f1 OK"),
        Status { condition: Condition::Ok, code: None, text: Bytes::new(), shown: None }
    );
    assert_eq!(status("f1 OK ").text(), "");
    assert_eq!(status("f1 no not now").condition, Condition::No);
    assert_eq!(status("* BYE [unclosed text").text(), "[unclosed text");
    assert_eq!(status("* OK[ALERT]hi").code, Some(Code::Plain(PlainCode::Alert)));
    assert_eq!(status("* BAD \u{e9}\u{20ac}").text(), "é€");
    assert_eq!(status("* PREAUTH welcome").condition, Condition::PreAuth);
    assert_eq!(reply("+"), Reply::Continue(Bytes::new()));
    assert_eq!(reply("+ eyJz"), Reply::Continue("eyJz".into()));
    assert!(Reply::parse(&Frame::from_bytes("f1 MAYBE x")).is_err());
}

/// The 39 lines that were tried on the two published parsers (and what each of them refused).
#[test]
fn lines_that_other_parsers_refuse() {
    let moved = listed("* LIST () \"/\" \"Sent Items\" (\"OLDNAME\" (\"Sent &AOk-t\"))");
    assert_eq!(moved.old_name.unwrap().to_text(NameEncoding::ModifiedUtf7), "Sent ét");
    assert_eq!(
        listed("* LIST (\\NonExistent) \"/\" Foo (\"CHILDINFO\" (\"SUBSCRIBED\"))").child_info,
        ["SUBSCRIBED"]
    );
    let Reply::MailboxStatus(status) =
        reply("* STATUS foo (MAILBOXID (F22) SIZE 9007199254740992 HIGHESTMODSEQ 7011231777 X-NEW (a b))")
    else {
        panic!()
    };
    assert_eq!(
        (status.mailbox_id.as_deref(), status.size, status.others.len()),
        (Some(&b"F22"[..]), Some(1 << 53), 1)
    );
    let Reply::Esearch(found) =
        reply("* ESEARCH (TAG \"A282\") UID MIN 2 MAX 47 ALL 2,10:47 COUNT 25 MODSEQ 9 PARTIAL (1:9 2)")
    else {
        panic!()
    };
    assert_eq!(
        (found.by, found.count, found.all, found.mod_seq),
        (Numbering::Uid, Some(25), Some(set("2,10:47")), Some(9))
    );
    assert_eq!(
        reply("* ESEARCH (TAG \"x\")"),
        Reply::Esearch(Esearch { tag: Some("x".into()), ..Esearch::default() })
    );
    assert_eq!(
        reply("* SEARCH 2 5 6 (MODSEQ 917162500)"),
        Reply::Search(Search { numbers: vec![2, 5, 6], mod_seq: Some(917_162_500) })
    );
    assert_eq!(reply("* SEARCH"), Reply::Search(Search::default()));
    let Reply::Namespace(spaces) =
        reply("* NAMESPACE ((\"INBOX.\" \".\" \"X-PARAM\" (\"F\"))) NIL ((\"#shared.\" \".\")(\"\" NIL))")
    else {
        panic!()
    };
    assert_eq!(
        (spaces.personal[0].separator, spaces.others.len(), spaces.shared[1].separator),
        (Some(b'.'), 0, None)
    );
    let gmail = fetch(
        "* 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-MSGID 1278455344230334866 X-GM-LABELS (\"\\\\Inbox\" \"\\\\Sent\" Important \"Muy Importante\") UID 2)",
    );
    assert_eq!(
        (gmail.gmail_message_id, gmail.gmail_labels.unwrap().len(), gmail.uid),
        (Some(1_278_455_344_230_334_866), 4, Some(2))
    );
    let ids = fetch(
        "* 3 FETCH (EMAILID (M6d99ac) THREADID (T64b) SAVEDATE \"21-Nov-2026 12:02:18 +0000\" MODSEQ (65402))",
    );
    assert_eq!(
        (ids.email_id.as_deref(), ids.thread_id.as_deref(), ids.mod_seq),
        (Some(&b"M6d99ac"[..]), Some(&b"T64b"[..]), Some(65402))
    );
    assert!(ids.save_date.is_some());
    assert_eq!(fetch("* 3 FETCH (THREADID NIL SAVEDATE NIL)").others.len(), 2);
    assert!(fetch("* 3 FETCH (INTERNALDATE \"01-Feb-96 10:00:00 +0000\")").internal_date.is_some());
    let broken = fetch("* 3 FETCH (INTERNALDATE \"yesterday\" UID 4)");
    assert_eq!((broken.internal_date, broken.uid, broken.others.len()), (None, Some(4), 1));
    let flags = fetch("* 3 FETCH (FLAGS (\\Seen [bad] NonJunk $MDNSent \\X))").flags.unwrap();
    assert_eq!(
        flags.iter().map(Flag::as_str).collect::<Vec<_>>(),
        ["\\Seen", "[bad]", "NonJunk", "$MDNSent", "\\X"]
    );
    assert_eq!(
        fetch("* 3 FETCH (BINARY[] ~{3}\r\na\0b)").body(),
        Some(&Data::Bytes(Bytes::from_static(b"a\0b")))
    );
    assert!(matches!(reply("* ACL INBOX ann lrs \"bob c\" lr"), Reply::Other { .. }));
    assert!(matches!(reply("* MYRIGHTS INBOX lrswipkxtecda"), Reply::Other { .. }));
    assert!(matches!(reply("* 12 X-NEWS (a"), Reply::Other { number: Some(12), .. }));
}

#[test]
fn lists_of_many_servers() {
    for (text, name, separator, attribute) in [
        (
            "* LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Sent Mail\"",
            "[Gmail]/Sent Mail",
            Some(b'/'),
            "\\sent",
        ),
        ("* LIST (\\Noselect) \"\\\\\" {5}\r\na\"b\\c", "a\"b\\c", Some(b'\\'), "\\Noselect"),
        ("* LSUB () NIL INBOX", "INBOX", None, ""),
        ("* LIST () \".\" \"\"", "", Some(b'.'), ""),
        ("* LIST () \"/\" NIL", "NIL", Some(b'/'), ""),
        ("* LIST () \"/\" Sent Items", "Sent Items", Some(b'/'), ""),
        ("* LIST (\\Marked) \"/\" \"back\\slash\"", "back\\slash", Some(b'/'), "\\Marked"),
        ("* XLIST (\\Inbox) \"/\" INBOX", "INBOX", Some(b'/'), "\\Inbox"),
        ("* LIST () \"/\" \"\u{53f0}\u{5317}\"", "台北", Some(b'/'), ""),
        ("* LIST (\\HasNoChildren)  \"/\"  &U,BTFw- ", "台北", Some(b'/'), ""),
    ] {
        let listed = listed(text);
        assert_eq!(listed.name.to_text(NameEncoding::ModifiedUtf7), name, "{text}");
        assert_eq!(listed.separator, separator, "{text}");
        assert!(attribute.is_empty() || listed.has(attribute), "{text}");
    }
    assert!(!listed("* LIST (\\NonExistent) \"/\" x").is_selectable());
}

#[test]
fn fetches_of_many_servers() {
    let sections = fetch(
        "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT \"x]y\")] {4}\r\na: b BODY[1.MIME] \"q\" BODY[]<7> NIL RFC822.HEADER {0}\r\n)",
    );
    assert_eq!(sections.sections.len(), 4);
    assert_eq!(&sections.sections[0].part[..], b"HEADER.FIELDS (SUBJECT \"x]y\")");
    assert_eq!(sections.sections[2].origin, Some(7));
    assert_eq!(sections.body(), None, "a piece is not the whole");
    assert_eq!(sections.section("HEADER").map(Data::size), Some(0));
    assert_eq!(fetch("* 9 FETCH (UID 4 BODY[] NIL)").body(), Some(&Data::Nil));
    assert_eq!(fetch("* 9 FETCH (RFC822 \"\")").body().map(Data::size), Some(0));
    assert_eq!(fetch("* 9 FETCH ()"), Fetch { sequence: Some(9), ..Fetch::default() });
    let only = fetch("* 25996 UIDFETCH (FLAGS (\\Seen) MODSEQ (65402))");
    assert_eq!((only.sequence, only.uid), (None, Some(25996)));
    let rich = fetch(
        "* 1 FETCH (ENVELOPE (NIL {3}\r\n\"x\" ((NIL NIL \"a\" \"b\"))) BODYSTRUCTURE ((\"text\" \"plain\" (\"a\" \"b\")) \"mixed\") RFC822.SIZE 18446744073709551615 FLAGS ())",
    );
    assert_eq!((rich.size, rich.flags, rich.others.len()), (Some(u64::MAX), Some(vec![]), 2));
    for text in [
        "* 1 FETCH (UID 5 FLAGS (\\Seen",
        "* 1 FETCH (BODY[] {5}",
        "* 1 FETCH UID 5",
        "* 1 FETCH (BODY[HEADER",
        "* 1 FETCH (X \"open)",
    ] {
        assert!(Reply::parse(&Frame::from_bytes(text)).is_err(), "{text} must not pass for silence");
    }
}

#[test]
fn the_rest() {
    assert_eq!(reply("* 172 EXISTS"), Reply::Exists(172));
    assert_eq!(reply("* 44 expunge"), Reply::Expunge(44));
    assert_eq!(
        reply("* VANISHED (EARLIER) 41,43:116"),
        Reply::Vanished(Vanished { when: When::Earlier, uids: set("41,43:116") })
    );
    assert_eq!(reply("* VANISHED 405"), Reply::Vanished(Vanished { when: When::Now, uids: set("405") }));
    assert_eq!(reply("* ID NIL"), Reply::Id(vec![]));
    assert_eq!(
        reply("* ID (\"name\" \"Cyrus\" \"os\" NIL)"),
        Reply::Id(vec![("name".into(), Some("Cyrus".into())), ("os".into(), None)])
    );
    assert_eq!(reply("* ENABLED"), Reply::Enabled(Capabilities::default()));
    let Reply::Quota(quota) = reply("* QUOTA \"\" (STORAGE 10 512 MESSAGE 1 20)") else { panic!() };
    assert_eq!(quota.resources, [("STORAGE".into(), 10, 512), ("MESSAGE".into(), 1, 20)]);
    let Reply::QuotaRoot { roots, .. } = reply("* QUOTAROOT INBOX \"\" \"user b\"") else { panic!() };
    assert_eq!(roots, ["", "user b"]);
    let Reply::MailboxStatus(status) = reply("* STATUS Sent Items (MESSAGES 3 UIDNEXT 0)") else { panic!() };
    assert_eq!((status.mailbox.raw_text().as_ref(), status.messages), ("Sent Items", Some(3)));
}

#[test]
fn a_session_with_dovecot() {
    let mut framer = ResponseFramer::default();
    framer.feed(DOVECOT);
    let (mut bodies, mut done, mut others) = (0, 0, Vec::new());
    while let Some(event) = framer.next().unwrap() {
        let Event::Response(frame) = event else { panic!("nothing here is large") };
        match Reply::parse(&frame).unwrap() {
            Reply::Fetch(fetch) => {
                bodies += fetch.body().map_or(0, Data::size);
                assert!(fetch.uid.is_some() && (fetch.others.is_empty() || fetch.others.len() == 2));
            }
            Reply::Done { .. } => done += 1,
            Reply::Other { name, .. } => others.push(name),
            _ => {}
        }
    }
    assert!(framer.is_idle());
    assert_eq!((bodies, done, others), (5 * 174, 41, vec![]));
}

/// Words that both parsers should understand alike.
fn alike() -> impl Strategy<Value = String> {
    let flag = prop::sample::select(&["\\Seen", "\\Deleted", "$Forwarded", "NonJunk"][..]);
    let item = prop_oneof![
        (1u32..).prop_map(|n| format!("UID {n}")),
        prop::collection::vec(flag, 0..4).prop_map(|flags| format!("FLAGS ({})", flags.join(" "))),
        any::<u32>().prop_map(|n| format!("RFC822.SIZE {n}")),
        (1u64..1 << 62).prop_map(|n| format!("MODSEQ ({n})")),
        "[ -~]{0,30}".prop_map(|body| format!("BODY[] {{{}}}\r\n{body}", body.len())),
    ];
    (1u32.., prop::collection::vec(item, 1..5))
        .prop_map(|(n, items)| format!("* {n} FETCH ({})", items.join(" ")))
}

proptest! {
    #[test]
    fn agrees_with_imap_proto(line in alike()) {
        use imap_proto::{AttributeValue, Response};
        let octets = format!("{line}\r\n");
        let (rest, theirs) = Response::parse(octets.as_bytes()).unwrap();
        prop_assert!(rest.is_empty());
        let Response::Fetch(number, values) = theirs else { panic!("{line}") };
        let ours = fetch(&line);
        prop_assert_eq!(ours.sequence, Some(number));
        let mut sections = ours.sections.iter();
        let (mut uid, mut size, mut mod_seq, mut flags) = (None, None, None, None);
        for value in values {
            match value {
                AttributeValue::Uid(n) => uid = Some(n),
                AttributeValue::Rfc822Size(n) => size = Some(u64::from(n)),
                AttributeValue::ModSeq(n) => mod_seq = Some(n),
                AttributeValue::Flags(all) => flags = Some(all.iter().map(|f| Flag::parse(f.as_bytes())).collect::<Vec<_>>()),
                AttributeValue::BodySection { data, .. } => {
                    let section = sections.next().unwrap();
                    prop_assert_eq!(section.data.bytes().map(|b| b.to_vec()), data.map(|d| d.to_vec()));
                }
                other => panic!("{other:?}"),
            }
        }
        prop_assert_eq!((ours.uid, ours.size, ours.mod_seq, ours.flags), (uid, size, mod_seq, flags));
    }
}
