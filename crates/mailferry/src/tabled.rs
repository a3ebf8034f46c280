//! The tables that go with mails: the reports of the API, read in this process.

use std::sync::Arc;

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Side,
    port::courier::{Table, Tabulate},
};

use crate::{
    api::{Api, segment},
    exit::Failure,
    instance::Instance,
};

const OP: &str = "write tables";
/// What goes with a mail.
const FILES: [&str; 2] = ["users.csv", "skipped.csv"];

/// What writes them.
pub struct Tabled(Api);

impl Tabled {
    /// Over the store of this instance.
    pub fn of(instance: &Instance) -> Self {
        Self(instance.api(Arc::new(|| {})))
    }
}

#[async_trait]
impl Tabulate for Tabled {
    async fn tables(&self, batch: &str, most_bytes: usize) -> Result<Option<Vec<Table>>> {
        let mut left = most_bytes;
        let mut tables = Vec::new();
        for name in FILES {
            let (mut body, mut fits) = (Vec::new(), true);
            let path = format!("/batches/{}/reports/{name}", segment(batch));
            let read = self.0.file(&path, |part| {
                fits = part.len() <= left;
                left = left.saturating_sub(part.len());
                // What is too large is read no further.
                if !fits {
                    return Err(Failure::own("the tables are too large for a mail"));
                }
                body.extend_from_slice(part);
                Ok(())
            });
            match read.await {
                _ if !fits => return Ok(None),
                Ok(()) => tables.push(Table { name: name.to_owned(), body }),
                Err(Failure::Error(error)) => return Err(error),
                Err(failure) => return Err(Error::new(Kind::Busy, Side::Us, OP, failure.sentence())),
            }
        }
        Ok(Some(tables))
    }
}
