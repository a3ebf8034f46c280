//! Servers that take the connection and do not greet: told as what they are, by a copy and by a test alike.

use std::net::TcpListener;

use mailferry_model::{Kind, Side, finding::Step, port::Connector, settings::MailboxAddress};

use crate::{imap::Imap, testing::cx};

/// What a copy says of a server on such a port, and at which step a test fails.
async fn told(port: u16) -> (Kind, String, Vec<Step>) {
    let (settings, who) = Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
    let who = MailboxAddress { password: Some("p".into()), ..who };
    let error = Imap.source(&cx(Side::Source), &settings, &who).await.err().unwrap();
    let mut failed = Vec::new();
    for probe in Imap.probes(&settings, Some(&who)) {
        let finding = probe.ask(&cx(Side::Source)).await;
        failed.extend(finding.code.is_some_and(|c| c != "NOT_ENCRYPTED").then_some(finding.step));
    }
    (error.kind(), error.op().to_owned(), failed)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_greets_fails_at_the_greeting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(told(port).await, (Kind::Timeout, "greeting".to_owned(), vec![Step::Protocol]));
}

#[tokio::test]
async fn a_server_that_hangs_up_without_a_word_fails_at_the_greeting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    assert_eq!(told(port).await, (Kind::Unreachable, "greeting".to_owned(), vec![Step::Protocol]));
}
