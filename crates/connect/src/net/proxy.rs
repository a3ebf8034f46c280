//! Connections through a proxy: HTTP CONNECT, or SOCKS 5 by a library, with or without a sign-in.
//!
//! The proxy is given the host's name: it knows the way, and often more names than we do.

use std::{fmt, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailferry_model::{secret::Secret, settings::Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_socks::tcp::Socks5Stream;

use super::mask::Mask;

/// The most of a proxy's answer that is read.
const ANSWER: usize = 8 << 10;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP CONNECT.
    Http,
    /// SOCKS 5.
    Socks5,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub speaks: Speaks,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password.
    pub sign_in: Option<(String, Secret<String>)>,
    /// Hosts that are reached without it: names, `.domain`, addresses, or `*`.
    pub except: Vec<String>,
}

/// Why a proxy does not connect us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The proxy itself is not there.
    Unreachable(String),
    /// It wants a sign-in, or another one.
    SignIn(String),
    /// It knows other kinds of sign-in alone.
    Scheme(String),
    /// It does not allow this host.
    Forbidden(String),
    /// It cannot reach the host.
    NoRoute(String),
    /// It is no such proxy.
    Foreign(String),
    /// It took the connection and did not answer.
    Silent(String),
}

impl Refusal {
    /// The same without the secrets that the proxy was shown.
    fn cleaned(self, mask: &Mask) -> Self {
        let clean = |words: String| mask.clean(&words);
        match self {
            Self::Unreachable(words) => Self::Unreachable(clean(words)),
            Self::SignIn(words) => Self::SignIn(clean(words)),
            Self::Scheme(words) => Self::Scheme(clean(words)),
            Self::Forbidden(words) => Self::Forbidden(clean(words)),
            Self::NoRoute(words) => Self::NoRoute(clean(words)),
            Self::Foreign(words) => Self::Foreign(clean(words)),
            Self::Silent(words) => Self::Silent(clean(words)),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, words) = match self {
            Refusal::Unreachable(words) => ("the proxy cannot be reached", words),
            Refusal::SignIn(words) => ("the proxy refuses the sign-in", words),
            Refusal::Scheme(words) => ("the proxy knows other sign-ins", words),
            Refusal::Forbidden(words) => ("the proxy does not allow this host", words),
            Refusal::NoRoute(words) => ("the proxy cannot reach the host", words),
            Refusal::Foreign(words) => ("that is no such proxy", words),
            Refusal::Silent(words) => ("the proxy does not answer", words),
        };
        write!(f, "{what}: {words}")
    }
}

impl Proxy {
    /// Reads the settings `proxy`, `proxy-username`, `proxy-password` and `no-proxy`.
    ///
    /// # Errors
    /// One sentence.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, String> {
        let Some(text) = settings.get("proxy") else { return Ok(None) };
        let wrong = || "proxy: http://HOST:PORT or socks5://HOST:PORT is needed".to_owned();
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        if url.password().is_some() || !url.username().is_empty() {
            return Err("proxy: name and password go into proxy-username and proxy-password".to_owned());
        }
        let (speaks, port) = match url.scheme() {
            "http" => (Speaks::Http, 8080),
            "socks5" | "socks5h" => (Speaks::Socks5, 1080),
            _ => return Err(wrong()),
        };
        let host = url.host_str().ok_or_else(wrong)?.to_owned();
        let port = url.port_or_known_default().filter(|_| text.matches(':').count() > 1).unwrap_or(port);
        let user = settings.get("proxy-username").map(str::to_owned);
        let password = settings.secret("proxy-password").cloned();
        let sign_in = user.map(|user| (user, password.unwrap_or_else(|| Secret::new(String::new()))));
        let except = settings.get("no-proxy").unwrap_or_default().split(',');
        let except = except.map(|e| e.trim().to_lowercase()).filter(|e| !e.is_empty()).collect();
        Ok(Some(Self { speaks, host, port, sign_in, except }))
    }

    /// Whether this host is reached through it.
    pub fn serves(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
        let excepted = |mark: &String| {
            let bare = mark.trim_start_matches("*.").trim_start_matches('.');
            mark == "*"
                || host == bare
                || (host.parse::<IpAddr>().is_err() && host.ends_with(&format!(".{bare}")))
        };
        !self.except.iter().any(excepted)
    }

    /// Has it connect us.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn connect(&self, stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Refusal> {
        let host = host.trim_matches(['[', ']']);
        let answer = match self.speaks {
            Speaks::Http => self.by_http(stream, host, port).await,
            Speaks::Socks5 => self.by_socks(stream, host, port).await,
        };
        // Its words are shown everywhere, and some proxies repeat what they were given.
        let mask = Mask::of(self.sign_in.iter().map(|(_, password)| password));
        answer.map_err(|refusal| refusal.cleaned(&mask))
    }

    async fn by_socks(&self, stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Refusal> {
        let target = (host, port);
        let answer = match &self.sign_in {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some((user, password)) => {
                let password = password.expose();
                Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
            }
        };
        use tokio_socks::Error as E;
        answer.map(Socks5Stream::into_inner).map_err(|error| {
            let words = error.to_string();
            match error {
                E::PasswordAuthFailure(_) | E::AuthorizationRequired | E::NoAcceptableAuthMethods => {
                    Refusal::SignIn(words)
                }
                E::ConnectionNotAllowedByRuleset => Refusal::Forbidden(words),
                E::GeneralSocksServerFailure
                | E::NetworkUnreachable
                | E::HostUnreachable
                | E::ConnectionRefused
                | E::TtlExpired => Refusal::NoRoute(words),
                E::Io(_) => Refusal::Unreachable(words),
                _ => Refusal::Foreign(words),
            }
        })
    }

    /// What a proxy means that wants a sign-in: ours is Basic and nothing else.
    // RFC 9110 §11.7.1
    fn unsigned(&self, line: &str, head: &str) -> Refusal {
        let offers = head.lines().filter_map(|header| {
            let (name, value) = header.split_once(':')?;
            name.eq_ignore_ascii_case("proxy-authenticate").then(|| value.trim())
        });
        let schemes: Vec<&str> = offers.filter_map(|offer| offer.split([' ', ',']).next()).collect();
        if schemes.is_empty() {
            return Refusal::SignIn(line.to_owned());
        }
        let words = format!("{line}; it offers {}", schemes.join(", "));
        match schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic")) {
            true => Refusal::SignIn(words),
            false => Refusal::Scheme(words),
        }
    }

    // RFC 9110 §9.3.6
    async fn by_http(&self, mut stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Refusal> {
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut question = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
        if let Some((user, password)) = &self.sign_in {
            let both = STANDARD.encode(format!("{user}:{}", password.expose()));
            question += &format!("Proxy-Authorization: Basic {both}\r\n");
        }
        question += "\r\n";
        let lost = |e: std::io::Error| Refusal::Unreachable(e.to_string());
        stream.write_all(question.as_bytes()).await.map_err(lost)?;
        // Octet by octet: what follows the head belongs to the host.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let octet = stream.read_u8().await.map_err(lost)?;
            head.push(octet);
            let is_http = head.len() < 7 || head.starts_with(b"HTTP/1.");
            if head.len() > ANSWER || (octet == b'\n' && !is_http) {
                let words: String = String::from_utf8_lossy(&head).chars().take(200).collect();
                return Err(Refusal::Foreign(words.trim_end().to_owned()));
            }
        }
        let text = String::from_utf8_lossy(&head);
        let line = text.lines().next().unwrap_or_default().to_owned();
        let status = line.strip_prefix("HTTP/1.").and_then(|l| l.split(' ').nth(1)?.parse::<u16>().ok());
        match status {
            Some(200..=299) => Ok(stream),
            Some(407 | 401) => Err(self.unsigned(&line, &text)),
            Some(300..=399) => Err(Refusal::Foreign(elsewhere(&line, &text))),
            Some(403 | 405) => Err(Refusal::Forbidden(line)),
            Some(_) => Err(Refusal::NoRoute(line)),
            None => Err(Refusal::Foreign(line)),
        }
    }
}

/// A redirect with where it leads: mostly to a page on which people sign in.
fn elsewhere(line: &str, head: &str) -> String {
    let mut headers = head.lines().filter_map(|header| header.split_once(':'));
    let place = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
    place.map_or_else(|| line.to_owned(), |(_, place)| format!("{line}; it leads to {}", place.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, except: &str) -> Proxy {
        let settings = Settings::default().with("proxy", text).with("no-proxy", except);
        Proxy::from_settings(&settings).unwrap().unwrap()
    }

    #[test]
    fn proxies_are_read_and_know_their_exceptions() {
        let proxy = of("http://proxy.example.org:3128", "localhost, .corp.example, 192.0.2.7");
        assert_eq!((proxy.speaks, proxy.port), (Speaks::Http, 3128));
        assert_eq!(of("socks5://p", "").port, 1080);
        assert_eq!(of("http://p", "").port, 8080);
        assert_eq!(of("http://p:80", "").port, 80);
        for (host, serves) in [
            ("mail.example.org", true),
            ("localhost", false),
            ("a.corp.example", false),
            ("corp.example", false),
            ("notcorp.example", true),
            ("192.0.2.7", false),
            ("192.0.2.8", true),
        ] {
            assert_eq!(proxy.serves(host), serves, "{host}");
        }
        assert!(!of("http://p", "*").serves("anything"));
        for wrong in ["proxy:3128", "ftp://p", "http://u:secret@p"] {
            assert!(Proxy::from_settings(&Settings::default().with("proxy", wrong)).is_err(), "{wrong}");
        }
    }
}
