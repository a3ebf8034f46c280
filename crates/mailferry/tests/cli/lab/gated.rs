//! What stays behind, approved or not: the data-consistency gate and the limits, with a target that refuses large mail.

use mailferry_lab::imap::{Body, Letter, Quirk, Refused};
use serde_json::{Value, json};

use super::scene::Scene;

/// A batch `w` of one mailbox with thirty letters and so many that the target refuses.
fn scene(large: u64, more: &[&str]) -> Scene {
    let scene = Scene::with(&[], &[Quirk::Refuses(Refused::Larger(5_000))]).letters(30);
    for n in 0..large {
        scene.from().deliver("INBOX", Letter::create(Body::grown(n + 1, 9_000)));
    }
    let ferry = &scene.ferry;
    scene.endpoints();
    let row = "EmailAddress,UserName,Password,TargetUserName,TargetPassword\nann@x,ann,canary-4711,ann,canary-4711\n";
    let csv = ferry.file("users.csv", row);
    let words = ["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv];
    ferry.ends(0, &[&words[..], more].concat());
    scene
}

impl Scene {
    fn told(&self, code: i32, words: &[&str]) -> Value {
        self.ferry.ends(code, &[words, &["-o", "json"]].concat()).json()
    }

    fn user(&self) -> Value {
        self.told(0, &["user", "show", "ann@x"])
    }
}

#[test]
fn what_stays_behind_is_approved_before_its_mailbox_completes() {
    let scene = scene(1, &[]);
    let told = scene.told(3, &["batch", "start", "w", "--wait=completed"]);
    assert_eq!((&told["score"], &told["batchStatus"]), (&json!("Investigate"), &json!("Synced")), "{told}");
    assert_eq!(told["heldBack"][0]["code"], "NeedsApproval", "{told}");
    let user = scene.user();
    assert_eq!((&user["detail"]["code"], &user["itemsUnapproved"]), (&json!("NeedsApproval"), &json!(1)));
    let ran = scene.ferry.ends(3, &["batch", "complete", "w"]);
    assert!(ran.out.contains("HELD BACK ann@x: its score is Investigate, and 1 item"), "{}", ran.out);
    let why = scene.told(0, &["batch", "show", "w"])["why"].to_string();
    assert!(why.contains("[NeedsApproval]: 1 of 1 mailbox"), "{why}");
    let plan = scene.ferry.ends(3, &["batch", "complete", "w", "--plan"]).out;
    assert!(
        plan.starts_with("ann@x: its score is Investigate")
            && plan.contains("[NeedsApproval]\n0 of 1 mailboxes"),
        "{plan}"
    );
    let refused = scene.ferry.ends(6, &["user", "complete", "ann@x"]).err;
    assert!(refused.contains("user approve ann@x --batch w --all --comment WHY"), "{refused}");

    let words = ["batch", "approve", "w", "--code", "TARGET_TOO_LARGE", "--comment", "a film"];
    let told = scene.ferry.ends(0, &[&words[..], &["--dry-run"]].concat()).out;
    assert_eq!(told, "1 item of 1 mailbox would be approved.\n");
    assert_eq!(scene.ferry.ends(0, &words).out, "1 item of 1 mailbox is approved.\n");
    scene.ferry.ends(2, &["batch", "approve", "w", "--comment", "neither all nor a code"]);
    scene.ferry.ends(2, &["batch", "approve", "w", "--all"]);
    let csv = scene.ferry.ends(0, &["item", "list", "--kind", "skipped", "-o", "csv"]).out;
    assert!(csv.lines().next().unwrap().ends_with("approved,approvedBy,approvedAt,approvalComment"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",a film"), "{csv}");
    // A later pass finds it skipped again, and approved.
    let told = scene.told(3, &["batch", "sync", "w"]);
    assert_eq!(told["heldBack"], json!([]), "{told}");
    let plan = scene.told(0, &["batch", "complete", "w", "--plan"]);
    assert_eq!((&plan["ready"], &plan["measured"]), (&json!(1), &json!(1)), "{plan}");
    let item = scene.told(0, &["item", "list"])[0].clone();
    let (folder, uid) = (item["folder"].as_str().unwrap(), item["uid"].as_str().unwrap());
    scene.ferry.ends(0, &["item", "unapprove", "ann@x", "--folder", folder, "--uid", uid]);
    assert_eq!(scene.user()["detail"]["code"], "NeedsApproval");
    scene.ferry.ends(4, &["item", "approve", "ann@x", "--folder", folder, "--uid", "99", "--comment", "x"]);
    scene.ferry.ends(0, &["item", "approve", "ann@x", "--folder", folder, "--uid", uid, "--comment", "x"]);

    let told = scene.told(3, &["batch", "complete", "w"]);
    assert_eq!((&told["batchStatus"], &told["heldBack"]), (&json!("Completed"), &json!([])), "{told}");
    assert_eq!(scene.user()["status"], "CompletedWithWarnings");
}

#[test]
fn poor_completes_with_a_reason_alone() {
    let scene = scene(3, &[]);
    scene.ferry.ends(3, &["batch", "start", "w"]);
    scene.ferry.ends(0, &["user", "approve", "ann@x", "--all", "--comment", "x"]);
    let told = scene.told(3, &["batch", "complete", "w"]);
    assert_eq!((&told["score"], &told["batchStatus"]), (&json!("Poor"), &json!("Synced")), "{told}");
    let told = scene.ferry.ends(0, &["batch", "complete", "w", "--despite-score", "agreed", "--dry-run"]).out;
    assert!(told.starts_with("The batch w would complete: 1 of 1 mailboxes."), "{told}");
    let told = scene.told(3, &["batch", "complete", "w", "--despite-score", "agreed with ann & co"]);
    assert_eq!(told["batchStatus"], "Completed", "{told}");
    assert_eq!(scene.user()["despiteScore"], "agreed with ann & co");
}

#[test]
fn without_the_gate_a_batch_completes_whatever_its_score_is() {
    let scene = scene(3, &["--data-consistency", "off"]);
    let told = scene.told(3, &["batch", "start", "w", "--wait=completed"]);
    assert_eq!((&told["score"], &told["batchStatus"]), (&json!("Poor"), &json!("Completed")), "{told}");
}

#[test]
fn more_skipped_than_a_limit_allows_fails_the_mailbox_until_it_is_approved() {
    let scene = scene(1, &["--large-item-limit", "0", "--bad-item-limit", "unlimited"]);
    let told = scene.told(3, &["batch", "start", "w"]);
    assert_eq!(told["failed"][0]["code"], "ITEM_LIMIT_LARGE", "{told}");
    assert_eq!(scene.user()["status"], "Failed");
    scene.ferry.ends(0, &["user", "approve", "ann@x", "--all", "--comment", "x"]);
    let told = scene.told(3, &["user", "retry", "ann@x"]);
    assert_eq!((&told["batchStatus"], &told["failed"]), (&json!("Synced"), &json!([])), "{told}");
    scene.ferry.ends(0, &["batch", "set", "w", "--unset", "large-item-limit"]);
    let batch = scene.told(0, &["batch", "show", "w"]);
    assert_eq!(batch["itemLimits"], json!({ "badItemLimit": "Unlimited", "largeItemLimit": null }));
}

#[test]
fn native_words_approve_and_limit() {
    let scene = scene(1, &[]);
    let shell = |code, line: &str| scene.ferry.ends(code, &["shell", "-c", line]);
    scene.ferry.ends(3, &["batch", "start", "w"]);
    shell(0, "Set-MigrationBatch w -BadItemLimit 3 -LargeItemLimit Unlimited");
    let batch = scene.told(0, &["batch", "show", "w"]);
    assert_eq!(batch["itemLimits"], json!({ "badItemLimit": 3, "largeItemLimit": "Unlimited" }));
    let early = shell(2, "Set-MoveRequest ann@x -SkippedItemApprovalTime '1/1/2020'").err;
    assert!(early.contains("none is approved"), "{early}");
    let told = shell(0, "Get-MoveRequest | Set-MoveRequest -SkippedItemApprovalTime '1/1/2999'").err;
    assert!(told.contains("1 item of 1 mailbox is approved."), "{told}");
    scene.ferry.ends(0, &["user", "unapprove", "ann@x", "--all"]);
    let told = shell(0, "Set-MigrationUser ann@x -ApproveSkippedItems").err;
    assert!(told.contains("1 item of 1 mailbox is approved."), "{told}");
    assert!(shell(0, "Set-MigrationBatch w -ApproveSkippedItems").err.contains("nothing to approve"));
    shell(3, "Get-MigrationUser -BatchId w | Set-MigrationUser -CompleteAfter '1/1/2026'");
    assert_eq!(scene.user()["status"], "CompletedWithWarnings");
    assert_eq!(scene.told(0, &["batch", "show", "w"])["status"], "Completed");
}
