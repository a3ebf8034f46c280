//! Whether the server takes connections, on each of its addresses.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use mailferry_model::port::Cx;

use super::{Fault, Told};
use crate::net::{
    Plain, Reach,
    proxy::Refusal,
    tcp::{self, Unconnected},
};

/// Of a host with many addresses so many are tried.
const TRIED: usize = 16;
/// Slower than that is worth a word.
const SLOW: Duration = Duration::from_secs(1);

/// Connects to all addresses at once; the first in their order that answers is kept.
///
/// # Errors
/// Why none answers: what the first one said.
pub async fn ask(
    cx: &Cx,
    reach: &Reach,
    host: &str,
    addresses: &[IpAddr],
    port: u16,
) -> Result<(Plain, Told), Fault> {
    let all = Reach::at(&addresses[..addresses.len().min(TRIED)], port);
    let began = cx.clock.elapsed();
    let tries = all.iter().map(|address| async move {
        let answer = tcp::connect_to(cx, reach, *address).await;
        (*address, answer, cx.clock.elapsed().saturating_sub(began))
    });
    let (mut kept, mut dead) = (None, Vec::new());
    for (address, answer, took) in join_all(tries).await {
        match answer {
            Ok(stream) if kept.is_none() => kept = Some((address, stream, took)),
            Ok(_) => {}
            Err(why) => dead.push((address, why)),
        }
    }
    let Some((address, stream, took)) = kept else {
        return Err(dead.first().map_or_else(
            || Fault::fail("DNS_NO_ADDRESS").with("host", host),
            |(address, why)| judge(why, host, *address).shown(shown(reach, &dead)),
        ));
    };
    let mut told = Told::pass(taken_by(reach, address));
    if let Some((first, _)) = dead.first() {
        let (address, dead) = (taken_by(reach, address), shown(reach, &dead));
        let warning =
            Fault::warn("TCP_SOME_ADDRESSES_DEAD").with("host", host).with("dead", first.ip().to_string());
        told = told.but(Some(warning.shown(format!("{address} answers; {dead}"))));
    } else if took > SLOW {
        let warning = Fault::warn("TCP_SLOW").with("milliseconds", took.as_millis().to_string());
        told = told.but(Some(warning));
    }
    Ok((stream, told))
}

/// Who takes a connection to this address: behind a proxy only the address is the proxy's, the port is the host's.
fn taken_by(reach: &Reach, address: SocketAddr) -> String {
    match reach.proxy() {
        Some(proxy) => format!("the proxy {}", SocketAddr::new(address.ip(), proxy.port)),
        None => address.to_string(),
    }
}

fn shown(reach: &Reach, dead: &[(SocketAddr, Unconnected)]) -> String {
    let each = dead.iter().map(|(address, why)| format!("{}: {why}", taken_by(reach, *address)));
    each.collect::<Vec<_>>().join("; ")
}

fn judge(why: &Unconnected, host: &str, address: SocketAddr) -> Fault {
    let code = match why {
        Unconnected::Proxy(Refusal::Unreachable(_)) => "PROXY_UNREACHABLE",
        Unconnected::Proxy(Refusal::SignIn(_)) => "PROXY_SIGN_IN",
        Unconnected::Proxy(Refusal::Scheme(_)) => "PROXY_NO_COMMON_SCHEME",
        Unconnected::Proxy(Refusal::Forbidden(_)) => "PROXY_FORBIDDEN",
        Unconnected::Proxy(Refusal::NoRoute(_)) => "PROXY_NO_ROUTE",
        Unconnected::Proxy(Refusal::Foreign(_)) => "PROXY_FOREIGN",
        Unconnected::NotAllowed(_) => "ADDRESS_NOT_ALLOWED",
        Unconnected::Proxy(Refusal::Silent(_)) => "PROXY_SILENT",
        Unconnected::Refused => "TCP_REFUSED",
        Unconnected::Reset => "TCP_RESET",
        Unconnected::NoRoute => "TCP_NO_ROUTE",
        Unconnected::Silent | Unconnected::Cancelled | Unconnected::Other(_) => "TCP_FILTERED",
    };
    Fault::fail(code)
        .with("host", host)
        .with("address", address.ip().to_string())
        .with("port", address.port().to_string())
        .with("words", why.to_string())
}
