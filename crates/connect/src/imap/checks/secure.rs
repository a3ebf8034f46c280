//! From the name to a greeting: name, connection, security, and what is there if it is not IMAP.

use mailferry_model::{
    Error, Kind,
    finding::{Step, Verdict},
    port::Cx,
};
use mailferry_wire::imap::Capability;

use super::{
    ask::{Asking, At, Row},
    provider,
};
use crate::{
    checks::{
        Fault, Told,
        certificate::{self, Place},
        dns_resolves,
        secures::{self, Begun, Door},
        speaks::{self, Speaks},
        tcp_connects,
    },
    imap::client::{
        account::{Security, Server},
        refusals,
        talk::Talk,
    },
    net::{Plain, Stream},
};

impl Asking {
    pub(super) async fn dns(&mut self, cx: &Cx) -> Row {
        let server = self.server()?;
        self.at = At::Over;
        let (addresses, told) = dns_resolves::ask(cx, &server.reach, &server.host).await?;
        self.at = At::Named(addresses);
        Ok(Some(told))
    }

    pub(super) async fn tcp(&mut self, cx: &Cx) -> Row {
        let At::Named(addresses) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let server = self.server()?;
        let (stream, told) =
            tcp_connects::ask(cx, &server.reach, &server.host, &addresses, server.port).await?;
        self.peer = stream.peer_addr().ok();
        self.at = At::Connected(stream);
        Ok(Some(told))
    }

    pub(super) async fn tls(&mut self, cx: &Cx) -> Row {
        let At::Connected(tcp) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let server = self.server()?;
        match server.security {
            Security::Ssl => {
                let (secured, told) = self.shake(cx, &server, tcp).await?;
                self.at = At::Secured(Box::new(secured));
                Ok(Some(told))
            }
            Security::StartTls => self.start_tls(cx, &server, tcp).await,
            Security::None => {
                self.at = At::Secured(Box::new(Stream::Plain(tcp)));
                let warning = Fault::warn("NOT_ENCRYPTED").shown("no TLS");
                Ok(Some(Told::pass("no TLS").but(Some(warning))))
            }
        }
    }

    async fn start_tls(&mut self, cx: &Cx, server: &Server, tcp: Plain) -> Row {
        let mut talk = match Talk::begin(cx, Stream::Plain(tcp)).await {
            Ok(talk) => talk,
            Err(error) => return Err(self.no_greeting(cx, server, &error).await),
        };
        let fault = |code, error: &Error| {
            Fault::fail(code).with("words", error.context()).shown(error.context()).at(Step::Tls)
        };
        talk.ensure_caps().await.map_err(|e| fault("STARTTLS_REFUSED", &e))?;
        if !talk.caps.has(Capability::StartTls) {
            return Err(Fault::fail("STARTTLS_NOT_OFFERED").shown(talk.caps.to_string()));
        }
        talk.ask_tls().await.map_err(|error| match error.context().contains("before TLS began") {
            true => fault("STARTTLS_INJECTED", &error),
            false => fault("STARTTLS_REFUSED", &error),
        })?;
        let mut told = Told::default();
        let talk = talk
            .secured(async |tcp| {
                let (stream, said) = self.shake(cx, server, tcp).await?;
                told = said;
                Ok::<Stream, Fault>(stream)
            })
            .await?;
        self.at = At::Greeted(Box::new(talk));
        Ok(Some(told))
    }

    /// Shakes hands and judges the certificate.
    async fn shake(&mut self, cx: &Cx, server: &Server, tcp: Plain) -> Result<(Stream, Told), Fault> {
        let address = self.peer.ok_or_else(|| Fault::fail("TLS_CLOSED"))?;
        let door = door(server, address);
        let (stream, shown) = secures::ask(cx, &door, tcp).await?;
        let told = certificate::judge(&shown, &place(cx, server));
        self.shown = Some(shown);
        Ok((Stream::Tls(Box::new(stream)), told?))
    }

    pub(super) fn public(&mut self, cx: &Cx) -> Row {
        if matches!(self.at, At::Over | At::Begin) {
            return Ok(None);
        }
        let server = self.server()?;
        Ok(Some(match &self.shown {
            Some(shown) => certificate::judge_publicly(shown, &place(cx, &server)),
            None => Told::pass("no TLS").natively(Verdict::Warn),
        }))
    }

    pub(super) async fn protocol(&mut self, cx: &Cx) -> Row {
        let server = self.server()?;
        let mut talk = match std::mem::replace(&mut self.at, At::Over) {
            At::Secured(stream) => match Talk::begin(cx, *stream).await {
                Ok(talk) => talk,
                Err(error) => return Err(self.no_greeting(cx, &server, &error).await),
            },
            At::Greeted(talk) => *talk,
            _ => return Ok(None),
        };
        let garbled = |error: Error| {
            let code = if error.kind() == Kind::Throttled { "IMAP_THROTTLED" } else { "IMAP_GARBLED" };
            Fault::fail(code).with("words", error.context()).shown(error.context())
        };
        talk.ensure_caps().await.map_err(garbled)?;
        let evidence = format!("{} — {}", talk.greeting, talk.caps);
        if !talk.caps.has(Capability::Imap4Rev1) && !talk.caps.has(Capability::Imap4Rev2) {
            return Err(Fault::fail("IMAP_TOO_OLD").shown(evidence));
        }
        let mut told = Told::pass(evidence.clone()).seen("capabilities", talk.caps.to_string());
        if let Some(known) = provider::recognise(&server.host, &evidence) {
            told = told.seen("provider", known.name).seen("providerNotes", known.notes);
        }
        self.at = At::Greeted(Box::new(talk));
        Ok(Some(told))
    }

    /// There is no greeting, or it is not one of IMAP: says what is there instead.
    async fn no_greeting(&self, cx: &Cx, server: &Server, error: &Error) -> Fault {
        let code = refusals::of_greeting(error);
        if code == "TLS_CLIENT_CERTIFICATE" {
            return Fault::fail(code).shown(error.context()).at(Step::Tls);
        }
        let known =
            Fault::fail(code).with("words", error.context()).shown(error.context()).at(Step::Protocol);
        let is_odd = matches!(code, "IMAP_SILENT" | "IMAP_HUNG_UP" | "IMAP_GARBLED");
        let Some(address) = self.peer.filter(|_| is_odd && error.kind() != Kind::Cancelled) else {
            return known;
        };
        let heard = match server.security {
            Security::Ssl => {
                let door = door(server, address);
                match crate::net::tcp::connect_to(cx, &server.reach, address).await {
                    Err(_) => return known,
                    Ok(tcp) => match secures::ask(cx, &door, tcp).await {
                        Ok((stream, _)) => speaks::listen(cx, stream, &server.host).await,
                        Err(_) => return known,
                    },
                }
            }
            _ => speaks::hear(cx, &server.reach, address, &server.host).await,
        };
        let port = server.port;
        if heard.speaks == Speaks::Tls && server.security != Security::Ssl {
            let fault = Fault::fail("STARTTLS_ON_TLS_PORT").with("port", port.to_string());
            return fault.shown("the port answers with TLS").at(Step::Tls);
        }
        match heard.speaks {
            Speaks::Imap => known,
            other => match other.instead_of("IMAP", &server.host, port) {
                Some(fault) => fault.shown(heard.words).at(Step::Protocol),
                None => known,
            },
        }
    }
}

fn place<'a>(cx: &Cx, server: &'a Server) -> Place<'a> {
    Place { host: &server.host, port: server.port, trust: &server.trust, now: cx.clock.now() }
}

fn door(server: &Server, address: std::net::SocketAddr) -> Door<'_> {
    let begun = if server.security == Security::Ssl { Begun::AtOnce } else { Begun::OnRequest };
    Door { reach: &server.reach, trust: &server.trust, host: &server.host, address, begun }
}
