//! Names and connections, each with an end to its waiting.
//!
//! Tries the addresses of a name in their order. The only place where connections begin, so that each address is held
//! against the rule of which may be connected to.

use std::{fmt, future::Future, io, net::SocketAddr, time::Duration};

use futures_util::future::{Either, select};
use mailferry_model::{Error, Kind, Result, Scope, outward::Forbidden, port::Cx};
use tokio::net::TcpStream;

use super::{dns, proxy::Refusal, reach::Reach};

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
    // A side that never stops talking uses up what a task may do at a stretch; the end is looked at all the same.
    let ends = tokio::task::unconstrained(ends(cx, limit));
    let (work, ends) = (std::pin::pin!(work), std::pin::pin!(ends));
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

/// Why an address cannot be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconnected {
    /// Nothing listens there.
    Refused,
    /// No answer in time.
    Silent,
    /// Taken and cut.
    Reset,
    /// No route.
    NoRoute,
    /// The run was cancelled.
    Cancelled,
    /// This process may not connect there.
    NotAllowed(Forbidden),
    /// The proxy does not connect us.
    Proxy(Refusal),
    /// Something else, in the system's words.
    Other(String),
}

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unconnected::Refused => "nothing listens there (connection refused)",
            Unconnected::Silent => "no answer in time",
            Unconnected::Reset => "connection reset",
            Unconnected::NoRoute => "no route",
            Unconnected::Cancelled => "stopped",
            Unconnected::NotAllowed(why) => return why.fmt(f),
            Unconnected::Proxy(refusal) => return refusal.fmt(f),
            Unconnected::Other(words) => words,
        })
    }
}

/// The addresses that are connected to: those of the host, or of the proxy that serves it.
///
/// # Errors
/// Why there are none.
pub async fn addresses(
    cx: &Cx,
    reach: &Reach,
    host: &str,
) -> std::result::Result<Vec<std::net::IpAddr>, dns::Unresolved> {
    let asked = reach.proxy().map_or(host, |proxy| &proxy.host);
    dns::addresses(cx, reach.names, asked).await
}

/// The addresses of a host.
///
/// # Errors
/// `Unreachable` if the name does not exist or nobody could be asked.
pub async fn resolve(cx: &Cx, reach: &Reach, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = addresses(cx, reach, host).await;
    let addresses = found.map_err(|why| {
        let kind = if why == dns::Unresolved::Cancelled { Kind::Cancelled } else { Kind::Unreachable };
        Error::new(kind, cx.side, "resolve name", format!("{host}: {why}"))
    })?;
    Ok(Reach::at(&addresses, port))
}

/// A connection to one address.
///
/// # Errors
/// Why there is none.
pub async fn connect_to(
    cx: &Cx,
    reach: &Reach,
    address: SocketAddr,
) -> std::result::Result<TcpStream, Unconnected> {
    let proxy = reach.proxy();
    let first = proxy.map_or(address, |proxy| SocketAddr::new(address.ip(), proxy.port));
    check_allowed(cx, first)?;
    // A proxy is given the host as it was named: as a name it is the proxy's to judge.
    if let (Some(_), Ok(ip)) = (proxy, reach.host.trim_matches(['[', ']']).parse()) {
        check_allowed(cx, SocketAddr::new(ip, address.port()))?;
    }
    let limited = |e: Error| match e.kind() {
        Kind::Cancelled => Unconnected::Cancelled,
        _ => Unconnected::Silent,
    };
    let began = cx.clock.elapsed();
    let answer = within(cx, "connect", reach.connect, TcpStream::connect(first)).await.map_err(limited)?;
    let ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
    tracing::debug!(side = ?cx.side, address = %first, taken = answer.is_ok(), ms, "a connection was tried");
    let stream = match (answer, proxy) {
        (Ok(stream), None) => stream,
        (Ok(stream), Some(proxy)) => {
            let connecting = proxy.connect(stream, &reach.host, address.port());
            let connected = within(cx, "connect", reach.connect, connecting).await;
            // The connection stands: the silence is the proxy's.
            let connected = connected.map_err(|e| match e.kind() {
                Kind::Timeout => Unconnected::Proxy(Refusal::Silent(e.context().to_owned())),
                _ => limited(e),
            })?;
            connected.map_err(Unconnected::Proxy)?
        }
        (Err(e), None) => return Err(unconnected(&e)),
        (Err(e), Some(_)) => return Err(Unconnected::Proxy(Refusal::Unreachable(e.to_string()))),
    };
    stream.set_nodelay(true).map_err(|e| unconnected(&e))?;
    Ok(stream)
}

/// Holds an address against the rule of the run.
fn check_allowed(cx: &Cx, address: SocketAddr) -> std::result::Result<(), Unconnected> {
    cx.outward.check(address).map_err(Unconnected::NotAllowed)?;
    // A socket is bound to an address of this machine alone.
    let is_here = || std::net::UdpSocket::bind((address.ip(), 0)).is_ok();
    match cx.outward.listens_everywhere(address.port()) && is_here() {
        true => Err(Unconnected::NotAllowed(Forbidden::Ourselves)),
        false => Ok(()),
    }
}

fn unconnected(error: &io::Error) -> Unconnected {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unconnected::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Unconnected::Reset,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Unconnected::NoRoute,
        io::ErrorKind::TimedOut => Unconnected::Silent,
        _ => Unconnected::Other(error.to_string()),
    }
}

/// A connection to the first address that answers.
///
/// # Errors
/// `Unreachable` with what the last address said.
pub async fn connect(cx: &Cx, reach: &Reach, addresses: &[SocketAddr]) -> Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match connect_to(cx, reach, *address).await {
            Ok(stream) => return Ok(stream),
            Err(Unconnected::Cancelled) => {
                return Err(Error::new(Kind::Cancelled, cx.side, "connect", "stopped"));
            }
            Err(why) => last = Some((*address, why)),
        }
    }
    let forbidden = matches!(last, Some((_, Unconnected::NotAllowed(_))));
    let text = last.map_or("no address".to_owned(), |(address, why)| format!("{address}: {why}"));
    Err(match forbidden {
        true => Error::new(Kind::Forbidden, cx.side, "connect", text).scope_of(Scope::Endpoint),
        false => Error::new(Kind::Unreachable, cx.side, "connect", text),
    })
}
