//! `skipped`: a line an item that stayed behind.
//!
//! Subjects are not kept, so that their column stays empty; ids and Message-IDs find an item.

use super::{
    Findings, Named,
    sheet::{Cell, Row},
};
use crate::approval::Approvals;

/// The lines of a mailbox of a batch.
pub fn rows(batch: &str, address: &str, findings: &Findings, approvals: &Approvals) -> Vec<Row> {
    let skipped = findings.skipped.iter().map(|named| (kind(&named.code), named));
    let missing = findings.missing.iter().map(|named| ("missing", named));
    skipped.chain(missing).map(|(kind, named)| row((batch, address, kind), named, approvals)).collect()
}

/// As the native framework divides what is skipped: for its size, or because it cannot be read or taken.
fn kind(code: &str) -> &'static str {
    if code.ends_with("_TOO_LARGE") { "large" } else { "bad" }
}

fn row((batch, address, kind): (&str, &str, &str), named: &Named, approvals: &Approvals) -> Row {
    let approval = approvals.find(named);
    vec![
        Cell::text(batch),
        Cell::text(address),
        Cell::text(&*named.folder),
        Cell::text(kind),
        Cell::time(named.date),
        Cell::Nothing,
        Cell::count(named.size),
        Cell::text(&*named.code),
        Cell::text(&*named.reason),
        Cell::Number(named.tries.unwrap_or(0).into()),
        Cell::text(if approval.is_some() { "yes" } else { "no" }),
        Cell::text(approval.map(|approval| approval.by.clone()).unwrap_or_default()),
        Cell::text(&*named.uid),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        approval::{Approval, ApprovedItem},
        id::MailboxId,
        report::sheet::Sheet,
    };

    #[test]
    fn what_stayed_behind_has_a_line_each_and_says_who_approved() {
        let named = |uid: &str, code: &str| Named {
            folder: "INBOX".into(),
            uid: uid.into(),
            message_id: None,
            size: 7,
            code: code.into(),
            reason: "refused".into(),
            items: None,
            date: None,
            tries: Some(2),
        };
        let findings = Findings {
            skipped: vec![named("1", "TARGET_TOO_LARGE"), named("2", "TARGET_MALFORMED")],
            missing: vec![named("3", "NOT_SYNCED")],
            rewritten: vec![named("4", "X")],
            ..Findings::default()
        };
        let approval = Approval {
            mailbox: MailboxId(uuid::Uuid::nil()),
            item: ApprovedItem::of(&findings.skipped[1]),
            items: None,
            comment: "agreed".into(),
            by: "anna".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let rows = rows("wave", "a@x", &findings, &Approvals::of(vec![approval]));
        let told: Vec<_> = rows.iter().map(|r| (r[3].clone(), r[10].clone(), r[12].clone())).collect();
        let line = |kind: &str, approved: &str, id: &str| [kind, approved, id].map(Cell::text).into();
        assert_eq!(told, [line("large", "no", "1"), line("bad", "yes", "2"), line("missing", "no", "3")]);
        assert!(rows.iter().all(|row| row.len() == Sheet::Skipped.columns().len()));
        assert_eq!(rows[1][11], Cell::text("anna"));
    }
}
