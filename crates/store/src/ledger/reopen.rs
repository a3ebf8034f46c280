//! Windows over everything, for a store that is older than what was done with it.
//!
//! Between a backup and its restoration items may have been put of which the restored ledger knows nothing. That is
//! what windows are for: what is ours and not in the ledger lies beyond a mark.

use mailferry_model::{
    Result,
    id::MailboxId,
    ledger::{Lease, Window},
    port::Ledger,
};

use super::book::WINDOW;
use crate::{SqlStore, sql::args};

impl SqlStore {
    /// Opens a window over every target folder that was ever put into, at the mark before our first put; windows that
    /// are open keep their marks. The next pass of each mailbox then looks at the target before it puts anything. The
    /// number of mailboxes that were begun.
    ///
    /// Asks for no lease: only for a store that nobody else has open.
    ///
    /// # Errors
    /// `Malformed` if a ledger is damaged, `Busy`.
    pub async fn doubt_everything(&self) -> Result<u64> {
        let mut tx = self.db.read("list ledgers").await?;
        let rows = tx.rows("SELECT id FROM mailbox WHERE workspace = $1", args![self.workspace]).await?;
        drop(tx);
        let mut begun = 0;
        for row in rows {
            let mailbox = MailboxId(row.id(0)?);
            let head = self.head(mailbox).await?;
            begun += u64::from(head.begun);
            let lease = Lease { mailbox, epoch: 0 };
            let windows = head.folders.into_iter().filter_map(|f| {
                let window = Window { folder: f.target?, mark: f.first? };
                Some(self.window(lease, &window))
            });
            let mut tx = self.db.write("open windows").await?;
            let kept = "ON CONFLICT (workspace, mailbox, folder_key) DO NOTHING";
            tx.insert(WINDOW, kept, windows.collect()).await?;
            tx.commit().await?;
        }
        Ok(begun)
    }
}
