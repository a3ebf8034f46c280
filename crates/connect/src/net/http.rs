//! HTTP/1.1 over one connection that is ours: what a sign-in by NTLM needs, and what a diagnosis wants to see.
//!
//! Follows no redirect, keeps no cookie, retries nothing; answers are read up to a limit.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mailferry_model::{Kind, port::Cx};

use super::{
    Stream,
    heard::{Heard, Octets},
    stream::without_manual,
    tcp::within,
};

/// The most of an answer that is read.
const BODY: usize = 1 << 20;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// `GET`, `POST`, `HEAD`.
    pub method: http::Method,
    /// Path and query.
    pub path: &'a str,
    /// Headers beside Host and Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether it changes nothing, so that it may be asked twice.
    // RFC 9110 §9.2.2
    pub only_reads: bool,
    /// What of the path is shown in logs.
    pub shown: &'a str,
}

impl<'a> Question<'a> {
    /// A question without a body.
    pub fn get(path: &'a str) -> Self {
        Self {
            method: http::Method::GET,
            path,
            headers: Vec::new(),
            body: Bytes::new(),
            only_reads: true,
            shown: path,
        }
    }

    /// A question with a body.
    pub fn post(path: &'a str, content_type: &str, body: String) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self { method: http::Method::POST, path, headers, body: body.into(), only_reads: false, shown: path }
    }

    /// The same, whose path is a secret.
    #[must_use]
    pub fn unshown(self) -> Self {
        Self { shown: "…", ..self }
    }

    /// The same, of which is known that it changes nothing.
    #[must_use]
    pub fn only_reading(self) -> Self {
        Self { only_reads: true, ..self }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers in their order, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The schemes of sign-in that are offered, in small letters, in their order.
    // RFC 9110 §11.6.1
    pub fn schemes(&self) -> Vec<String> {
        let mut schemes: Vec<String> = Vec::new();
        for offer in self.all("www-authenticate") {
            // Several may stand in one header; parameters have a `=`.
            for part in offer.split(',') {
                let word = part.trim().split(' ').next().unwrap_or_default().to_lowercase();
                if !word.is_empty() && !word.contains('=') && !schemes.contains(&word) {
                    schemes.push(word);
                }
            }
        }
        schemes
    }

    /// Status line, telling headers and how the body of a refusal begins, for evidence.
    pub fn shown(&self) -> String {
        const TELLING: [&str; 14] = [
            "server",
            "via",
            "x-cache",
            "x-squid-error",
            "proxy-authenticate",
            "www-authenticate",
            "location",
            "retry-after",
            "x-feserver",
            "x-owa-version",
            "x-diaginfo",
            "x-ms-diagnostics",
            "x-basicauthentication-error",
            "x-autodiscover-error",
        ];
        let telling = self.headers.iter().filter(|(name, _)| TELLING.contains(&name.as_str()));
        let mut told: Vec<String> =
            telling.map(|(name, value)| format!("{name}: {}", without_token(value))).collect();
        if self.status >= 400 && !self.body.trim().is_empty() {
            let words: Vec<&str> = self.body.split_whitespace().collect();
            told.push(words.join(" ").chars().take(BEGINNING).collect());
        }
        match told.is_empty() {
            true => format!("HTTP {}", self.status),
            false => format!("HTTP {}; {}", self.status, told.join("; ")),
        }
    }
}

/// So many characters of a refusal's body are shown.
const BEGINNING: usize = 300;

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// The other side ended the connection, or what came is no HTTP.
    Broken(String),
    /// The connection had ended before the question could be sent.
    Unasked(String),
    /// The other side ended the connection without a single octet of an answer.
    Hung(String),
    /// No answer in time.
    Silent,
    /// So many octets of an answer in time, and no end.
    Drips(u64),
    /// The run was cancelled.
    Cancelled,
}

/// A connection on which questions are asked one after the other.
pub struct Exchange {
    sender: http1::SendRequest<Full<Bytes>>,
    heard: Octets,
    host: String,
    /// The other side said that it ends the connection.
    ends: bool,
}

impl Exchange {
    /// Takes a connection. `host` is what the Host header says.
    ///
    /// # Errors
    /// It broke at once.
    pub async fn over(stream: Stream, host: &str) -> Result<Self, NoAnswer> {
        let broken = |e: hyper::Error| NoAnswer::Broken(e.to_string());
        let (stream, heard) = Heard::on(stream);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(async move {
            // Whoever asks is told by his own answer.
            _ = connection.await;
        });
        Ok(Self { sender, heard, host: host.to_owned(), ends: false })
    }

    /// Whether another question may be asked on it.
    pub fn is_open(&self) -> bool {
        !self.ends && !self.sender.is_closed()
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, NoAnswer> {
        let limit = ANSWER.min(cx.put_timeout);
        let (method, what) = (question.method.clone(), without_address(question.shown));
        let before = self.heard.load(Ordering::Relaxed);
        let answer = within(cx, "ask", limit, self.ask_at_leisure(question)).await;
        let status = answer.as_ref().ok().and_then(|answer| answer.as_ref().ok()).map(|answer| answer.status);
        tracing::debug!(side = ?cx.side, %method, path = what, status, "a question was asked");
        let heard = self.heard.load(Ordering::Relaxed) - before;
        let answer = answer.map(|answer| match answer {
            Err(NoAnswer::Broken(words)) if heard == 0 => Err(NoAnswer::Hung(words)),
            other => other,
        });
        answer.unwrap_or_else(|e| {
            Err(match heard {
                _ if e.kind() == Kind::Cancelled => NoAnswer::Cancelled,
                0 => NoAnswer::Silent,
                octets => NoAnswer::Drips(octets),
            })
        })
    }

    async fn ask_at_leisure(&mut self, question: Question<'_>) -> Result<Answer, NoAnswer> {
        let mut request = http::Request::builder().method(question.method).uri(question.path);
        request = request.header("Host", &self.host).header("User-Agent", "mailferry");
        for (name, value) in question.headers {
            request = request.header(name, value);
        }
        let body = Full::new(question.body);
        let request = request.body(body).map_err(|e| NoAnswer::Broken(e.to_string()))?;
        let broken = |e: hyper::Error| match e.is_canceled() {
            true => NoAnswer::Unasked(words(&e)),
            false => NoAnswer::Broken(words(&e)),
        };
        self.sender.ready().await.map_err(broken)?;
        let (head, body) = self.sender.send_request(request).await.map_err(broken)?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let headers: Vec<(String, String)> = headers.collect();
        self.ends = ends(head.version, &headers);
        // An answer that is longer is cut: what is asked for is short.
        let body = match Limited::new(body, BODY).collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(_) => String::new(),
        };
        Ok(Answer { status: head.status.as_u16(), headers, body })
    }
}

/// Whether the connection ends behind an answer: the library learns it only some time later.
// RFC 9112 §9.3
fn ends(version: http::Version, headers: &[(String, String)]) -> bool {
    let says = |word: &str| {
        let fields = headers.iter().filter(|(name, _)| name == "connection");
        fields.flat_map(|(_, value)| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case(word))
    };
    says("close") || (version < http::Version::HTTP_11 && !says("keep-alive"))
}

/// What a server offers, without the messages of a sign-in.
fn without_token(offer: &str) -> String {
    match offer.split_once(' ') {
        Some((scheme, _)) if ["negotiate", "ntlm"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) => {
            format!("{scheme} …")
        }
        _ => offer.to_owned(),
    }
}

/// A path as far as it names nobody.
fn without_address(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| if part.contains(['@', '%']) { "…" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// An error with what is behind it: hyper's own words say little.
fn words(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    without_manual(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_librarys_manual_is_no_evidence() {
        let words = "peer closed connection: https://docs.rs/rustls/latest/index.html#unexpected-eof";
        assert_eq!(without_manual(words), "peer closed connection");
        assert_eq!(without_manual("see https://example.org"), "see https://example.org");
    }

    #[test]
    fn a_connection_ends_where_the_server_says_so() {
        use http::Version;
        let of = |version, value: &str| ends(version, &[("connection".to_owned(), value.to_owned())]);
        assert!(of(Version::HTTP_11, "Keep-Alive, Close") && of(Version::HTTP_10, "upgrade"));
        assert!(!of(Version::HTTP_11, "upgrade") && !of(Version::HTTP_10, "keep-alive"));
        assert!(ends(Version::HTTP_10, &[]) && !ends(Version::HTTP_11, &[]));
    }

    #[test]
    fn schemes_are_read_from_one_header_or_several() {
        let of = |offers: &[&str]| {
            let headers = offers.iter().map(|o| ("www-authenticate".to_owned(), (*o).to_owned())).collect();
            Answer { status: 401, headers, body: String::new() }.schemes()
        };
        assert_eq!(of(&["Negotiate", "NTLM", "Basic realm=\"mail\""]), ["negotiate", "ntlm", "basic"]);
        assert_eq!(of(&["Negotiate, NTLM, Basic realm=\"a, b\""])[..3], ["negotiate", "ntlm", "basic"]);
        assert_eq!(of(&["Bearer client_id=\"x\", trusted_issuers=\"y\""]), ["bearer"]);
    }
}
