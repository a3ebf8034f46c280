//! Which items an approval is of, what the gate lets through, and when a limit is passed.

use super::*;
use crate::{
    id::{BatchId, EndpointId, UserId},
    settings::MailboxAddress,
    status::UserStatus,
};

fn named(uid: &str, code: &str) -> Named {
    Named {
        folder: "INBOX".into(),
        uid: uid.into(),
        message_id: Some(format!("<{uid}@x>")),
        size: 1,
        code: code.into(),
        reason: "words".into(),
        items: None,
        date: None,
        tries: None,
    }
}

fn approval(named: &Named) -> Approval {
    Approval {
        mailbox: MailboxId(uuid::Uuid::nil()),
        item: ApprovedItem::of(named),
        items: named.items,
        comment: "newsletters".into(),
        by: "anna".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn an_approval_is_of_one_item_and_one_reason() {
    let item = named("7", "SOURCE_MALFORMED");
    let approvals = Approvals::of(vec![approval(&item)]);
    assert!(approvals.find(&item).is_some());
    assert!(approvals.find(&Named { size: 9, reason: "other words".into(), ..item.clone() }).is_some());
    for other in [
        Named { uid: "8".into(), ..item.clone() },
        Named { folder: "Sent".into(), ..item.clone() },
        Named { code: "TARGET_TOO_LARGE".into(), ..item.clone() },
        Named { message_id: Some("<another@x>".into()), ..item.clone() },
        Named { items: Some(3), ..item.clone() },
    ] {
        assert!(approvals.find(&other).is_none(), "{other:?}");
    }
}

#[test]
fn an_approved_folder_is_approved_as_far_as_was_known() {
    for (known, now, covered) in [
        (Some(3), Some(3), true),
        (Some(3), Some(2), true),
        (Some(3), Some(4), false),
        (Some(3), Some(0), false),
        (Some(0), Some(0), true),
        (Some(0), Some(1), false),
        (Some(3), None, false),
    ] {
        let folder = |items| Named { items, ..named("", "SOURCE_FORBIDDEN") };
        let approvals = Approvals::of(vec![approval(&folder(known))]);
        assert_eq!(approvals.find(&folder(now)).is_some(), covered, "{known:?} {now:?}");
    }
}

#[test]
fn what_nobody_approved_is_counted_by_weight() {
    let (one, other) = (named("1", "SOURCE_MALFORMED"), named("2", "ITEM_MISSING"));
    let folder = Named { items: Some(5), ..named("", "SOURCE_FORBIDDEN") };
    let findings = Findings {
        skipped: vec![one.clone(), folder],
        missing: vec![other.clone()],
        doubled: vec![named("3", "DOUBLED")],
        ..Findings::default()
    };
    assert_eq!(Approvals::default().lacking(&findings), 7, "what is doubled cannot be approved");
    assert_eq!(Approvals::of(vec![approval(&one), approval(&other)]).lacking(&findings), 5);
    // Of an item that is no longer skipped.
    assert_eq!(Approvals::of(vec![approval(&named("99", "SOURCE_MALFORMED"))]).lacking(&findings), 7);
}

fn batch() -> Batch {
    let nobody = EndpointId(uuid::Uuid::nil());
    Batch::created(BatchId(uuid::Uuid::nil()), "wave".into(), (nobody, nobody), Timestamp::UNIX_EPOCH)
}

fn user(score: Option<Score>, unapproved: Option<u64>) -> User {
    let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
    let ends = (mailbox.clone(), mailbox);
    let mut user = User::queued(UserId(uuid::Uuid::nil()), BatchId(uuid::Uuid::nil()), "anna@x".into(), ends);
    (user.status, user.score, user.unapproved) = (UserStatus::Synced, score, unapproved);
    user
}

#[test]
fn the_gate_lets_through_what_looks_good_and_what_is_approved() {
    for (score, unapproved, held_back) in [
        (None, None, None),
        (Some(Score::Perfect), Some(0), None),
        (Some(Score::Good), Some(7), None),
        (Some(Score::Investigate), Some(7), Some(Held::Unapproved(7))),
        (Some(Score::Investigate), Some(0), None),
        (Some(Score::Investigate), None, Some(Held::Unapproved(1))),
        (Some(Score::Poor), Some(0), Some(Held::Poor)),
    ] {
        let user = user(score, unapproved);
        assert_eq!(held(&batch(), &user), held_back, "{score:?} {unapproved:?}");
        let off = Batch { data_consistency: DataConsistency::Off, ..batch() };
        assert_eq!(held(&off, &user), None);
        let with_reason = User { despite_score: Some("agreed".into()), ..user.clone() };
        assert_eq!(held(&batch(), &with_reason), None);
        let told = with_gate(user, &batch(), Timestamp::UNIX_EPOCH).detail;
        assert_eq!(told.as_ref().is_some_and(|d| d.code == NEEDS_APPROVAL), held_back.is_some());
    }
}

#[test]
fn the_detail_goes_with_the_approval_and_keeps_since_when() {
    let held = with_gate(user(Some(Score::Investigate), Some(2)), &batch(), Timestamp::UNIX_EPOCH);
    let later = Timestamp::from_second(60).unwrap();
    let again = with_gate(held.clone(), &batch(), later);
    assert_eq!(again.detail.as_ref().unwrap().since, Timestamp::UNIX_EPOCH);
    let free = with_gate(User { unapproved: Some(0), ..held.clone() }, &batch(), later);
    assert_eq!(free.detail, None);
    let mut failed = held;
    failed.detail.as_mut().unwrap().code = "SOURCE_BUSY".into();
    assert_eq!(with_gate(failed.clone(), &batch(), later), failed, "another reason stays");
}

#[test]
fn a_limit_counts_what_is_skipped_and_not_approved() {
    let (bad, large) = (named("1", "SOURCE_MALFORMED"), named("2", "TARGET_TOO_LARGE"));
    let findings =
        Findings { skipped: vec![bad.clone(), large.clone(), named("3", "X")], ..Findings::default() };
    let limits = |bad, large| ItemLimits { bad_item_limit: bad, large_item_limit: large };
    let at_most = |n| Some(ItemLimit::AtMost(n));
    let none = Approvals::default();
    let code = |limits: ItemLimits, approvals: &Approvals| limits.passed(&findings, approvals).map(|p| p.0);
    assert_eq!(code(ItemLimits::default(), &none), None, "there is no limit unless one is given");
    assert_eq!(code(limits(at_most(2), at_most(1)), &none), None);
    assert_eq!(code(limits(at_most(1), None), &none), Some("ITEM_LIMIT_BAD"));
    assert_eq!(code(limits(None, at_most(0)), &none), Some("ITEM_LIMIT_LARGE"));
    assert_eq!(
        code(limits(at_most(1), at_most(0)), &Approvals::of(vec![approval(&bad), approval(&large)])),
        None
    );
    let own = limits(Some(ItemLimit::Unlimited), None).or(limits(at_most(0), at_most(1)));
    assert_eq!(code(own, &none), None, "the mailbox's own goes before its batch's");
}

#[test]
fn limits_are_numbers_or_unlimited() {
    let read = |json: &str| serde_json::from_str::<ItemLimit>(json).ok();
    assert_eq!(read("10"), Some(ItemLimit::AtMost(10)));
    assert_eq!(read("\"unlimited\""), Some(ItemLimit::Unlimited));
    assert_eq!(read("\"7\""), Some(ItemLimit::AtMost(7)));
    for wrong in ["-1", "2147483648", "\"many\"", "1.5"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    assert_eq!(serde_json::to_string(&ItemLimit::Unlimited).unwrap(), "\"Unlimited\"");
}
