//! The way to a server, one row after the other: its name, its addresses, a connection, and TLS with all that it shows.
//!
//! What is spoken on it is the connector's own.

use std::net::{IpAddr, SocketAddr};

use mailferry_model::{finding::Verdict, port::Cx, settings::Settings};

use super::{
    Fault, Told,
    certificate::{self, Place},
    dns_resolves,
    secures::{self, Begun, Door},
    speaks::Asked,
    tcp_connects,
};
use crate::net::{
    Authorities, Plain, Reach, Stream, Trust, tcp,
    tls::{Shown, shake},
};

/// A server and how far we are on the way to it.
pub struct Approach {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The way there.
    pub reach: Reach,
    /// Whom the settings trust.
    pub trust: Trust,
    /// When TLS begins.
    pub begun: Begun,
    /// What is asked for there.
    pub asked: Asked,
    /// Its addresses, once they are known.
    pub addresses: Vec<IpAddr>,
    /// The address that took the connection.
    pub peer: Option<SocketAddr>,
    /// What was shown in the handshake.
    pub shown: Option<Shown>,
}

impl Approach {
    /// At the beginning.
    pub fn to(host: &str, port: u16, reach: Reach, trust: Trust, begun: Begun, asked: Asked) -> Self {
        let (addresses, peer, shown, reach) = (Vec::new(), None, None, reach.of(host));
        Self { host: host.to_owned(), port, reach, trust, begun, asked, addresses, peer, shown }
    }

    /// The name.
    ///
    /// # Errors
    /// It leads nowhere.
    pub async fn name(&mut self, cx: &Cx) -> Result<Told, Fault> {
        let (addresses, told) = dns_resolves::ask(cx, &self.reach, &self.host).await?;
        self.addresses = addresses;
        Ok(told)
    }

    /// The connection.
    ///
    /// # Errors
    /// No address takes one.
    pub async fn connect(&mut self, cx: &Cx) -> Result<(Plain, Told), Fault> {
        let (stream, told) =
            tcp_connects::ask(cx, &self.reach, &self.host, &self.addresses, self.port).await?;
        let peer = stream.peer_addr().ok();
        // Of a proxy only the address is the same: the port is the host's.
        self.peer = peer.map(|peer| SocketAddr::new(peer.ip(), self.port));
        Ok((stream, told))
    }

    /// TLS, and whether the certificate is worth anything.
    ///
    /// # Errors
    /// It cannot be begun, or a copy would not accept the certificate.
    pub async fn secure(&mut self, cx: &Cx, tcp: Plain) -> Result<(Stream, Told), Fault> {
        let address = self.peer.ok_or_else(|| Fault::fail("TLS_CLOSED"))?;
        let began = cx.clock.elapsed();
        let shaken = secures::ask(cx, &self.door(address), tcp).await;
        let (stream, shown) = shaken.map_err(|fault| match &*fault.code {
            "TLS_SILENT" => self.silent(fault),
            _ => fault,
        })?;
        let took = cx.clock.elapsed().saturating_sub(began);
        let told = certificate::judge(&shown, &self.place(cx));
        self.shown = Some(shown);
        Ok((Stream::Tls(Box::new(stream)), secures::timed(told?, took)))
    }

    /// Silence behind a proxy: it said that it connected us, and is the first who may swallow what is sent.
    pub fn silent(&self, fault: Fault) -> Fault {
        match self.reach.proxy() {
            Some(proxy) => Fault { code: "PROXY_SWALLOWS".into(), ..fault }
                .with("proxy", format!("{}:{}", proxy.host, proxy.port))
                .with("host", &self.host)
                .with("port", self.port.to_string()),
            None => fault,
        }
    }

    /// What a public verifier says of what was shown.
    pub fn judged_publicly(&self, cx: &Cx) -> Told {
        match &self.shown {
            Some(shown) => certificate::judge_publicly(shown, &self.place(cx)),
            None => Told::pass("not asked: no TLS").natively(Verdict::Warn),
        }
    }

    /// One more connection to the same address, secured as the first; `None` where that fails.
    pub async fn again(&self, cx: &Cx) -> Option<Stream> {
        let address = self.peer?;
        let tcp = tcp::connect_to(cx, &self.reach, address).await.ok()?;
        match self.begun {
            Begun::OnRequest => Some(Stream::Plain(tcp)),
            Begun::AtOnce => {
                let (stream, _) = secures::ask(cx, &self.door(address), tcp).await.ok()?;
                Some(Stream::Tls(Box::new(stream)))
            }
        }
    }

    /// Whether a TLS handshake succeeds on a connection of its own.
    pub async fn takes_tls(&self, cx: &Cx) -> bool {
        const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
        let Some(address) = self.peer else { return false };
        let Ok(tcp) = tcp::connect_to(cx, &self.reach, address).await else { return false };
        shake(cx, &self.trust, &self.host, LIMIT.min(cx.put_timeout), tcp).await.is_ok()
    }

    fn door(&self, address: SocketAddr) -> Door<'_> {
        let (begun, asked) = (self.begun, self.asked);
        Door { reach: &self.reach, trust: &self.trust, host: &self.host, address, begun, asked }
    }

    fn place(&self, cx: &Cx) -> Place<'_> {
        Place { host: &self.host, port: self.port, trust: &self.trust, now: cx.clock.now() }
    }
}

/// The trust that the settings of a connector with TLS ask for: a CA file, a fingerprint, nobody, or the system.
///
/// # Errors
/// One sentence.
pub fn trust_of(settings: &Settings) -> Result<Trust, String> {
    if let Some(text) = settings.get("fingerprint") {
        let fingerprint = crate::net::tls::fingerprint(text);
        return fingerprint
            .map(Trust::Fingerprint)
            .ok_or_else(|| "fingerprint: 64 hexadecimal digits of SHA-256 are needed".to_owned());
    }
    let file = || settings.get("ca-file").map(|path| Authorities::File(path.into()));
    let authorities = settings.get("ca").map(|text| Authorities::Text(text.into())).or_else(file);
    Ok(match (authorities, settings.get("verify")) {
        (Some(authorities), _) => Trust::Ca(authorities),
        (None, Some("off")) => Trust::Nobody,
        (None, _) => Trust::System,
    })
}
