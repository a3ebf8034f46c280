//! Commands: what stands on the wire, and that a server reads what a client meant.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;

/// The octets of a command with LITERAL+.
fn wire(command: Command) -> String {
    let mut out = Vec::new();
    for segment in command.encode(Tag(7), Literals::Plus) {
        match segment {
            Segment::Bytes(bytes) => out.extend_from_slice(&bytes),
            other => panic!("{other:?}"),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Sends segments to a server's framer as a client would, and reads the command back.
fn through(command: Command, literals: Literals, limits: Limits) -> Request {
    let mut server = CommandFramer::with_limits(limits);
    for segment in command.encode(Tag(7), literals) {
        match segment {
            Segment::Bytes(bytes) => server.feed(&bytes),
            Segment::AwaitContinue => loop {
                match server.next().unwrap() {
                    Some(Arrival::Asked { .. }) => break server.accept().unwrap(),
                    Some(_) => {}
                    None => panic!("the server should be asked"),
                }
            },
            Segment::Stream { size } => server.feed(&vec![b'z'; size as usize]),
        }
    }
    loop {
        if let Arrival::Command(frame) = server.next().unwrap().expect("a whole command") {
            assert!(server.is_idle());
            return Request::parse(&frame).unwrap();
        }
    }
}

fn verb(command: Command) -> Verb {
    through(command, Literals::Plus, Limits::default()).verb
}

#[test]
fn on_the_wire() {
    let inbox = MailboxName::inbox();
    let odd = MailboxName::from_text("Entwürfe \"x\"", NameEncoding::ModifiedUtf7);
    let uids = SequenceSet::from(&UidSet::parse(b"1:3,9").unwrap());
    let query = ListQuery {
        only: vec!["SUBSCRIBED"],
        returns: vec![
            ListReturn::SpecialUse,
            ListReturn::Status(vec![StatusItem::Messages, StatusItem::UidNext]),
        ],
        ..ListQuery::default()
    };
    let since = QResync::Since { uid_validity: 67, mod_seq: 20, known: UidSet::parse(b"41:211") };
    for (command, text) in [
        (Command::login("ann", "p\"w"), r#"LOGIN "ann" "p\"w""#),
        (Command::login("ann", "pä"), "LOGIN \"ann\" {3+}\r\npä"),
        (Command::id(&[("name", "mailferry")]), r#"ID ("name" "mailferry")"#),
        (Command::id(&[]), "ID NIL"),
        (Command::list(&ListQuery::default()), r#"LIST "" "*""#),
        (Command::list(&query), r#"LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT))"#),
        (Command::create(&odd, Some("\\Drafts")), r#"CREATE "Entw&APw-rfe \"x\"" (USE (\Drafts))"#),
        (Command::rename(&inbox, &odd), r#"RENAME INBOX "Entw&APw-rfe \"x\"""#),
        (Command::select(&inbox, SelectMode::ReadOnly, &QResync::CondStore), "EXAMINE INBOX (CONDSTORE)"),
        (Command::select(&inbox, SelectMode::ReadWrite, &since), "SELECT INBOX (QRESYNC (67 20 41:211))"),
        (
            Command::uid_fetch(
                &uids,
                &[FetchItem::Uid, FetchItem::peek("")],
                FetchModifier::ChangedSinceVanished(5),
            ),
            "UID FETCH 1:3,9 (UID BODY.PEEK[]) (CHANGEDSINCE 5 VANISHED)",
        ),
        (
            Command::uid_fetch(
                &SequenceSet::all(),
                &[FetchItem::peek_partial("HEADER", 0, 16384)],
                FetchModifier::None,
            ),
            "UID FETCH 1:* (BODY.PEEK[HEADER]<0.16384>)",
        ),
        (
            Command::uid_search(
                &[SearchKey::Since(InternalDate::from_epoch(0, 0)), SearchKey::Undeleted],
                &["ALL"],
            ),
            "UID SEARCH RETURN (ALL) SINCE 1-Jan-1970 UNDELETED",
        ),
        (
            Command::uid_store(
                &uids,
                StoreAction::Add,
                &[Flag::Seen, Flag::Recent, Flag::Keyword("[x]".into())],
                Some(9),
            ),
            "UID STORE 1:3,9 (UNCHANGEDSINCE 9) +FLAGS.SILENT (\\Seen)",
        ),
        (Command::uid_move(&uids, &inbox), "UID MOVE 1:3,9 INBOX"),
        (Command::compress(), "COMPRESS DEFLATE"),
    ] {
        assert_eq!(wire(command), format!("f7 {text}\r\n"));
    }
}

#[test]
fn nothing_smuggles_a_line_end() {
    let name = MailboxName::from_wire("a\r\nx DELETE b");
    assert_eq!(wire(Command::delete(&name)), "f7 DELETE {13+}\r\na\r\nx DELETE b\r\n");
    let command = Command::create(&MailboxName::inbox(), Some("\\Sent))\r\nx DELETE b\r\n"));
    assert_eq!(wire(command).lines().count(), 1);
    let fetch =
        Command::uid_fetch(&SequenceSet::all(), &[FetchItem::peek("1]\r\nx LOGOUT")], FetchModifier::None);
    assert_eq!(wire(fetch).lines().count(), 1);
}

#[test]
fn literals_wait_where_they_must() {
    let message = |size| AppendMessage {
        flags: vec![],
        date: None,
        form: AppendForm::Plain,
        body: Payload::Stream { size },
    };
    let encode =
        |literals, size| Command::append(&MailboxName::inbox(), [message(size)]).encode(Tag(1), literals);
    assert_eq!(encode(Literals::Minus, 4096)[0], Segment::Bytes("f1 APPEND INBOX {4096+}\r\n".into()));
    assert_eq!(
        encode(Literals::Minus, 4097)[..2],
        [Segment::Bytes("f1 APPEND INBOX {4097}\r\n".into()), Segment::AwaitContinue]
    );
    let plus = encode(Literals::Plus, 1 << 40);
    assert_eq!(plus[1..], [Segment::Stream { size: 1 << 40 }, Segment::Bytes("\r\n".into())]);
}

#[test]
fn bodies_are_not_copied() {
    let body = Bytes::from(vec![b'x'; 50_000]);
    let append = |body| AppendMessage { flags: vec![], date: None, form: AppendForm::Utf8, body };
    let messages = [
        append(Payload::Bytes(body.clone())),
        append(Payload::Chunks(vec![body.slice(..9), body.slice(9..)])),
    ];
    let segments = Command::append(&MailboxName::inbox(), messages).encode(Tag(1), Literals::Plus);
    let same = segments
        .iter()
        .filter(|s| matches!(s, Segment::Bytes(b) if body.as_ptr_range().contains(&b.as_ptr())));
    assert_eq!((same.count(), segments.len()), (3, 6));
    assert!(!format!("{segments:?}").contains("xx"));
}

#[test]
fn a_server_reads_what_was_meant() {
    let inbox = MailboxName::inbox();
    let since = QResync::Since { uid_validity: 67, mod_seq: 20, known: None };
    let Verb::Select { resync, mode: SelectMode::ReadWrite, .. } =
        verb(Command::select(&inbox, SelectMode::ReadWrite, &since))
    else {
        panic!()
    };
    assert_eq!(resync, Some(Resync::Since { uid_validity: 67, mod_seq: 20, known: None }));
    let query = ListQuery {
        returns: vec![ListReturn::Subscribed, ListReturn::Status(vec![StatusItem::Size])],
        ..ListQuery::default()
    };
    let Verb::List(asked) = verb(Command::list(&query)) else { panic!() };
    assert_eq!(
        (asked.returns, asked.status, asked.patterns),
        (vec!["SUBSCRIBED".into()], Some(vec![StatusItem::Size]), vec!["*".into()])
    );
    let items = vec![
        FetchItem::Uid,
        FetchItem::GmailLabels,
        FetchItem::peek("HEADER.FIELDS (SUBJECT)"),
        FetchItem::peek_partial("", 5, 9),
    ];
    let Verb::Fetch { by: Numbering::Uid, items: asked, modifier, .. } =
        verb(Command::uid_fetch(&SequenceSet::all(), &items, FetchModifier::ChangedSince(4)))
    else {
        panic!()
    };
    assert_eq!((asked, modifier.changed_since, modifier.vanished), (items, Some(4), None));
    let Verb::Create { special_use, .. } = verb(Command::create(&inbox, Some("\\Sent"))) else { panic!() };
    assert_eq!(special_use, ["\\Sent"]);
    let Verb::Search { returns, criteria, .. } =
        verb(Command::uid_search(&[SearchKey::Header("Subject".into(), "a b".into())], &["MIN"]))
    else {
        panic!()
    };
    assert_eq!((returns, criteria.len()), (Some(vec!["MIN".into()]), 3));
    let (command, later) =
        Command::authenticate(&Sasl::XOAuth2 { user: "u".into(), token: "t".into() }, Initial::Along);
    let Verb::Authenticate { mechanism, initial } = verb(command) else { panic!() };
    assert_eq!(
        (mechanism.as_str(), parse_bearer(&initial.unwrap()), later.len()),
        ("XOAUTH2", Some(("u".into(), "t".into())), 0)
    );
    for (command, name) in
        [(Command::noop(), "NOOP"), (Command::unselect(), "UNSELECT"), (Command::starttls(), "STARTTLS")]
    {
        assert_eq!(verb(command), Verb::Plain(name.into()));
    }
    let names = [
        Command::enable(&["QRESYNC"]),
        Command::uid_expunge(&SequenceSet::all()),
        Command::get_quota_root(&inbox),
        Command::compress(),
        Command::subscribe(&inbox),
        Command::lsub(b"", b"*"),
        Command::status(&inbox, &[StatusItem::Unseen]),
    ];
    let names: Vec<_> = names.into_iter().map(|command| verb(command).name().to_owned()).collect();
    assert_eq!(names, ["ENABLE", "EXPUNGE", "GETQUOTAROOT", "COMPRESS", "SUBSCRIBE", "LSUB", "STATUS"]);
}

#[test]
fn literals_can_be_refused_and_secrets_do_not_show() {
    let mut server = CommandFramer::default();
    server.feed(b"a1 APPEND INBOX {999}\r\n");
    let Ok(Some(Arrival::Asked { head, size: 999 })) = server.next() else { panic!() };
    assert_eq!(head.tag(), "a1");
    assert!(server.next().unwrap().is_none());
    server.refuse();
    server.feed(b"a2 LOGIN u canary\r\n\r\n");
    let Ok(Some(Arrival::Command(frame))) = server.next() else { panic!() };
    let request = Request::parse(&frame).unwrap();
    assert!(!format!("{request:?} {frame:?} {:?}", Command::login("u", "canary")).contains("canary"));
    let Ok(Some(Arrival::Command(empty))) = server.next() else { panic!("an empty line is an answer") };
    assert!(empty.bytes().is_empty() && Request::parse(&empty).is_err());
    for bad in [
        "a1",
        "a1 FETCH 0 (UID)",
        "a1 UID NOOP",
        "* OK",
        "a1 STATUS x (NOPE)",
        "a1 NOOP)",
        "a1 LOGIN u",
        "a1 APPEND x",
    ] {
        let answer = Request::parse(&Frame::from_bytes(bad));
        assert!(!matches!(answer, Ok(Request { verb: Verb::Plain(_), .. })), "{bad}: {answer:?}");
    }
}

#[test]
fn answers_are_read_back() {
    let mut answer = Answer::default();
    let body = Bytes::from(vec![b'b'; 5000]);
    let name = MailboxName::from_wire("a \"b\" \\");
    answer
        .list("LIST", &["\\Noselect"], Some(b'/'), &name)
        .text("* 4 FETCH (UID 9 FLAGS ")
        .flags(&[Flag::Seen])
        .raw(b" BODY[] ")
        .nstring(&Data::Bytes(body.clone()))
        .raw(b")")
        .end();
    answer.status(b"f1", Condition::No, "OVERQUOTA", "full").proceed("go").untagged("3 EXISTS");
    let mut framer = ResponseFramer::default();
    answer.take().iter().for_each(|segment| framer.feed(segment));
    let mut replies = Vec::new();
    while let Some(Event::Response(frame)) = framer.next().unwrap() {
        replies.push(Reply::parse(&frame).unwrap());
    }
    let [
        Reply::List(listed),
        Reply::Fetch(fetch),
        Reply::Done { status, .. },
        Reply::Continue(_),
        Reply::Exists(3),
    ] = &replies[..]
    else {
        panic!("{replies:?}")
    };
    assert_eq!((&listed.name, fetch.body()), (&name, Some(&Data::Bytes(body))));
    assert!(status.code.as_ref().is_some_and(|code| code.is(PlainCode::OverQuota)));
    assert!(answer.take().is_empty());
}

#[test]
fn tags() {
    assert_eq!(Tag::parse(b"f12"), Some(Tag(12)));
    for other in [&b"*"[..], b"f", b"f012", b"f+1", b"F12", b"a12"] {
        assert_eq!(Tag::parse(other), None);
    }
}

fn appends() -> impl Strategy<Value = Vec<AppendMessage>> {
    let flags =
        prop::sample::subsequence(vec![Flag::Seen, Flag::Draft, Flag::Keyword("$Forwarded".into())], 0..=3);
    let date = prop::option::of(
        (0i64..4_000_000_000, -720i16..720).prop_map(|(at, zone)| InternalDate::from_epoch(at, zone)),
    );
    let form = prop::sample::select(&[AppendForm::Plain, AppendForm::Binary, AppendForm::Utf8][..]);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|body| Payload::Bytes(body.into())),
        (1u64..2000).prop_map(|size| Payload::Stream { size }),
    ];
    let message = (flags, date, form, body).prop_map(|(flags, date, form, body)| AppendMessage {
        flags,
        date,
        form,
        body,
    });
    prop::collection::vec(message, 1..5)
}

proptest! {
    #[test]
    fn appends_arrive(messages in appends(), name in any::<String>(), literals in prop::sample::select(&[Literals::Synchronizing, Literals::Minus, Literals::Plus][..]), stream_min in 1u64..3000) {
        let limits = Limits { stream_min, ..Limits::default() };
        let mailbox = MailboxName::from_text(&name, NameEncoding::Utf8);
        prop_assume!(!name.is_empty() && (name.len() as u64) < stream_min);
        let Verb::Append { mailbox: to, messages: read } = through(Command::append(&mailbox, messages.clone()), literals, limits).verb else { panic!() };
        prop_assert_eq!(to, mailbox);
        prop_assert_eq!(read.len(), messages.len());
        for (read, sent) in read.iter().zip(&messages) {
            prop_assert_eq!((&read.flags, read.date, read.form), (&sent.flags, sent.date, sent.form));
            prop_assert_eq!(read.body.size(), sent.body.size());
            if let (Data::Bytes(read), Payload::Bytes(sent)) = (&read.body, &sent.body) {
                prop_assert_eq!(read, sent);
            }
        }
    }

    #[test]
    fn names_and_passwords_arrive(user in any::<String>(), password in any::<String>(), literals in prop::sample::select(&[Literals::Synchronizing, Literals::Plus][..])) {
        let request = through(Command::login(&user, &password), literals, Limits::default());
        prop_assert_eq!(request.verb, Verb::Login { user: user.into(), password: password.into() });
    }
}
