//! The sample mailbox: read at a source, written to and cleaned up at a target.

use mailferry_lab::fake::{Dialogue, Reply};
use mailferry_model::finding::Step;

use super::Case;

#[tokio::test]
async fn a_mailbox_that_does_not_open() {
    for refusal in ["NO [NONEXISTENT] no such mailbox", "NO Mailbox does not exist"] {
        let dialogue = Dialogue::default().says("EXAMINE", &format!("{{tag}} {refusal}\r\n"));
        Case::says(dialogue).await.fails(Step::Mailbox, "IMAP_MAILBOX_MISSING").await;
    }
    for (refusal, code) in [
        ("NO [UNAVAILABLE] store is offline", "IMAP_BUSY"),
        ("NO no", "IMAP_REFUSED"),
        ("NO [ALERT] rate limit, try again later", "IMAP_THROTTLED"),
    ] {
        let dialogue = Dialogue::default().says("EXAMINE", &format!("{{tag}} {refusal}\r\n"));
        Case::says(dialogue).await.fails(Step::Mailbox, code).await;
    }
}

/// A refusal without a reason is no word that the server is out of order.
#[tokio::test]
async fn a_list_that_is_refused_without_a_reason() {
    for (refusal, code) in [("NO no", "IMAP_REFUSED"), ("NO Temporary failure", "IMAP_BUSY")] {
        let dialogue = Dialogue::default().says("LIST", &format!("{{tag}} {refusal}\r\n"));
        Case::says(dialogue).await.fails(Step::Permission, code).await;
    }
}

/// Whoever else has it open is the reason: neither a right nor the mailbox is missing.
#[tokio::test]
async fn a_mailbox_in_use_by_another() {
    for refusal in ["NO [INUSE] Mailbox in use", "NO Mailbox is locked by another process"] {
        let busy = format!("{{tag}} {refusal}\r\n");
        let source = Dialogue::default().says("EXAMINE", &busy);
        Case::says(source).await.fails(Step::Mailbox, "IMAP_MAILBOX_IN_USE").await;
        for verb in ["SELECT", "APPEND"] {
            let target = Dialogue::default().says(verb, &busy);
            Case::says(target).await.at_target().fails(Step::Mailbox, "IMAP_MAILBOX_IN_USE").await;
        }
    }
    let busy = "{tag} NO [INUSE] Mailbox in use\r\n";
    Case::says(Dialogue::default().says("LOGIN", busy)).await.fails(Step::Auth, "IMAP_MAILBOX_IN_USE").await;
    let listed = Case::says(Dialogue::default().says("LIST", busy)).await;
    listed.fails(Step::Permission, "IMAP_MAILBOX_IN_USE").await;
}

#[tokio::test]
async fn a_target_that_takes_nothing() {
    for (refusal, code) in [
        ("NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", "IMAP_MAILBOX_FULL"),
        ("NO message rejected by policy", "IMAP_PUT_REFUSED"),
    ] {
        let dialogue = Dialogue::default().says("APPEND", &format!("{{tag}} {refusal}\r\n"));
        Case::says(dialogue).await.at_target().fails(Step::Mailbox, code).await;
    }
    let dialogue = Dialogue::default().says("APPEND", "{tag} NO [NOPERM] you may not\r\n");
    Case::says(dialogue).await.at_target().fails(Step::Permission, "IMAP_MAY_NOT_PUT").await;
    let read_only = "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n{tag} OK [READ-ONLY] open\r\n";
    let dialogue = Dialogue::default().says("SELECT", read_only);
    Case::says(dialogue).await.at_target().fails(Step::Mailbox, "IMAP_MAILBOX_READ_ONLY").await;
}

#[tokio::test]
async fn a_connection_that_ends_is_no_missing_mailbox_and_no_missing_right() {
    for command in ["LIST", "EXAMINE"] {
        let dialogue = Dialogue::default().with(command, Reply::Close);
        let result = Case::says(dialogue).await.test().await;
        let bad: Vec<_> = result.steps.iter().filter(|row| row.code.is_some()).collect();
        let row = bad.iter().find(|row| row.code.as_deref() == Some("IMAP_HUNG_UP_LATER"));
        assert_eq!(row.map(|row| row.step), Some(Step::Mailbox), "{command}: {bad:?}");
    }
    let dialogue = Dialogue::default().with("APPEND", Reply::Close);
    let case = Case::says(dialogue).await.at_target();
    case.fails(Step::Mailbox, "IMAP_HUNG_UP_LATER").await;
}
