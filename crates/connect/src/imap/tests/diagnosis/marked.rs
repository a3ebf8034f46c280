//! The message that a test puts into a target: found and removed, or told.

use mailferry_lab::fake::{Dialogue, Reply};
use mailferry_model::finding::Step;

use super::Case;

fn says(text: &str) -> Reply {
    Reply::Say(text.to_owned())
}

/// A server that does not say where it put the message.
fn untold() -> Dialogue {
    Dialogue::default().with("APPEND", says("{tag} OK done\r\n"))
}

#[tokio::test]
async fn a_test_message_is_found_by_its_id_and_removed() {
    let told = untold().with("UID SEARCH HEADER Message-ID", says("* SEARCH 7\r\n{tag} OK done\r\n"));
    let case =
        Case::says(told.with("UID EXPUNGE 7", says("* 1 EXPUNGE\r\n{tag} OK done\r\n"))).await.at_target();
    assert_eq!(case.passes().await.get("imap-inbox-opens"), None);
    let evidence = case.test().await.steps.pop().unwrap().evidence;
    assert!(evidence.ends_with("put there and removed"), "{evidence}");
}

#[tokio::test]
async fn a_test_message_that_stays_is_told() {
    let told = |case: Case| async move { case.passes().await.get("imap-inbox-opens").cloned() };
    // It is not found.
    let case =
        Case::says(untold().with("UID SEARCH", says("* SEARCH\r\n{tag} OK done\r\n"))).await.at_target();
    assert_eq!(told(case).await.as_deref(), Some("IMAP_PROBE_STAYS"));
    // What was there before, or is not one message alone, is not ours.
    for others in ["* SEARCH 3 7", "* SEARCH"] {
        let found = untold().with("UID STORE", says("{tag} BAD never\r\n"));
        let found = found.with("UID SEARCH", says(&format!("{others}\r\n{{tag}} OK done\r\n")));
        assert_eq!(told(Case::says(found).await.at_target()).await.as_deref(), Some("IMAP_PROBE_STAYS"));
    }
    // Nothing is expunged without UIDPLUS.
    let plain = "{tag} OK [CAPABILITY IMAP4rev1] signed in\r\n";
    let server = || {
        let found = untold().with("UID SEARCH", says("* SEARCH 7\r\n{tag} OK done\r\n"));
        let found = found
            .with("UID EXPUNGE", says("{tag} BAD never\r\n"))
            .with("EXPUNGE", says("{tag} BAD never\r\n"));
        found.with("LOGIN", says(plain)).with("AUTHENTICATE", says(plain))
    };
    assert_eq!(told(Case::says(server()).await.at_target()).await.as_deref(), Some("IMAP_PROBE_STAYS"));
    // Tests that nobody asked for put none there.
    let case = Case::says(server()).await.at_target().with("probe-append", "no");
    assert_eq!(told(case).await, None);
}

#[tokio::test]
async fn a_test_message_that_the_server_refuses_to_remove_fails() {
    let refused = Dialogue::default().with("UID STORE", says("{tag} NO [NOPERM] no\r\n"));
    Case::says(refused).await.at_target().fails(Step::Mailbox, "IMAP_PROBE_LEFT").await;
}
