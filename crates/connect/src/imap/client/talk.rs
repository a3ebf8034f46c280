//! The dialogue before a connection is handed over: greeting, STARTTLS, capabilities, sign-in. One command at a time.
//!
//! What comes after sign-in is pipelined, by `conn`.

use std::time::Duration;

use bytes::Bytes;
use mailferry_model::{Error, Kind, Result, Scope, port::Cx};
use mailferry_wire::imap::{
    Capabilities, Capability, Code, Command, Event, Frame, Initial, Limits, Literals, Reply, ResponseFramer,
    Sasl, Segment, Status, Tag,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    account::{Mechanism, Proof, Security, Server, SignIn},
    classify::{Op, classify, guard, is_about_the_mechanism, words},
    line::{as_it_came, nonsense},
};
use crate::net::{Plain, Stream, mask::Mask, stream::without_manual, tcp::within, tls};

/// How long a single answer before sign-in may take.
const ANSWER: Duration = Duration::from_secs(45);
/// How long a server may take to greet. Silence is rarely a slow server: mostly it waits for TLS, or is none.
const GREETING: Duration = Duration::from_secs(20);

/// What is said of an answer that was begun and not ended in time.
pub const HALF: &str = "only the beginning of an answer came";

/// A connection that is being prepared.
pub struct Talk {
    cx: Cx,
    stream: Stream,
    framer: ResponseFramer,
    tag: u32,
    /// What the server can do, as far as it told.
    pub caps: Capabilities,
    /// The server's first line, as it came.
    pub greeting: String,
    /// The line in which it last told what it can do, as it came.
    pub caps_line: String,
    /// Signed in already by other means (PREAUTH).
    pub preauth: bool,
    /// What the server said beside its consent to the sign-in.
    pub notices: Vec<String>,
    /// A password was sent on it: what comes back may be its echo.
    secret_sent: Option<Mask>,
}

/// So many untagged answers to one command before sign-in are no IMAP any more.
const MOST: usize = 10_000;

/// Room for each read: several usual messages, and little enough to stay in the processor's cache.
const READ: usize = 256 << 10;

/// Bodies that fit such a buffer stay in one piece, and only what lies across its end is moved; larger ones are
/// handed on in the pieces in which they arrive, cut so that BLAKE3 can hash each with its full width.
fn framer() -> ResponseFramer {
    let (stream_min, piece) = (READ as u64 / 2, 16 << 10);
    ResponseFramer::with_limits(Limits { stream_min, read: READ, piece, ..Limits::default() })
}

impl Talk {
    /// Takes a fresh connection and reads the greeting.
    ///
    /// # Errors
    /// The server says nothing, BYE, or something that is no IMAP.
    pub async fn begin(cx: &Cx, stream: Stream) -> Result<Self> {
        let framer = framer();
        let (caps, greeting) = (Capabilities::default(), String::new());
        let mut talk = Self {
            cx: cx.clone(),
            stream,
            framer,
            tag: 0,
            caps,
            greeting,
            caps_line: String::new(),
            preauth: false,
            notices: Vec::new(),
            secret_sent: None,
        };
        let cx = cx.clone();
        let first = within(&cx, "greeting", GREETING.min(cx.put_timeout), talk.reply()).await;
        let first = first.map_err(|e| talk.overdue("greeting", e))?.map_err(|e| match e.kind() {
            // Whoever asks why reads that it was before a single word, which is a fault of the protocol.
            Kind::Unreachable => {
                talk.error(Kind::Unreachable, "greeting", format!("no greeting: {}", e.context())).because(e)
            }
            _ => e,
        })?;
        let Reply::Status(status) = first else {
            return Err(talk.error(Kind::Unsupported, "greeting", "the server does not greet as IMAP does"));
        };
        use mailferry_wire::imap::Condition::{Ok as Welcome, PreAuth};
        if !matches!(status.condition, Welcome | PreAuth) {
            return Err(classify(talk.cx.side, Op::Greet, &status));
        }
        talk.preauth = status.condition == PreAuth;
        talk.note(&status);
        Ok(talk)
    }

    fn error(&self, kind: Kind, op: &'static str, text: impl Into<String>) -> Error {
        Error::new(kind, self.cx.side, op, text)
    }

    /// The time is over; who has begun an answer is not silent.
    fn overdue(&self, op: &'static str, error: Error) -> Error {
        match error.kind() {
            Kind::Timeout if !self.framer.is_idle() => {
                self.error(Kind::Timeout, op, format!("{HALF}; {}", error.context()))
            }
            _ => error,
        }
    }

    fn note(&mut self, status: &Status) {
        if let Some(Code::Capability(caps)) = &status.code {
            self.caps = caps.clone();
        }
    }

    /// Keeps what is shown to people to the letter.
    fn keep_line(&mut self, reply: &Reply, frame: &Frame) {
        let tells = match reply {
            Reply::Capability(_) => true,
            Reply::Status(status) | Reply::Done { status, .. } => {
                matches!(status.code, Some(Code::Capability(_)))
            }
            _ => false,
        };
        if self.greeting.is_empty() {
            self.greeting = as_it_came(frame);
        }
        if tells {
            self.caps_line = as_it_came(frame);
        }
    }

    async fn reply(&mut self) -> Result<Reply> {
        loop {
            let event = self.framer.next().map_err(|e| self.error(Kind::Malformed, "read", e.to_string()))?;
            match event {
                Some(Event::Response(frame)) => {
                    let mut reply = Reply::parse(&frame).map_err(|e| {
                        let text =
                            if self.secret_sent.is_some() { e.to_string() } else { nonsense(e, &frame) };
                        self.error(Kind::Unsupported, "read", text).scope_of(Scope::Endpoint)
                    })?;
                    self.keep_line(&reply, &frame);
                    if let Some(mask) = &self.secret_sent {
                        guard(&mut reply, mask);
                    }
                    return Ok(reply);
                }
                Some(_) => {}
                None => {
                    let read = self.stream.read_buf(&mut self.framer.spare()).await;
                    if read
                        .map_err(|e| self.error(Kind::Unreachable, "read", without_manual(&e.to_string())))?
                        == 0
                    {
                        return Err(self.error(
                            Kind::Unreachable,
                            "read",
                            "the server closed the connection",
                        ));
                    }
                }
            }
        }
    }

    /// Sends a command, answers `+` with `lines` (an empty list: with `abort`), and reads to its end.
    async fn run(
        &mut self,
        command: Command,
        lines: Vec<Bytes>,
        abort: Bytes,
    ) -> Result<(Vec<Reply>, Status)> {
        self.tag += 1;
        let tag = Tag(self.tag);
        let cx = self.cx.clone();
        let (name, mut lines) = (command.name(), lines.into_iter());
        // Names and codes alone: arguments hold passwords, and answers may be their echo.
        tracing::debug!(side = ?cx.side, tag = self.tag, command = name, "a command goes out");
        let dialogue = async {
            for segment in command.encode(tag, Literals::Synchronizing) {
                match segment {
                    Segment::Bytes(octets) => self.write(&octets).await?,
                    Segment::AwaitContinue => match self.reply().await? {
                        Reply::Continue(_) => {}
                        Reply::Done { status, .. } => return Ok((Vec::new(), status)),
                        _ => return Err(self.error(Kind::Malformed, "sign in", "no answer to a literal")),
                    },
                    Segment::Stream { .. } => {}
                }
            }
            let mut replies = Vec::new();
            loop {
                match self.reply().await? {
                    Reply::Continue(_) => {
                        let line = lines.next().unwrap_or_else(|| abort.clone());
                        self.write(&[&line[..], b"\r\n"].concat()).await?;
                    }
                    Reply::Done { tag: done, status } if Tag::parse(&done) == Some(tag) => {
                        self.note(&status);
                        return Ok((replies, status));
                    }
                    Reply::Status(status) if status.condition == mailferry_wire::imap::Condition::Bye => {
                        return Err(classify(self.cx.side, Op::SignIn, &status));
                    }
                    Reply::Capability(caps) => self.caps = caps,
                    _ if replies.len() >= MOST => {
                        return Err(self.error(Kind::Malformed, "read", "untagged answers without an end"));
                    }
                    other => replies.push(other),
                }
            }
        };
        let answer = within(&cx, name, ANSWER.min(cx.put_timeout), dialogue).await;
        let answer = answer.map_err(|e| self.overdue(name, e))?;
        match &answer {
            Ok((_, status)) => {
                let answer = status.condition.as_str();
                let code = if let Some(Code::Plain(code)) = &status.code { code.as_str() } else { "" };
                tracing::debug!(side = ?cx.side, tag = tag.0, answer, code, "an answer came");
            }
            Err(e) => tracing::debug!(side = ?cx.side, tag = tag.0, kind = e.kind().code(), "no answer came"),
        }
        answer
    }

    async fn write(&mut self, octets: &[u8]) -> Result<()> {
        let written = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        written.await.map_err(|e| self.error(Kind::Unreachable, "write", without_manual(&e.to_string())))
    }

    /// Asks for capabilities unless they are known.
    ///
    /// # Errors
    /// The refusal.
    pub async fn ensure_caps(&mut self) -> Result<()> {
        if !self.caps.is_empty() {
            return Ok(());
        }
        let (_, status) = self.run(Command::capability(), Vec::new(), Bytes::new()).await?;
        if status.is_ok() { Ok(()) } else { Err(classify(self.cx.side, Op::Greet, &status)) }
    }

    /// STARTTLS.
    ///
    /// # Errors
    /// `Tls`: not offered, refused, or the handshake fails.
    pub async fn start_tls(mut self, server: &Server) -> Result<Self> {
        self.ask_tls().await?;
        let cx = self.cx.clone();
        self.secured(async |tcp| {
            let secured = tls::secure(&cx, &server.trust, &server.host, tcp).await?;
            Ok(Stream::Tls(Box::new(secured)))
        })
        .await
    }

    /// Asks the server to begin TLS.
    ///
    /// # Errors
    /// `Tls`: not offered, refused, or something was said in between.
    // RFC 9051 §6.2.1: capabilities from before TLS are forgotten, and nothing sent before may count after.
    pub async fn ask_tls(&mut self) -> Result<()> {
        self.ensure_caps().await?;
        if !self.caps.has(Capability::StartTls) {
            let text = "the server does not offer STARTTLS; use security ssl, or none to go without";
            return Err(self.error(Kind::Tls, "secure connection", text));
        }
        let (_, status) = self.run(Command::starttls(), Vec::new(), Bytes::new()).await?;
        if !status.is_ok() {
            return Err(self.error(Kind::Tls, "secure connection", words(&status)));
        }
        if !self.framer.is_idle() {
            return Err(self.error(Kind::Tls, "secure connection", "the server spoke before TLS began"));
        }
        Ok(())
    }

    /// Goes on over the secured form of its connection.
    ///
    /// # Errors
    /// The handshake's.
    pub async fn secured<E>(
        self,
        shake: impl AsyncFnOnce(Plain) -> std::result::Result<Stream, E>,
    ) -> std::result::Result<Self, E> {
        let Stream::Plain(tcp) = self.stream else { return Ok(self) };
        let stream = shake(tcp).await?;
        Ok(Self { stream, framer: framer(), caps: Capabilities::default(), caps_line: String::new(), ..self })
    }

    /// Signs in: one try, once more only with another mechanism and only if the password itself was not refused.
    ///
    /// # Errors
    /// `Unauthenticated`, `Tls` where the connection is not secured enough, `Throttled` …
    pub async fn sign_in(&mut self, server: &Server, who: &SignIn) -> Result<()> {
        if self.preauth {
            return Ok(());
        }
        self.ensure_caps().await?;
        let mut ways = ways(&self.caps, server, who).into_iter();
        let Some(first) = ways.next() else {
            let unsecured = self.caps.has(Capability::LoginDisabled) && server.security == Security::None;
            return Err(if unsecured {
                let text = "the server refuses passwords before TLS (LOGINDISABLED); use security tls or ssl";
                self.error(Kind::Tls, "sign in", text)
            } else {
                let offered: Vec<&str> = self.caps.auth_mechanisms().collect();
                let text = format!("no mechanism in common; the server offers: {}", offered.join(" "));
                self.error(Kind::Unsupported, "sign in", text).scope_of(Scope::Endpoint)
            });
        };
        self.secret_sent = Some(who.mask());
        let mut status = self.attempt(first).await?;
        if !status.is_ok()
            && is_about_the_mechanism(&status)
            && let Some(second) = ways.next()
        {
            status = self.attempt(second).await?;
        }
        if !status.is_ok() {
            let error = classify(self.cx.side, Op::SignIn, &status);
            let shared = who.by_admin && error.kind() == Kind::Unauthenticated;
            return Err(if shared { error.scope_of(Scope::Endpoint) } else { error });
        }
        // What can be done may have changed with signing in; most servers tell at once.
        if !matches!(status.code, Some(Code::Capability(_))) {
            self.caps = Capabilities::default();
            self.ensure_caps().await?;
        }
        Ok(())
    }

    async fn attempt(&mut self, way: Way) -> Result<Status> {
        let before = std::mem::take(&mut self.caps);
        let (replies, status) = match way {
            Way::Login(user, password) => {
                self.run(Command::login(&user, &password), Vec::new(), Bytes::new()).await?
            }
            Way::Sasl(sasl) => {
                let along = before.has(Capability::SaslIr);
                let initial = if along { Initial::Along } else { Initial::OnRequest };
                let (command, lines) = Command::authenticate(&sasl, initial);
                self.run(command, lines, sasl.abort()).await?
            }
        };
        let said = replies.iter().filter_map(|reply| match reply {
            Reply::Status(status) => Some(status),
            _ => None,
        });
        self.notices = said.chain([&status]).map(words).collect();
        if self.caps.is_empty() && !status.is_ok() {
            self.caps = before;
        }
        Ok(match status.code {
            None if !self.caps.is_empty() && status.is_ok() => {
                Status { code: Some(Code::Capability(self.caps.clone())), ..status }
            }
            _ => status,
        })
    }

    /// The prepared connection: its stream, the framer with what was read ahead, the last tag used, what the server can
    /// do, and what nobody is to be shown of its answers.
    pub fn into_parts(self) -> (Stream, ResponseFramer, u32, Capabilities, Mask) {
        (self.stream, self.framer, self.tag, self.caps, self.secret_sent.unwrap_or_default())
    }
}

/// A way to sign in.
enum Way {
    Login(String, String),
    Sasl(Sasl),
}

/// The ways that may be tried, best first, at most two.
fn ways(caps: &Capabilities, server: &Server, who: &SignIn) -> Vec<Way> {
    let user = who.user.clone();
    let mut ways = Vec::new();
    let wanted = |mechanism| matches!(server.mechanism, Mechanism::Auto) || server.mechanism == mechanism;
    match &who.proof {
        Proof::Token(token) => {
            let token = token.expose().clone();
            let (host, port) = (server.host.clone(), server.port);
            let asked = |m: Mechanism, name| server.mechanism == m || (wanted(m) && caps.has_auth(name));
            if asked(Mechanism::OAuthBearer, "OAUTHBEARER") {
                let (user, token) = (user.clone(), token.clone());
                ways.push(Way::Sasl(Sasl::OAuthBearer { user, host, port, token }));
            }
            if asked(Mechanism::XOAuth2, "XOAUTH2") {
                ways.push(Way::Sasl(Sasl::XOAuth2 { user, token }));
            }
        }
        Proof::Password(password) => {
            let password = password.expose().clone();
            let asked = server.mechanism == Mechanism::Plain || !who.authorize_as.is_empty();
            if wanted(Mechanism::Plain) && (caps.has_auth("PLAIN") || asked) {
                let (authorize_as, user, password) =
                    (who.authorize_as.clone(), user.clone(), password.clone());
                ways.push(Way::Sasl(Sasl::Plain { authorize_as, user, password }));
            }
            if wanted(Mechanism::Login) && who.authorize_as.is_empty() {
                let disabled = caps.has(Capability::LoginDisabled);
                if !disabled && user.is_ascii() && password.is_ascii() {
                    ways.push(Way::Login(user, password));
                } else if caps.has_auth("LOGIN") {
                    ways.push(Way::Sasl(Sasl::Login { user, password }));
                }
            }
        }
    }
    ways
}
