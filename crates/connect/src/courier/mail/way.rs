//! The way to a mail server: connected to by `net`, secured as the channel says, and given to lettre, which speaks over it.
//!
//! STARTTLS is said here, because lettre connects and secures by itself or not at all.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use lettre::transport::smtp::{client::AsyncTokioStream, extension::ClientId};
use mailferry_model::{
    Error, Kind, Result, Retry,
    channel::mail::{MailRoute, Security},
    port::Cx,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{
    super::OP,
    refusal::{Said, Step, classify},
};
use crate::net::{Authorities, Plain, Reach, Stream, Trust, tcp, tls};

/// A line of an answer is no longer; an answer has no more lines.
const LONGEST: usize = 2048;
const LINES: usize = 100;

/// A connection on which the server's greeting comes next, and how we greet.
pub(super) async fn to(cx: &Cx, route: &MailRoute) -> Result<(Way, ClientId)> {
    let reach = Reach::default().of(&route.server);
    let not_there = |error: Error| match error.kind() {
        Kind::Cancelled => error,
        Kind::Forbidden => error.code_of("MAIL_NOT_ALLOWED"),
        _ => error.code_of("MAIL_UNREACHABLE").retry_of(Retry::Soon),
    };
    let addresses = tcp::resolve(cx, &reach, &route.server, route.port).await.map_err(not_there)?;
    let mut plain = tcp::connect(cx, &reach, &addresses).await.map_err(not_there)?;
    let ended = |e: io::Error| broken(cx, route, &e.to_string());
    let (peer, own) = (plain.peer_addr().map_err(ended)?, plain.local_addr().map_err(ended)?.ip());
    let hello = hello(route, own);
    let (stream, greeting): (Stream, &'static [u8]) = match route.security {
        Security::None => (Stream::Plain(plain), b""),
        Security::Tls => (secured(cx, route, plain).await?, b""),
        Security::Starttls => {
            ask_for_tls(cx, route, &mut plain, &hello).await?;
            // After the handshake no greeting comes: lettre is given the one that was read.
            (secured(cx, route, plain).await?, b"220 ready\r\n")
        }
    };
    Ok((Way { stream, greeting, peer }, hello))
}

/// By a name, or by our address as a literal.
// RFC 5321 §4.1.4
fn hello(route: &MailRoute, own: IpAddr) -> ClientId {
    match (&route.hello, own) {
        (Some(name), _) => ClientId::Domain(name.clone()),
        (None, IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        (None, IpAddr::V6(ip)) => ClientId::Ipv6(ip),
    }
}

async fn secured(cx: &Cx, route: &MailRoute, plain: Plain) -> Result<Stream> {
    let trust = match &route.ca {
        Some(text) => Trust::Ca(Authorities::Text(Arc::from(text.as_str()))),
        None => Trust::System,
    };
    // A certificate may be renewed, and nothing was sent that is secret.
    let refused = |error: Error| match error.kind() {
        Kind::Cancelled => error,
        _ => error.code_of("MAIL_TLS").retry_of(Retry::Soon),
    };
    tls::secure(cx, &trust, &route.server, plain).await.map(|tls| Stream::Tls(Box::new(tls))).map_err(refused)
}

// RFC 3207 §4
async fn ask_for_tls(cx: &Cx, route: &MailRoute, plain: &mut Plain, hello: &ClientId) -> Result<()> {
    let talk = async |plain: &mut Plain, say: String| {
        plain.write_all(say.as_bytes()).await?;
        answer(plain).await
    };
    let ended = |e: io::Error| broken(cx, route, &e.to_string());
    let refused = |said: &Answer| {
        let said = Said { code: Some(said.code), words: &said.words(), is_broken: false };
        classify(cx.side, Step::Greeting, &route.server, &said)
    };
    let greeting = answer(plain).await.map_err(ended)?;
    let offers = match greeting.code {
        220 => talk(plain, format!("EHLO {hello}\r\n")).await.map_err(ended)?,
        _ => return Err(refused(&greeting)),
    };
    if offers.code != 250 {
        return Err(refused(&offers));
    }
    if !offers.lines.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        let words = format!("{} offers no STARTTLS", route.server);
        return Err(Error::new(Kind::Unsupported, cx.side, OP, words).code_of("MAIL_NO_STARTTLS"));
    }
    match talk(plain, "STARTTLS\r\n".to_owned()).await.map_err(ended)? {
        said if said.code == 220 => Ok(()),
        said => Err(refused(&said)),
    }
}

fn broken(cx: &Cx, route: &MailRoute, words: &str) -> Error {
    classify(cx.side, Step::Greeting, &route.server, &Said { code: None, words, is_broken: true })
}

/// An answer before TLS.
struct Answer {
    code: u16,
    lines: Vec<String>,
}

impl Answer {
    fn words(&self) -> String {
        self.lines.join(" ")
    }
}

/// Reads one, and not an octet more: what stands behind it is not to be trusted once the line is secured.
// RFC 5321 §4.2.1
async fn answer(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Answer> {
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "that is no answer of a mail server");
    let mut lines = Vec::new();
    while lines.len() < LINES {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() >= LONGEST {
                return Err(unreadable());
            }
            line.push(from.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let code = line.get(..3).and_then(|digits| digits.parse::<u16>().ok()).ok_or_else(unreadable)?;
        let is_last = !line[3..].starts_with('-');
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if is_last {
            return Ok(Answer { code, lines });
        }
    }
    Err(unreadable())
}

/// A stream before which something stands.
pub(super) struct Way {
    stream: Stream,
    greeting: &'static [u8],
    peer: SocketAddr,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Way({})", self.peer)
    }
}

impl AsyncTokioStream for Way {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Way {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
            buf.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Way {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_and_no_further() {
        let mut from: &[u8] = b"250-mail.example\r\n250-STARTTLS\r\n250 HELP\r\n220 injected\r\n";
        let said = answer(&mut from).await.unwrap();
        assert_eq!(
            (said.code, said.lines.as_slice()),
            (250, ["mail.example", "STARTTLS", "HELP"].map(str::to_owned).as_slice())
        );
        assert_eq!(from, b"220 injected\r\n");
        for wrong in [&b"hello\r\n"[..], b"250-only", b"", "25\u{e4} x\r\n".as_bytes(), &[b'2'; 5000]] {
            assert!(answer(&mut { wrong }).await.is_err());
        }
    }
}
