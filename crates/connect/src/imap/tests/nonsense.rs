//! Lines that are no answer: the error shows them, so that the next sighting explains itself. Never a secret.

use mailferry_model::{Error, Kind, Side, port::Connector, settings::MailboxAddress};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{imap::Imap, testing::cx};

/// What is said of a server that says this instead of answering the first command with this name. `ECHO` in it
/// stands for that command.
async fn told(at: &'static str, line: &'static str) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (reading, mut writing) = listener.accept().await.unwrap().0.into_split();
        let caps = "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+]";
        writing.write_all(format!("* OK {caps} hello\r\n").as_bytes()).await.unwrap();
        let mut lines = BufReader::new(reading).lines();
        while let Ok(Some(asked)) = lines.next_line().await {
            let tag = asked.split(' ').next().unwrap_or_default();
            let said = match asked.contains(at) {
                true => format!("{}\r\n", line.replace("ECHO", &asked)),
                false => format!("{tag} OK {caps} done\r\n"),
            };
            writing.write_all(said.as_bytes()).await.unwrap();
        }
    });
    let (settings, who) = Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
    let who = MailboxAddress { password: Some("pw-canary".into()), ..who };
    match Imap.source(&cx(Side::Source), &settings, &who).await {
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
