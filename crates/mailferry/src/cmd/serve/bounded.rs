//! A listener that takes no more connections than it may: the rest wait in the kernel's queue until one ends.

use std::{
    io::{Error, Result},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Connections at once, of all clients together.
const MOST: usize = 512;

/// An address of the other side.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Address for Peer {
    type Stream = Counted;
    type Listener = Bounded;
}

impl Connected<Peer> for SocketAddr {
    fn connect_info(peer: Peer) -> Self {
        peer.0
    }
}

/// The listener.
pub struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Bounded {
    /// Over one that is bound.
    pub fn over(listener: std::net::TcpListener) -> Result<Self> {
        Ok(Self::of(TcpListener::from_std(listener)?, MOST))
    }

    fn of(listener: TcpListener, most: usize) -> Self {
        Self { listener, free: Arc::new(Semaphore::new(most)) }
    }
}

impl AddrListener<Counted, Peer> for Bounded {
    async fn bind_to(peer: Peer) -> Result<Self> {
        Ok(Self::of(TcpListener::bind(peer.0).await?, MOST))
    }

    async fn accept_stream(&self) -> Result<(Counted, Peer)> {
        let place = self.free.clone().acquire_owned().await.map_err(Error::other)?;
        let (stream, address) = self.listener.accept().await?;
        Ok((Counted { stream, _place: place }, Peer(address)))
    }

    fn get_local_addr(&self) -> Result<Peer> {
        self.listener.local_addr().map(Peer)
    }
}

/// A connection that holds its place until it ends.
pub struct Counted {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_more_waits_until_another_ends() {
        let listener = Bounded::of(TcpListener::bind("127.0.0.1:0").await.unwrap(), 2);
        let address = listener.get_local_addr().unwrap().0;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let (first, _) = listener.accept_stream().await.unwrap();
        let _second = listener.accept_stream().await.unwrap();
        assert!(listener.accept_stream().now_or_never().is_none(), "the third waits in the queue");
        drop(first);
        listener.accept_stream().await.unwrap();
    }
}
