//! Takes notices to where channels lead: one request or mail for each try, over a connection of its own.
//!
//! Follows no redirect and tries nothing twice; when to try again is the engine's to say. What it tells of a failure
//! names the host alone: the rest of the address is a secret.

mod facts;
mod mail;
mod teams;
mod webhook;

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Retry,
    channel::{ChannelKind, SIGNING, SIGNING_BEFORE, Taken, URL},
    port::{Courier, Cx, courier::Parcel},
};
use url::Url;

use crate::net::{
    Reach, Stream, Trust,
    http::{Exchange, NoAnswer, Question},
    tcp, tls,
};

const OP: &str = "send notice";

/// Sends over the network.
pub struct Outbound;

#[async_trait]
impl Courier for Outbound {
    async fn send(&self, cx: &Cx, parcel: Parcel<'_>) -> Result<Taken> {
        match parcel.channel.kind {
            ChannelKind::Mail => mail::send(cx, parcel).await,
            ChannelKind::Webhook | ChannelKind::Teams => post(cx, parcel).await,
        }
    }
}

/// Posts it to an address of the web.
async fn post(cx: &Cx, Parcel { channel, secrets, delivery, .. }: Parcel<'_>) -> Result<Taken> {
    let secret = |name: &str| secrets.iter().find(|(n, _)| n == name).map(|(_, secret)| secret);
    let lost = || Error::new(Kind::NotFound, cx.side, OP, "the address of the channel is not kept");
    let url = Url::parse(secret(URL).ok_or_else(lost)?.expose()).map_err(|_| lost())?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let question = match channel.kind {
        ChannelKind::Webhook => {
            let signing = [SIGNING, SIGNING_BEFORE].into_iter().filter_map(secret);
            webhook::question(&path, delivery, signing, cx.clock.now())
                .ok_or_else(|| Error::new(Kind::Malformed, cx.side, OP, "the signing key cannot be read"))?
        }
        _ => Question::post(&path, "application/json", teams::card(&delivery.notice)),
    };
    // Whoever opens a way to such a receiver need not ask for its notices again.
    let later = |error: Error| match error.kind() {
        Kind::Cancelled => error,
        _ => error.retry_of(Retry::Soon),
    };
    let mut exchange = exchange(cx, &url).await.map_err(later)?;
    let answer = exchange.ask(cx, question.unshown()).await.map_err(|why| unanswered(cx, why))?;
    match answer.status {
        200..=299 => Ok(Taken::default()),
        status => Err(Error::new(Kind::Busy, cx.side, OP, format!("{} said HTTP {status}", channel.site))),
    }
}

/// A connection to where an address leads.
async fn exchange(cx: &Cx, url: &Url) -> Result<Exchange> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let reach = Reach::default().of(host);
    let addresses = tcp::resolve(cx, &reach, host.trim_matches(['[', ']']), port).await?;
    let plain = tcp::connect(cx, &reach, &addresses).await?;
    let stream = match url.scheme() {
        "http" => Stream::Plain(plain),
        _ => Stream::Tls(Box::new(tls::secure(cx, &Trust::System, host, plain).await?)),
    };
    let field = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Exchange::over(stream, &field).await.map_err(|why| unanswered(cx, why))
}

fn unanswered(cx: &Cx, why: NoAnswer) -> Error {
    let (kind, words) = match why {
        NoAnswer::Cancelled => (Kind::Cancelled, "stopped"),
        NoAnswer::Silent | NoAnswer::Drips(_) => (Kind::Timeout, "no answer in time"),
        NoAnswer::Broken(_) | NoAnswer::Unasked(_) | NoAnswer::Hung(_) => {
            (Kind::Unreachable, "the connection ended without an answer")
        }
    };
    Error::new(kind, cx.side, OP, words)
}
