//! Who answers, and whether it is IMAP.

use mailferry_lab::fake::{Dialogue, Door, Reply};
use mailferry_model::finding::Step;

use super::Case;

#[tokio::test]
async fn another_protocol_is_recognised() {
    for (greeting, code) in [
        ("+OK POP3 ready\r\n", "WRONG_KIND"),
        ("220 mail.example.org ESMTP Postfix\r\n", "WRONG_KIND"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "WRONG_KIND"),
        ("220 ProFTPD ready\r\n", "WRONG_KIND"),
        ("200 news server ready\r\n", "WRONG_KIND"),
        ("\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", "WRONG_KIND"),
        ("5.5.5-10.11.6-MariaDB\n", "WRONG_KIND"),
        ("hello there\r\n", "IMAP_GARBLED"),
        ("* 3 EXISTS\r\n", "IMAP_GARBLED"),
    ] {
        Case::says(Dialogue::greeting(greeting)).await.fails(Step::Protocol, code).await;
    }
}

#[tokio::test]
async fn web_servers_are_told_apart() {
    for (answer, code) in [
        (
            "HTTP/1.1 302 Found\r\nX-FEServer: EX01\r\nLocation: https://mail/owa/\r\n\r\n",
            "WRONG_KIND_EXCHANGE",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nServer: Microsoft-IIS/10.0\r\nX-OWA-Version: 15.2\r\n\r\n",
            "WRONG_KIND_EXCHANGE",
        ),
        ("HTTP/1.1 200 OK\r\nServer: gws\r\n\r\n", "WRONG_KIND_GOOGLE"),
        ("HTTP/1.1 200 OK\r\nServer: Apache\r\n\r\n<html>", "WRONG_KIND_WEB"),
    ] {
        let case = Case::says(Dialogue::waiting().says("", answer)).await.in_a_hurry();
        let result = case.fails(Step::Protocol, code).await;
        if code == "WRONG_KIND_EXCHANGE" {
            let row = result.steps.iter().find(|row| row.code.as_deref() == Some(code)).unwrap();
            let port = case.settings.get("port").unwrap();
            assert!(row.fix[0].ends_with(&format!(" --remote-server 127.0.0.1 --port {port}")), "{row:?}");
        }
    }
}

#[tokio::test]
async fn a_greeting_with_one_flaw() {
    for (greeting, code) in [
        ("* BYE go away\r\n", "IMAP_BYE"),
        ("* BYE [UNAVAILABLE] down for maintenance\r\n", "IMAP_BUSY"),
        ("* BYE Too many connections from your address\r\n", "IMAP_THROTTLED"),
        ("* BAD Request is throttled. Suggested Backoff Time: 3000 milliseconds\r\n", "IMAP_THROTTLED"),
    ] {
        Case::says(Dialogue::greeting(greeting)).await.fails(Step::Protocol, code).await;
    }
    let mute = Case::plain(Door::Mute, Dialogue::default()).await.in_a_hurry();
    mute.fails(Step::Protocol, "IMAP_SILENT").await;
}

#[tokio::test]
async fn capabilities_with_one_flaw() {
    for (answer, code) in [
        ("* CAPABILITY IMAP2\r\n{tag} OK done\r\n", "IMAP_TOO_OLD"),
        ("{tag} BAD what?\r\n", "IMAP_GARBLED"),
        ("{tag} OK done\r\n", "IMAP_TOO_OLD"),
    ] {
        Case::says(Dialogue::default().says("CAPABILITY", answer)).await.fails(Step::Protocol, code).await;
    }
    // It greeted: that it hangs up makes sense, and is said.
    let closes = Dialogue::default().with("CAPABILITY", Reply::Close);
    Case::says(closes).await.fails(Step::Protocol, "IMAP_HUNG_UP_BEHIND_GREETING").await;
}

/// Evidence is what the server said: its own letter case, its own order, its own line.
#[tokio::test]
async fn greeting_and_capabilities_are_shown_as_they_came() {
    let told = "* CAPABILITY IMAP4rev1 Zebra LITERAL+ auth=Plain";
    let dialogue = Dialogue::greeting("* OK  Welcome to  us\r\n")
        .says("CAPABILITY", &format!("{told}\r\n{{tag}} OK done\r\n"));
    let result = Case::says(dialogue).await.test().await;
    let row = result.steps.iter().find(|row| row.id == "imap-greets").unwrap();
    assert_eq!(row.evidence, format!("* OK  Welcome to  us\n{told}"));
    let row = result.steps.iter().find(|row| row.id == "imap-signs-in").unwrap();
    assert!(row.evidence.ends_with(" OK [CAPABILITY IMAP4rev1 UIDPLUS] signed in"), "{row:?}");
    let along = "* OK [CAPABILITY IMAP4rev1 auth=PLAIN] hello";
    let result = Case::says(Dialogue::greeting(&format!("{along}\r\n"))).await.test().await;
    let row = result.steps.iter().find(|row| row.id == "imap-greets").unwrap();
    assert_eq!(row.evidence, along, "what the greeting tells is asked no more");
}

/// What is seen beside the evidence quotes servers as well.
#[tokio::test]
async fn a_secret_is_not_in_what_was_seen() {
    let echo = "* CAPABILITY IMAP4rev1 X-canary-pw AUTH=Y2FuYXJ5LXB3\r\n{tag} OK done\r\n";
    let case = Case::says(Dialogue::default().says("CAPABILITY", echo)).await;
    let result = case.test().await;
    let row = result.steps.iter().find(|row| row.id == "imap-greets").unwrap();
    let seen = row.seen["capabilities"].as_str().unwrap();
    assert!(seen.contains("IMAP4") && seen.contains('…'), "{seen}");
    let all = serde_json::to_string(&result).unwrap();
    for canary in ["canary-pw", "CANARY-PW", "Y2FuYXJ5LXB3"] {
        assert!(!all.contains(canary), "{all}");
    }
}
