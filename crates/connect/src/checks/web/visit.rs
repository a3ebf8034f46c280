//! A visit at a web server: the way there row by row, then questions over connections of its own.

use mailferry_model::{
    finding::{Step, Verdict},
    port::Cx,
};

use super::{
    settings::{Scheme, Site},
    windows::Tickets,
};
use crate::{
    checks::{
        Fault, Told,
        approach::Approach,
        secures::Begun,
        speaks::{self, Asked, Speaks},
    },
    net::{
        Plain, Stream,
        http::{Answer, Exchange, NoAnswer, Question},
    },
};

/// What is shown of a server that took a question and never answered.
const SILENCE: &str = "no answer in time";

/// The virtual directory of IIS behind a path, and what makes it take a password.
fn opened_by(path: &str) -> (&'static str, &'static str) {
    const BASIC: &str = "-BasicAuthentication $true";
    let path = path.to_ascii_lowercase();
    match () {
        () if path.starts_with("/rpc/") => ("OutlookAnywhere", "-IISAuthenticationMethods Basic,NTLM"),
        () if path.starts_with("/autodiscover/") => ("AutodiscoverVirtualDirectory", BASIC),
        () => ("WebServicesVirtualDirectory", BASIC),
    }
}

/// The field Host: the port is named unless it is the usual one.
// RFC 9110 §7.2
fn host_field(host: &str, port: u16) -> String {
    let bare = host.trim_matches(['[', ']']);
    let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
    if port == 443 { host } else { format!("{host}:{port}") }
}

/// A visit in progress.
pub struct Visit {
    /// The server and the account.
    pub site: Site,
    /// The way there.
    pub way: Approach,
    tcp: Option<Plain>,
    stream: Option<Stream>,
    pub(super) http: Option<Exchange>,
    /// What the server offered to sign in with.
    pub offered: Vec<String>,
    /// Whether the open connection is signed in.
    pub(super) signed_in: bool,
    /// Whether the server answered the last sign-in by NTLM with a challenge.
    pub(super) challenged: bool,
    /// What came of Kerberos, where that was tried.
    pub(super) tickets: Option<Tickets>,
    /// Whether a sign-in by NTLM is bound to the server's certificate.
    pub bound: bool,
}

impl Visit {
    /// At the beginning.
    pub fn to(site: Site) -> Self {
        let (reach, trust) = (site.reach.clone(), site.trust.clone());
        let way = Approach::to(&site.host, site.port, reach, trust, Begun::AtOnce, Asked::Web);
        Self {
            site,
            way,
            tcp: None,
            stream: None,
            http: None,
            offered: Vec::new(),
            signed_in: false,
            challenged: false,
            tickets: None,
            bound: true,
        }
    }

    /// The name.
    ///
    /// # Errors
    /// It leads nowhere.
    pub async fn name(&mut self, cx: &Cx) -> Result<Told, Fault> {
        self.way.name(cx).await
    }

    /// The connection.
    ///
    /// # Errors
    /// There is none.
    pub async fn connect(&mut self, cx: &Cx) -> Result<Told, Fault> {
        let (tcp, told) = self.way.connect(cx).await?;
        self.tcp = Some(tcp);
        Ok(told)
    }

    /// TLS.
    ///
    /// # Errors
    /// It cannot be begun, or the certificate is not accepted.
    pub async fn secure(&mut self, cx: &Cx) -> Result<Told, Fault> {
        let tcp = self.tcp.take().ok_or_else(|| Fault::fail("TLS_CLOSED"))?;
        let (stream, told) = self.way.secure(cx, tcp).await?;
        self.stream = Some(stream);
        Ok(told)
    }

    /// No TLS: for places of which nothing is wanted but where they lead.
    pub(super) fn stay_plain(&mut self) {
        self.stream = self.tcp.take().map(Stream::Plain);
    }

    /// Asks without a sign-in. A connection on which something was asked before may have ended unseen: then once more on
    /// another, if the question never went out or changes nothing.
    ///
    /// # Errors
    /// No answer, or one that is no HTTP.
    pub async fn ask(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let reads = question.only_reads;
        let used = self.http.as_ref().is_some_and(Exchange::is_open);
        match self.ask_here(cx, question.clone()).await {
            Err(NoAnswer::Unasked(_)) if used => {}
            Err(NoAnswer::Hung(_)) if used && reads => {}
            answer => return self.answered(cx, answer).await,
        }
        let answer = self.ask_here(cx, question).await;
        self.answered(cx, answer).await
    }

    /// Asks once, on the open connection if there is one.
    pub(super) async fn ask_once(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let answer = self.ask_here(cx, question).await;
        self.answered(cx, answer).await
    }

    async fn ask_here(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, NoAnswer> {
        let mut http = match self.http.take().filter(Exchange::is_open) {
            Some(http) => http,
            None => {
                self.signed_in = false;
                self.open(cx).await?
            }
        };
        let answer = http.ask(cx, question).await?;
        self.http = Some(http);
        Ok(answer)
    }

    async fn answered(&self, cx: &Cx, answer: Result<Answer, NoAnswer>) -> Result<Answer, Fault> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(no_answer) => Err(self.unanswered(cx, no_answer).await),
        }
    }

    /// Asks on a connection that nobody has used before.
    ///
    /// # Errors
    /// No answer.
    pub async fn ask_afresh(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        self.leave();
        self.ask(cx, question).await
    }

    /// Ends the connection: what may be asked once alone is asked on one that cannot have ended unseen.
    pub fn leave(&mut self) {
        (self.http, self.signed_in) = (None, false);
    }

    /// Asks as the account.
    ///
    /// # Errors
    /// No answer; the scheme of the settings is not offered; or there is no password.
    pub async fn ask_signed(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let shown = self.offered.join(", ");
        let Some(scheme) = self.scheme() else {
            let fault = match self.site.scheme {
                Scheme::Auto => {
                    let (directory, methods) = opened_by(question.path);
                    Fault::fail("WEB_NO_COMMON_SCHEME").with("directory", directory).with("methods", methods)
                }
                wanted => Fault::fail("WEB_SCHEME_NOT_OFFERED").with("wanted", wanted.word()),
            };
            return Err(fault.with("offered", shown.clone()).shown(shown));
        };
        let Some(authorization) = self.site.basic() else {
            let nobody = Fault::fail("WEB_NO_PASSWORD").natively(Verdict::Unknown);
            return Err(nobody.shown("no password was given"));
        };
        match scheme {
            Scheme::Ntlm => self.ask_by_ntlm(cx, question, "NTLM").await,
            Scheme::Negotiate => self.ask_by_negotiate(cx, question).await,
            Scheme::Kerberos => self.ask_by_kerberos(cx, question).await,
            Scheme::Basic | Scheme::Auto => self.ask(cx, question.with("Authorization", authorization)).await,
        }
    }

    /// Asks as the account for the first time: silence means more here.
    ///
    /// # Errors
    /// As [`Self::ask_signed`].
    pub async fn sign_in(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let answer = self.ask_signed(cx, question).await;
        answer.map_err(|fault| match fault.code == "HTTP_NO_ANSWER" && fault.evidence == SILENCE {
            true => Fault { code: "WEB_SIGN_IN_HELD".into(), ..fault },
            false => fault,
        })
    }

    /// The scheme that will be used, if the server offers one that fits.
    fn scheme(&self) -> Option<Scheme> {
        let offers = |scheme: &Scheme| self.offered.iter().any(|o| o == scheme.offered());
        // Over TLS a password is as safe as NTLM, and goes through every proxy.
        match self.site.scheme {
            Scheme::Auto => [Scheme::Basic, Scheme::Negotiate, Scheme::Ntlm].into_iter().find(offers),
            wanted => Some(wanted).filter(offers),
        }
    }

    /// Whether the sign-in is one that can be bound to the certificate.
    pub fn binds(&self) -> bool {
        matches!(self.scheme(), Some(Scheme::Ntlm | Scheme::Negotiate)) && !self.has_ticket()
    }

    async fn open(&mut self, cx: &Cx) -> Result<Exchange, NoAnswer> {
        let stream = match self.stream.take() {
            Some(stream) => Some(stream),
            None => self.way.again(cx).await,
        };
        let host = host_field(&self.way.host, self.way.port);
        let lost = || NoAnswer::Broken("the connection could not be made again".to_owned());
        let opened = Exchange::over(stream.ok_or_else(lost)?, &host).await;
        opened.map_err(|_| lost())
    }

    fn no_answer(&self, words: &str) -> Fault {
        Fault::fail("HTTP_NO_ANSWER").with("host", &self.way.host).with("words", words).shown(words)
    }

    /// No answer: what is there instead?
    async fn unanswered(&self, cx: &Cx, no_answer: NoAnswer) -> Fault {
        let words = match no_answer {
            NoAnswer::Broken(words) | NoAnswer::Unasked(words) | NoAnswer::Hung(words) => words,
            NoAnswer::Silent => SILENCE.to_owned(),
            NoAnswer::Drips(octets) => {
                let words = format!("{octets} octets of an answer came in time, and no end");
                return Fault { code: "HTTP_DRIPS".into(), ..self.no_answer(&words) };
            }
            NoAnswer::Cancelled => return self.no_answer("stopped"),
        };
        let known = self.no_answer(&words);
        let known = if words == SILENCE { self.way.silent(known) } else { known };
        if known.evidence.contains("CertificateRequired") {
            return Fault::fail("TLS_CLIENT_CERTIFICATE").shown(known.evidence).at(Step::Tls);
        }
        let Some(stream) = self.way.again(cx).await else { return known };
        let heard = speaks::listen(cx, stream, &self.way.host).await;
        match heard.speaks {
            Speaks::Web | Speaks::Exchange => known,
            other => match other.instead_of(Asked::Web.name(), &self.way.host, self.way.port) {
                Some(fault) => fault.shown(heard.words).at(Step::Protocol),
                None => known,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_another_port_is_told_which() {
        for (host, port, field) in [
            ("mail.example.org", 443, "mail.example.org"),
            ("mail.example.org", 8443, "mail.example.org:8443"),
            ("::1", 443, "[::1]"),
            ("[::1]", 444, "[::1]:444"),
        ] {
            assert_eq!(host_field(host, port), field);
        }
    }
}
