//! One connection's octets: in through the framer, out counted, with TLS or without.

use std::{io, time::Duration};

use bytes::Bytes;
use mailferry_wire::imap::{CommandFramer, Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{log::Log, verdict::End};

/// Literals from this size on are taken in pieces.
pub(super) const STREAM_MIN: u64 = 256 << 10;

/// How much is read ahead while a command takes its time.
const AHEAD: u64 = 64 << 20;

/// A connection.
pub(super) struct Conn {
    stream: Stream,
    pub(super) framer: CommandFramer,
    pub(super) link: u64,
    log: Log,
    pub(super) gone: bool,
    /// Octets that may still be written before the connection breaks.
    left: Option<u64>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Taken,
}

impl Conn {
    pub(super) fn create(stream: TcpStream, link: u64, log: Log) -> Self {
        // A failure only makes it slower.
        let _ = stream.set_nodelay(true);
        Self { stream: Stream::Plain(stream), framer: framer(), link, log, gone: false, left: None }
    }

    /// Breaks after so many more octets to the client.
    pub(super) fn break_after(&mut self, octets: u64) {
        self.left = Some(octets);
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Goes on with TLS; what came before the handshake in plain text is forgotten.
    // RFC 9051 §6.2.1
    pub(super) async fn upgrade(&mut self, acceptor: &TlsAcceptor) -> Result<(), End> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Taken) else {
            return Err(End::Gone);
        };
        self.stream = Stream::Tls(Box::new(acceptor.accept(stream).await?));
        self.framer = framer();
        Ok(())
    }

    /// Reads some octets into the framer; how many.
    pub(super) async fn read(&mut self) -> Result<u64, End> {
        if self.gone {
            return Err(End::Gone);
        }
        let room = &mut self.framer.spare();
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read_buf(room).await,
            Stream::Tls(stream) => stream.read_buf(room).await,
            Stream::Taken => Ok(0),
        };
        let count = count.unwrap_or(0) as u64;
        self.log.add_in(self.link, count);
        self.gone = count == 0;
        if self.gone { Err(End::Gone) } else { Ok(count) }
    }

    /// Lets time pass, and meanwhile notices when the client goes. Whether it is still there.
    pub(super) async fn pass_time(&mut self, how_long: Duration) -> bool {
        let end = Instant::now() + how_long;
        let mut ahead = 0;
        while !self.gone && ahead < AHEAD {
            match timeout_at(end, self.read()).await {
                Ok(Ok(count)) => ahead += count,
                Ok(Err(_)) => return false,
                Err(_) => return true,
            }
        }
        if !self.gone {
            tokio::time::sleep_until(end).await;
        }
        !self.gone
    }

    /// Writes segments. That the client is gone is no error: what it sent whole is still done.
    pub(super) async fn write(&mut self, segments: &[Bytes]) -> Result<(), End> {
        match self.try_write(segments).await {
            Err(End::Gone) => {
                self.gone = true;
                Ok(())
            }
            other => other,
        }
    }

    async fn try_write(&mut self, segments: &[Bytes]) -> Result<(), End> {
        for segment in segments {
            if self.gone {
                return Ok(());
            }
            let mut part = &segment[..];
            if let Some(left) = &mut self.left {
                let fits = part.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= fits as u64;
                part = &part[..fits];
            }
            self.put(part).await?;
            self.log.add_out(self.link, part.len() as u64);
            if part.len() < segment.len() {
                self.flush().await?;
                return Err(End::Cut);
            }
        }
        self.flush().await?;
        Ok(())
    }

    async fn put(&mut self, part: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(part).await,
            Stream::Tls(stream) => stream.write_all(part).await,
            Stream::Taken => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.flush().await,
            Stream::Tls(stream) => stream.flush().await,
            Stream::Taken => Ok(()),
        }
    }

    /// Ends it politely.
    pub(super) async fn close(&mut self) {
        // The client may be gone already, which is as good.
        let _ = match &mut self.stream {
            Stream::Plain(stream) => stream.shutdown().await,
            Stream::Tls(stream) => stream.shutdown().await,
            Stream::Taken => Ok(()),
        };
        // Closing with unread octets would send RST, and the client could lose our last words.
        let end = Instant::now() + Duration::from_millis(500);
        while timeout_at(end, self.read()).await.is_ok_and(|read| read.is_ok()) {
            while matches!(self.framer.next(), Ok(Some(_))) {}
        }
    }
}

fn framer() -> CommandFramer {
    CommandFramer::with_limits(Limits {
        stream_min: STREAM_MIN,
        inline_total: u64::MAX / 2,
        ..Limits::default()
    })
}
