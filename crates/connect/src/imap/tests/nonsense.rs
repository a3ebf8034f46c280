//! Lines that are no answer: the error shows them, so that the next sighting explains itself. Never a secret.
//! The ones that are known are lived with.

use std::sync::Arc;

use mailferry_model::{
    Error, Kind, Result, Side,
    port::{Connector, Source},
    settings::MailboxAddress,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{imap::Imap, testing::cx};

/// A source on a server that answers each line with what this makes of it (line, tag), else with OK.
async fn open(answer: impl Fn(&str, &str) -> Option<Vec<u8>> + Send + 'static) -> Result<Arc<dyn Source>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (reading, mut writing) = stream.into_split();
            let caps =
                "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ LIST-EXTENDED LIST-STATUS OBJECTID]";
            writing.write_all(format!("* OK {caps} hello\r\n").as_bytes()).await.unwrap();
            let mut lines = BufReader::new(reading).lines();
            while let Ok(Some(asked)) = lines.next_line().await {
                let tag = asked.split(' ').next().unwrap_or_default();
                let said = answer(&asked, tag).unwrap_or(format!("{tag} OK {caps} done\r\n").into());
                if writing.write_all(&said).await.is_err() {
                    break;
                }
            }
        }
    });
    let (settings, who) = Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
    let who = MailboxAddress { password: Some("pw-canary".into()), ..who };
    Ok(Imap.source(&cx(Side::Source), &settings, &who).await?.into())
}

/// What is said of a server that says this instead of answering commands with this name. `ECHO` in it stands for
/// such a command.
async fn told(at: &'static str, line: &'static str) -> Error {
    let said = move |asked: &str, _: &str| Some(format!("{}\r\n", line.replace("ECHO", asked)).into());
    match open(move |asked, tag| asked.contains(at).then(|| said(asked, tag)).flatten()).await {
        Err(error) => error,
        Ok(source) => source.folders().await.unwrap_err(),
    }
}

#[tokio::test]
async fn the_error_shows_the_line() {
    let error = told("LIST", "imap[77]: bell \x07 rings").await;
    assert_eq!(error.kind(), Kind::Malformed);
    let shown = "OK, NO or BAD expected at octet 14, in: imap[77]: bell \\x07 rings";
    assert!(error.context().ends_with(shown), "{error:?}");
}

#[tokio::test]
async fn a_long_line_is_cut() {
    let long = concat!("imap[77]: ", include_str!("nonsense.rs"));
    let first = long.lines().next().unwrap();
    let error = told("LIST", long).await;
    assert!(error.context().contains(first), "{error:?}");
    assert!(error.context().len() < 300, "{error:?}");
}

#[tokio::test]
async fn an_echo_of_the_sign_in_is_not_shown() {
    for line in ["ECHO", "imap[77]: ECHO", "* BAD\r\nECHO"] {
        let error = told("AUTHENTICATE", line).await;
        assert!(error.context().contains("expected"), "{error:?}");
        assert!(!error.context().contains("AUTHENTICATE"), "{error:?}");
    }
}

#[tokio::test]
async fn mail_is_not_shown() {
    let error = told("LIST", "* 1 FETCH (UID 4 BODY[] \"canary\" UID").await;
    assert!(error.context().contains("* 1 FETCH (UID 4 BODY[] "), "{error:?}");
    assert!(!error.context().contains("canary"), "{error:?}");
}

/// Cyrus 3.6.1 says the octets of a pointer instead of MAILBOXID. In about one of 250 folders one of them is a line
/// end: recorded.
#[tokio::test]
async fn a_state_torn_by_a_line_end_in_its_id_is_asked_for_again() {
    let listed = |tag: &str| -> Vec<u8> {
        let (ours, torn) = ("UIDVALIDITY 7 MAILBOXID (", "HIGHESTMODSEQ 1)\r\n");
        let mut said =
            format!("* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 UIDNEXT 1 {ours}").into_bytes();
        said.extend(b"\xc8xq\x98\xc4U) ");
        said.extend(
            format!("{torn}* LIST () \"/\" A\r\n* STATUS A (MESSAGES 3 UIDNEXT 4 {ours}").into_bytes(),
        );
        said.extend(b"\n\xcb\np\x98\xc4U) ");
        said.extend(format!("{torn}{tag} OK Completed\r\n").into_bytes());
        said
    };
    let source = open(move |asked, tag| match asked {
        asked if asked.contains("LIST") => Some(listed(tag)),
        asked if asked.contains("STATUS A") => {
            Some(format!("* STATUS A (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7)\r\n{tag} OK x\r\n").into())
        }
        _ => None,
    });
    let source = source.await.unwrap();
    let folders = source.folders().await.unwrap();
    let seen: Vec<_> = folders.iter().map(|f| (f.path.to_string(), f.items)).collect();
    assert_eq!(seen, [("A".to_owned(), Some(3)), ("INBOX".to_owned(), Some(0))]);
    assert!(folders.iter().all(|f| f.identity.is_none()), "{folders:?}");
}
