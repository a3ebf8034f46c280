//! Names and connections, each with an end to its waiting.
//!
//! Tries the addresses of a name in their order; which hosts may be connected to is judged before.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use futures_util::future::{Either, select};
use mailferry_model::{Error, Kind, Result, port::Cx};
use tokio::net::{TcpStream, lookup_host};

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a name may take.
const RESOLVE: Duration = Duration::from_secs(15);

/// Runs something until `limit` has passed or the run is cancelled.
///
/// # Errors
/// `Timeout` or `Cancelled`.
pub async fn within<T>(
    cx: &Cx,
    op: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T> {
    let (work, ends) = (std::pin::pin!(work), std::pin::pin!(ends(cx, limit)));
    match select(work, ends).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => {
            cx.cancel.check()?;
            Err(Error::new(Kind::Timeout, cx.side, op, format!("no answer within {} s", limit.as_secs())))
        }
    }
}

async fn ends(cx: &Cx, limit: Duration) {
    select(cx.clock.sleep(limit), std::pin::pin!(cx.cancel.cancelled())).await;
}

/// The addresses of a host.
///
/// # Errors
/// `Unreachable` if the name does not exist or nobody could be asked.
pub async fn resolve(cx: &Cx, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = within(cx, "resolve name", RESOLVE, lookup_host((bare, port))).await?;
    let refused =
        |why: String| Error::new(Kind::Unreachable, cx.side, "resolve name", format!("{host}: {why}"));
    let addresses: Vec<SocketAddr> = found.map_err(|e| refused(e.to_string()).because(e))?.collect();
    if addresses.is_empty() {
        return Err(refused("the name has no address".into()));
    }
    Ok(addresses)
}

/// A connection to the first address that answers.
///
/// # Errors
/// `Unreachable` or `Timeout` with what the last address said.
pub async fn connect(cx: &Cx, addresses: &[SocketAddr]) -> Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match within(cx, "connect", CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|e| explain(cx, *address, e))?;
                return Ok(stream);
            }
            Ok(Err(e)) => last = Some(explain(cx, *address, e)),
            Err(e) if e.kind() == Kind::Cancelled => return Err(e),
            Err(e) => {
                let text = format!("{address} does not answer: {}", e.context());
                last = Some(Error::new(Kind::Unreachable, cx.side, "connect", text));
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::new(Kind::Unreachable, cx.side, "connect", "no address")))
}

fn explain(cx: &Cx, address: SocketAddr, error: io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "no route".to_owned(),
        _ => error.to_string(),
    };
    Error::new(Kind::Unreachable, cx.side, "connect", format!("{address}: {why}")).because(error)
}
