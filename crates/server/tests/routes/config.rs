//! What holds for the whole tenant.

use axum::http::Method;
use serde_json::json;

use super::house::House;

#[tokio::test]
async fn a_timetable_of_bandwidth_is_kept_and_says_what_holds_now() {
    let house = House::fresh().await;
    let told = house.get("/config").await.1;
    assert_eq!((&told["bandwidth"], &told["bandwidthNow"]), (&json!(null), &json!(null)), "{told}");
    let set = async |body| house.ask(Method::PATCH, "/config", body).await;
    // It is midnight of a Thursday, in Berlin one o'clock.
    let table = json!({ "bandwidth": "Thu 00:30,2M 19:00,off", "bandwidthTimeZone": "Europe/Berlin" });
    let mut tried = table.clone();
    tried["dryRun"] = json!(true);
    assert_eq!(set(tried).await.1["bandwidthNow"], json!(2 << 20));
    assert_eq!(house.get("/config").await.1["bandwidth"], json!(null), "only tried");
    let (status, told) = set(table).await;
    assert_eq!((status, &told["bandwidthNow"]), (200, &json!(2 << 20)), "{told}");
    assert_eq!(told["bandwidthUntil"], "2026-01-01T18:00:00Z");
    let (_, told) = set(json!({ "tenantCeiling": 400 })).await;
    assert_eq!(told["bandwidth"], "Thu 00:30,2M 19:00,off", "what is not named stays: {told}");
    let (_, told) = set(json!({ "bandwidthTimeZone": null })).await;
    assert_eq!((&told["bandwidthNow"], &told["tenantCeiling"]), (&json!(null), &json!(400)), "{told}");
    for wrong in [json!({ "bandwidth": "fast" }), json!({ "bandwidthTimeZone": "Mars/Olympus" })] {
        let (status, problem) = set(wrong.clone()).await;
        assert_eq!((status, &problem["code"]), (422, &json!("REQUEST_MALFORMED")), "{wrong} {problem}");
    }
    let (_, told) = set(json!({ "bandwidth": null })).await;
    assert_eq!(told["bandwidth"], json!(null));
    let trail = house.get("/audit").await.1.to_string();
    assert!(trail.contains("Thu 00:30,2M"), "{trail}");
}
