//! A body that is written by a task of its own, part by part; it waits for whoever reads.

use std::future::Future;

use axum::body::Body;
use futures_util::stream;
use mailferry_model::{Error, Kind, Result, Side};
use tokio::sync::mpsc::{Sender, channel};

/// How many parts wait to be read.
const AHEAD: usize = 4;

/// Where a body is written to.
#[derive(Clone)]
pub(super) struct Sink(Sender<Result<Vec<u8>>>);

impl Sink {
    /// Writes a part. Fails when nobody reads any more.
    pub async fn send(&self, part: Vec<u8>) -> Result<()> {
        self.0.send(Ok(part)).await.map_err(|_| gone())
    }

    /// The same outside the runtime.
    pub fn send_blocking(&self, part: Vec<u8>) -> Result<()> {
        self.0.blocking_send(Ok(part)).map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::new(Kind::Cancelled, Side::Us, "write report", "nobody reads it any more")
}

/// The body that `write` writes. Where it fails the body is cut off, which whoever reads it notices.
pub(super) fn written<W, F>(write: W) -> Body
where
    W: FnOnce(Sink) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = channel(AHEAD);
    let work = write(Sink(sender.clone()));
    tokio::spawn(async move {
        if let Err(error) = work.await
            && error.kind() != Kind::Cancelled
        {
            tracing::error!(code = error.code(), "a report could not be written to its end");
            let _ = sender.send(Err(error)).await;
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        let part = receiver.recv().await?;
        Some((part, receiver))
    }))
}
