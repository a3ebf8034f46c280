//! The router of a service, asked over the network: HTTP/1.1, with TLS unless the service is on this machine.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use mailferry_connect::net::{Authorities, Reach, Stream, Trust, tcp, tls};
use mailferry_engine::{
    budget::{DEFAULT_BYTES, SharedBudget},
    meter::Gauge,
};
use mailferry_model::{Error, Kind, Side, cancel::Cancel, port::Cx, secret::Secret};
use serde_json::Value;

use crate::{
    api::{answered, taken},
    clock::SystemClock,
    exit::Failure,
    instance::PUT_TIMEOUT,
};

/// The most of an answer that is read: all users of the largest batch.
const LARGEST: usize = 256 << 20;

/// A service.
#[derive(Clone)]
pub struct Remote {
    server: Uri,
    host: String,
    port: u16,
    is_secure: bool,
    trust: Trust,
    token: Option<Secret<String>>,
}

impl Remote {
    /// The service at a URL such as `https://mail.example:8443`.
    pub fn of(server: &str, trust: Trust, token: Option<Secret<String>>) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::usage(format!("the service's URL: {what}"));
        let uri: Uri = server.trim_end_matches('/').parse().map_err(|_| wrong("it cannot be read"))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with https:// (or http:// on this machine)")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("a path does not belong into it"));
        }
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(wrong("names and passwords do not belong into it"));
        }
        let host = uri.host().ok_or_else(|| wrong("there is no host in it"))?.to_owned();
        let bare = host.trim_matches(['[', ']']);
        let is_here = bare.eq_ignore_ascii_case("localhost")
            || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if !is_secure && !is_here {
            return Err(wrong(
                "without TLS only on this machine: tokens would cross the network in the clear",
            ));
        }
        let graphic = |t: &Secret<String>| t.expose().bytes().all(|b| b.is_ascii_graphic());
        if !token.as_ref().is_none_or(graphic) {
            return Err(Failure::usage(
                "what was given as a token is no token: it has spaces or line ends in it",
            ));
        }
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        Ok(Self { host, port, is_secure, trust, token, server: uri })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.to_string().trim_end_matches('/').to_owned()
    }

    /// Sends a request; a problem in its answer is a failure.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let answer = self.send(method, path, body).await?;
        let status = answer.status();
        let read = http_body_util::Limited::new(answer.into_body(), LARGEST).collect().await;
        let bytes = read.map_err(|e| self.unreachable(&e.to_string()))?.to_bytes();
        answered(status, &bytes, |what| self.unreachable(&format!("it is no mailferry: {what}")))
    }

    /// Reads a file; `take` is given its parts in order.
    pub async fn file(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let answer = self.send(Method::GET, path, None).await?;
        let status = answer.status();
        taken(status, answer.into_body(), &mut take, |what| self.unreachable(&what)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response<Incoming>, Failure> {
        let lost = |what: &dyn std::fmt::Display| self.unreachable(&format!("{what}"));
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| lost(&e))?;
        tokio::spawn(async move {
            // Whoever asks is told by his own answer.
            _ = connection.await;
        });
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.server.authority().map_or("", |a| a.as_str()))
            .header(header::USER_AGENT, concat!("mailferry/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        let request = request.body(body).map_err(|e| lost(&e))?;
        sender.send_request(request).await.map_err(|e| lost(&e))
    }

    async fn connect(&self) -> Result<Stream, Failure> {
        let clock = Arc::new(SystemClock::default());
        let cx = Cx {
            cancel: Cancel::default(),
            clock: clock.clone(),
            budget: Arc::new(SharedBudget::of(DEFAULT_BYTES)),
            meter: Arc::new(Gauge::of(clock, None)),
            side: Side::Us,
            connections: 1,
            put_timeout: PUT_TIMEOUT,
            outward: Arc::default(),
        };
        let reach = Reach::default();
        let bare = self.host.trim_matches(['[', ']']);
        let unreachable = |e: Error| self.unreachable(e.context());
        let addresses = match bare.parse::<std::net::IpAddr>() {
            Ok(ip) => Reach::at(&[ip], self.port),
            Err(_) => tcp::resolve(&cx, &reach, bare, self.port).await.map_err(unreachable)?,
        };
        let plain = tcp::connect(&cx, &reach, &addresses).await.map_err(unreachable)?;
        if !self.is_secure {
            return Ok(Stream::Plain(plain));
        }
        let secured = tls::secure(&cx, &self.trust, bare, plain).await;
        secured.map(|stream| Stream::Tls(Box::new(stream))).map_err(|e| match e.kind() {
            Kind::Tls => {
                Failure::Unreachable("SERVICE_CERTIFICATE", format!("{}: {}", self.url(), e.context()))
            }
            _ => self.unreachable(e.context()),
        })
    }

    fn unreachable(&self, what: &str) -> Failure {
        Failure::Unreachable("SERVICE_UNREACHABLE", format!("{}: {what}", self.url()))
    }
}

/// Whom to trust: a fingerprint, the authorities in a file, or the roots of this system.
pub fn trust(fingerprint: Option<&str>, ca_file: Option<&std::path::Path>) -> Result<Trust, Failure> {
    let trust = match (fingerprint, ca_file) {
        (Some(text), _) => Trust::Fingerprint(tls::fingerprint(text).ok_or_else(|| {
            Failure::usage("--fingerprint: 64 hexadecimal digits are needed, with or without colons")
        })?),
        (None, Some(path)) => Trust::Ca(Authorities::File(path.to_owned())),
        (None, None) => Trust::System,
    };
    tls::check(&trust).map_err(|what| Failure::usage(format!("--ca-file: {what}")))?;
    Ok(trust)
}
