//! Framing: any split gives the same events, any octets end well, limits hold.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;

const DOVECOT: &[u8] = include_bytes!("../../../testdata/imap/dovecot-2.3.19.trace");

const SMALL: Limits = Limits { text: 4000, stream_min: 40, inline_total: 100, read: 16, piece: 1 };

#[derive(Debug, PartialEq, Clone)]
enum Seen {
    Frame(Frame),
    Literal { head: Frame, size: u64, octets: Vec<u8> },
    Error(FrameError),
}

/// All events, the chunks of each literal joined.
fn cut(pieces: &[&[u8]], limits: Limits) -> Vec<Seen> {
    let mut framer = ResponseFramer::with_limits(limits);
    let mut seen = Vec::new();
    let mut open = None;
    for piece in pieces {
        framer.feed(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Event::Response(frame))) => seen.push(Seen::Frame(frame)),
                Ok(Some(Event::LiteralStart { head, size })) => {
                    assert!(open.replace((head, size, Vec::new())).is_none());
                }
                Ok(Some(Event::LiteralChunk(chunk))) => {
                    assert!(!chunk.is_empty());
                    open.as_mut().unwrap().2.extend_from_slice(&chunk);
                }
                Ok(Some(Event::LiteralEnd)) => {
                    let (head, size, octets) = open.take().unwrap();
                    assert_eq!(size, octets.len() as u64);
                    seen.push(Seen::Literal { head, size, octets });
                }
                Err(error) => {
                    assert!(framer.next().is_err(), "an error stays");
                    seen.push(Seen::Error(error));
                    return seen;
                }
            }
        }
        assert!(framer.buffered() == 0 || framer.missing() > 0 || framer.read_hint() > 0);
    }
    seen
}

fn split<'a>(octets: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    places.extend([0, octets.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &octets[pair[0]..pair[1]]).collect()
}

fn answers() -> impl Strategy<Value = Vec<u8>> {
    let literal = (prop::collection::vec(any::<u8>(), 0..120), prop_oneof![Just(""), Just("~")]);
    let literal = literal.prop_map(|(octets, binary)| {
        [format!("{binary}{{{}}}\r\n", octets.len()).into_bytes(), octets].concat()
    });
    let word = prop_oneof![
        "[a-zA-Z0-9\\\\$]{1,8}".prop_map(String::into_bytes),
        "\"[ a-z{}0-9()]{0,10}\"".prop_map(String::into_bytes),
        literal
    ];
    let fetch = prop::collection::vec(word, 0..6)
        .prop_map(|words| [b"* 7 FETCH (", &words.join(&b' ')[..], b")\r\n"].concat());
    let line = prop_oneof![
        fetch,
        "\\* OK [a-z {}0-9]{0,20}(\\{12\\})?\r\n".prop_map(String::into_bytes),
        Just(b"f1 OK\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"+ go on\n".to_vec()),
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same(octets in answers(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        prop_assert_eq!(cut(&[&octets], SMALL), cut(&split(&octets, &cuts), SMALL));
    }

    #[test]
    fn any_split_of_a_real_session(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let whole = cut(&[DOVECOT], Limits::default());
        prop_assert_eq!(&whole, &cut(&split(DOVECOT, &cuts), Limits::default()));
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"* FETCH(BODY[]{12+}~\"\\)\r\n OK"[..])], 0..300)) {
        for seen in cut(&[&octets], SMALL) {
            match seen {
                Seen::Frame(frame) => {
                    let _ = Reply::parse(&frame);
                    let _ = Request::parse(&frame);
                }
                Seen::Literal { head, .. } => _ = Fetch::parse_head(&head),
                Seen::Error(_) => {}
            }
        }
        let mut server = CommandFramer::with_limits(SMALL);
        server.feed(&octets);
        for turn in 0..octets.len() {
            match server.next() {
                Ok(Some(Arrival::Command(frame))) => _ = Request::parse(&frame),
                Ok(Some(Arrival::Asked { .. })) if turn % 2 == 0 => server.refuse(),
                Ok(Some(Arrival::Asked { .. })) => _ = server.accept(),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }

    #[test]
    fn arbitrary_answers_never_panic(start in prop::sample::select(&["* 1 FETCH (", "* LIST ", "* STATUS x (", "* OK [", "a NO [BADCHARSET ", "* ESEARCH ", "* NAMESPACE ", "* VANISHED ", "* ID ("][..]), rest in "[ a-z0-9()\\[\\]\"\\\\{}~*<>.\r\n]{0,60}") {
        let _ = Reply::parse(&Frame::from_bytes(format!("{start}{rest}")));
    }
}

#[test]
fn a_streamed_body_is_named_before_it_comes() {
    let body = "x".repeat(60);
    let text =
        format!("* 3 FETCH (UID 9 FLAGS (\\Seen) BODY[] {{60}}\r\n{body} RFC822.SIZE 60)\r\nf1 OK done\r\n");
    let seen = cut(&[text.as_bytes()], SMALL);
    let [Seen::Literal { head, size: 60, octets }, Seen::Frame(whole), Seen::Frame(_)] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(octets, body.as_bytes());
    let head = Fetch::parse_head(head).unwrap();
    assert_eq!((head.uid, head.body()), (Some(9), Some(&Data::Streamed { size: 60 })));
    let Ok(Reply::Fetch(fetch)) = Reply::parse(whole) else { panic!() };
    assert_eq!(
        (fetch.uid, fetch.size, fetch.body()),
        (Some(9), Some(60), Some(&Data::Streamed { size: 60 }))
    );
}

#[test]
fn small_literals_are_slices_of_the_buffer() {
    let seen = cut(
        &[b"* 3 FETCH (BODY[1] {5}\r\nab\r\nc BODY[2] ~{0}\r\n BODY[3] NIL BODY[4] \"\")\r\n"],
        Limits::default(),
    );
    let [Seen::Frame(frame)] = &seen[..] else { panic!("{seen:?}") };
    let Ok(Reply::Fetch(fetch)) = Reply::parse(frame) else { panic!() };
    let data: Vec<_> = fetch.sections.iter().map(|s| s.data.clone()).collect();
    let bytes = |text: &'static [u8]| Data::Bytes(Bytes::from_static(text));
    assert_eq!(data, [bytes(b"ab\r\nc"), bytes(b""), Data::Nil, bytes(b"")]);
    let Data::Bytes(first) = &data[0] else { panic!() };
    assert!(frame.bytes().as_ptr_range().contains(&first.as_ptr()), "not copied");
}

#[test]
fn limits_hold() {
    assert_eq!(cut(&[&[b'x'; 5000]], SMALL), [Seen::Error(FrameError::TextTooLong(4000))]);
    let many = "(".repeat(3000);
    let [Seen::Frame(frame)] = &cut(&[format!("* 1 FETCH (X {many}\r\n").as_bytes()], SMALL)[..] else {
        panic!()
    };
    assert_eq!(Reply::parse(frame).unwrap_err().expected, "less nesting");
    let huge = "* 1 FETCH (BODY[] {99999999999999999999}\r\n";
    assert_eq!(cut(&[huge.as_bytes()], SMALL), [Seen::Error(FrameError::LiteralTooLarge)]);
    // Endless small literals: from `inline_total` on they are streamed, and the text limit ends it.
    let literals = "{39}\r\n".to_owned() + &"y".repeat(39);
    let endless = format!("* 1 FETCH ({}", literals.repeat(2000));
    let seen = cut(&[endless.as_bytes()], SMALL);
    assert!(matches!(seen.last(), Some(Seen::Error(_))), "{:?}", seen.last());
}

#[test]
fn the_hint_is_exact_inside_a_literal() {
    let mut framer = ResponseFramer::default();
    framer.feed(b"* 1 FETCH (BODY[] {200000}\r\nabc");
    assert!(framer.next().unwrap().is_none());
    assert_eq!(framer.missing(), 199_997);
    assert!((199_997..201_000).contains(&framer.read_hint()));
    assert!(!framer.is_idle());
    let room = framer.spare();
    assert!(bytes::BufMut::remaining_mut(&room) >= 199_997);
}

#[test]
fn text_that_looks_like_a_literal_is_text() {
    for line in ["* OK see {12}", "f1 NO [ALERT] no {3}", "+ say {5}", "* BYE {1}"] {
        frame(line);
    }
    let seen = cut(&[b"f1 NO [BADCHARSET ({5}\r\nUTF-8)] text {3}\r\n"], Limits::default());
    let [Seen::Frame(whole)] = &seen[..] else { panic!("{seen:?}") };
    let Ok(Reply::Done { status, .. }) = Reply::parse(whole) else { panic!() };
    assert_eq!(status.code, Some(Code::BadCharset(vec!["UTF-8".into()])));
}

#[test]
fn pieces_are_as_long_as_wanted_but_the_last() {
    let mut framer = ResponseFramer::with_limits(Limits { piece: 8, ..SMALL });
    let body = "x".repeat(100);
    let (mut lengths, mut fed) = (Vec::new(), 0);
    let text = format!("* 1 FETCH (BODY[] {{100}}\r\n{body})\r\n");
    while fed < text.len() {
        let next = (fed + 7).min(text.len());
        framer.feed(&text.as_bytes()[fed..next]);
        fed = next;
        while let Some(event) = framer.next().unwrap() {
            if let Event::LiteralChunk(piece) = event {
                lengths.push(piece.len());
            }
        }
    }
    let last = lengths.pop().unwrap();
    assert!(lengths.iter().all(|length| length % 8 == 0), "{lengths:?}");
    assert_eq!(lengths.iter().sum::<usize>() + last, 100);
}
