//! The steps behind the greeting: sign-in, account, permission, mailbox.

use std::sync::Arc;

use mailferry_model::{
    Error, Kind, Side,
    finding::{Step, Verdict},
    port::Cx,
};
use mailferry_wire::imap::{Command, MailboxName, NameEncoding, QResync, SelectMode};

use super::{
    ask::{Asking, At, Row},
    marked::{self, Left},
};
use crate::{
    checks::{Fault, Told, account},
    imap::client::{
        account::Proof,
        classify::Op,
        conn::{Conn, Prepared, Rank},
        pipe::{Ask, Wants},
        refusals::{self, Shown},
    },
    net::Pacer,
};

/// Whether a test of a target writes; tests that nobody asked for do not.
const APPEND: &str = "probe-append";

impl Asking {
    pub(super) async fn auth(&mut self, cx: &Cx) -> Row {
        let At::Greeted(mut talk) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        if talk.preauth {
            return Err(Fault::fail("IMAP_PREAUTH").shown(talk.greeting));
        }
        let who = match &self.who {
            None => return Ok(None),
            Some(Err(text)) => {
                return Err(Fault::of_settings().with("words", text.clone()).shown(text.clone()));
            }
            Some(Ok(who)) => who.clone(),
        };
        let server = self.server()?;
        let signed_in = talk.sign_in(&server, &who).await;
        let shown = if matches!(who.proof, Proof::Token(_)) { Shown::Token } else { Shown::Password };
        self.notices = std::mem::take(&mut talk.notices);
        if self.is_nobody() {
            return self.known(signed_in, shown);
        }
        let secured = self.way.as_ref().is_some_and(|way| way.shown.is_some());
        let wants_another = self.provider.filter(|known| known.wants_app_password());
        let refused = |error: &Error| match (refused(error, shown, who.by_admin), wants_another) {
            (fault, Some(known)) => fault.with("provider", known.name),
            (fault, None) => fault,
        };
        signed_in.map_err(|error| match refused(&error) {
            // Whoever is asked for what is there already does not see it.
            fault if fault.code == "IMAP_PASSWORDS_DISABLED" && secured => {
                Fault { code: "IMAP_TLS_UNSEEN".into(), ..fault }
            }
            fault => fault,
        })?;
        let evidence =
            format!("signed in{}; {}", if who.by_admin { " as administrator" } else { "" }, talk.caps_line);
        let (stream, framer, tag, caps, mask) = talk.into_parts();
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
            mask,
            encoding,
            mode,
        }));
        Ok(Some(Told::pass(evidence)))
    }

    /// What the answer about nobody's mailbox tells of the administrator's password.
    fn known(&mut self, signed_in: mailferry_model::Result<()>, shown: Shown) -> Row {
        let words = match signed_in {
            Ok(()) => "signed in".to_owned(),
            // RFC 5530 §3 AUTHORIZATIONFAILED: the password is right, the mailbox is not to be had.
            Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => error.context().into(),
            // Dovecot without such a user says so in its log alone, and may hang up without a word.
            Err(error) if matches!(error.kind(), Kind::Busy | Kind::Unreachable) => {
                return Ok(Some(untold(error.context(), "ENDPOINT_ADMIN_UNTOLD")));
            }
            Err(error) => return Err(refused(&error, shown, false)),
        };
        self.at = At::Known;
        Ok(Some(Told::pass(format!("the administrator's password is right: {words}"))))
    }

    pub(super) fn account(&mut self, cx: &Cx) -> Row {
        if !matches!(self.at, At::SignedIn(_) | At::Known) {
            return Ok(None);
        }
        let today = cx.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let by_admin = self.who.as_ref().is_some_and(|w| w.as_ref().is_ok_and(|w| w.by_admin));
        let serves = if by_admin { account::Serves::Others } else { account::Serves::Itself };
        Ok(Some(account::judge(&self.settings, serves, today).but(account::told_to_end(&self.notices))))
    }

    pub(super) async fn permission(&mut self, cx: &Cx) -> Row {
        if matches!(self.at, At::Known) {
            return Ok(Some(untold("no mailbox was named", "ENDPOINT_MAILBOX_UNTRIED")));
        }
        let At::SignedIn(conn) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let by_admin = self.who.as_ref().is_some_and(|w| w.as_ref().is_ok_and(|w| w.by_admin));
        let list =
            mailferry_wire::imap::ListQuery { patterns: vec![b"INBOX".to_vec()], ..Default::default() };
        let listed = conn.send(Ask::of(Command::list(&list), Wants::List)).done(cx.side, Op::List).await;
        listed.map_err(|error| match error.kind() {
            Kind::Forbidden if by_admin => spoken("IMAP_ADMIN_REFUSED", &error),
            Kind::Busy | Kind::Throttled | Kind::Timeout => spoken(refusals::of_mailbox(&error), &error),
            // That says nothing of any right.
            Kind::Unreachable => spoken(refusals::of_mailbox(&error), &error).at(Step::Mailbox),
            _ => Fault::of_error(&error),
        })?;
        self.at = At::SignedIn(conn);
        Ok(Some(Told::pass(if by_admin { "the administrator sees the mailbox" } else { "the owner's own" })))
    }

    pub(super) async fn mailbox(&mut self, cx: &Cx) -> Row {
        let At::SignedIn(conn) = std::mem::replace(&mut self.at, At::Over) else { return Ok(None) };
        let inbox = MailboxName::inbox();
        let (selection, _) = conn.send_afresh(&inbox, QResync::Plain, []);
        let fault = |error: Error| {
            let code = refusals::of_mailbox(&error);
            let fault = spoken(code, &error);
            if ["IMAP_MAY_NOT_OPEN", "IMAP_MAY_NOT_PUT"].contains(&code) {
                fault.at(Step::Permission)
            } else {
                fault
            }
        };
        let opened = selection.opened().await.map_err(fault)?;
        let mut evidence = format!("INBOX holds {} messages", opened.exists);
        if cx.side == Side::Target && opened.read_only {
            return Err(
                not_theirs(Fault::fail("IMAP_MAILBOX_READ_ONLY")).shown(format!("{evidence}; [READ-ONLY]"))
            );
        }
        if cx.side != Side::Target || self.settings.get(APPEND) == Some("no") {
            conn.log_out();
            return Ok(Some(Told::pass(evidence)));
        }
        let left = marked::put(cx, &conn, opened.uid_next).await;
        let left = left.map_err(|error| not_theirs(fault(error)))?;
        conn.log_out();
        evidence.push_str("; a test message was put there");
        match left {
            Left::Nothing => Ok(Some(Told::pass(evidence + " and removed"))),
            Left::Refused(error) if matches!(error.kind(), Kind::Unreachable | Kind::Timeout) => {
                let words =
                    format!("{}; nobody knows whether the test message is still there", error.context());
                let fault = Fault::fail(refusals::of_mailbox(&error)).with("words", words.clone());
                Err(not_theirs(fault.shown(words)))
            }
            Left::Refused(error) => Err(not_theirs(spoken("IMAP_PROBE_LEFT", &error))),
            Left::Stays(why) => {
                let warning = Fault::warn("IMAP_PROBE_STAYS").with("why", why).natively(Verdict::Pass);
                Ok(Some(Told::pass(format!("{evidence}; {why}")).but(Some(warning))))
            }
        }
    }
}

/// Microsoft's own framework writes to no IMAP server.
fn not_theirs(fault: Fault) -> Fault {
    fault.natively(Verdict::Unknown)
}

/// A fault with the server's words.
fn spoken(code: &'static str, error: &Error) -> Fault {
    Fault::fail(code).with("words", error.context()).shown(error.context())
}

/// A sign-in that failed. Whose password is right and who may not act for the mailbox lacks a permission.
fn refused(error: &Error, shown: Shown, by_admin: bool) -> Fault {
    match refusals::of_sign_in(error, shown) {
        Some(code) => spoken(code, error),
        None if by_admin && error.kind() == Kind::Forbidden => {
            spoken("IMAP_ADMIN_REFUSED", error).at(Step::Permission)
        }
        None => Fault::of_error(error),
    }
}

/// Not told without a mailbox to try it on.
fn untold(evidence: &str, code: &'static str) -> Told {
    let warning = Fault::warn(code).shown(evidence);
    Told::pass(evidence).but(Some(warning)).natively(Verdict::Unknown)
}
