//! Sign-ins of the Windows kind at a web server: Kerberos, NTLM, and Negotiate, which carries either.

use base64::{Engine, engine::general_purpose::STANDARD};
use mailferry_model::{port::Cx, secret::Secret};

use super::{
    kerberos::{self, Attempt},
    visit::Visit,
};
use crate::{
    checks::{Fault, Told},
    net::{
        http::{Answer, Exchange, Question},
        kerberos::{Failure, Handshake, Kdc, answer},
        ntlm::{self, Binding},
    },
};

/// What is known of the sign-in by Kerberos, once it was tried.
#[derive(Debug)]
pub enum Tickets {
    /// The server was sent one; what it sent back proves who it is, or it sent nothing.
    Sent {
        /// Whose, from where, for what.
        attempt: Attempt,
        /// It proved to be who it says.
        proven: bool,
        /// How far the KDC's clock is ahead of ours.
        ahead: jiff::SignedDuration,
    },
    /// There are none: NTLM is used instead, for this reason.
    Instead(Fault),
    /// There are none, which is no wonder: no KDC is known.
    NoKdc,
}

/// Why there is no answer to a sign-in by Kerberos, and what may be tried after it.
struct Stopped {
    fault: Fault,
    after: After,
}

enum After {
    /// Nothing: it would count against the account, or not help.
    Nothing,
    /// NTLM.
    Ntlm,
    /// NTLM, without a word: nobody said that there is a KDC, and none is known.
    NtlmAsEver,
}

impl Stopped {
    fn finally(fault: Fault) -> Self {
        Self { fault, after: After::Nothing }
    }
}

impl Visit {
    /// Kerberos, and nothing else.
    pub(super) async fn ask_by_kerberos(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let asked = self.ask_with_ticket(cx, question).await;
        asked.map_err(|stopped| stopped.fault)
    }

    /// Kerberos where a KDC is known, and NTLM where that fails for another reason than the account's.
    pub(super) async fn ask_by_negotiate(
        &mut self,
        cx: &Cx,
        question: Question<'_>,
    ) -> Result<Answer, Fault> {
        let over = matches!(self.tickets, Some(Tickets::Instead(_) | Tickets::NoKdc));
        if over || !Attempt::at(&self.site).comes_first(&self.site) {
            return self.ask_by_ntlm(cx, question, "Negotiate").await;
        }
        let stopped = match self.ask_with_ticket(cx, question.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(stopped) => stopped,
        };
        let fault = stopped.fault;
        self.tickets = Some(match stopped.after {
            After::Nothing => return Err(fault),
            After::Ntlm => Tickets::Instead(kerberos::not_used(&fault)),
            After::NtlmAsEver => Tickets::NoKdc,
        });
        let answer = self.ask_by_ntlm(cx, question, "Negotiate").await?;
        // No word of NTLM: inside Negotiate the server knows Kerberos alone.
        match answer.status == 401 && !self.challenged {
            true => Err(fault),
            false => Ok(answer),
        }
    }

    /// One message with a ticket; the connection is then known to most servers, and to others each question is asked
    /// with a ticket of its own.
    // RFC 4559 §4
    async fn ask_with_ticket(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Stopped> {
        if self.is_known() {
            let answer = self.ask(cx, question.clone()).await.map_err(Stopped::finally)?;
            if answer.status != 401 {
                return Ok(answer);
            }
        }
        self.signed_in = false;
        let mut attempt = Attempt::at(&self.site);
        let got = self.tickets_of(cx, &mut attempt).await;
        let (mut handshake, token) = got.map_err(|failure| {
            let fault = attempt.fault(&failure, &self.site.user);
            let after = match () {
                () if kerberos::is_final(&failure) => After::Nothing,
                () if kerberos::is_absent(&failure, &self.site) => After::NtlmAsEver,
                () => After::Ntlm,
            };
            Stopped { fault, after }
        })?;
        let asked = question.with("Authorization", format!("Negotiate {}", STANDARD.encode(token)));
        let answer = self.ask(cx, asked).await.map_err(Stopped::finally)?;
        let sent = token_of(&answer, "Negotiate");
        if answer.status == 401 {
            let refusal = sent.and_then(|token| answer::refusal_of_server(&token, cx.clock.now()));
            let fault = attempt.not_taken(refusal.as_ref(), &self.site.user, answer.shown());
            return Err(Stopped { fault, after: After::Ntlm });
        }
        let proven = match sent.map(|token| handshake.prove(&token)) {
            Some(Ok(())) => true,
            None => false,
            Some(Err(words)) => {
                let fault = Fault::fail("KERBEROS_SERVER_UNPROVEN").with("words", words.clone());
                return Err(Stopped::finally(fault.with("spn", attempt.service).shown(words)));
            }
        };
        self.signed_in = true;
        self.tickets = Some(Tickets::Sent { attempt, proven, ahead: handshake.ahead });
        Ok(answer)
    }

    async fn tickets_of(&self, cx: &Cx, attempt: &mut Attempt) -> Result<(Handshake, Vec<u8>), Failure> {
        let principal = attempt.principal.clone().ok_or(Failure::NoRealm)?;
        let named = self.site.kerberos.kdc.as_ref();
        let mut kdc = Kdc::reach(cx, &self.site.reach, named, &principal.realm).await?;
        attempt.kdc.clone_from(&kdc.name);
        let password = self.password();
        let mut handshake = Handshake::begin(&principal, &password, &attempt.service)?;
        let token = handshake.first(cx, &mut kdc).await?;
        Ok((handshake, token))
    }

    /// Three messages on one connection, which is then known: what follows on it needs no sign-in.
    // MS-NTHT 3.1
    pub(super) async fn ask_by_ntlm(
        &mut self,
        cx: &Cx,
        question: Question<'_>,
        word: &str,
    ) -> Result<Answer, Fault> {
        if self.is_known() {
            let answer = self.ask(cx, question.clone()).await?;
            // Another connection may have had to be made, which knows nobody.
            if answer.status != 401 || self.signed_in {
                return Ok(answer);
            }
        }
        (self.signed_in, self.challenged) = (false, false);
        let broken = |words: String| Fault::fail("WEB_NTLM_BROKEN").with("words", words.clone()).shown(words);
        let (password, binding) = (self.password(), self.binding());
        let mut handshake =
            ntlm::Handshake::begin(&self.site.user, &password, &self.site.host, binding.as_ref())
                .map_err(broken)?;
        let header = |token: Vec<u8>| format!("{word} {}", STANDARD.encode(token));
        let first = handshake.next(&[]).map_err(broken)?;
        let asked = Question::get(question.path).with("Authorization", header(first));
        let answer = self.ask(cx, asked).await?;
        let Some(challenge) = token_of(&answer, word) else { return Ok(answer) };
        self.challenged = true;
        if !self.http.as_ref().is_some_and(Exchange::is_open) {
            return Err(broken("the connection was closed between the messages of the sign-in".to_owned()));
        }
        let last = handshake.next(&challenge).map_err(broken)?;
        let answer = self.ask_once(cx, question.with("Authorization", header(last))).await?;
        self.signed_in = answer.status != 401;
        Ok(answer)
    }

    /// What there is to tell of a sign-in that worked.
    pub fn welcomed(&self, answer: &Answer) -> Told {
        let told = |by: &str| Told::pass(format!("{}{by}: {}", self.site.user, answer.shown()));
        match &self.tickets {
            None => told(""),
            Some(Tickets::NoKdc) => told(" by NTLM, no KDC is known"),
            Some(Tickets::Instead(why)) => told(" by NTLM").but(Some(why.clone())),
            Some(Tickets::Sent { attempt, proven, ahead }) => {
                let proof = if *proven {
                    "which the server proved to read"
                } else {
                    "of which the server sent no proof"
                };
                let by =
                    format!(" by Kerberos, a ticket of {} for {}, {proof}", attempt.kdc, attempt.service);
                let told = told(&by).seen("kdc", attempt.kdc.clone()).seen("spn", attempt.service.clone());
                told.but(kerberos::corrected(*ahead, &attempt.kdc))
            }
        }
    }

    /// Whether the account signed in by Kerberos.
    pub fn has_ticket(&self) -> bool {
        matches!(self.tickets, Some(Tickets::Sent { .. }))
    }

    fn is_known(&self) -> bool {
        self.signed_in && self.http.as_ref().is_some_and(Exchange::is_open)
    }

    fn password(&self) -> Secret<String> {
        self.site.password.clone().unwrap_or_else(|| Secret::new(String::new()))
    }

    fn binding(&self) -> Option<Binding> {
        let shown = self.way.shown.as_ref().filter(|_| self.bound);
        shown.and_then(|s| s.chain.first()).map(Binding::to)
    }
}

/// What the server sent beside the scheme's word.
fn token_of(answer: &Answer, word: &str) -> Option<Vec<u8>> {
    answer.all("www-authenticate").find_map(|offer| {
        let (scheme, token) = offer.split_once(' ')?;
        let token = STANDARD.decode(token.trim()).ok().filter(|token| !token.is_empty())?;
        scheme.eq_ignore_ascii_case(word).then_some(token)
    })
}
