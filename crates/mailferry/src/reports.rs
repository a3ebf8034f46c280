//! The findings of last passes, as files in the data folder: one a mailbox, replaced whole.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

use async_trait::async_trait;
use mailferry_model::{Error, Kind, Result, Side, id::MailboxId, port::Reports, report::Kept};

/// A folder of reports.
pub struct FileReports(pub PathBuf);

#[async_trait]
impl Reports for FileReports {
    async fn keep_report(&self, kept: &Kept) -> Result<()> {
        let text = serde_json::to_vec(kept).map_err(|e| Error::bug("keep report", e.to_string()))?;
        let path = self.path(kept.mailbox);
        let draft = path.with_extension("new");
        let write = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            let mut private = fs::OpenOptions::new();
            private.write(true).create(true).truncate(true).mode(0o600);
            std::io::Write::write_all(&mut private.open(&draft)?, &text)?;
            fs::rename(&draft, &path)
        };
        write().map_err(|e: std::io::Error| failed("keep report", &e))
    }

    async fn report(&self, mailbox: MailboxId) -> Result<Option<Kept>> {
        match fs::read(self.path(mailbox)) {
            // A damaged one is none: the next pass writes it anew.
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("read report", &e)),
        }
    }

    async fn reports(&self) -> Result<Vec<Kept>> {
        let files = match fs::read_dir(&self.0) {
            Ok(files) => files,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("list reports", &e)),
        };
        let paths =
            files.filter_map(|f| Some(f.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "json"));
        let mut all: Vec<Kept> =
            paths.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect();
        all.sort_by(|a, b| (&a.user, a.mailbox).cmp(&(&b.user, b.mailbox)));
        Ok(all)
    }
}

impl FileReports {
    fn path(&self, mailbox: MailboxId) -> PathBuf {
        self.0.join(format!("{mailbox}.json"))
    }
}

fn failed(op: &'static str, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::PermissionDenied => Kind::Forbidden,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Kind::QuotaExceeded,
        _ => Kind::Busy,
    };
    Error::new(kind, Side::Us, op, error.to_string())
}
