//! Answers that are legal but unusual, and servers that throttle or hang up: by a scripted server on loopback.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use mailferry_model::{
    Kind, Scope, Side,
    error::Reaction,
    flags::Flags,
    id::FolderId,
    item::{Body, Form, Stub},
    port::{Connector, Fetched},
    settings::MailboxAddress,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{
    imap::{Imap, client::ids},
    testing::cx,
};

/// What the server says to the nth request for bodies, with `TAG` for the tag and `LAST` for that of the request
/// before; then it hangs up if told to.
struct Says(&'static str, Then);

#[derive(Clone, Copy, PartialEq)]
enum Then {
    GoesOn,
    HangsUp,
}

type Heard = Arc<Mutex<Vec<(Instant, String)>>>;

async fn serve(script: Vec<Says>) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, script) = (Heard::default(), Arc::new(Mutex::new(script.into_iter())));
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (heard, script) = (told.clone(), script.clone());
            tokio::spawn(async move {
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                let mut last = String::new();
                let caps = "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+]";
                writing.write_all(format!("* OK {caps} hello\r\n").as_bytes()).await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    heard.lock().unwrap().push((Instant::now(), line.clone()));
                    let tag = line.split(' ').next().unwrap_or_default();
                    let body = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n";
                    let (answer, then) = if line.contains("BODY.PEEK[]") {
                        let next = script.lock().unwrap().next();
                        let Says(text, then) = next.unwrap_or(Says("TAG OK nothing\r\n", Then::GoesOn));
                        let text = text.replace("TAG", tag).replace("LAST", &last);
                        last = tag.to_owned();
                        (text, then)
                    } else if line.contains("EXAMINE") {
                        (format!("{body}{tag} OK open\r\n"), Then::GoesOn)
                    } else {
                        (format!("{tag} OK {caps} done\r\n"), Then::GoesOn)
                    };
                    if writing.write_all(answer.as_bytes()).await.is_err() || then == Then::HangsUp {
                        return;
                    }
                }
            });
        }
    });
    (port, heard)
}

async fn fetched(script: Vec<Says>, uids: &[u32]) -> (Vec<Fetched>, Heard) {
    fetched_by(script, &[uids]).await
}

/// Everything that so many fetches give that are sent one behind the other.
async fn fetched_by(script: Vec<Says>, asked: &[&[u32]]) -> (Vec<Fetched>, Heard) {
    let (port, heard) = serve(script).await;
    let (settings, who) = Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
    let who = MailboxAddress { password: Some("p".into()), ..who };
    let source = Imap.source(&cx(Side::Source), &settings, &who).await.unwrap();
    let stub = |uid: &u32| Stub {
        id: ids::item_id(7, *uid),
        size: 2,
        date: None,
        flags: Flags::default(),
        identity: None,
    };
    let inbox = FolderId::from_bytes("INBOX");
    let fetches: Vec<_> =
        asked.iter().map(|uids| source.fetch(&inbox, uids.iter().map(stub).collect(), Form::Mime)).collect();
    (stream::iter(fetches).flatten().collect().await, heard)
}

fn text(fetched: &Fetched) -> String {
    match &fetched.1 {
        Ok(item) => match &item.body {
            Body::Bytes(chunks) => String::from_utf8_lossy(&chunks.to_bytes()).into_owned(),
            Body::Stream { .. } => panic!("streamed"),
        },
        Err(error) => format!("{:?} {:?}", error.kind(), error.scope()),
    }
}

fn by_uid(fetched: &[Fetched]) -> Vec<(u32, String)> {
    let mut all: Vec<_> = fetched.iter().map(|f| (ids::item_uid(&f.0).unwrap().1, text(f))).collect();
    all.sort();
    all
}

#[tokio::test]
async fn unusual_answers_are_understood() {
    let script = vec![Says(
        "* 2 FETCH (UID 5)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 4 EXISTS\r\n* 2 FETCH (BODY[] {3}\r\nfiv)\r\n\
         * 3 FETCH (UID 6 BODY[] NIL)\r\n* 9 FETCH (UID 77 BODY[] \"not asked\")\r\n\
         * 1 FETCH (BODY[] \"four\" UID 4 FLAGS ())\r\nTAG OK done\r\n",
        Then::GoesOn,
    )];
    let (all, _) = fetched(script, &[4, 5, 6, 8]).await;
    let expected = [(4, "four"), (5, "fiv"), (6, "Malformed Item"), (8, "NotFound Item")];
    assert_eq!(by_uid(&all), expected.map(|(uid, text)| (uid, text.to_owned())));
}

// RFC 9051 §5.5. Dovecot does so when it has to wait while it sends.
#[tokio::test]
async fn fetches_that_are_answered_side_by_side_each_get_their_own_and_nothing_is_asked_for_twice() {
    let script = vec![
        Says("* 1 FETCH (UID 4 BODY[] \"four\")\r\n", Then::GoesOn),
        Says(
            "* 3 FETCH (UID 6 BODY[] \"six\")\r\n* 2 FETCH (UID 5 BODY[] {4}\r\nfive)\r\nTAG OK done\r\n\
             LAST OK done\r\n",
            Then::GoesOn,
        ),
    ];
    let (all, heard) = fetched_by(script, &[&[4, 5], &[6]]).await;
    let expected = [(4, "four"), (5, "five"), (6, "six")];
    assert_eq!(by_uid(&all), expected.map(|(uid, text)| (uid, text.to_owned())));
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().filter(|(_, line)| line.contains("BODY.PEEK[]")).count(), 2);
}

const HALF: Says = Says("* 2 FETCH (UID 5 BODY[] {10}\r\nhalf", Then::HangsUp);

#[tokio::test]
async fn after_a_connection_that_ended_in_a_body_the_rest_is_asked_for_again() {
    let script = vec![
        Says("* 1 FETCH (UID 4 BODY[] \"ok\")\r\n* 2 FETCH (UID 5 BODY[] {10}\r\nhalf", Then::HangsUp),
        Says("* 2 FETCH (UID 5 BODY[] \"whole\")\r\nTAG OK done\r\n", Then::GoesOn),
        Says("* 3 FETCH (UID 6 BODY[] \"last\")\r\nTAG OK done\r\n", Then::GoesOn),
    ];
    let (all, _) = fetched(script, &[4, 5, 6]).await;
    assert_eq!(by_uid(&all), [(4, "ok".to_owned()), (5, "whole".to_owned()), (6, "last".to_owned())]);
}

#[tokio::test]
async fn a_message_on_which_the_server_hangs_up_each_time_does_not_hold_up_the_others() {
    let script =
        vec![HALF, HALF, HALF, Says("* 3 FETCH (UID 6 BODY[] \"last\")\r\nTAG OK done\r\n", Then::GoesOn)];
    let (all, _) = fetched(script, &[5, 6]).await;
    assert_eq!(by_uid(&all), [(5, "Malformed Item".to_owned()), (6, "last".to_owned())]);
    let error = all.iter().find_map(|f| f.1.as_ref().err()).unwrap();
    assert_eq!(
        (error.side(), error.reaction()),
        (Side::Source, Reaction::OweItem),
        "it is asked for again later"
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_on_everything_is_unreachable() {
    let ends = || Says("", Then::HangsUp);
    let (all, heard) = fetched((0..50).map(|_| ends()).collect(), &[4, 5, 6, 7, 8]).await;
    let error =
        all.iter().find_map(|f| f.1.as_ref().err().filter(|e| e.kind() == Kind::Unreachable)).unwrap();
    assert_eq!((error.scope(), error.side()), (Scope::Mailbox, Side::Source));
    let asked = heard.lock().unwrap().iter().filter(|(_, line)| line.contains("BODY.PEEK[]")).count();
    assert!(asked < 12, "{asked} questions");
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_and_the_same_fetch_finishes() {
    let script = vec![
        Says(
            "* 1 FETCH (UID 4 BODY[] \"ok\")\r\nTAG NO Suggested Backoff Time: 300 milliseconds\r\n",
            Then::GoesOn,
        ),
        Says("* 2 FETCH (UID 5 BODY[] \"later\")\r\nTAG OK done\r\n", Then::GoesOn),
    ];
    let (all, heard) = fetched(script, &[4, 5]).await;
    assert_eq!(by_uid(&all), [(4, "ok".to_owned()), (5, "later".to_owned())]);
    let heard = heard.lock().unwrap();
    let asked: Vec<Instant> =
        heard.iter().filter(|(_, line)| line.contains("BODY.PEEK[]")).map(|(at, _)| *at).collect();
    assert!(asked[1] - asked[0] >= Duration::from_millis(300));
    let between = heard.iter().filter(|(at, _)| *at > asked[0] && *at < asked[1]).count();
    assert_eq!(between, 0, "nothing is sent during the pause");
}

/// A body without an octet is no message that was listed with some: asked for once more, then named, not put.
#[tokio::test]
async fn an_empty_body_is_asked_for_once_more_and_is_the_sources_word() {
    let empty = || Says("* 1 FETCH (UID 1 BODY[] {0}\r\n)\r\nTAG OK done\r\n", Then::GoesOn);
    let whole = Says("* 1 FETCH (UID 1 BODY[] \"text\")\r\nTAG OK done\r\n", Then::GoesOn);
    let (items, heard) = fetched(vec![empty(), whole], &[1]).await;
    assert!(matches!(&items[0].1, Ok(item) if item.body.size() == 4), "{items:?}");
    let asked =
        |heard: &Heard| heard.lock().unwrap().iter().filter(|(_, l)| l.contains("BODY.PEEK[]")).count();
    assert_eq!((items.len(), asked(&heard)), (1, 2));

    let (items, heard) = fetched(vec![empty(), empty(), empty()], &[1]).await;
    let Err(error) = &items[0].1 else { panic!("{items:?}") };
    assert_eq!(
        (error.kind(), error.side(), error.reaction()),
        (Kind::Malformed, Side::Source, Reaction::OweItem)
    );
    assert!(error.context().contains("empty body"), "{error}");
    assert_eq!((items.len(), asked(&heard)), (1, 2));
}
