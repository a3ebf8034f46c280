//! The steps themselves: name, connection, security, greeting, sign-in, permission, mailbox.

use std::sync::Arc;

use mailferry_model::{Error, Kind, Result, Side, finding::Verdict, port::Cx};
use mailferry_wire::imap::{
    AppendForm, AppendMessage, Capability, Command, Flag, MailboxName, NameEncoding, Payload, QResync,
    SelectMode, StoreAction, UidSet,
};

use super::{
    Told,
    ask::{Asking, At},
};
use crate::{
    imap::{
        client::{
            account::Security,
            classify::{Op, classify},
            conn::{Conn, Prepared, Rank},
            pipe::{Ask, Wants},
            talk::Talk,
        },
        target::appended,
    },
    net::{Pacer, Stream, Trust, tcp, tls},
};

/// Certificates that end sooner are warned about.
const WARN_SECONDS: i64 = 30 * 86_400;

impl Asking {
    pub(super) async fn dns(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let server = self.server(cx)?;
        self.at = At::Over;
        let addresses = tcp::resolve(cx, &server.host, server.port).await?;
        let evidence: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
        self.at = At::Named(addresses);
        Ok(Some(Told::pass(evidence.join(" "))))
    }

    pub(super) async fn tcp(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let At::Named(addresses) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let stream = tcp::connect(cx, &addresses).await?;
        let evidence = stream.peer_addr().map(|a| a.to_string()).unwrap_or_default();
        self.at = At::Connected(stream);
        Ok(Some(Told::pass(evidence)))
    }

    pub(super) async fn tls(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let At::Connected(stream) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let server = self.server(cx)?;
        let talk = match server.security {
            Security::Ssl => {
                let secured = tls::secure(cx, &server.trust, &server.host, stream).await?;
                let told = Self::told(cx, &server.trust, tls::certificate(&secured));
                self.at = At::Secured(Box::new(Stream::Tls(Box::new(secured))));
                return Ok(Some(told));
            }
            Security::StartTls => Talk::begin(cx, Stream::Plain(stream)).await?.start_tls(&server).await?,
            Security::None => {
                self.at = At::Secured(Box::new(Stream::Plain(stream)));
                let cause = "The connection is not encrypted, as the settings say.".to_owned();
                let fix = "Use security ssl or tls".to_owned();
                let warning = Some((cause, "NOT_ENCRYPTED", fix));
                return Ok(Some(Told { evidence: "no TLS".into(), warning, native: Some(Verdict::Warn) }));
            }
        };
        let told = Self::told(cx, &server.trust, talk.certificate());
        self.at = At::Greeted(Box::new(talk));
        Ok(Some(told))
    }

    fn told(cx: &Cx, trust: &Trust, certificate: Option<crate::net::Certificate>) -> Told {
        let Some(certificate) = certificate else { return Told::pass("secured") };
        let left = certificate.ends - cx.clock.now().as_second();
        let evidence = format!(
            "{}; {} issued by {}; ends in {} days; sha256 {}",
            certificate.session,
            certificate.subject,
            certificate.issuer,
            left / 86_400,
            certificate.fingerprint
        );
        let warning = if *trust == Trust::Nobody {
            let cause = "The certificate is not verified, as the settings say.".to_owned();
            Some((
                cause,
                "NOT_VERIFIED",
                format!("Give its fingerprint instead: {}", certificate.fingerprint),
            ))
        } else if left < WARN_SECONDS {
            let cause = format!("The certificate ends in {} days.", left / 86_400);
            Some((cause, "CERTIFICATE_ENDS", "Have it renewed before the migration ends".to_owned()))
        } else {
            None
        };
        // A private authority is fine here; Microsoft's own service trusts public ones alone.
        let native = (*trust != Trust::System).then_some(Verdict::Fail);
        Told { evidence, warning, native }
    }

    pub(super) async fn protocol(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let mut talk = match std::mem::replace(&mut self.at, At::Over) {
            At::Secured(stream) => Talk::begin(cx, *stream).await?,
            At::Greeted(talk) => *talk,
            _ => return Ok(None),
        };
        talk.ensure_caps().await?;
        let evidence = format!("{} — {}", talk.greeting, talk.caps);
        let known = talk.caps.has(Capability::Imap4Rev1) || talk.caps.has(Capability::Imap4Rev2);
        self.at = At::Greeted(Box::new(talk));
        if !known {
            self.at = At::Over;
            return Err(Error::new(Kind::Unsupported, cx.side, "greeting", evidence));
        }
        Ok(Some(Told::pass(evidence)))
    }

    pub(super) async fn auth(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let At::Greeted(mut talk) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let who = match &self.who {
            None => return Ok(None),
            Some(Err(text)) => {
                return Err(Error::new(Kind::Unauthenticated, cx.side, "sign in", text.clone()));
            }
            Some(Ok(who)) => who.clone(),
        };
        let server = self.server(cx)?;
        let signed_in = talk.sign_in(&server, &who).await;
        if self.is_nobody() {
            return self.known(signed_in);
        }
        signed_in?;
        let (stream, framer, tag, caps) = talk.into_parts();
        let evidence = format!("signed in{}; {caps}", if who.by_admin { " as administrator" } else { "" });
        let mode = if cx.side == Side::Target { SelectMode::ReadWrite } else { SelectMode::ReadOnly };
        let (cx, pacer, encoding) = (cx.clone(), Arc::new(Pacer::default()), NameEncoding::ModifiedUtf7);
        self.at = At::SignedIn(Conn::start(Prepared {
            cx,
            pacer,
            rank: Rank::Only,
            stream,
            framer,
            tag,
            caps,
            encoding,
            mode,
        }));
        Ok(Some(Told::pass(evidence)))
    }

    /// What the answer about nobody's mailbox tells of the administrator's password.
    fn known(&mut self, signed_in: Result<()>) -> Result<Option<Told>> {
        let words = match signed_in {
            Ok(()) => "signed in".to_owned(),
            // RFC 5530 §3 AUTHORIZATIONFAILED: the password is right, the mailbox is not to be had.
            Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => error.context().into(),
            // Dovecot without such a user says so in its log alone, and may hang up without a word.
            Err(error) if matches!(error.kind(), Kind::Busy | Kind::Unreachable) => {
                let cause = "Asked about a mailbox that does not exist, the server does not tell whether it takes \
                             the administrator's password.";
                return Ok(Some(Told::untold(error.context(), cause, "ENDPOINT_ADMIN_UNTOLD")));
            }
            Err(error) => return Err(error),
        };
        self.at = At::Known;
        Ok(Some(Told::pass(format!("the administrator's password is right: {words}"))))
    }

    pub(super) async fn permission(&mut self, cx: &Cx) -> Result<Option<Told>> {
        if matches!(self.at, At::Known) {
            let cause = "Whether the administrator may open mailboxes was not tried.";
            return Ok(Some(Told::untold("no mailbox was named", cause, "ENDPOINT_MAILBOX_UNTRIED")));
        }
        let At::SignedIn(conn) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let by_admin = self.who.as_ref().is_some_and(|w| w.as_ref().is_ok_and(|w| w.by_admin));
        let list =
            mailferry_wire::imap::ListQuery { patterns: vec![b"INBOX".to_vec()], ..Default::default() };
        conn.send(Ask::of(Command::list(&list), Wants::List)).done(cx.side, Op::List).await?;
        self.at = At::SignedIn(conn);
        Ok(Some(Told::pass(if by_admin { "the administrator sees the mailbox" } else { "the owner's own" })))
    }

    pub(super) async fn mailbox(&mut self, cx: &Cx) -> Result<Option<Told>> {
        let At::SignedIn(conn) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let inbox = MailboxName::inbox();
        let (selection, _) = conn.send_afresh(&inbox, QResync::Plain, []);
        let opened = selection.opened().await?;
        let mut evidence = format!("INBOX holds {} messages", opened.exists);
        if self.append && cx.side == Side::Target {
            evidence.push_str(&Self::append(cx, &conn).await?);
        }
        conn.log_out();
        Ok(Some(Told::pass(evidence)))
    }

    /// Appends one marked message and removes it again.
    async fn append(cx: &Cx, conn: &Conn) -> Result<String> {
        let inbox = MailboxName::inbox();
        let text = "From: mailferry test <test@mailferry.invalid>\r\nSubject: mailferry test, may be deleted\r\n\r\nA test of this mailbox as a target.\r\n";
        let body = Payload::Bytes(bytes::Bytes::from_static(text.as_bytes()));
        let message = AppendMessage { flags: vec![Flag::Seen], date: None, form: AppendForm::Plain, body };
        let answers = conn.send(Ask::of(Command::append(&inbox, [message]), Wants::Nothing));
        let (_, status) = answers.all().await.map_err(|lost| lost.error)?;
        if !status.is_ok() {
            return Err(classify(cx.side, Op::Append, &status));
        }
        let Some((_, uids)) = appended(&status, 1).filter(|_| conn.caps().has(Capability::UidPlus)) else {
            return Ok("; a test message was put there and must be removed by hand".into());
        };
        let set = (&UidSet::from_iter(uids)).into();
        let store = Command::uid_store(&set, StoreAction::Add, &[Flag::Deleted], None);
        let asks = [store, Command::uid_expunge(&set)].map(|command| Ask::of(command, Wants::Nothing));
        for answers in conn.send_in(&inbox, asks).1 {
            answers.done(cx.side, Op::Edit).await?;
        }
        Ok("; a test message was put there and removed".into())
    }
}
