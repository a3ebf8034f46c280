//! Autoconfig: a document in which a provider names its mail servers, as mail programs read it.

use crate::xml::{self, escaped};

/// Where a domain's document lies, best first.
pub fn places(address: &str) -> Vec<String> {
    let Some((_, domain)) = address.rsplit_once('@') else { return Vec::new() };
    let address = escaped(address).replace('+', "%2B");
    vec![
        format!("https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={address}"),
        format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
    ]
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// TLS from the start.
    Ssl,
    /// STARTTLS.
    StartTls,
    /// Not at all.
    Plain,
}

/// An IMAP server of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its security.
    pub socket: Socket,
}

/// A text in which the document leaves room for the address.
fn expanded(text: &str, address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let named = [("%EMAILADDRESS%", address), ("%EMAILLOCALPART%", local), ("%EMAILDOMAIN%", domain)];
    named.iter().fold(text.trim().to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The IMAP servers of a document, for an address, secured ones first. One of which is not said how it is secured is left out: it is not
/// taken for unsecured.
pub fn servers(document: &str, address: &str) -> Vec<Server> {
    let mut found = Vec::new();
    let mut open: Option<(String, u16, Option<Socket>)> = None;
    for leaf in xml::leaves(document).unwrap_or_default() {
        if leaf.name() == "incomingServer" {
            found.extend(open.take());
            open = (leaf.attribute("type") == Some("imap")).then(|| (String::new(), 143, None));
            continue;
        }
        let Some((host, port, socket)) = open.as_mut().filter(|_| leaf.path.contains("/incomingServer/"))
        else {
            continue;
        };
        match leaf.name() {
            "hostname" => *host = expanded(&leaf.text, address),
            "port" => *port = leaf.text.parse().unwrap_or(0),
            "socketType" => {
                *socket = match leaf.text.trim().to_ascii_uppercase().as_str() {
                    "SSL" | "TLS" => Some(Socket::Ssl),
                    "STARTTLS" => Some(Socket::StartTls),
                    "PLAIN" => Some(Socket::Plain),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    found.extend(open);
    let mut servers: Vec<Server> = (found.into_iter())
        .filter(|(host, port, _)| !host.is_empty() && *port > 0)
        .filter_map(|(host, port, socket)| Some(Server { host, port, socket: socket? }))
        .collect();
    servers.sort_by_key(|s| match s.socket {
        Socket::Ssl => 0,
        Socket::StartTls => 1,
        Socket::Plain => 2,
    });
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secured_servers_come_first_and_others_are_no_imap() {
        let document = r#"<clientConfig version="1.1"><emailProvider id="example.org"><domain>example.org</domain>
            <incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
            <incomingServer type="imap"><hostname>imap.example.org</hostname><port>143</port><socketType>STARTTLS</socketType></incomingServer>
            <incomingServer type="imap"><hostname>imap.example.org</hostname><port>993</port><socketType>SSL</socketType></incomingServer>
            <outgoingServer type="smtp"><hostname>smtp.example.org</hostname><port>465</port></outgoingServer>
            </emailProvider></clientConfig>"#;
        let found = servers(document, "a@example.org");
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], Server { host: "imap.example.org".into(), port: 993, socket: Socket::Ssl });
        assert_eq!(found[1].socket, Socket::StartTls);
        assert!(servers("<html><body>not found</body></html>", "").is_empty() && servers("x", "").is_empty());
    }

    #[test]
    fn a_host_may_be_named_by_the_address() {
        let server = r#"<clientConfig><emailProvider><incomingServer type="imap"><hostname>mail.%EMAILDOMAIN%</hostname>
            <port>993</port><socketType>SSL</socketType></incomingServer></emailProvider></clientConfig>"#;
        assert_eq!(servers(server, "anna@example.org")[0].host, "mail.example.org");
    }

    #[test]
    fn what_is_not_said_to_be_plain_is_not_plain() {
        let of = |socket: &str| {
            let server = format!(
                "<incomingServer type=\"imap\"><hostname>h</hostname><port>143</port>{socket}</incomingServer>"
            );
            servers(&format!("<clientConfig><emailProvider>{server}</emailProvider></clientConfig>"), "")
        };
        let sockets = |socket: &str| of(socket).into_iter().map(|s| s.socket).collect::<Vec<_>>();
        assert_eq!(sockets("<socketType>ssl</socketType>"), [Socket::Ssl]);
        assert_eq!(sockets("<socketType> TLS </socketType>"), [Socket::Ssl]);
        assert_eq!(sockets("<socketType>plain</socketType>"), [Socket::Plain]);
        assert!(of("").is_empty() && of("<socketType>quic</socketType>").is_empty());
    }

    #[test]
    fn places_are_of_the_domain() {
        let places = places("a+b@example.org");
        assert!(places[0].ends_with("emailaddress=a%2Bb@example.org") && places[1].contains(".well-known"));
        assert!(super::places("x").is_empty());
    }
}
