//! Sends a notice as a mail: one session for each try. What stands in it is [`letter`]'s; how the way there is secured
//! [`way`]'s; what answers mean [`refusal`]'s.
//!
//! The server is connected to by `net`, as every other: its name is resolved once, and the address is judged.

mod letter;
mod refusal;
mod way;

use std::time::Duration;

use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
    },
};
use mailferry_model::{
    Error, Kind, Result, Retry,
    channel::{
        Taken,
        mail::{MailRoute, PASSWORD},
    },
    port::{Cx, courier::Parcel},
    secret::Secret,
};

use self::refusal::{Said, Step};
use super::OP;
use crate::net::{mask::Mask, tcp::within};

/// How long a session may take, a large mail over a slow line too: a handful end before the duty to send does.
const SESSION: Duration = Duration::from_secs(60);
/// How long we wait for a farewell.
const FAREWELL: Duration = Duration::from_secs(5);

/// Sends it to whoever has not got it yet.
pub(super) async fn send(cx: &Cx, parcel: Parcel<'_>) -> Result<Taken> {
    let lost = |what: &str| Error::new(Kind::NotFound, cx.side, OP, what).code_of("OWN_NOT_FOUND");
    let route = parcel.channel.mail.as_ref().ok_or_else(|| lost("the channel names no mail server"))?;
    let password = parcel.secrets.iter().find(|(name, _)| name == PASSWORD).map(|(_, secret)| secret);
    let session = Session { cx, route, password, mask: Mask::of(password) };
    let letter = letter::written(route, parcel)
        .map_err(|why| Error::new(Kind::Malformed, cx.side, OP, why).code_of("MAIL_REFUSED"))?;
    let told = within(cx, OP, SESSION, session.deliver(&letter, &parcel.delivery.to)).await;
    match told {
        Ok(told) => told,
        Err(error) if error.kind() == Kind::Timeout => Err(error.code_of("MAIL_SILENT")),
        Err(error) => Err(error),
    }
}

struct Session<'a> {
    cx: &'a Cx,
    route: &'a MailRoute,
    password: Option<&'a Secret<String>>,
    mask: Mask,
}

impl Session<'_> {
    async fn deliver(&self, letter: &[u8], to: &[String]) -> Result<Taken> {
        let (stream, hello) = way::to(self.cx, self.route).await?;
        let begun = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await;
        let mut session = begun.map_err(|e| self.refused(Step::Greeting, &e))?;
        self.sign_in(&mut session).await?;
        let taken = self.transact(&mut session, letter, to).await;
        // It is taken or refused: what a farewell is answered changes nothing.
        _ = within(self.cx, OP, FAREWELL, session.quit()).await;
        taken
    }

    async fn sign_in(&self, session: &mut AsyncSmtpConnection) -> Result<()> {
        let (Some(name), Some(password)) = (&self.route.username, self.password) else { return Ok(()) };
        let ways = [Mechanism::Plain, Mechanism::Login];
        if session.server_info().get_auth_mechanism(&ways).is_none() {
            let words = format!("{} offers neither AUTH PLAIN nor AUTH LOGIN", self.route.server);
            let error = Error::new(Kind::Unsupported, self.cx.side, OP, words);
            return Err(error.code_of("MAIL_NO_SIGN_IN"));
        }
        let credentials = Credentials::new(name.clone(), password.expose().clone());
        session.auth(&ways, &credentials).await.map(drop).map_err(|e| self.refused(Step::SignIn, &e))
    }

    /// One mail for all who are taken; who is refused for now is owed it.
    async fn transact(
        &self,
        session: &mut AsyncSmtpConnection,
        letter: &[u8],
        to: &[String],
    ) -> Result<Taken> {
        let address = |text: &str| {
            let unusable = |_| Error::new(Kind::Malformed, self.cx.side, OP, format!("{text} is no address"));
            text.parse::<Address>().map_err(|e| unusable(e).code_of("MAIL_REFUSED"))
        };
        let from = Mail::new(Some(address(&self.route.from)?), Vec::new());
        session.command(from).await.map_err(|e| self.refused(Step::Mail, &e))?;
        let (mut are_taken, mut owed, mut refusals) = (0, Vec::new(), Vec::new());
        for text in to {
            match session.command(Rcpt::new(address(text)?, Vec::new())).await {
                Ok(_) => are_taken += 1,
                Err(e) => {
                    let error = self.refused(Step::Recipient, &e);
                    if error.code() == "MAIL_UNREACHABLE" {
                        return Err(error);
                    }
                    if matches!(error.retry(), Retry::Soon | Retry::After(_)) {
                        owed.push(text.clone());
                    }
                    refusals.push(error);
                }
            }
        }
        let remark = refusals.iter().map(Error::context).collect::<Vec<_>>().join("; ");
        if are_taken == 0 {
            // One who may be taken later is worth another try.
            let by_hope = |error: &Error| !matches!(error.retry(), Retry::Soon | Retry::After(_));
            refusals.sort_by_key(by_hope);
            let none = || Error::new(Kind::NotFound, self.cx.side, OP, "nobody is to be written to");
            return Err(refusals.into_iter().next().unwrap_or_else(none));
        }
        session.command(Data).await.map_err(|e| self.refused(Step::Mail, &e))?;
        session.message(letter).await.map_err(|e| self.refused(Step::Mail, &e))?;
        Ok(Taken { owed, remark: (!remark.is_empty()).then_some(remark) })
    }

    fn refused(&self, step: Step, error: &lettre::transport::smtp::Error) -> Error {
        let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let code = error.status().map(u16::from);
        // Should a server repeat the password.
        let words = self.mask.clean(&source);
        let said = Said { code, words: &words, is_broken: code.is_none() };
        refusal::classify(self.cx.side, step, &self.route.server, &said)
    }
}
