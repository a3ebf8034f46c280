//! A visit at a web server: the way there row by row, then questions over connections of its own.

use mailferry_model::{finding::Step, port::Cx};

use super::settings::{Scheme, Site};
use crate::{
    checks::{
        Fault, Told,
        approach::Approach,
        secures::Begun,
        speaks::{self, Speaks},
    },
    net::{
        Plain, Stream,
        http::{Answer, Exchange, NoAnswer, Question},
    },
};

/// A visit in progress.
pub struct Visit {
    /// The server and the account.
    pub site: Site,
    /// The way there.
    pub way: Approach,
    tcp: Option<Plain>,
    stream: Option<Stream>,
    http: Option<Exchange>,
    /// What the server offered to sign in with.
    pub offered: Vec<String>,
}

impl Visit {
    /// At the beginning.
    pub fn to(site: Site) -> Self {
        let way = Approach::to(&site.host, site.port, site.reach.clone(), site.trust.clone(), Begun::AtOnce);
        Self { site, way, tcp: None, stream: None, http: None, offered: Vec::new() }
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

    /// Asks without a sign-in.
    ///
    /// # Errors
    /// No answer, or one that is no HTTP.
    pub async fn ask(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let mut http = match self.http.take().filter(Exchange::is_open) {
            Some(http) => http,
            None => self.open(cx).await?,
        };
        match http.ask(cx, question).await {
            Ok(answer) => {
                self.http = Some(http);
                Ok(answer)
            }
            Err(no_answer) => Err(self.unanswered(cx, no_answer).await),
        }
    }

    /// Asks on a connection that nobody has used before.
    ///
    /// # Errors
    /// No answer.
    pub async fn ask_afresh(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        self.http = None;
        self.ask(cx, question).await
    }

    /// Asks as the account.
    ///
    /// # Errors
    /// No answer; the scheme of the settings is not offered; or there is no password.
    pub async fn ask_signed(&mut self, cx: &Cx, question: Question<'_>) -> Result<Answer, Fault> {
        let offers = |scheme: Scheme| self.offered.iter().any(|o| o == scheme.word());
        let shown = self.offered.join(", ");
        match self.site.scheme {
            Scheme::Auto | Scheme::Basic if offers(Scheme::Basic) => {}
            Scheme::Auto => {
                return Err(Fault::fail("WEB_NO_COMMON_SCHEME").with("offered", shown.clone()).shown(shown));
            }
            wanted => {
                let fault = Fault::fail("WEB_SCHEME_NOT_OFFERED").with("wanted", wanted.word());
                return Err(fault.with("offered", shown.clone()).shown(shown));
            }
        }
        let Some(authorization) = self.site.basic() else {
            return Err(Fault::fail("WEB_NO_PASSWORD").shown("no password was given"));
        };
        self.ask(cx, question.with("Authorization", authorization)).await
    }

    async fn open(&mut self, cx: &Cx) -> Result<Exchange, Fault> {
        let stream = match self.stream.take() {
            Some(stream) => Some(stream),
            None => self.way.again(cx).await,
        };
        let lost = || Fault::fail("HTTP_NO_ANSWER").shown("the connection could not be made again");
        let opened = Exchange::over(stream.ok_or_else(lost)?, &self.way.host).await;
        opened.map_err(|_| lost())
    }

    /// No answer: what is there instead?
    async fn unanswered(&self, cx: &Cx, no_answer: NoAnswer) -> Fault {
        let words = match no_answer {
            NoAnswer::Broken(words) => words,
            NoAnswer::Silent => "no answer in time".to_owned(),
            NoAnswer::Cancelled => return Fault::fail("HTTP_NO_ANSWER").shown("stopped"),
        };
        let known = Fault::fail("HTTP_NO_ANSWER").with("words", words.clone()).shown(words);
        if known.evidence.contains("CertificateRequired") {
            return Fault::fail("TLS_CLIENT_CERTIFICATE").shown(known.evidence).at(Step::Tls);
        }
        let Some(stream) = self.way.again(cx).await else { return known };
        let heard = speaks::listen(cx, stream, &self.way.host).await;
        match heard.speaks {
            Speaks::Web | Speaks::Exchange => known,
            other => match other.instead_of("a web service", &self.way.host, self.way.port) {
                Some(fault) => fault.shown(heard.words).at(Step::Protocol),
                None => known,
            },
        }
    }
}
