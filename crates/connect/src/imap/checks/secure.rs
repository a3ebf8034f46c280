//! From the name to a greeting: name, connection, security, and what is there if it is not IMAP.

use mailferry_model::{Error, Kind, finding::Step, port::Cx};
use mailferry_wire::imap::Capability;

use super::{
    ask::{Asking, At, Row},
    provider,
};
use crate::{
    checks::{
        Fault, Told,
        secures::Begun,
        speaks::{self, Speaks},
    },
    imap::client::{account::Security, open, refusals, talk::Talk},
    net::{Plain, Stream},
};

impl Asking {
    pub(super) async fn dns(&mut self, cx: &Cx) -> Row {
        if !matches!(self.at, At::Begin) {
            return Ok(None);
        }
        self.server()?;
        self.at = At::Over;
        let told = self.way()?.name(cx).await?;
        self.at = At::Named;
        Ok(Some(told))
    }

    pub(super) async fn tcp(&mut self, cx: &Cx) -> Row {
        let At::Named = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let (stream, told) = self.way()?.connect(cx).await?;
        self.at = At::Connected(stream);
        Ok(Some(told))
    }

    pub(super) async fn tls(&mut self, cx: &Cx) -> Row {
        let At::Connected(tcp) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        match self.server()?.security {
            Security::Ssl => {
                let (secured, told) = self.way()?.secure(cx, tcp).await?;
                self.at = At::Secured(Box::new(secured));
                Ok(Some(told))
            }
            Security::StartTls => self.start_tls(cx, tcp).await,
            Security::None => {
                self.at = At::Secured(Box::new(Stream::Plain(tcp)));
                let warning = Fault::warn("NOT_ENCRYPTED").shown("no TLS");
                Ok(Some(Told::pass("no TLS").but(Some(warning))))
            }
        }
    }

    async fn start_tls(&mut self, cx: &Cx, tcp: Plain) -> Row {
        let mut talk = match open::welcome(cx, &self.server()?, tcp).await {
            Ok(talk) => talk,
            Err(error) => return Err(self.no_greeting(cx, &error).await),
        };
        let fault = |code, error: &Error| {
            let code = if error.kind() == Kind::Timeout { refusals::of_waiting(error) } else { code };
            Fault::fail(code).with("words", error.context()).shown(error.context()).at(Step::Tls)
        };
        talk.ensure_caps().await.map_err(|e| fault("STARTTLS_REFUSED", &e))?;
        if !talk.caps.has(Capability::StartTls) {
            return Err(Fault::fail("STARTTLS_NOT_OFFERED").shown(talk.caps_line));
        }
        talk.ask_tls().await.map_err(|error| match error.context().contains("before TLS began") {
            true => fault("STARTTLS_INJECTED", &error),
            false => fault("STARTTLS_REFUSED", &error),
        })?;
        let mut told = Told::default();
        let talk = talk
            .secured(async |tcp| {
                let (stream, said) = self.way()?.secure(cx, tcp).await?;
                told = said;
                Ok::<Stream, Fault>(stream)
            })
            .await?;
        self.at = At::Greeted(Box::new(talk));
        Ok(Some(told))
    }

    pub(super) fn public(&mut self, cx: &Cx) -> Row {
        if matches!(self.at, At::Over | At::Begin) {
            return Ok(None);
        }
        let way = self.way()?;
        Ok(way.shown.is_some().then(|| way.judged_publicly(cx)))
    }

    pub(super) async fn protocol(&mut self, cx: &Cx) -> Row {
        let mut talk = match std::mem::replace(&mut self.at, At::Over) {
            At::Secured(stream) => {
                let begun = match *stream {
                    Stream::Plain(tcp) => open::welcome(cx, &self.server()?, tcp).await,
                    secured => Talk::begin(cx, secured).await,
                };
                match begun {
                    Ok(talk) => talk,
                    Err(error) => return Err(self.no_greeting(cx, &error).await),
                }
            }
            At::Greeted(talk) => *talk,
            _ => return Ok(None),
        };
        let garbled = |error: Error| {
            let code = match error.kind() {
                Kind::Throttled => "IMAP_THROTTLED",
                Kind::Timeout => refusals::of_waiting(&error),
                // A goodbye has a kind of its own.
                Kind::Unreachable => "IMAP_HUNG_UP_BEHIND_GREETING",
                _ => "IMAP_GARBLED",
            };
            Fault::fail(code).with("words", error.context()).shown(error.context())
        };
        talk.ensure_caps().await.map_err(garbled)?;
        let mut evidence = talk.greeting.clone();
        if talk.caps_line != evidence {
            evidence = format!("{evidence}\n{}", talk.caps_line);
        }
        if !talk.caps.has(Capability::Imap4Rev1) && !talk.caps.has(Capability::Imap4Rev2) {
            return Err(Fault::fail("IMAP_TOO_OLD").shown(evidence));
        }
        let mut told = Told::pass(evidence.clone()).seen("capabilities", talk.caps.to_string());
        self.provider = provider::recognise(&self.server()?.host, &evidence);
        if let Some(known) = self.provider {
            told = told.seen("provider", known.name).seen("providerNotes", known.notes);
        }
        self.at = At::Greeted(Box::new(talk));
        Ok(Some(told))
    }

    /// There is no greeting, or it is not one of IMAP: says what is there instead.
    async fn no_greeting(&mut self, cx: &Cx, error: &Error) -> Fault {
        if let Some(way) = self.way.as_ref().filter(|_| error.kind() == Kind::Tls) {
            let fault = Fault::fail("STARTTLS_ON_TLS_PORT").with("port", way.port.to_string());
            return fault.shown(error.context()).at(Step::Tls);
        }
        let code = refusals::of_greeting(error);
        if code == "TLS_CLIENT_CERTIFICATE" {
            return Fault::fail(code).shown(error.context()).at(Step::Tls);
        }
        let known =
            Fault::fail(code).with("words", error.context()).shown(error.context()).at(Step::Protocol);
        let is_odd = matches!(code, "IMAP_SILENT" | "IMAP_HUNG_UP" | "IMAP_GARBLED");
        let Some(way) = self.way.as_ref().filter(|_| is_odd && error.kind() != Kind::Cancelled) else {
            return known;
        };
        let Some(stream) = way.again(cx).await else { return known };
        let heard = speaks::listen(cx, stream, &way.host).await;
        match heard.speaks {
            Speaks::Imap => known,
            Speaks::Tls if way.begun == Begun::OnRequest => {
                let fault = Fault::fail("STARTTLS_ON_TLS_PORT").with("port", way.port.to_string());
                fault.shown("the port answers with TLS").at(Step::Tls)
            }
            Speaks::Silent | Speaks::Other if way.begun == Begun::OnRequest && way.takes_tls(cx).await => {
                let fault = Fault::fail("STARTTLS_ON_TLS_PORT").with("port", way.port.to_string());
                fault.shown("the port takes a TLS handshake").at(Step::Tls)
            }
            other => match other.instead_of(way.asked.name(), &way.host, way.port) {
                Some(fault) => fault.shown(heard.words).at(Step::Protocol),
                None if code == "IMAP_SILENT" => way.silent(known),
                None => known,
            },
        }
    }
}
