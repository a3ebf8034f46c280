//! Bodies that are shorter than the source lists them: asked for once more, then the source's word.

use futures_util::StreamExt;
use mailferry_lab::imap::{Config, Letter, Nth, Quirk, Server};
use mailferry_model::{
    Side,
    item::{Change, Form, Item},
    port::Connector,
    settings::MailboxAddress,
};

use crate::{imap::Imap, testing::cx};

/// What is fetched of so many messages, and how many bodies were read for it.
async fn fetched(count: u64, size: u64, quirk: Quirk) -> (Vec<Item>, u64) {
    let mut config = Config::for_users(&[("ann", "pw")]);
    config.quirks.push(quirk);
    let server = Server::start(config).await.unwrap();
    for n in 0..count {
        server.user("ann").deliver("INBOX", Letter::create(mailferry_lab::imap::Body::grown(n, size)));
    }
    let url = format!("imap://ann@127.0.0.1:{}?security=none", server.address().port());
    let (settings, mailbox) = Imap.account_of_url(&url).unwrap();
    let mailbox = MailboxAddress { password: Some("pw".into()), ..mailbox };
    let source = Imap.source(&cx(Side::Source), &settings, &mailbox).await.unwrap();
    let inbox = source.folders().await.unwrap().into_iter().find(|f| f.path.is_inbox()).unwrap().id;
    let page = source.changes(&inbox, None).await.unwrap();
    let stub = |change| if let Change::Upsert(stub) = change { Some(stub) } else { None };
    let stubs: Vec<_> = page.changes.into_iter().filter_map(stub).collect();
    let mut items = Vec::new();
    for some in stubs.chunks(if size > 8 << 20 { 1 } else { 4 }) {
        let mut answers = source.fetch(&inbox, some.to_vec(), Form::Mime);
        while let Some((_, item)) = answers.next().await {
            items.push(item.unwrap());
        }
    }
    (items, server.log().bodies_read())
}

/// What only failed once is whole, and nobody hears of it.
#[tokio::test]
async fn what_came_short_once_is_asked_for_again() {
    for size in [2_000, 9 << 20] {
        let (items, reads) = fetched(3, size, Quirk::CutsBody(Nth::Only(2))).await;
        assert!(items.iter().all(|i| i.body.size() >= size && i.short_of.is_none()), "{size}");
        assert_eq!(reads, 4, "{size}");
    }
}

#[tokio::test]
async fn what_stays_short_is_the_sources_word() {
    for size in [2_000, 9 << 20] {
        let (items, reads) = fetched(2, size, Quirk::CutsBody(Nth::Always)).await;
        let told =
            |i: &Item| i.short_of.is_some_and(|listed| listed >= size && i.body.size() <= listed / 2 + 1);
        assert!(items.iter().all(told), "{size} {items:?}");
        assert_eq!((items.len(), reads), (2, 4), "{size}");
    }
}

/// A server that counts wrong throughout is not asked twice for each of very many.
#[tokio::test]
async fn a_server_that_counts_wrong_is_not_asked_twice_for_all() {
    let (items, reads) = fetched(40, 2_000, Quirk::SizeLies(3_000)).await;
    assert!(items.iter().all(|i| i.short_of.is_some()));
    assert_eq!((items.len(), reads), (40, 48));
}

/// As many servers do: the size with two octets for each line end, or a few more.
#[tokio::test]
async fn a_little_wrong_is_nothing() {
    let (items, reads) = fetched(10, 2_000, Quirk::SizeLies(50)).await;
    assert!(items.iter().all(|i| i.short_of.is_none()));
    assert_eq!((items.len(), reads), (10, 10));
}
