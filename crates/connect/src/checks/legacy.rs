//! Which old version of TLS a server offers: asked with a greeting of our own, because our library knows no old ones.
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

/// The newest version of TLS before 1.2 that the server agrees to.
pub async fn ask(cx: &Cx, reach: &Reach, address: SocketAddr, host: &str) -> Option<&'static str> {
    let mut tcp = tcp::connect_to(cx, reach, address).await.ok()?;
    let mut head = [0u8; 11];
    let talk = async {
        tcp.write_all(&hello(host)).await?;
        tcp.read_exact(&mut head).await
    };
    within(cx, "secure connection", ANSWER, talk).await.ok()?.ok()?;
    version_of(&head)
}

/// The version in a ServerHello.
// RFC 5246 §7.4.1.3
fn version_of(head: &[u8; 11]) -> Option<&'static str> {
    match (head[0], head[5], head[9], head[10]) {
        (22, 2, 3, 0) => Some("SSL 3.0"),
        (22, 2, 3, 1) => Some("TLS 1.0"),
        (22, 2, 3, 2) => Some("TLS 1.1"),
        _ => None,
    }
}

/// A ClientHello of TLS 1.1 with the suites of its time.
// RFC 4346 §7.4.1.2, RFC 6066 §3
fn hello(host: &str) -> Vec<u8> {
    const SUITES: [u16; 8] = [0xc014, 0xc013, 0xc00a, 0xc009, 0x0035, 0x002f, 0x000a, 0x0005];
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
    let mut body = vec![3, 2];
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend((SUITES.len() as u16 * 2).to_be_bytes());
    SUITES.iter().for_each(|suite| body.extend(suite.to_be_bytes()));
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
            let hello = hello(host);
            assert_eq!(usize::from(hello[3]) * 256 + usize::from(hello[4]), hello.len() - 5);
            assert_eq!(usize::from(hello[7]) * 256 + usize::from(hello[8]), hello.len() - 9);
        }
    }

    #[test]
    fn a_version_is_read_from_a_hello_alone() {
        assert_eq!(version_of(&[22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1]), Some("TLS 1.0"));
        assert_eq!(version_of(&[22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 2]), Some("TLS 1.1"));
        assert_eq!(version_of(&[21, 3, 1, 0, 2, 2, 70, 0, 0, 0, 0]), None);
    }
}
