//! `reconciliation`: a line a folder, with what is at the source beside what is at the target.
//!
//! Counts are the ledger's, corrected by what the last look found: an item that was looked for and not found is not
//! counted as there. Nothing is read from either system for it.

use std::collections::{BTreeMap, HashMap};

use super::{
    FOLDER_UNSEEN, Findings, Named,
    sheet::{Cell, Row},
};
use crate::ledger::FolderEntry;

/// What is known of a folder.
#[derive(Default)]
struct Line {
    source: Sum,
    target: Sum,
    skipped: u64,
    missing: u64,
    doubled: u64,
    unseen: bool,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    items: u64,
    bytes: u64,
}

/// The lines of a mailbox of a batch; without findings no pass has ended yet.
pub fn rows(batch: &str, address: &str, folders: &[FolderEntry], findings: Option<&Findings>) -> Vec<Row> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for folder in folders.iter().filter(|f| !f.gone || f.placed + f.owed + f.skipped > 0) {
        let line = lines.entry(folder.source_path.to_string()).or_default();
        line.source.items += folder.placed + folder.owed + folder.skipped;
        line.source.bytes += folder.bytes;
        line.target.items += folder.placed;
        line.target.bytes += folder.bytes;
    }
    if let Some(findings) = findings {
        let mut at_source: HashMap<String, String> = HashMap::new();
        for folder in folders.iter().filter(|_| !findings.doubled.is_empty()) {
            let source = || folder.source_path.to_string();
            at_source.entry(folder.target_path.to_string()).or_insert_with(source);
        }
        for named in &findings.skipped {
            lines.entry(named.folder.clone()).or_default().skip(named);
        }
        for named in &findings.missing {
            lines.entry(named.folder.clone()).or_default().miss(named);
        }
        for named in &findings.doubled {
            let path = at_source.get(&named.folder).unwrap_or(&named.folder);
            lines.entry(path.clone()).or_default().double(named);
        }
    }
    let row = |(path, line): (String, Line)| line.row((batch, address, &path), findings.is_some());
    lines.into_iter().map(row).collect()
}

impl Line {
    fn skip(&mut self, named: &Named) {
        self.skipped += named.weight();
        match (named.items, named.code == FOLDER_UNSEEN) {
            (_, true) => self.unseen = true,
            // A folder that could not be read: the ledger does not know what it holds.
            (Some(items), false) => self.source.items += items,
            (None, false) => self.source.bytes += named.size,
        }
    }

    fn miss(&mut self, named: &Named) {
        self.missing += named.weight();
        // What the ledger still takes for placed is not there.
        if self.target.items + self.skipped + self.missing > self.source.items {
            self.target.items = self.target.items.saturating_sub(named.weight());
            self.target.bytes = self.target.bytes.saturating_sub(named.size);
        } else {
            self.source.bytes += named.size;
        }
    }

    fn double(&mut self, named: &Named) {
        self.doubled += named.weight();
        self.target.items += named.weight();
        self.target.bytes += named.size;
    }

    fn row(self, (batch, address, path): (&str, &str, &str), looked: bool) -> Row {
        let delta = |target: u64, source: u64| {
            let (target, source) = (i128::from(target), i128::from(source));
            Cell::Number(i64::try_from(target - source).unwrap_or(i64::MAX))
        };
        let verdict = match () {
            () if !looked || self.unseen => "NotVerified",
            () if self.doubled > 0 => "Doubled",
            () if self.missing > 0 => "Missing",
            () if self.target.items + self.skipped < self.source.items => "Incomplete",
            () if self.skipped > 0 => "Skipped",
            () => "Equal",
        };
        vec![
            Cell::text(batch),
            Cell::text(address),
            Cell::text(path),
            Cell::text("mail"),
            Cell::count(self.source.items),
            Cell::count(self.source.bytes),
            Cell::count(self.target.items),
            Cell::count(self.target.bytes),
            delta(self.target.items, self.source.items),
            delta(self.target.bytes, self.source.bytes),
            Cell::text(verdict),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        folder::{Folder, FolderPath, Namespace},
        id::FolderId,
        ledger::FolderNo,
        report::sheet::Sheet,
    };

    fn folder(path: &str, target: &str, (placed, owed, skipped): (u64, u64, u64)) -> FolderEntry {
        let listed = Folder {
            id: FolderId::from_bytes(path),
            path: FolderPath::of([path]),
            role: None,
            namespace: Namespace::Personal,
            selectable: true,
            subscribed: None,
            identity: None,
            epoch: None,
            items: None,
        };
        let entry = FolderEntry::listed(FolderNo(1), &listed, &FolderPath::of([target]));
        FolderEntry { owed, placed, skipped, bytes: placed * 10, placed_pass: 1, ..entry }
    }

    fn named(folder: &str, code: &str, items: Option<u64>) -> Named {
        Named {
            folder: folder.into(),
            uid: "1".into(),
            message_id: None,
            size: 10,
            code: code.into(),
            reason: "x".into(),
            items,
            date: None,
            tries: None,
        }
    }

    /// Items and bytes of both sides, their differences, and the verdict, of each folder.
    fn told(folders: &[FolderEntry], findings: Option<&Findings>) -> Vec<String> {
        let rows = rows("wave", "a@x", folders, findings);
        assert!(rows.iter().all(|row| row.len() == Sheet::Reconciliation.columns().len()));
        let word = |cell: &Cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(n) => n.to_string(),
            other => panic!("{other:?}"),
        };
        rows.iter().map(|row| row[2..].iter().map(word).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn both_sides_stand_beside_each_other_with_a_verdict() {
        let folders = [
            folder("Equal", "Equal", (5, 0, 0)),
            folder("Lost", "Lost", (5, 0, 0)),
            folder("Sent", "Gesendet", (4, 0, 0)),
            folder("Some", "Some", (3, 0, 2)),
            folder("Unseen", "Unseen", (2, 0, 0)),
            folder("Waits", "Waits", (1, 3, 0)),
        ];
        let findings = Findings {
            skipped: vec![
                named("Some", "TARGET_TOO_LARGE", None),
                named("Some", "TARGET_TOO_LARGE", None),
                named("Unread", "SOURCE_FORBIDDEN", Some(7)),
                named("Unseen", FOLDER_UNSEEN, Some(2)),
            ],
            missing: vec![named("Lost", "NOT_SYNCED", None)],
            doubled: vec![named("Gesendet", "DOUBLED", None)],
            ..Findings::default()
        };
        assert_eq!(
            told(&folders, Some(&findings)),
            [
                "Equal mail 5 50 5 50 0 0 Equal",
                "Lost mail 5 50 4 40 -1 -10 Missing",
                "Sent mail 4 40 5 50 1 10 Doubled",
                "Some mail 5 50 3 30 -2 -20 Skipped",
                "Unread mail 7 0 0 0 -7 0 Skipped",
                "Unseen mail 2 20 2 20 0 0 NotVerified",
                "Waits mail 4 10 1 10 -3 0 Incomplete",
            ]
        );
        assert_eq!(told(&folders[..1], None), ["Equal mail 5 50 5 50 0 0 NotVerified"]);
    }
}
