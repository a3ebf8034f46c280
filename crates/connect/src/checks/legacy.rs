//! Which version of TLS a server offers at most, where it does not agree with us: asked with greetings of our own,
//! because our library knows no old versions and no old suites.
//!
//! Nothing is ever sent over such a connection but this one greeting.

use std::{net::SocketAddr, time::Duration};

use mailferry_model::port::Cx;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::{
    Reach,
    tcp::{self, within},
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The newest version that a server agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest {
    /// TLS 1.2, with suites that we do not know.
    Tls12,
    /// An older one, by its name.
    Old(&'static str),
}

/// A version that is greeted with, as its second octet on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    Tls11 = 2,
    Tls12 = 3,
}

/// The newest version before 1.3 that the server agrees to. Only who does not agree to 1.2 is greeted with an older one:
/// some servers hang up at what they do not know.
pub async fn ask(cx: &Cx, reach: &Reach, address: SocketAddr, host: &str) -> Option<Newest> {
    for greeting in [Greeting::Tls12, Greeting::Tls11] {
        let newest = greet(cx, reach, (address, host), greeting).await;
        if newest.is_some() {
            return newest;
        }
    }
    None
}

async fn greet(
    cx: &Cx,
    reach: &Reach,
    (address, host): (SocketAddr, &str),
    greeting: Greeting,
) -> Option<Newest> {
    let mut tcp = tcp::connect_to(cx, reach, address).await.ok()?;
    let mut head = [0u8; 11];
    let talk = async {
        tcp.write_all(&hello(host, greeting)).await?;
        tcp.read_exact(&mut head).await
    };
    within(cx, "secure connection", ANSWER, talk).await.ok()?.ok()?;
    version_of(&head)
}

/// The version in a ServerHello.
// RFC 5246 §7.4.1.3
fn version_of(head: &[u8; 11]) -> Option<Newest> {
    match (head[0], head[5], head[9], head[10]) {
        (22, 2, 3, 0) => Some(Newest::Old("SSL 3.0")),
        (22, 2, 3, 1) => Some(Newest::Old("TLS 1.0")),
        (22, 2, 3, 2) => Some(Newest::Old("TLS 1.1")),
        (22, 2, 3, 3) => Some(Newest::Tls12),
        _ => None,
    }
}

/// A ClientHello with the suites of its time.
// RFC 4346 §7.4.1.2, RFC 5246 §7.4.1.2, RFC 6066 §3
fn hello(host: &str, greeting: Greeting) -> Vec<u8> {
    const OLD: [u16; 10] = [0xc014, 0xc013, 0xc00a, 0xc009, 0x0039, 0x0033, 0x0035, 0x002f, 0x000a, 0x0005];
    const OF_12: [u16; 12] =
        [0xc030, 0xc02f, 0xc02c, 0xc02b, 0xc028, 0xc027, 0x009f, 0x009e, 0x009d, 0x009c, 0x003d, 0x003c];
    let newer = if greeting == Greeting::Tls12 { &OF_12[..] } else { &[] };
    let suites: Vec<u16> = newer.iter().chain(&OLD).copied().collect();
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = host.as_bytes();
        let length = name.len() as u16;
        extensions.extend([0, 0]);
        extensions.extend((length + 5).to_be_bytes());
        extensions.extend((length + 3).to_be_bytes());
        extensions.push(0);
        extensions.extend(length.to_be_bytes());
        extensions.extend(name);
    }
    // Curves P-256 and P-384, points uncompressed.
    extensions.extend([0, 10, 0, 6, 0, 4, 0, 23, 0, 24, 0, 11, 0, 2, 1, 0]);
    if greeting == Greeting::Tls12 {
        // RFC 5246 §7.4.1.4.1: SHA-256, SHA-384 and SHA-1, with RSA and ECDSA.
        extensions.extend([0, 13, 0, 14, 0, 12, 4, 1, 4, 3, 5, 1, 5, 3, 2, 1, 2, 3]);
    }
    let mut body = vec![3, greeting as u8];
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend((suites.len() as u16 * 2).to_be_bytes());
    suites.iter().for_each(|suite| body.extend(suite.to_be_bytes()));
    body.extend([1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_add_up() {
        for host in ["mail.example.org", "192.0.2.1"] {
            for greeting in [Greeting::Tls11, Greeting::Tls12] {
                let hello = hello(host, greeting);
                assert_eq!(usize::from(hello[3]) * 256 + usize::from(hello[4]), hello.len() - 5);
                assert_eq!(usize::from(hello[7]) * 256 + usize::from(hello[8]), hello.len() - 9);
                let suites = usize::from(hello[44]) * 256 + usize::from(hello[45]);
                let extensions = usize::from(hello[48 + suites]) * 256 + usize::from(hello[49 + suites]);
                assert_eq!(hello.len(), 50 + suites + extensions);
            }
        }
    }

    #[test]
    fn a_version_is_read_from_a_hello_alone() {
        assert_eq!(version_of(&[22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1]), Some(Newest::Old("TLS 1.0")));
        assert_eq!(version_of(&[22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 2]), Some(Newest::Old("TLS 1.1")));
        assert_eq!(version_of(&[22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3]), Some(Newest::Tls12));
        assert_eq!(version_of(&[21, 3, 1, 0, 2, 2, 70, 0, 0, 0, 0]), None);
    }
}
