//! The writing half: commands in their order, bodies forwarded as they are, several at a time in one call.

use std::{collections::VecDeque, io, io::IoSlice, pin::pin, sync::atomic::Ordering};

use bytes::{Buf, Bytes};
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::BoxStream,
};
use mailferry_model::{Error, Kind, Result};
use mailferry_wire::imap::{Segment, Tag};
use tokio::{
    io::{AsyncWriteExt, WriteHalf},
    sync::mpsc,
};

use super::{Gate, Inner};
use crate::net::{Stream, stream::without_manual};

/// Octets gathered before they are written.
const GATHER: usize = 256 << 10;
/// Pieces written by one call.
const SLICES: usize = 64;

/// Octets on their way out.
#[derive(Default)]
struct Gathered {
    pieces: VecDeque<Bytes>,
    octets: usize,
}

impl Gathered {
    fn push(&mut self, piece: Bytes) {
        self.octets += piece.len();
        self.pieces.push_back(piece);
    }

    async fn write(&mut self, half: &mut WriteHalf<Stream>) -> io::Result<()> {
        while !self.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.pieces.len().min(SLICES);
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(piece);
            }
            let mut written = half.write_vectored(&slices[..count]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            while let Some(first) = self.pieces.front_mut() {
                if first.len() > written {
                    first.advance(written);
                    break;
                }
                written -= first.len();
                self.pieces.pop_front();
            }
        }
        self.octets = 0;
        half.flush().await
    }
}

impl Inner {
    /// Writes until the connection ends; returns why.
    pub(super) async fn write(
        &self,
        mut half: WriteHalf<Stream>,
        mut gate: mpsc::UnboundedReceiver<Gate>,
    ) -> Error {
        let mut out = Gathered::default();
        loop {
            let next = match out.octets {
                0 => self.wait_for_command().await,
                octets if octets < GATHER && self.pacer.left(&self.cx).is_zero() => self.next_queued(),
                _ => None,
            };
            let done = match next {
                Some((tag, ask)) => {
                    let segments = ask.command.encode(Tag(tag), self.literals());
                    self.command(&mut half, &mut gate, &mut out, tag, segments, ask.body).await
                }
                None => self.flush(&mut out, &mut half).await,
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Waits for a command that may be sent now.
    async fn wait_for_command(&self) -> Option<(u32, super::Ask)> {
        loop {
            if self.lock().dead.is_some() {
                // Given up: the error is there already.
                std::future::pending::<()>().await;
            }
            if let Some(error) = self.pacer.refusal(&self.cx) {
                self.forget_queued(error);
            } else if !self.lock().closing {
                let ready = pin!(self.pacer.ready(&self.cx));
                let stopped = pin!(self.cx.cancel.cancelled());
                let first = select(ready, stopped).await;
                if matches!(first, Either::Right(_)) && !self.pacer.left(&self.cx).is_zero() {
                    // Nobody waits for the end of a pause any more; all that may still be said is goodbye.
                    let text = "stopped during a pause that the server asked for";
                    self.forget_queued(self.error(Kind::Cancelled, text));
                }
                if self.pacer.refusal(&self.cx).is_some() {
                    continue;
                }
            }
            if let Some(next) = self.next_queued() {
                self.touch();
                return Some(next);
            }
            self.wake.notified().await;
        }
    }

    async fn flush(&self, out: &mut Gathered, half: &mut WriteHalf<Stream>) -> Result<()> {
        let written = out.write(half).await;
        self.touch();
        written.map_err(|e| self.error(Kind::Unreachable, without_manual(&e.to_string())).because(e))
    }

    async fn command(
        &self,
        half: &mut WriteHalf<Stream>,
        gate: &mut mpsc::UnboundedReceiver<Gate>,
        out: &mut Gathered,
        tag: u32,
        segments: Vec<Segment>,
        mut body: Option<BoxStream<'static, Result<Bytes>>>,
    ) -> Result<()> {
        for segment in segments {
            match segment {
                Segment::Bytes(octets) => out.push(octets),
                Segment::AwaitContinue => {
                    self.lock().awaiting = tag;
                    self.flush(out, half).await?;
                    match gate.recv().await {
                        Some(Gate::Go) => {}
                        // RFC 9051 §7.6: a tagged answer instead ends the command.
                        Some(Gate::Refused) => return Ok(()),
                        None => return Err(self.error(Kind::Unreachable, "the connection ended")),
                    }
                }
                Segment::Stream { size } => {
                    let missing = || self.error(Kind::Bug, "a streamed literal without its octets");
                    let mut body = body.take().ok_or_else(missing)?;
                    self.forward(half, out, size, &mut body).await?;
                }
            }
            if out.octets >= GATHER {
                self.flush(out, half).await?;
            }
        }
        Ok(())
    }

    /// Forwards exactly `size` octets; a body that is shorter, longer or broken ends the connection.
    async fn forward(
        &self,
        half: &mut WriteHalf<Stream>,
        out: &mut Gathered,
        size: u64,
        body: &mut BoxStream<'static, Result<Bytes>>,
    ) -> Result<()> {
        let mut left = size;
        loop {
            self.ours.fetch_add(1, Ordering::Relaxed);
            let piece = body.next().await;
            self.ours.fetch_sub(1, Ordering::Relaxed);
            self.touch();
            let Some(piece) = piece else { break };
            let piece = piece?;
            let length = piece.len() as u64;
            if length > left {
                return Err(self.error(Kind::Conflict, "the body is longer than announced"));
            }
            left -= length;
            out.push(piece);
            self.flush(out, half).await?;
            self.cx.meter.moved(self.cx.side, length);
        }
        match left {
            0 => Ok(()),
            _ => Err(self.error(Kind::Conflict, "the body is shorter than announced")),
        }
    }
}
