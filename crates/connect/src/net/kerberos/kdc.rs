//! A KDC: found by its name or by DNS, and asked over TCP, a connection for each question.
//!
//! It is a place that a user names, so it is connected to under the rule for all such places. Reads no message.

use std::{net::SocketAddr, time::Duration};

use mailferry_model::{Kind, port::Cx};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Failure;
use crate::net::{
    Reach, dns,
    tcp::{self, within},
};

/// The longest answer that is read: tickets of members of very many groups have some 64 KiB.
const ANSWER: usize = 256 << 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of a domain with more, so many are tried.
const SERVERS: usize = 4;

/// Where a KDC is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Place {
    /// Reads `HOST` or `HOST:PORT`.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("kdc: {text:?} is not HOST or HOST:PORT");
        let url = url::Url::parse(&format!("tcp://{text}")).map_err(|_| wrong())?;
        let bare = url.path().is_empty() && url.query().is_none() && url.username().is_empty();
        match url.host_str().filter(|host| bare && !host.is_empty()) {
            Some(host) => Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(88) }),
            None => Err(wrong()),
        }
    }
}

/// A KDC that took a connection.
#[derive(Debug)]
pub struct Kdc {
    /// `HOST:PORT`.
    pub name: String,
    reach: Reach,
    address: SocketAddr,
    open: Option<TcpStream>,
}

impl Kdc {
    /// Reaches the one that is named, or the first of the realm's that takes a connection.
    ///
    /// # Errors
    /// `NotFound`; `Unreachable`.
    pub async fn reach(cx: &Cx, reach: &Reach, named: Option<&Place>, realm: &str) -> Result<Self, Failure> {
        let places = match named {
            Some(place) => vec![place.clone()],
            None => find(cx, reach, realm).await?,
        };
        let mut tries = Vec::new();
        for Place { host, port } in places {
            let reach = reach.clone().of(&host);
            let addresses = match tcp::addresses(cx, &reach, &host).await {
                Ok(addresses) => Reach::at(&addresses, port),
                Err(why) => {
                    tries.push(format!("{host}: {why}"));
                    continue;
                }
            };
            for address in addresses {
                match tcp::connect_to(cx, &reach, address).await {
                    Ok(open) => {
                        let name = format!("{host}:{port}");
                        return Ok(Self { name, reach, address, open: Some(open) });
                    }
                    Err(why) => tries.push(format!("{host}:{port} ({}): {why}", address.ip())),
                }
            }
        }
        Err(Failure::Unreachable(tries.join("\n")))
    }

    /// Asks, and reads the answer; both have their length in front.
    ///
    /// # Errors
    /// `Unreachable`; `NoAnswer`.
    // RFC 4120 §7.2.2
    pub async fn ask(&mut self, cx: &Cx, question: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut stream = match self.open.take() {
            Some(open) => open,
            None => tcp::connect_to(cx, &self.reach, self.address)
                .await
                .map_err(|why| Failure::Unreachable(format!("{}: {why}", self.name)))?,
        };
        let asking = async {
            stream.write_all(question).await?;
            let length = stream.read_u32().await?;
            let mut answer = length.to_be_bytes().to_vec();
            let whole = usize::try_from(length).ok().filter(|length| *length <= ANSWER);
            let Some(length) = whole else {
                return Err(std::io::Error::other(format!("an answer of {length} octets is none")));
            };
            answer.resize(4 + length, 0);
            stream.read_exact(&mut answer[4..]).await?;
            Ok(answer)
        };
        let answer = within(cx, "ask the KDC", PATIENCE.min(cx.put_timeout), asking).await;
        tracing::debug!(side = ?cx.side, answered = matches!(answer, Ok(Ok(_))), "a KDC was asked");
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(Failure::NoAnswer(e.to_string())),
            Err(e) if e.kind() == Kind::Cancelled => Err(Failure::NoAnswer("stopped".to_owned())),
            Err(e) => Err(Failure::NoAnswer(e.context().to_owned())),
        }
    }
}

/// The KDCs that DNS names.
// RFC 4120 §7.2.3.2
async fn find(cx: &Cx, reach: &Reach, realm: &str) -> Result<Vec<Place>, Failure> {
    let name = format!("_kerberos._tcp.{realm}");
    let found = dns::services(cx, reach.names, &name).await;
    let found = found.map_err(|why| Failure::NotFound(format!("SRV {name}: {why}")))?;
    let offered = found.into_iter().filter(|s| !s.host.is_empty()).take(SERVERS);
    let places: Vec<Place> = offered.map(|s| Place { host: s.host, port: s.port }).collect();
    match places.is_empty() {
        true => Err(Failure::NotFound(format!("SRV {name}: the domain offers none"))),
        false => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_with_or_without_a_port() {
        let of = |text| Place::parse(text).map(|p| (p.host, p.port));
        let is = |host: &str, port| Ok((host.to_owned(), port));
        assert_eq!(of("dc1.example.org"), is("dc1.example.org", 88));
        assert_eq!(of("dc1.example.org:1088"), is("dc1.example.org", 1088));
        assert_eq!(of("127.0.0.1:1088"), is("127.0.0.1", 1088));
        assert_eq!(of("[::1]:1088"), is("[::1]", 1088));
        for wrong in ["", "dc1:port", "dc1/x", "a@dc1", "tcp://dc1", "dc1?x"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
