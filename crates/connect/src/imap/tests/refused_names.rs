//! Folders that a server does not make: what is asked of it then, and how far its answer reaches.

use std::sync::{Arc, Mutex};

use mailferry_model::{
    Kind, Result, Scope, Side,
    folder::FolderSpec,
    port::{Connector, Ensured},
    settings::MailboxAddress,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{imap::Imap, testing::cx};

/// A server with an INBOX that answers each CREATE so, and hangs up at a LIST of a name with a brace: Cyrus.
async fn serve(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let heard = told.clone();
            tokio::spawn(async move {
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                let caps = "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN]";
                writing.write_all(format!("* OK {caps} hello\r\n").as_bytes()).await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    heard.lock().unwrap().push(line.clone());
                    let (tag, rest) = line.split_once(' ').unwrap_or_default();
                    let answer = match rest.split(' ').next().unwrap_or_default() {
                        "CREATE" => answer.to_owned(),
                        "LIST" if rest.contains('{') => return,
                        "LIST" if rest.contains('*') => "OK done".to_owned(),
                        "STATUS" => "OK done".to_owned(),
                        _ => format!("OK {caps} done"),
                    };
                    let listed = match rest.starts_with("LIST") && rest.contains('*') {
                        true => "* LIST () \"/\" INBOX\r\n",
                        false => "",
                    };
                    let answer = format!("{listed}{tag} {answer}\r\n");
                    if writing.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, heard)
}

async fn ensured(name: &str, answer: &'static str) -> (Result<Ensured>, Vec<String>) {
    let (port, heard) = serve(answer).await;
    let (settings, who) = Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
    let who = MailboxAddress { password: Some("p".into()), ..who };
    let target = Imap.target(&cx(Side::Target), &settings, &who).await.unwrap();
    let spec = FolderSpec { path: name.parse().unwrap(), role: None };
    let made = target.ensure_folder(&spec).await;
    let heard = heard.lock().unwrap().clone();
    (made, heard)
}

#[tokio::test]
async fn a_name_that_a_server_may_misread_is_looked_for_in_the_whole_list() {
    for name in ["{5}", "x{5}", "a%b", "a*b"] {
        let (made, heard) = ensured(name, "NO Invalid mailbox name").await;
        let error = made.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (Kind::Malformed, Scope::Folder), "{name}: {error}");
        let alone =
            |line: &&String| line.contains("LIST") && !line.ends_with("\"*\"") && !line.ends_with(" *");
        assert_eq!(heard.iter().find(alone), None, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_reaches_one_folder_and_is_not_waited_for() {
    for (answer, kind) in [
        ("NO [NOPERM] no", Kind::Forbidden),
        ("NO [OVERQUOTA] too many mailboxes", Kind::QuotaExceeded),
        ("NO [LIMIT] too many folders", Kind::QuotaExceeded),
        ("NO [CANNOT] not here", Kind::Malformed),
        ("NO [SERVERBUG] Internal error", Kind::Busy),
    ] {
        let began = std::time::Instant::now();
        let error = ensured("W", answer).await.0.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (kind, Scope::Folder), "{answer}");
        assert!(began.elapsed().as_secs() < 5, "{answer}");
    }
}
