//! The contract of `Approvals`.

use mailferry_model::{
    approval::{Approval, ApprovedItem},
    id::MailboxId,
    port::{Store, Write},
};

use super::{Outcome, ensure, said, same, samples, sentences};

sentences! { "approval":
    they_are_read_as_they_were,
    one_of_the_same_item_and_code_is_replaced,
    what_is_taken_back_is_gone_and_nothing_else,
    each_mailbox_has_its_own,
    they_stay_when_their_user_is_removed,
    all_are_kept_or_none,
}

async fn mailbox(store: &dyn Store, name: &str) -> Result<MailboxId, String> {
    store.mailbox(name).await.map_err(said)
}

fn item(uid: &str, code: &str) -> ApprovedItem {
    ApprovedItem {
        folder: "Ünïcode/\0'\"".into(),
        uid: uid.into(),
        message_id: Some("<a@x>".into()),
        code: code.into(),
    }
}

fn approval(mailbox: MailboxId, item: ApprovedItem, comment: &str) -> Approval {
    let (comment, by, at) = (comment.to_owned(), "anna".to_owned(), samples::time(7));
    Approval { mailbox, item, items: Some(3), comment, by, at }
}

/// All of a mailbox, by their comments.
async fn comments(store: &dyn Store, mailbox: MailboxId) -> Result<Vec<String>, String> {
    let all = store.approvals(mailbox).await.map_err(said)?;
    let mut comments: Vec<String> = all.into_iter().map(|approval| approval.comment).collect();
    comments.sort();
    Ok(comments)
}

async fn they_are_read_as_they_were(store: &dyn Store) -> Outcome {
    let one = mailbox(store, "one").await?;
    same!(comments(store, one).await?, [""; 0], "of nobody");
    let long = ApprovedItem { message_id: Some("x".repeat(10_000)), ..item("2", "A") };
    let mut given = vec![approval(one, item("1", "A"), "\0 first"), approval(one, long, "second")];
    store.approve(&given).await.map_err(said)?;
    let mut kept = store.approvals(one).await.map_err(said)?;
    kept.sort_by(|a, b| a.comment.cmp(&b.comment));
    given.sort_by(|a, b| a.comment.cmp(&b.comment));
    same!(kept, given, "all of them");
    Ok(())
}

async fn one_of_the_same_item_and_code_is_replaced(store: &dyn Store) -> Outcome {
    let one = mailbox(store, "one").await?;
    let twice = [approval(one, item("1", "A"), "a"), approval(one, item("1", "A"), "b")];
    store.approve(&twice).await.map_err(said)?;
    same!(comments(store, one).await?, ["b"], "of two at once the later one");
    store.approve(&[approval(one, item("1", "A"), "c")]).await.map_err(said)?;
    same!(comments(store, one).await?, ["c"], "and of two after one another");
    let nameless = ApprovedItem { message_id: None, ..item("1", "A") };
    for (n, other) in [item("1", "B"), item("2", "A"), nameless].into_iter().enumerate() {
        store.approve(&[approval(one, other, &format!("d{n}"))]).await.map_err(said)?;
    }
    same!(comments(store, one).await?, ["c", "d0", "d1", "d2"], "another code, id or Message-ID is another");
    Ok(())
}

async fn what_is_taken_back_is_gone_and_nothing_else(store: &dyn Store) -> Outcome {
    let one = mailbox(store, "one").await?;
    let given = [approval(one, item("1", "A"), "a"), approval(one, item("1", "B"), "b")];
    store.approve(&given).await.map_err(said)?;
    store.unapprove(one, &[item("1", "A"), item("9", "A")]).await.map_err(said)?;
    same!(comments(store, one).await?, ["b"], "afterwards");
    store.unapprove(one, &[item("1", "A")]).await.map_err(said)?;
    same!(comments(store, one).await?, ["b"], "once more");
    Ok(())
}

async fn each_mailbox_has_its_own(store: &dyn Store) -> Outcome {
    let (one, other) = (mailbox(store, "one").await?, mailbox(store, "other").await?);
    let given = [approval(one, item("1", "A"), "one"), approval(other, item("1", "A"), "other")];
    store.approve(&given).await.map_err(said)?;
    store.unapprove(other, &[item("1", "A")]).await.map_err(said)?;
    same!(comments(store, one).await?, ["one"], "of one");
    same!(comments(store, other).await?, [""; 0], "of the other");
    Ok(())
}

async fn they_stay_when_their_user_is_removed(store: &dyn Store) -> Outcome {
    let one = mailbox(store, "one").await?;
    let (source, target) = (samples::endpoint(store), samples::endpoint(store));
    for endpoint in [&source, &target] {
        store.add_endpoint(endpoint).await.map_err(said)?;
    }
    let batch = samples::batch(store, source.id, target.id);
    let mut user = samples::user(store, batch.id, "anna");
    user.mailbox = Some(one);
    store.add_batch(&batch, std::slice::from_ref(&user)).await.map_err(said)?;
    store.approve(&[approval(one, item("1", "A"), "a")]).await.map_err(said)?;
    store.remove_batch(batch.id).await.map_err(said)?;
    same!(comments(store, one).await?, ["a"], "afterwards");
    Ok(())
}

async fn all_are_kept_or_none(store: &dyn Store) -> Outcome {
    let one = mailbox(store, "one").await?;
    let given = [approval(one, item("1", "A"), "a")];
    let nobody = samples::batch(store, samples::endpoint(store).id, samples::endpoint(store).id);
    let refused = store.together(&[Write::Approve(&given), Write::SetBatch(&nobody)]).await;
    ensure!(refused.is_err(), "a batch that there is not was changed");
    same!(comments(store, one).await?, [""; 0], "afterwards");
    Ok(())
}
