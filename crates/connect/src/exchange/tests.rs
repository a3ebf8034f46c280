//! Exchange servers with one fault each, and healthy ones: which row fails, with which word, and what it means natively.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use mailferry_lab::fake::{
    Authority, Dialogue, Door, Fake, NameServer, Paper, Reply, Route, Web, names::Known, web::Ends,
};
use mailferry_model::{
    Kind, Side,
    finding::{Step, TestResult, TestedAs, Verdict},
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};

use super::Exchange;
use crate::testing;

mod discovery;
mod faults;
mod kerberos;
mod marked;
mod windows;

const EWS: &str = "/ews/exchange.asmx";
const MRS: &str = "/ews/mrsproxy.svc";
/// svc@example.org with canary-pw.
const KNOWN: &str = "Basic c3ZjQGV4YW1wbGUub3JnOmNhbmFyeS1wdw==";

/// An answer of the web services.
fn soap(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
         <h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1118\" MinorBuildNumber=\"40\" \
         xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn inbox() -> String {
    soap(
        "<m:GetFolderResponse xmlns:m=\"m\"><m:ResponseCode>NoError</m:ResponseCode><TotalCount>42</TotalCount></m:GetFolderResponse>",
    )
}

fn refusal(code: &str) -> String {
    soap(&format!(
        "<m:R xmlns:m=\"m\"><m:MessageText>told so</m:MessageText><m:ResponseCode>{code}</m:ResponseCode></m:R>"
    ))
}

/// What a healthy server answers.
fn healthy() -> Vec<Route> {
    let asks = |path: &str| {
        let route = Route::to(path, "401 Unauthorized").with("Server: Microsoft-IIS/10.0");
        route
            .with("WWW-Authenticate: Negotiate")
            .with("WWW-Authenticate: NTLM")
            .with("WWW-Authenticate: Basic realm=\"mail\"")
    };
    vec![
        Route::to(EWS, "200 OK").known(KNOWN).holding("GetFolder").saying(&inbox()),
        Route::to(EWS, "200 OK").known(KNOWN).saying("<html>Service</html>"),
        Route::to(MRS, "400 Bad Request").known(KNOWN),
        asks(EWS),
        asks(MRS),
    ]
}

/// A healthy server but for what comes first.
fn but(routes: impl IntoIterator<Item = Route>) -> Vec<Route> {
    routes.into_iter().chain(healthy()).collect()
}

/// A server and how it is tested.
struct Case {
    settings: Settings,
    mailbox: Option<MailboxAddress>,
    /// It does not wait for what never comes.
    hurries: bool,
    side: Side,
    _web: Option<Web>,
    _folder: tempfile::TempDir,
}

impl Case {
    async fn of(routes: Vec<Route>) -> Self {
        Self::behind(vec![routes]).await
    }

    /// Several servers under one name.
    async fn behind(servers: Vec<Vec<Route>>) -> Self {
        let authority = Authority::create("Example Root", (-365, 365)).unwrap();
        let paper = Paper {
            names: vec![
                "localhost",
                "127.0.0.1",
                "example.org",
                "autodiscover.example.org",
                "mail.example.org",
                "other.example.net",
            ],
            ..Paper::default()
        };
        let tls = authority.acceptor(&paper).unwrap();
        let web = Web::start(Some(tls), servers).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        authority.write(&folder.path().join("ca.pem")).unwrap();
        let settings =
            at(web.address.port()).with("ca-file", folder.path().join("ca.pem").display().to_string());
        Self {
            settings,
            mailbox: Some(anna()),
            hurries: false,
            side: Side::Source,
            _web: Some(web),
            _folder: folder,
        }
    }

    fn with(self, name: &str, value: impl Into<String>) -> Self {
        Self { settings: self.settings.with(name, value), ..self }
    }

    async fn test(&self) -> TestResult {
        let put_timeout = if self.hurries { Duration::from_secs(1) } else { Duration::from_secs(5) };
        let cx = Cx { put_timeout, ..testing::cx_of_today(self.side) };
        let mut rows = Vec::new();
        for probe in Exchange.probes(&self.settings, self.mailbox.as_ref()) {
            rows.push(probe.ask(&cx).await);
        }
        TestResult::of(rows)
    }

    async fn fails(&self, step: Step, code: &str) -> TestResult {
        let result = self.test().await;
        let shown = format!("{code}: {:#?}", result.steps);
        let failing: Vec<_> = result.steps.iter().filter(|r| r.outcome == Verdict::Fail).collect();
        assert_eq!(failing.len(), 1, "{shown}");
        assert_eq!((failing[0].step, failing[0].code.as_deref()), (step, Some(code)), "{shown}");
        let at = result.steps.iter().position(|r| r.outcome == Verdict::Fail).unwrap();
        assert!(result.steps[at + 1..].iter().all(|r| r.outcome == Verdict::NotRun), "{shown}");
        assert!(
            failing[0].cause.as_ref().is_some_and(|c| c.len() > 20) && !failing[0].fix.is_empty(),
            "{shown}"
        );
        assert!(!shown.contains("canary-pw") && !shown.contains(KNOWN), "{shown}");
        let expected =
            if code.ends_with("THROTTLED") || code.ends_with("FULL") { 26 } else { step.exit_code() };
        let expected = expected + if self.side == Side::Target { 10 } else { 0 };
        assert_eq!(result.exit_code(TestedAs::of(self.side)), expected, "{shown}");
        result
    }

    /// The words of its warnings by their rows.
    async fn passes(&self) -> BTreeMap<String, String> {
        let result = self.test().await;
        assert_eq!(result.result, "Success", "{:#?}", result.steps);
        let warned = result.steps.iter().filter(|r| r.outcome == Verdict::Warn);
        warned.map(|r| (r.id.clone(), r.code.clone().unwrap_or_default())).collect()
    }
}

fn at(port: u16) -> Settings {
    Settings::default()
        .with("remote-server", "localhost")
        .with("port", port.to_string())
        .with("username", "svc@example.org")
        .with_secret("password", "canary-pw".into())
}

fn anna() -> MailboxAddress {
    MailboxAddress { address: "anna@example.org".into(), ..MailboxAddress::default() }
}

fn words(warned: &[(&str, &str)]) -> BTreeMap<String, String> {
    warned.iter().map(|(row, code)| ((*row).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn a_healthy_server_passes_and_tells_its_version() {
    let case = Case::of(healthy()).await;
    assert!(case.passes().await.is_empty());
    let result = case.test().await;
    let row = |id: &str| result.steps.iter().find(|r| r.id == id).unwrap();
    assert_eq!(row("ews-version").seen["product"], "Exchange 2019");
    assert_eq!(row("ews-inbox-opens").evidence, "Inbox holds 42 items");
    assert_eq!(row("ews-answers").seen["fromOutside"], "https://testconnectivity.microsoft.com");
    // A private authority is fine for us and not for Microsoft's own framework.
    assert_eq!((result.result.as_str(), result.native.as_str()), ("Success", "Failed"));
}

#[tokio::test]
async fn without_a_mailbox_the_right_to_act_for_one_is_not_told() {
    let case = Case { mailbox: None, ..Case::of(healthy()).await };
    let result = case.test().await;
    assert_eq!((result.result.as_str(), result.exit_code(TestedAs::Source)), ("Success", 0));
    assert_eq!(result.steps.last().unwrap().outcome, Verdict::NotRun);
    let named = case.with("test-mailbox", "anna@example.org");
    assert!(named.passes().await.is_empty());
}

#[tokio::test]
async fn its_mailboxes_do_not_move_yet_and_it_says_so() {
    let cx = testing::cx(Side::Source);
    let error = Exchange.source(&cx, &at(443), &anna()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(Exchange.target(&cx, &at(443), &anna()).await.is_err());
    assert!(Exchange.account_of_url("ews://x").is_err());
}

/// A question on a connection that the server ended is asked on another, whether it said so or not.
#[tokio::test]
async fn a_server_that_ends_connections_is_healthy() {
    for ends in [Ends::Said, Ends::Unsaid] {
        let routes: Vec<Route> = healthy().into_iter().map(|route| route.ending(ends)).collect();
        for _ in 0..5 {
            let warned = Case::of(routes.clone()).await.passes().await;
            assert!(warned.is_empty(), "{ends:?}: {warned:?}");
        }
    }
}
