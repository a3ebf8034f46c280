//! The tables of a report: which there are, their columns, and what a cell may be.
//!
//! Columns are pinned by a test: new ones come at the end, none goes or is renamed. How a table is written is no
//! business of it.

use jiff::Timestamp;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: it is not known, or does not apply.
    Nothing,
    /// Words.
    Text(String),
    /// A number.
    Number(i64),
    /// A time, shown in UTC.
    Time(Timestamp),
}

/// One line of a table.
pub type Row = Vec<Cell>;

impl Cell {
    /// Of a count, as far as a cell holds numbers.
    pub fn count(n: u64) -> Self {
        Self::Number(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// Words, where there are any.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }

    /// A time, where there is one.
    pub fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Nothing, Self::Time)
    }
}

/// A table of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// A line a mailbox.
    Users,
    /// A line an item that stayed behind.
    Skipped,
    /// A line a folder: what is at the source beside what is at the target.
    Reconciliation,
}

impl Sheet {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Users, Self::Skipped, Self::Reconciliation];

    /// The name, as of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Skipped => "skipped",
            Self::Reconciliation => "reconciliation",
        }
    }

    /// The columns.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Users => &USERS,
            Self::Skipped => &SKIPPED,
            Self::Reconciliation => &RECONCILIATION,
        }
    }
}

const USERS: [&str; 51] = [
    "Batch",
    "EmailAddress",
    "SourceIdentity",
    "Status",
    "StatusSummary",
    "Stage",
    "DataConsistencyScore",
    "ItemsTotal",
    "ItemsSynced",
    "ItemsSkipped",
    "BytesTotal",
    "BytesMigrated",
    "MailTotal",
    "MailSynced",
    "MailIgnored",
    "MailFailed",
    "MailDelta",
    "CalendarTotal",
    "CalendarSynced",
    "CalendarIgnored",
    "CalendarFailed",
    "CalendarDelta",
    "ContactTotal",
    "ContactSynced",
    "ContactIgnored",
    "ContactFailed",
    "ContactDelta",
    "TaskTotal",
    "TaskSynced",
    "TaskIgnored",
    "TaskFailed",
    "TaskDelta",
    "QueuedSeconds",
    "InProgressSeconds",
    "SyncedSeconds",
    "StalledSeconds",
    "RateBytesPerMinute",
    "StallCode",
    "ErrorCode",
    "ErrorMessage",
    "Fix",
    "StartedUtc",
    "LastSyncedUtc",
    "CompletedUtc",
    "TicksGiven",
    "MailFlowTickedBy",
    "MailFlowTickedUtc",
    "CalendarTickedBy",
    "CalendarTickedUtc",
    "MobileTickedBy",
    "MobileTickedUtc",
];

const SKIPPED: [&str; 13] = [
    "Batch",
    "EmailAddress",
    "FolderPath",
    "Kind",
    "DateUtc",
    "Subject",
    "SizeBytes",
    "ReasonCode",
    "Reason",
    "Attempts",
    "Approved",
    "ApprovedBy",
    "SourceItemId",
];

const RECONCILIATION: [&str; 11] = [
    "Batch",
    "EmailAddress",
    "FolderPath",
    "Kind",
    "SourceItems",
    "SourceBytes",
    "TargetItems",
    "TargetBytes",
    "DeltaItems",
    "DeltaBytes",
    "Verdict",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs of others read these: a new column comes at the end, and no old one changes.
    #[test]
    fn the_columns_are_the_published_ones() {
        let pinned = [
            "Batch,EmailAddress,SourceIdentity,Status,StatusSummary,Stage,DataConsistencyScore,ItemsTotal,\
             ItemsSynced,ItemsSkipped,BytesTotal,BytesMigrated,MailTotal,MailSynced,MailIgnored,MailFailed,\
             MailDelta,CalendarTotal,CalendarSynced,CalendarIgnored,CalendarFailed,CalendarDelta,ContactTotal,\
             ContactSynced,ContactIgnored,ContactFailed,ContactDelta,TaskTotal,TaskSynced,TaskIgnored,\
             TaskFailed,TaskDelta,QueuedSeconds,InProgressSeconds,SyncedSeconds,StalledSeconds,\
             RateBytesPerMinute,StallCode,ErrorCode,ErrorMessage,Fix,StartedUtc,LastSyncedUtc,CompletedUtc,TicksGiven,MailFlowTickedBy,\
             MailFlowTickedUtc,CalendarTickedBy,CalendarTickedUtc,MobileTickedBy,MobileTickedUtc",
            "Batch,EmailAddress,FolderPath,Kind,DateUtc,Subject,SizeBytes,ReasonCode,Reason,Attempts,Approved,\
             ApprovedBy,SourceItemId",
            "Batch,EmailAddress,FolderPath,Kind,SourceItems,SourceBytes,TargetItems,TargetBytes,DeltaItems,\
             DeltaBytes,Verdict",
        ];
        for (sheet, pinned) in Sheet::ALL.into_iter().zip(pinned) {
            assert_eq!(sheet.columns().join(","), pinned, "{}", sheet.name());
        }
    }
}
