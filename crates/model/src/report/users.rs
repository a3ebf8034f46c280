//! `users`: a line a mailbox.
//!
//! Only mail moves so far, so that calendar, contacts and tasks stay 0. Docs say which numbers are measured.

use jiff::Timestamp;

use super::sheet::{Cell, Row};
use crate::{
    acceptance, catalogue,
    statistics::Statistics,
    status::{StatusSummary, UserStatus},
    user::User,
};

/// The line of a mailbox of a batch at a time.
pub fn row(batch: &str, user: &User, now: Timestamp) -> Row {
    let statistics = Statistics::of(user, now);
    let source = user.source.user.as_deref().unwrap_or(&user.source.address);
    let mut row = vec![
        Cell::text(batch),
        Cell::text(&*user.address),
        Cell::text(source),
        Cell::text(format!("{:?}", user.status)),
        Cell::text(format!("{:?}", user.status.summary())),
        Cell::text(stage(user.status)),
        Cell::text(user.score.map(|score| format!("{score:?}")).unwrap_or_default()),
    ];
    let (totals, mail) = (user.totals, Parts::of(user));
    row.extend(
        [totals.identified, totals.placed, totals.skipped, totals.bytes_identified, totals.bytes]
            .map(Cell::count),
    );
    row.extend([mail.total, mail.synced, mail.ignored, mail.failed, mail.delta].map(Cell::count));
    // Calendar, contacts, tasks: five numbers each.
    row.extend([0; 15].map(Cell::Number));
    let durations = statistics.durations;
    row.extend(
        [
            durations.queued_seconds,
            durations.in_progress_seconds,
            durations.synced_seconds,
            durations.stalled_seconds,
            statistics.rate_bytes_per_minute.unwrap_or(0),
        ]
        .map(Cell::count),
    );
    row.extend(reasons(user));
    row.extend([user.times.started, user.last_synced, user.times.completed].map(Cell::time));
    row.extend(ticks(user));
    row
}

/// How many of the three ticks it has, then by whom and when of each.
fn ticks(user: &User) -> Vec<Cell> {
    let open = acceptance::lacking(user);
    let mut cells = vec![Cell::count((acceptance::TICKS.len() - open.len()) as u64)];
    for tick in acceptance::TICKS {
        let given = acceptance::given(user, tick).filter(|_| !open.contains(&tick));
        cells.push(given.map_or(Cell::Nothing, |given| Cell::text(&*given.by)));
        cells.push(Cell::time(given.map(|given| given.at)));
    }
    cells
}

/// What became of the items of a kind; the parts exclude each other, and `total` is their sum.
struct Parts {
    total: u64,
    synced: u64,
    /// Stay behind, and somebody said that they may.
    ignored: u64,
    /// Stay behind, and nobody did.
    failed: u64,
    /// Still to be moved.
    delta: u64,
}

impl Parts {
    fn of(user: &User) -> Self {
        let (total, synced) = (user.totals.identified, user.totals.placed);
        let synced = synced.min(total);
        let failed = user.unapproved.unwrap_or(user.totals.skipped).min(total - synced);
        let ignored = user.totals.skipped.saturating_sub(failed).min(total - synced - failed);
        Self { total, synced, ignored, failed, delta: total - synced - ignored - failed }
    }
}

/// How far a mailbox is, in one word.
fn stage(status: UserStatus) -> &'static str {
    use UserStatus as S;
    match status {
        S::Queued | S::Starting => "Queued",
        S::Validating | S::Provisioning | S::ProvisionUpdating => "Preparation",
        S::Syncing | S::Failed | S::Stopped => "InitialSync",
        S::Completing | S::CompletionSynced | S::CompletionFailed => "Completion",
        S::Synced | S::IncrementalSynced => "Synced",
        S::IncrementalSyncing | S::IncrementalFailed | S::IncrementalStopped => "IncrementalSync",
        S::Completed | S::CompletedWithWarnings => "Completed",
        S::Stopping | S::Removing => "Ending",
        S::Corrupted => "Corrupted",
    }
}

/// Stall, error, words and fix; a reason of something that waits is a stall, one of something that failed an error.
fn reasons(user: &User) -> [Cell; 4] {
    let Some(detail) = &user.detail else {
        return [Cell::Nothing, Cell::Nothing, Cell::Nothing, Cell::Nothing];
    };
    let code = Cell::text(&*detail.code);
    let (words, fix) = (Cell::text(&*detail.text), Cell::text(fix(&detail.code)));
    match user.status.summary() {
        StatusSummary::Failed => [Cell::Nothing, code, words, fix],
        _ => [code, Cell::Nothing, words, fix],
    }
}

/// What the catalogue says is to be done.
pub fn fix(code: &str) -> String {
    catalogue::find(code).map(|entry| entry.fix.join("; ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, UserId},
        report::{Score, Totals, sheet::Sheet},
        settings::MailboxAddress,
        user::Detail,
    };

    fn user() -> User {
        let mailbox = MailboxAddress { address: "ann@old.example".into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let id = UserId(uuid::Uuid::nil());
        User::queued(id, BatchId(uuid::Uuid::nil()), "ann@old.example".into(), ends)
    }

    fn cell<'a>(row: &'a Row, column: &str) -> &'a Cell {
        let at = Sheet::Users.columns().iter().position(|c| *c == column).unwrap();
        &row[at]
    }

    #[test]
    fn a_line_has_a_cell_for_each_column_and_the_parts_make_the_total() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut user = User { status: UserStatus::Syncing, ..user() }.timed(at(0));
        user.totals =
            Totals { identified: 100, placed: 80, bytes: 6_000, bytes_identified: 9_000, skipped: 5 };
        (user.unapproved, user.score) = (Some(3), Some(Score::Investigate));
        let row = row("wave", &user, at(120));
        assert_eq!(row.len(), Sheet::Users.columns().len());
        for (column, n) in [
            ("MailTotal", 100),
            ("MailSynced", 80),
            ("MailIgnored", 2),
            ("MailFailed", 3),
            ("MailDelta", 15),
            ("TaskDelta", 0),
            ("InProgressSeconds", 120),
            ("RateBytesPerMinute", 3_000),
        ] {
            assert_eq!(*cell(&row, column), Cell::Number(n), "{column}");
        }
        assert_eq!(*cell(&row, "DataConsistencyScore"), Cell::text("Investigate"));
        assert_eq!(*cell(&row, "StartedUtc"), Cell::Time(at(0)));
        assert_eq!(*cell(&row, "CompletedUtc"), Cell::Nothing);
    }

    #[test]
    fn ticks_are_counted_once_it_is_completed() {
        let mut user = User { status: UserStatus::Completed, ..user() };
        let at = Timestamp::from_second(60).unwrap();
        crate::pilot::give(&mut user.acceptance, &acceptance::TICKS[1..], ("ben", at), None);
        let row = row("wave", &user, at);
        assert_eq!(*cell(&row, "TicksGiven"), Cell::Number(2));
        assert_eq!(*cell(&row, "MailFlowTickedBy"), Cell::Nothing);
        assert_eq!(*cell(&row, "CalendarTickedBy"), Cell::text("ben"));
        assert_eq!(*cell(&row, "MobileTickedUtc"), Cell::Time(at));
        user.status = UserStatus::Synced;
        let row = super::row("wave", &user, at);
        assert_eq!(
            (cell(&row, "TicksGiven"), cell(&row, "MobileTickedBy")),
            (&Cell::Number(0), &Cell::Nothing)
        );
    }

    #[test]
    fn a_stall_is_no_error() {
        let detail = Detail::fresh("SOURCE_UNREACHABLE", "refused".into(), Timestamp::UNIX_EPOCH);
        let stalled = User { status: UserStatus::Syncing, detail: Some(detail.clone()), ..user() };
        let failed = User { status: UserStatus::Failed, ..stalled.clone() };
        let now = Timestamp::UNIX_EPOCH;
        let (stalled, failed) = (row("wave", &stalled, now), row("wave", &failed, now));
        assert_eq!(*cell(&stalled, "StallCode"), Cell::text("SOURCE_UNREACHABLE"));
        assert_eq!(*cell(&stalled, "ErrorCode"), Cell::Nothing);
        assert_eq!(*cell(&failed, "StallCode"), Cell::Nothing);
        assert_eq!(*cell(&failed, "ErrorCode"), Cell::text("SOURCE_UNREACHABLE"));
        assert!(matches!(cell(&failed, "Fix"), Cell::Text(fix) if !fix.is_empty()));
    }
}
