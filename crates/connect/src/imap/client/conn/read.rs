//! The reading half: cuts what arrives and routes it. Never blocks but for a large body whose reader is slow.

use std::{pin::pin, sync::atomic::Ordering};

use bytes::Bytes;
use futures_util::future::{Either, select};
use mailferry_codec::mime::Digester;
use mailferry_model::{
    Error, Kind,
    item::{Body, Chunks},
    key::Digest,
};
use mailferry_wire::imap::{Data, Event, Fetch, Frame, Reply, ResponseFramer};
use tokio::{
    io::{AsyncReadExt, ReadHalf},
    sync::mpsc,
};

use super::{Gate, Inner};
use crate::{
    imap::client::{
        line::nonsense,
        pipe::{Answer, Kept},
    },
    net::{Stream, stream::without_manual},
};

/// So many times as long as an answer to a put may take, a piece of a large body waits for its reader.
const UNWANTED: u32 = 2;
/// Pieces of a large body that may wait for their reader.
const PIECES_AHEAD: usize = 4;
/// So much of a body that nobody wants is read away; more ends the connection.
const READ_AWAY: u64 = 1 << 20;

/// The literal that is arriving.
enum Arriving {
    /// Is kept until its response is whole.
    Kept(Chunks),
    /// Goes to its reader.
    Passed(mpsc::Sender<Bytes>, u64),
    /// Nobody wants it.
    Dropped(u64),
}

/// What is remembered from one response to the next.
#[derive(Default)]
struct Memory {
    digester: Digester,
    /// The last was a state that could not be read: what makes no sense behind it is the rest of it.
    torn: bool,
}

impl Inner {
    /// Reads until the connection ends; returns why.
    pub(super) async fn read(
        &self,
        mut half: ReadHalf<Stream>,
        mut framer: ResponseFramer,
        gate: mpsc::UnboundedSender<Gate>,
    ) -> Error {
        let mut arriving: Option<Arriving> = None;
        let mut kept: Option<Kept> = None;
        let mut memory = Memory::default();
        loop {
            loop {
                match framer.next() {
                    Err(e) => return self.error(Kind::Malformed, e.to_string()),
                    Ok(None) => break,
                    Ok(Some(Event::Response(frame))) => {
                        if let Err(error) = self.response(&frame, kept.take(), &mut memory, &gate) {
                            return error;
                        }
                    }
                    Ok(Some(Event::LiteralStart { head, size })) => {
                        arriving = Some(self.literal(&head, size));
                    }
                    Ok(Some(Event::LiteralChunk(piece))) => {
                        if let Some(error) = self.piece(&mut arriving, &mut memory.digester, piece).await {
                            return error;
                        }
                    }
                    Ok(Some(Event::LiteralEnd)) => {
                        if let Some(Arriving::Kept(chunks)) = arriving.take() {
                            let digest = Digest(memory.digester.take());
                            kept.get_or_insert(Kept { chunks, digest });
                        }
                    }
                }
            }
            match half.read_buf(&mut framer.spare()).await {
                Ok(0) => return self.error(Kind::Unreachable, "the server closed the connection"),
                Ok(_) => self.touch(),
                Err(e) => return self.error(Kind::Unreachable, without_manual(&e.to_string())).because(e),
            }
        }
    }

    fn response(
        &self,
        frame: &Frame,
        kept: Option<Kept>,
        memory: &mut Memory,
        gate: &mpsc::UnboundedSender<Gate>,
    ) -> Result<(), Error> {
        match Reply::parse(frame) {
            Ok(reply) => {
                memory.torn = false;
                let kept = kept.or_else(|| in_one_piece(&reply, &mut memory.digester));
                self.route(reply, kept, gate)
            }
            // A folder whose state cannot be read is asked for again without MAILBOXID: see `Quirk::GarbledMailboxId`.
            // Its stray octets may be line ends, too.
            Err(_) if memory.torn || frame.bytes().starts_with(b"* STATUS ") => {
                memory.torn = true;
                Ok(())
            }
            Err(e) => {
                let text = format!("an answer that makes no sense: {}", self.mask.clean(&nonsense(e, frame)));
                Err(self.error(Kind::Malformed, text))
            }
        }
    }

    /// A literal begins: a small one is kept, a large body goes to whoever asked for bodies.
    fn literal(&self, head: &Frame, size: u64) -> Arriving {
        if size <= Body::IN_MEMORY {
            return Arriving::Kept(Chunks::default());
        }
        let mut state = self.lock();
        let Some(fetch) = Fetch::parse_head(head) else { return Arriving::Dropped(size) };
        let Some(flying) = state.reader(&fetch) else { return Arriving::Dropped(size) };
        let (tx, pieces) = mpsc::channel(PIECES_AHEAD);
        match flying.to.send(Answer::Large { fetch: Box::new(fetch), size, pieces }) {
            Ok(()) => Arriving::Passed(tx, size),
            Err(_) => Arriving::Dropped(size),
        }
    }

    async fn piece(
        &self,
        arriving: &mut Option<Arriving>,
        digester: &mut Digester,
        piece: Bytes,
    ) -> Option<Error> {
        let length = piece.len() as u64;
        match arriving {
            Some(Arriving::Kept(chunks)) => {
                digester.update(&piece);
                chunks.push(piece);
            }
            Some(Arriving::Passed(tx, left)) => {
                *left -= length.min(*left);
                let gone = match tx.try_send(piece) {
                    Ok(()) => false,
                    Err(mpsc::error::TrySendError::Closed(_)) => true,
                    Err(mpsc::error::TrySendError::Full(piece)) => {
                        self.ours.fetch_add(1, Ordering::Relaxed);
                        let limit = self.cx.clock.sleep(self.cx.put_timeout * UNWANTED);
                        let taken = match select(pin!(tx.send(piece)), limit).await {
                            Either::Left((sent, _)) => Some(sent.is_ok()),
                            Either::Right(_) => None,
                        };
                        self.ours.fetch_sub(1, Ordering::Relaxed);
                        self.touch();
                        // Whoever should take it waits for something that stands behind it here.
                        let Some(taken) = taken else {
                            return Some(self.error(Kind::Timeout, "nobody takes a large body"));
                        };
                        !taken
                    }
                };
                if gone {
                    *arriving = Some(Arriving::Dropped(*left));
                }
            }
            Some(Arriving::Dropped(left)) => *left -= length.min(*left),
            None => {}
        }
        match arriving {
            Some(Arriving::Dropped(left)) if *left > READ_AWAY => {
                Some(self.error(Kind::Unreachable, "a large body is not wanted any more"))
            }
            _ => None,
        }
    }
}

/// A body that stayed in its answer, with its digest.
fn in_one_piece(reply: &Reply, digester: &mut Digester) -> Option<Kept> {
    let Reply::Fetch(fetch) = reply else { return None };
    let Some(Data::Bytes(octets)) = fetch.body() else { return None };
    digester.update(octets);
    Some(Kept { chunks: Chunks::from(octets.clone()), digest: Digest(digester.take()) })
}
