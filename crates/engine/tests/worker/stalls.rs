//! Stalls: since when a mailbox has moved nothing, however often it is tried, and that somebody is told once when it lasts.

use mailferry_model::{
    status::{BatchStatus, UserStatus},
    user::User,
};

use crate::town::Town;

fn code(user: &User) -> &str {
    user.detail.as_ref().map_or("", |detail| &detail.code)
}

#[tokio::test]
async fn what_lasts_is_told_once_for_all_its_mailboxes_and_ends_by_itself() {
    let town = Town::of(3).await;
    town.be_busy(true);
    let batch = town.begin().await;
    let worker = town.worker();
    let all_wait = || async { town.users(batch).await.iter().all(|u| code(u) == "StalledDueToSource_Busy") };
    town.until(&worker, all_wait).await;
    let since: Vec<_> = town.users(batch).await.iter().map(|u| u.detail.clone().unwrap().since).collect();
    worker.escalate_stalls().await.unwrap();
    assert!(town.users(batch).await.iter().all(|u| !u.detail.as_ref().unwrap().escalated), "not yet");
    let tries = town.sign_ins();
    // Tried again and again, it stalls since the first time.
    town.until(&worker, || async { town.sign_ins() >= tries + 3 && all_wait().await }).await;
    let again: Vec<_> = town.users(batch).await.iter().map(|u| u.detail.clone().unwrap().since).collect();
    assert_eq!(again, since);
    for mut user in town.users(batch).await {
        let detail = user.detail.as_mut().unwrap();
        detail.since -= jiff::SignedDuration::from_hours(2);
        town.store.set_user(&user).await.unwrap();
    }
    for _ in 0..2 {
        worker.escalate_stalls().await.unwrap();
    }
    assert!(town.users(batch).await.iter().all(|u| u.detail.as_ref().unwrap().escalated));
    let trail = town.store.audit(0).await.unwrap();
    let told: Vec<_> = trail.iter().filter(|(_, entry)| entry.action == "stall.escalated").collect();
    assert_eq!(told.len(), 1, "once, however many mailboxes wait and however often it is looked at");
    assert_eq!(told[0].1.subject, "endpoint old");
    let change: serde_json::Value = serde_json::from_str(told[0].1.change.as_deref().unwrap()).unwrap();
    assert_eq!((&change["code"], &change["mailboxes"]), (&"StalledDueToSource_Busy".into(), &3.into()));
    town.be_busy(false);
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    assert!(town.users(batch).await.iter().all(|u| u.detail.is_none() && u.status == UserStatus::Synced));
}
