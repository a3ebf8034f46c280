//! A proxy: HTTP CONNECT or SOCKS 5, with or without a sign-in. It knows every name as this machine.

use std::{io, net::SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it speaks, and whether it lets us through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CONNECT.
    Http,
    /// CONNECT, always answered with this status.
    HttpStatus(u16),
    /// CONNECT, always answered with 407 and this offer.
    HttpOffers(&'static str),
    /// SOCKS 5.
    Socks5,
    /// SOCKS 5, always answered with this reply.
    SocksReply(u8),
    /// It takes connections and swallows all that is sent.
    Mute,
    /// CONNECT, and then it swallows all that is sent.
    HttpSwallows,
    /// SOCKS 5, and then it swallows all that is sent.
    SocksSwallows,
}

/// What becomes of a connection that is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Host,
    Nothing,
}

/// A proxy; it ends with this handle.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts it on a port of its own; `sign_in` is the name and password that it wants.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(kind: Kind, sign_in: Option<(&'static str, &'static str)>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // A client that hangs up is no fault of a fake.
                    _ = match kind {
                        Kind::Http => http(client, sign_in, None, Behind::Host).await,
                        Kind::HttpOffers(offer) => refuse(client, offer).await,
                        Kind::HttpStatus(status) => http(client, sign_in, Some(status), Behind::Host).await,
                        Kind::HttpSwallows => http(client, sign_in, None, Behind::Nothing).await,
                        Kind::Socks5 => socks(client, sign_in, 0, Behind::Host).await,
                        Kind::SocksReply(reply) => socks(client, sign_in, reply, Behind::Host).await,
                        Kind::SocksSwallows => socks(client, sign_in, 0, Behind::Nothing).await,
                        Kind::Mute => pass(client, 0, Behind::Nothing).await,
                    };
                });
            }
        });
        Ok(Self { address, task })
    }
}

async fn pass(mut client: TcpStream, port: u16, behind: Behind) -> io::Result<()> {
    if behind == Behind::Nothing {
        return copy(&mut client, &mut sink()).await.map(drop);
    }
    let mut host = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut client, &mut host).await.map(drop)
}

async fn http(
    mut client: TcpStream,
    sign_in: Option<(&str, &str)>,
    status: Option<u16>,
    behind: Behind,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let known = sign_in.is_none_or(|(user, password)| {
        head.contains(&format!(
            "Proxy-Authorization: Basic {}\r\n",
            STANDARD.encode(format!("{user}:{password}"))
        ))
    });
    let status = status.unwrap_or(if known { 200 } else { 407 });
    client.write_all(format!("HTTP/1.1 {status} as told\r\n\r\n").as_bytes()).await?;
    let place = head.split(' ').nth(1).unwrap_or_default();
    match (status, place.rsplit_once(':').and_then(|(_, port)| port.parse().ok())) {
        (200, Some(port)) => pass(client, port, behind).await,
        _ => Ok(()),
    }
}

/// Wants a sign-in, whatever it is shown.
async fn refuse(mut client: TcpStream, offer: &str) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let answer = format!("HTTP/1.1 407 Sign In\r\nProxy-Authenticate: {offer}\r\n\r\n");
    client.write_all(answer.as_bytes()).await
}

// RFC 1928 §3, RFC 1929 §2
async fn socks(
    mut client: TcpStream,
    sign_in: Option<(&str, &str)>,
    reply: u8,
    behind: Behind,
) -> io::Result<()> {
    let mut first = [0; 2];
    client.read_exact(&mut first).await?;
    let mut methods = vec![0; usize::from(first[1])];
    client.read_exact(&mut methods).await?;
    let wanted = if sign_in.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        return client.write_all(&[5, 0xff]).await;
    }
    client.write_all(&[5, wanted]).await?;
    if let Some((user, password)) = sign_in {
        let _version = client.read_u8().await?;
        let mut told = [Vec::new(), Vec::new()];
        for text in &mut told {
            text.resize(usize::from(client.read_u8().await?), 0);
            client.read_exact(text).await?;
        }
        let known = told[0] == user.as_bytes() && told[1] == password.as_bytes();
        client.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            return Ok(());
        }
    }
    let mut asked = [0; 4];
    client.read_exact(&mut asked).await?;
    let length = match asked[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(client.read_u8().await?),
    };
    let mut name = vec![0; length];
    client.read_exact(&mut name).await?;
    let port = client.read_u16().await?;
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if reply == 0 { pass(client, port, behind).await } else { Ok(()) }
}
