//! Connections that ended are replaced: by one sign-in, whoever asks and however rarely it is polled.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, poll};
use mailferry_lab::fake::{Dialogue, Door, Fake};
use mailferry_model::{
    Kind, Scope, Side,
    port::Connector,
    settings::{MailboxAddress, Settings},
};

use crate::{
    imap::{
        Imap,
        client::{open::Account, pool::Pool},
    },
    testing,
};

fn settings(port: u16) -> (Settings, MailboxAddress) {
    let settings = Settings::default()
        .with("remote-server", "127.0.0.1")
        .with("port", port.to_string())
        .with("security", "none");
    let (address, password) = ("anna@example.org".into(), Some("canary-pw".into()));
    (settings, MailboxAddress { address, password, ..MailboxAddress::default() })
}

async fn account(dialogue: Dialogue) -> (Fake, Account) {
    let host = Fake::start(Door::Open(None), dialogue).await.unwrap();
    let (settings, mailbox) = settings(host.address.port());
    let account = Imap::account(&testing::cx(Side::Source), &settings, &mailbox).unwrap();
    (host, account)
}

/// A fetch that was begun and is not read yet held the lock for which the one that was read waited.
#[tokio::test]
async fn whoever_asked_first_and_is_not_polled_keeps_nobody_waiting() {
    let (_host, account) = account(Dialogue::default()).await;
    let (pool, _) = Pool::open(&testing::cx(Side::Source), account, |_| None).await.unwrap();
    pool.lead().unwrap().log_out();
    let mut unread = pin!(pool.conn(None));
    assert!(poll!(unread.as_mut()).is_pending(), "it connects");
    let read = tokio::time::timeout(Duration::from_secs(20), pool.conn(None)).await;
    assert!(read.expect("it waits for ever").is_ok());
    assert!(unread.now_or_never().is_none_or(|conn| conn.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_one_connection_after_the_other_is_not_stormed() {
    let (_host, account) = account(Dialogue::default()).await;
    let cx = testing::cx(Side::Source);
    let (pool, _) = Pool::open(&cx, account, |_| None).await.unwrap();
    let began = cx.clock.elapsed();
    for _ in 0..20 {
        pool.conn(None).await.unwrap().log_out();
    }
    let took = cx.clock.elapsed() - began;
    assert!(took > Duration::from_secs(10), "20 sign-ins in {took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_of_a_password_stands_in_no_error() {
    for reply in [
        "{tag} NO [AUTHENTICATIONFAILED] anna with canary-pw is wrong\r\n",
        "{tag} NO [canary-pw] no\r\n",
        "* BYE Y2FuYXJ5LXB3 again\r\n",
    ] {
        let dialogue = Dialogue::default().says("LOGIN", reply).says("AUTHENTICATE", reply);
        let (_host, account) = account(dialogue).await;
        let error = Pool::open(&testing::cx(Side::Source), account, |_| None).await.err().unwrap();
        let told = format!("{error} {error:?} {}", error.context());
        assert!(!told.contains("canary-pw") && !told.contains("Y2FuYXJ5LXB3"), "{told}");
    }
    // Later, too: of what is said to a command after the sign-in.
    let reply = "{tag} NO canary-pw may not list\r\n";
    let (host, _account) = account(Dialogue::default().says("LIST", reply)).await;
    let (settings, mailbox) = settings(host.address.port());
    let source = Imap.source(&testing::cx(Side::Source), &settings, &mailbox).await.unwrap();
    let error = source.folders().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary-pw"), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_that_lost_its_password_is_at_fault_and_not_its_mailboxes() {
    let (settings, mailbox) = settings(1);
    let bare = MailboxAddress { password: None, ..mailbox };
    let shared = settings.clone().with("username", "ferry").with("admin-style", "dovecot");
    let cx = testing::cx(Side::Source);
    let error = Imap.source(&cx, &shared, &bare).await.err().unwrap();
    assert_eq!((error.kind(), error.scope()), (Kind::Unauthenticated, Scope::Endpoint));
    let error = Imap.source(&cx, &settings, &bare).await.err().unwrap();
    assert_eq!((error.kind(), error.scope()), (Kind::Malformed, Scope::Mailbox));
}
