//! A port with something behind it.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::dialogue::{Dialogue, End, speak};

/// What happens to a connection before the first word.
#[derive(Clone)]
pub enum Door {
    /// Nothing: plain text, with TLS to begin on request where there is a certificate.
    Open(Option<TlsAcceptor>),
    /// TLS from the first octet.
    Tls(TlsAcceptor),
    /// The same, but the handshake waits so long.
    Slow(TlsAcceptor, Duration),
    /// It is taken and nothing is ever said.
    Mute,
    /// It is closed at once.
    Shut,
    /// It is reset at once.
    Cut,
    /// Whatever comes first is answered with these octets, and it is closed: alerts of TLS, odd protocols.
    Octets(Vec<u8>),
    /// The first that comes is answered with these octets, the next with those: what a server says to new and to old
    /// greetings of TLS.
    OctetsByVersion {
        /// To a greeting of TLS 1.2 or newer.
        new: Vec<u8>,
        /// To an older one.
        old: Vec<u8>,
    },
    /// The same by whether a greeting of TLS offers a suite: what a server says that knows old suites alone.
    OctetsBySuite {
        /// The suite.
        suite: u16,
        /// To a greeting that offers it.
        with: Vec<u8>,
        /// To another.
        without: Vec<u8>,
    },
}

/// A server; it ends with this handle.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts it on a port of its own.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(door: Door, dialogue: Dialogue) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(door.clone(), dialogue.clone(), tcp));
            }
        });
        Ok(Self { address, task })
    }
}

async fn serve(door: Door, dialogue: Dialogue, mut tcp: TcpStream) {
    // A client that hangs up is no fault of a fake.
    _ = match door {
        Door::Open(tls) => open(&dialogue, tls, tcp).await,
        Door::Tls(tls) => secured(&dialogue, true, &tls, tcp).await,
        Door::Slow(tls, wait) => {
            tokio::time::sleep(wait).await;
            secured(&dialogue, true, &tls, tcp).await
        }
        Door::Mute => std::future::pending().await,
        Door::Shut => Ok(()),
        Door::Cut => tcp.set_zero_linger(),
        Door::Octets(octets) => answer(&mut tcp, &octets, &octets).await,
        Door::OctetsByVersion { new, old } => answer(&mut tcp, &new, &old).await,
        Door::OctetsBySuite { suite, with, without } => {
            answer_offer(&mut tcp, suite, (&with, &without)).await
        }
    };
}

async fn open(dialogue: &Dialogue, tls: Option<TlsAcceptor>, mut tcp: TcpStream) -> io::Result<()> {
    match (speak(dialogue, true, &mut tcp).await?, tls) {
        (End::StartTls, Some(tls)) => secured(dialogue, false, &tls, tcp).await,
        _ => Ok(()),
    }
}

async fn secured(dialogue: &Dialogue, greets: bool, tls: &TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let mut stream = tls.accept(tcp).await?;
    speak(dialogue, greets, &mut stream).await?;
    stream.shutdown().await
}

/// Reads what comes first and answers it by the version that it asks for.
async fn answer(tcp: &mut TcpStream, new: &[u8], old: &[u8]) -> io::Result<()> {
    let mut first = [0; 2048];
    let read = tcp.read(&mut first).await?;
    // The version of a ClientHello stands behind its two heads.
    let is_old = read > 10 && first[0] == 22 && (first[9], first[10]) < (3, 3);
    tcp.write_all(if is_old { old } else { new }).await?;
    tcp.shutdown().await
}

/// Reads what comes first and answers it by whether it offers a suite.
async fn answer_offer(tcp: &mut TcpStream, suite: u16, (with, without): (&[u8], &[u8])) -> io::Result<()> {
    let mut first = [0; 2048];
    let read = tcp.read(&mut first).await?;
    // Behind the heads, the version and the random octets stand a session and then the suites.
    let at = 44 + usize::from(first[43]);
    let suites = first[..read].get(at + 2..).unwrap_or_default();
    let length = first[..read].get(at..at + 2).map_or(0, |l| usize::from(l[0]) * 256 + usize::from(l[1]));
    let offers = suites[..length.min(suites.len())].chunks(2).any(|two| two == suite.to_be_bytes());
    tcp.write_all(if offers { with } else { without }).await?;
    tcp.shutdown().await
}
