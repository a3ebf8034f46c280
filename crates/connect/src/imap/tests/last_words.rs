//! What a server said before it hung up counts, also when the client was about to send more.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
};

use futures_util::StreamExt;
use mailferry_model::{
    Side,
    flags::Flags,
    id::FolderId,
    item::{Form, Stub},
    port::Connector,
    settings::MailboxAddress,
};

use crate::{
    imap::{Imap, client::ids},
    testing::cx,
};

/// Serves one connection from a thread. A request for bodies is told of; when it is let go on, it answers for one
/// message and resets the connection, because the request is still unread.
struct Server {
    port: u16,
    asked: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

fn serve() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, asked) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let caps = "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+]";
        stream.write_all(format!("* OK {caps} hello\r\n").as_bytes()).unwrap();
        let mut ahead = [0; 4096];
        loop {
            let octets = stream.peek(&mut ahead).unwrap();
            let Some(end) = ahead[..octets].iter().position(|octet| *octet == b'\n') else {
                std::thread::yield_now();
                continue;
            };
            let line = String::from_utf8_lossy(&ahead[..end]).into_owned();
            if line.contains("BODY.PEEK[]") {
                break;
            }
            stream.read_exact(&mut ahead[..=end]).unwrap();
            let tag = line.split(' ').next().unwrap_or_default();
            let told = if line.contains("EXAMINE") { "* OK [UIDVALIDITY 7] x\r\n" } else { "" };
            stream.write_all(format!("{told}{tag} OK {caps} done\r\n").as_bytes()).unwrap();
        }
        tell.send(()).unwrap();
        may_go_on.recv().unwrap();
        stream.write_all(b"* 1 FETCH (UID 4 BODY[] \"said\")\r\n").unwrap();
    });
    Server { port, asked, go_on, thread }
}

fn stub(uid: u32) -> Stub {
    Stub { id: ids::item_id(7, uid), size: 4, date: None, flags: Flags::default(), identity: None }
}

/// Many times, because it is chance whether the end is noticed by writing or by reading.
#[tokio::test]
async fn what_was_answered_before_a_write_failed_is_read() {
    for _ in 0..40 {
        let Server { port, asked, go_on, thread } = serve();
        let (settings, who) =
            Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
        let who = MailboxAddress { password: Some("p".into()), ..who };
        let source = Imap.source(&cx(Side::Source), &settings, &who).await.unwrap();
        let inbox = FolderId::from_bytes("INBOX");
        let first = source.fetch(&inbox, vec![stub(4), stub(5)], Form::Mime);
        while asked.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        // The runtime stands still until the connection is reset: answer and reset are noticed together.
        go_on.send(()).unwrap();
        thread.join().unwrap();
        let more = source.fetch(&inbox, vec![stub(6)], Form::Mime);
        let answered = first.collect::<Vec<_>>().await;
        let lost: Vec<_> = answered.iter().filter_map(|(_, item)| item.as_ref().err()).collect();
        assert_eq!(lost.len(), 1, "of two, one was answered: {lost:?}");
        drop(more);
    }
}
