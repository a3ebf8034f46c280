//! The item that a test puts into a target: put, read and removed, or told.

use super::*;

fn made() -> String {
    soap(
        "<m:R xmlns:m=\"m\" xmlns:t=\"t\"><m:ResponseCode>NoError</m:ResponseCode><t:ItemId Id=\"AAk=\"/></m:R>",
    )
}

fn read(subject: &str) -> String {
    soap(&format!(
        "<m:R xmlns:m=\"m\" xmlns:t=\"t\"><m:ResponseCode>NoError</m:ResponseCode><t:ItemId Id=\"AAk=\"/>\
         <t:Subject>{subject}</t:Subject></m:R>"
    ))
}

fn done() -> String {
    soap("<m:R xmlns:m=\"m\"><m:ResponseCode>NoError</m:ResponseCode></m:R>")
}

/// A healthy server that answers to the three requests so.
async fn target(create: &str, get: &str, delete: &str) -> Case {
    let asked = |holds: &str, says: &str| Route::to(EWS, "200 OK").known(KNOWN).holding(holds).saying(says);
    let routes = [
        asked("<m:CreateItem MessageDisposition=\"SaveOnly\"", create),
        asked("<m:GetItem", get),
        asked("<m:DeleteItem DeleteType=\"HardDelete\"><m:ItemIds><t:ItemId Id=\"AAk=\"", delete),
    ];
    Case { side: Side::Target, ..Case::of(but(routes)).await }
}

const GOOD: &str = "mailferry test, may be deleted";

#[tokio::test]
async fn a_target_takes_an_item_and_gives_it_up_again() {
    let case = target(&made(), &read(GOOD), &done()).await;
    assert!(case.passes().await.is_empty());
    let row = case.test().await.steps.pop().unwrap();
    assert_eq!(row.evidence, "Inbox holds 42 items; a test item was put there, read and removed");
}

#[tokio::test]
async fn what_a_target_refuses_fails_the_test() {
    let no = |code: &str| refusal(code);
    for (create, get, delete, step, code) in [
        (no("ErrorAccessDenied"), read(GOOD), done(), Step::Permission, "EXCHANGE_PUT_REFUSED"),
        (no("ErrorInvalidRequest"), read(GOOD), done(), Step::Mailbox, "EXCHANGE_PUT_REFUSED"),
        (no("ErrorQuotaExceeded"), read(GOOD), done(), Step::Mailbox, "EXCHANGE_MAILBOX_FULL"),
        (made(), no("ErrorItemNotFound"), done(), Step::Mailbox, "EXCHANGE_PROBE_UNREAD"),
        (made(), read("another"), done(), Step::Mailbox, "EXCHANGE_PROBE_UNREAD"),
        (made(), read(GOOD), no("ErrorCannotDeleteObject"), Step::Mailbox, "EXCHANGE_PROBE_LEFT"),
    ] {
        target(&create, &get, &delete).await.fails(step, code).await;
    }
}

#[tokio::test]
async fn an_item_without_an_id_stays_and_is_told() {
    let case = target(&done(), &read(GOOD), &done()).await;
    assert_eq!(case.passes().await, words(&[("ews-inbox-opens", "EXCHANGE_PROBE_STAYS")]));
}

/// This server refuses to make anything: nothing was asked for.
#[tokio::test]
async fn tests_that_nobody_asked_for_write_nothing() {
    let refuses = async || target(&refusal("ErrorAccessDenied"), "", "").await;
    assert!(refuses().await.with("probe-append", "no").passes().await.is_empty());
    let source = Case { side: Side::Source, ..refuses().await };
    assert!(source.passes().await.is_empty());
}
