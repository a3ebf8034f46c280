//! Targets that say NO to what they store, and OK to what they do not do: nobody is believed before a look.

use futures_util::{StreamExt, TryStreamExt};
use mailferry_lab::imap::{Config, Lie, Nth, Quirk, Refused, Server, Words};
use mailferry_model::{
    Kind, Side,
    flags::{Difference, Flags, SystemFlag},
    folder::FolderPath,
    id::FolderId,
    item::{Body, Item},
    port::{Connector, Edit, EditKind, Edited, Outcome, Put, Target},
    settings::MailboxAddress,
};
use mailferry_wire::imap::Capability;

use super::{folder, put_of};
use crate::{imap::Imap, testing::cx};

async fn served(lacks: &[Capability], quirks: &[Quirk]) -> (Server, Box<dyn Target>) {
    let mut config = Config::for_users(&[("ann", "pw")]);
    config.quirks.extend(quirks.iter().cloned());
    for capability in lacks {
        config.abilities = config.abilities.without(*capability);
    }
    let server = Server::start(config).await.unwrap();
    let url = format!("imap://ann@127.0.0.1:{}?security=none", server.address().port());
    let (settings, mailbox) = Imap.account_of_url(&url).unwrap();
    let mailbox = MailboxAddress { password: Some("pw".into()), ..mailbox };
    let target = Imap.target(&cx(Side::Target), &settings, &mailbox).await.unwrap();
    (server, target)
}

fn puts(of: std::ops::Range<usize>) -> Vec<Put> {
    of.map(|n| put_of(super::message(n), Flags::default())).collect()
}

async fn lie_in(target: &dyn Target, folder: &FolderId) -> usize {
    target.traces(folder, None).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn what_is_stored_in_spite_of_a_no_is_unsure() {
    let without: [&[Capability]; 3] =
        [&[], &[Capability::MultiAppend], &[Capability::MultiAppend, Capability::UidPlus]];
    for lacks in without {
        let (_server, target) = served(lacks, &[Quirk::Lies(Lie::No, Nth::Only(3))]).await;
        let inbox = folder(&*target, "INBOX").await;
        target.marks(std::slice::from_ref(&inbox)).await.unwrap();
        for n in 0..5 {
            let outcome = target.put(&inbox, puts(n..n + 1)).await.remove(0);
            let is_sure = matches!(outcome, Outcome::Placed(_));
            assert_eq!(is_sure, n != 2, "{n}, without {lacks:?}: {outcome:?}");
            assert!(is_sure || matches!(outcome, Outcome::Unsure(_)), "{outcome:?}");
        }
        assert_eq!(lie_in(&*target, &inbox).await, 5, "without {lacks:?}");
    }
}

/// Nobody waits for an hour to look, and nobody sends anything more: the next run looks first.
#[tokio::test]
async fn what_is_stored_in_spite_of_a_no_that_asks_for_an_hour_is_unsure() {
    for lacks in [&[][..], &[Capability::MultiAppend]] {
        let (server, target) = served(lacks, &[Quirk::Lies(Lie::NoForLong, Nth::From(1))]).await;
        let inbox = folder(&*target, "INBOX").await;
        target.marks(std::slice::from_ref(&inbox)).await.unwrap();
        let outcomes = target.put(&inbox, puts(0..3)).await;
        let told = |o: &Outcome| matches!(o, Outcome::Unsure(e) if e.wants_rest());
        assert!(outcomes.iter().all(told), "{outcomes:?}, without {lacks:?}");
        assert_eq!(server.user("ann").snapshot()["INBOX"].len(), 3, "each was sent once");
    }
}

/// What is put elsewhere meanwhile is neither sent nor kept waiting for an hour.
#[tokio::test]
async fn nothing_waits_for_an_hour() {
    let (server, target) = served(&[], &[Quirk::Lies(Lie::NoForLong, Nth::Only(1))]).await;
    let (inbox, other) = (folder(&*target, "INBOX").await, folder(&*target, "Other").await);
    target.marks(&[inbox.clone(), other.clone()]).await.unwrap();
    target.put(&inbox, puts(0..1)).await;
    let put = tokio::time::timeout(std::time::Duration::from_secs(60), target.put(&other, puts(1..2)));
    let outcome = put.await.unwrap().remove(0);
    assert!(matches!(&outcome, Outcome::Refused(e) if e.wants_rest()), "{outcome:?}");
    assert!(server.user("ann").snapshot()["Other"].is_empty());
    tokio::time::timeout(std::time::Duration::from_secs(60), target.close()).await.unwrap().unwrap();
}

/// A body that is not held in memory travels alone, on the only connection there is.
#[tokio::test]
async fn a_large_message_that_is_stored_in_spite_of_a_no_is_unsure() {
    let quirks = [
        (Quirk::Lies(Lie::No, Nth::Always), false),
        (Quirk::Lies(Lie::NoForLong, Nth::Always), false),
        (Quirk::Refuses(Refused::Nul), true),
    ];
    for (quirk, is_sure) in quirks {
        let words = Words::Gmail;
        let (_server, target) = served(&[], &[quirk, Quirk::MaxConnections(1, words)]).await;
        let inbox = folder(&*target, "INBOX").await;
        target.marks(std::slice::from_ref(&inbox)).await.unwrap();
        let Put::Item(item) = put_of(b"Subject: large\r\n\r\n\0\r\n".to_vec(), Flags::default()) else {
            panic!()
        };
        let Body::Bytes(chunks) = item.body else { panic!() };
        let pieces = futures_util::stream::iter([Ok(chunks.to_bytes())]).boxed();
        let body = Body::Stream { size: chunks.len(), pieces };
        let put = target.put(&inbox, vec![Put::Item(Item { body, ..item })]);
        let outcome = tokio::time::timeout(std::time::Duration::from_secs(60), put).await.unwrap().remove(0);
        assert_eq!(matches!(outcome, Outcome::Refused(_)), is_sure, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Unsure(_)), !is_sure, "{outcome:?}");
    }
}

/// Singles that are sent ahead, and groups: what was answered with OK is not taken for what was refused.
#[tokio::test]
async fn one_no_among_many_leaves_one_unsure() {
    let (_server, target) = served(&[Capability::MultiAppend], &[Quirk::Lies(Lie::No, Nth::Only(3))]).await;
    let inbox = folder(&*target, "INBOX").await;
    target.marks(std::slice::from_ref(&inbox)).await.unwrap();
    let outcomes = target.put(&inbox, puts(0..8)).await;
    let unsure: Vec<usize> = (0..8).filter(|n| !matches!(outcomes[*n], Outcome::Placed(Some(_)))).collect();
    assert_eq!(unsure, [2], "{outcomes:?}");
    assert!(matches!(outcomes[2], Outcome::Unsure(_)));
    assert_eq!(lie_in(&*target, &inbox).await, 8);
}

#[tokio::test]
async fn what_is_refused_and_not_there_is_refused() {
    for lacks in [&[][..], &[Capability::MultiAppend]] {
        let (_server, target) = served(lacks, &[Quirk::Refuses(Refused::Nul)]).await;
        let inbox = folder(&*target, "INBOX").await;
        target.marks(std::slice::from_ref(&inbox)).await.unwrap();
        let mut all = puts(0..3);
        all.push(put_of(b"Subject: nul\r\n\r\n\0\r\n".to_vec(), Flags::default()));
        let outcomes = target.put(&inbox, all).await;
        assert!(matches!(outcomes[3], Outcome::Refused(_)), "{outcomes:?}");
        assert!(outcomes[..3].iter().all(|o| matches!(o, Outcome::Placed(_))), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_move_that_moves_nothing_is_unsure_and_removes_nothing() {
    let without: [&[Capability]; 3] = [&[], &[Capability::Move], &[Capability::UidPlus]];
    for lacks in without {
        let (_server, target) = served(lacks, &[Quirk::MovesNothing]).await;
        let (inbox, other) = (folder(&*target, "INBOX").await, folder(&*target, "Other").await);
        target.put(&inbox, puts(0..2)).await;
        let traces: Vec<_> = target.traces(&inbox, None).try_collect().await.unwrap();
        let id = traces[0].id.clone();
        let moved = target.put(&other, vec![Put::Move { from: inbox.clone(), id: id.clone() }]).await;
        let Outcome::Unsure(error) = &moved[0] else { panic!("{moved:?}, without {lacks:?}") };
        assert_eq!(error.kind(), Kind::Conflict);
        let left: Vec<_> = target.traces(&inbox, None).try_collect().await.unwrap();
        assert_eq!(left, traces, "as it was, without {lacks:?}");
    }
}

/// Not a lie, but as easily taken for a last word.
#[tokio::test]
async fn a_rename_that_is_put_off_is_asked_for_again() {
    let (nth, words, wait) = (Nth::Only(1), Words::Microsoft, std::time::Duration::from_millis(30));
    let (server, target) = served(&[], &[Quirk::BacksOff { verb: "RENAME", nth, wait, words }]).await;
    let old = folder(&*target, "Old").await;
    let new = target.rename_folder(&old, &FolderPath::of(["New"])).await.unwrap();
    assert_ne!(new, old);
    assert!(server.user("ann").snapshot().contains_key("New"));
}

/// What its user removed is gone, and that is all there is to it.
#[tokio::test]
async fn a_move_of_what_is_gone_is_refused() {
    let (server, target) = served(&[], &[]).await;
    let (inbox, other) = (folder(&*target, "INBOX").await, folder(&*target, "Other").await);
    let outcomes = target.put(&inbox, puts(0..1)).await;
    let Outcome::Placed(Some(id)) = outcomes[0].clone() else { panic!("{outcomes:?}") };
    server.user("ann").remove("INBOX", 1);
    let moved = target.put(&other, vec![Put::Move { from: inbox, id }]).await;
    assert!(matches!(&moved[0], Outcome::Refused(e) if e.kind() == Kind::NotFound), "{moved:?}");
}

/// One keyword that is refused takes none of the others along, neither when it is put nor later.
#[tokio::test]
async fn of_keywords_only_the_refused_one_is_left_out() {
    for lacks in [&[][..], &[Capability::MultiAppend]] {
        let (_server, target) = served(lacks, &[Quirk::Refuses(Refused::LongKeyword(8))]).await;
        let inbox = folder(&*target, "INBOX").await;
        target.marks(std::slice::from_ref(&inbox)).await.unwrap();
        let (long, with) = ("much-too-long", SystemFlag::Flagged);
        let flags = |words: &[&str]| Flags::from_parts(0, words.iter().map(|w| (*w).into()));
        let mut all = puts(0..2);
        all.push(put_of(super::message(2), flags(&["one", long, "two"]).with(with)));
        let outcomes = target.put(&inbox, all).await;
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Placed(_))), "{outcomes:?}");
        let there = async || target.traces(&inbox, None).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(there().await[2].flags, flags(&["one", "two"]).with(with), "without {lacks:?}");
        let add = flags(&["three", "four", long]);
        let difference = Difference { add, remove: flags(&["one"]).with(with) };
        let edit = Edit { id: there().await[2].id.clone(), kind: EditKind::Flags(difference) };
        let edited = target.edit(&inbox, vec![edit]).await.remove(0).unwrap();
        assert_eq!(edited, Edited::WithoutKeywords(vec![long.into()]));
        assert_eq!(there().await[2].flags, flags(&["two", "three", "four"]));
    }
}
