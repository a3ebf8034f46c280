//! Why mailboxes wait, as rows of causes.

use mailferry_model::{
    port::Clock,
    status::{BatchStatus, UserStatus},
    user::Detail,
};
use serde_json::json;

use super::batch::{batch_becomes, with_wave};

#[tokio::test]
async fn a_cause_is_one_row_with_its_remedy_and_the_queue_behind_it() {
    let house = with_wave().await;
    assert_eq!(house.get("/stalls").await.1, json!([]), "nothing is under way");
    batch_becomes(&house, BatchStatus::Syncing).await;
    let batch = house.store.batch("wave").await.unwrap();
    let mut user = house.store.users(batch.id).await.unwrap().remove(0);
    user.status = UserStatus::Syncing;
    user.detail = Some(Detail::fresh("StalledDueToTarget_Throttled", "wait 300".into(), house.clock.now()));
    house.store.set_user(&user).await.unwrap();
    let stalls = house.get("/stalls?batch=wave").await.1;
    let row = &stalls[0];
    assert_eq!(
        (&row["batch"], &row["endpoint"], &row["mailboxes"], &row["evidence"], &row["escalated"]),
        (&json!("wave"), &json!("new"), &json!(1), &json!("wait 300"), &json!(false))
    );
    assert!(row["remedy"][0].is_string() && row["nextStep"].is_string() && row["escalates"].is_string());
    assert_eq!(stalls[1]["code"], "StalledDueToSource_EndpointCapacityExceeded", "{stalls}");
    assert_eq!(house.get("/users/a@x").await.1[0]["stall"]["code"], "StalledDueToTarget_Throttled");
    assert_eq!(house.get("/stalls?batch=none").await.0, 404);
    house.clock.forward(5 * 3600);
    let mut late = house.store.user(user.id).await.unwrap();
    late.detail.as_mut().unwrap().escalated = true;
    house.store.set_user(&late).await.unwrap();
    let why = house.get("/users/a@x").await.1[0]["why"].to_string();
    assert!(why.contains("It has lasted since") && why.contains("half as many"), "{why}");
    let code = house.get("/codes/StalledDueToTarget_BigFunnel").await.1;
    assert_eq!((&code["onlyMicrosoft"], &code["escalateAfterSeconds"]), (&json!(true), &json!(null)));
}
