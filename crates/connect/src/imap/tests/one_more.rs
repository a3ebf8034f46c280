//! One more connection than the server likes: fewer have to do, and nobody is held up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream};
use mailferry_model::{
    Side,
    flags::Flags,
    id::FolderId,
    item::{Form, Stub},
    port::{Connector, Cx, Meter},
    settings::MailboxAddress,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    imap::{Imap, client::ids},
    testing::cx,
};

/// Where a further connection is refused.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Greeting(&'static str),
    SignIn(&'static str),
    AfterSignIn(&'static str),
}

/// How many connections came, and how many were refused.
struct Server {
    came: AtomicUsize,
    refused: watch::Sender<usize>,
    how: Refused,
}

async fn serve(how: Refused) -> (u16, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Arc::new(Server { came: AtomicUsize::new(0), refused: watch::Sender::new(0), how });
    let told = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let further = server.came.fetch_add(1, Ordering::SeqCst) > 0;
            let server = server.clone();
            tokio::spawn(async move {
                match further {
                    true => server.refuse(stream).await,
                    false => server.answer(stream).await,
                }
            });
        }
    });
    (port, told)
}

const CAPS: &str = "[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+]";

impl Server {
    async fn refuse(&self, stream: TcpStream) {
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        let mut say = async |text: String| drop(writing.write_all(text.as_bytes()).await);
        if let Refused::Greeting(words) = self.how {
            say(format!("* BYE {words}\r\n")).await;
        } else {
            say(format!("* OK {CAPS} hello\r\n")).await;
            let line = lines.next_line().await.unwrap().unwrap();
            let tag = line.split(' ').next().unwrap_or_default();
            match self.how {
                Refused::SignIn(words) => say(format!("{tag} NO {words}\r\n")).await,
                Refused::AfterSignIn(words) => {
                    say(format!("{tag} OK {CAPS} welcome\r\n* BYE {words}\r\n")).await;
                }
                Refused::Greeting(_) => {}
            }
        }
        while let Ok(Some(_)) = lines.next_line().await {
            if !matches!(self.how, Refused::SignIn(_)) {
                break;
            }
        }
        self.refused.send_modify(|count| *count += 1);
    }

    /// Bodies are told when a further connection has been refused.
    async fn answer(&self, stream: TcpStream) {
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(format!("* OK {CAPS} hello\r\n").as_bytes()).await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let tag = line.split(' ').next().unwrap_or_default();
            let mut told = String::new();
            if line.contains("EXAMINE") {
                told.push_str("* OK [UIDVALIDITY 7] x\r\n");
            } else if let Some((_, rest)) = line.split_once("UID FETCH ") {
                self.refused.subscribe().wait_for(|count| *count > 0).await.unwrap();
                let uid = rest.split(' ').next().unwrap_or_default();
                told.push_str(&format!("* 1 FETCH (UID {uid} BODY[] \"text\")\r\n"));
            }
            if writing.write_all(format!("{told}{tag} OK {CAPS} done\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Heard(AtomicUsize);

impl Meter for Heard {
    fn throttled(&self, _: Side, _: Duration, _: &str) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn moved(&self, _: Side, _: u64) {}
    fn admit(&self, _: u64) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn at_once(&self) -> Option<u64> {
        None
    }
}

#[tokio::test]
async fn a_further_connection_that_is_refused_pauses_nothing() {
    for how in [
        Refused::Greeting("Too many connections"),
        Refused::Greeting("[INUSE] Mailbox in use"),
        Refused::SignIn(
            "[LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)",
        ),
        Refused::SignIn("[ALERT] Too many simultaneous connections. (Failure)"),
        Refused::AfterSignIn("Too many connections"),
        Refused::AfterSignIn("[LIMIT] Too many requests, slow down"),
    ] {
        let (port, server) = serve(how).await;
        let (settings, who) =
            Imap.account_of_url(&format!("imap://u@127.0.0.1:{port}?security=none")).unwrap();
        let who = MailboxAddress { password: Some("p".into()), ..who };
        let heard = Arc::new(Heard::default());
        let cx = Cx { meter: heard.clone(), ..cx(Side::Source) };
        let source = Imap.source(&cx, &settings, &who).await.unwrap();
        let inbox = FolderId::from_bytes("INBOX");
        let stub = |uid| Stub {
            id: ids::item_id(7, uid),
            size: 4,
            date: None,
            flags: Flags::default(),
            identity: None,
        };
        let fetches = (1..=8).map(|uid| source.fetch(&inbox, vec![stub(uid)], Form::Mime));
        let all: Vec<_> = stream::iter(fetches).flatten_unordered(None).collect().await;
        let lost: Vec<_> = all.iter().filter_map(|(_, item)| item.as_ref().err()).collect();
        assert!(lost.is_empty() && all.len() == 8, "{how:?} {lost:?}");
        assert_eq!(heard.0.load(Ordering::SeqCst), 0, "{how:?}: the account was held up");
        let more: Vec<_> = source.fetch(&inbox, vec![stub(9)], Form::Mime).collect().await;
        assert!(more[0].1.is_ok(), "{how:?}");
        assert_eq!(server.came.load(Ordering::SeqCst), 2, "{how:?}: what was refused is not asked for again");
    }
}
