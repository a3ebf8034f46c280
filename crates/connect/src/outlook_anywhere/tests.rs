//! Servers for Outlook Anywhere with one fault each.

use std::time::Duration;

use mailferry_lab::fake::{Authority, Paper, Route, Web};
use mailferry_model::{
    Side,
    finding::{Step, TestResult, Verdict},
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};

use super::OutlookAnywhere;
use crate::testing;

const RPC: &str = "/rpc/rpcproxy.dll";
/// CORP\svc with canary-pw.
const KNOWN: &str = "Basic Q09SUFxzdmM6Y2FuYXJ5LXB3";

fn healthy() -> Vec<Route> {
    let asks = Route::to(RPC, "401 Unauthorized")
        .with("WWW-Authenticate: NTLM")
        .with("WWW-Authenticate: Basic realm=\"x\"");
    vec![Route::to(RPC, "200 OK").known(KNOWN), asks]
}

async fn test(first: Vec<Route>, username: &str) -> TestResult {
    test_as(Side::Source, None, first, username).await
}

async fn test_as(
    side: Side,
    mailbox: Option<&MailboxAddress>,
    first: Vec<Route>,
    username: &str,
) -> TestResult {
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let tls = authority.acceptor(&Paper::default()).unwrap();
    let web = Web::start(Some(tls), vec![first.into_iter().chain(healthy()).collect()]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    let settings = Settings::default()
        .with("remote-server", "exchange.example.org")
        .with("rpc-proxy-server", "127.0.0.1")
        .with("port", web.address.port().to_string())
        .with("ca-file", folder.path().join("ca.pem").display().to_string())
        .with("username", username)
        .with_secret("password", "canary-pw".into());
    let cx = Cx { put_timeout: Duration::from_secs(5), ..testing::cx_of_today(side) };
    let mut rows = Vec::new();
    for probe in OutlookAnywhere.probes(&settings, mailbox) {
        rows.push(probe.ask(&cx).await);
    }
    let result = TestResult::of(rows);
    assert!(!format!("{result:?}").contains("canary-pw"));
    result
}

#[tokio::test]
async fn a_healthy_server_passes_with_the_word_that_staged_is_retired() {
    let result = test(Vec::new(), "CORP\\svc").await;
    assert_eq!(result.result, "Success", "{:#?}", result.steps);
    let warned: Vec<_> =
        result.steps.iter().filter(|r| r.outcome == Verdict::Warn).map(|r| r.code.as_deref()).collect();
    assert_eq!(warned, [Some("OUTLOOK_ANYWHERE_STAGED_RETIRED")]);
}

/// Whoever names a mailbox, or will write, is told that none is opened.
#[tokio::test]
async fn no_mailbox_is_opened_and_it_says_so() {
    let anna = MailboxAddress { address: "anna@example.org".into(), ..MailboxAddress::default() };
    for (side, mailbox, outcome) in [
        (Side::Source, None, Verdict::NotRun),
        (Side::Source, Some(&anna), Verdict::Warn),
        (Side::Target, None, Verdict::Warn),
    ] {
        let result = test_as(side, mailbox, Vec::new(), "CORP\\svc").await;
        let row = result.steps.last().unwrap();
        assert_eq!((row.step, row.outcome, row.native), (Step::Mailbox, outcome, Verdict::Unknown));
        assert_eq!(row.code.as_deref(), Some("OUTLOOK_ANYWHERE_MAILBOX_UNTRIED"));
        assert!(row.fix[0].contains("--remote-server 127.0.0.1 "), "{row:?}");
    }
}

#[tokio::test]
async fn one_fault_each() {
    for (route, username, step, code) in [
        (
            Some(Route::to(RPC, "404 Not Found")),
            "CORP\\svc",
            Step::Protocol,
            "OUTLOOK_ANYWHERE_NOT_PUBLISHED",
        ),
        (Some(Route::to(RPC, "503 Service Unavailable")), "CORP\\svc", Step::Protocol, "HTTP_UNAVAILABLE"),
        (
            Some(Route::to(RPC, "401 Unauthorized").with("WWW-Authenticate: Digest")),
            "CORP\\svc",
            Step::Auth,
            "WEB_NO_COMMON_SCHEME",
        ),
        (None, "CORP\\other", Step::Auth, "OUTLOOK_ANYWHERE_SIGN_IN"),
        (
            Some(
                Route::to(RPC, "401 Unauthorized")
                    .known(KNOWN)
                    .with("X-MS-Diagnostics: 2000003;reason=\"The account is locked out.\""),
            ),
            "CORP\\svc",
            Step::Auth,
            "EXCHANGE_SIGN_IN_LOCKED",
        ),
        (
            Some(Route::to(RPC, "403 Forbidden").known(KNOWN)),
            "CORP\\svc",
            Step::Permission,
            "OUTLOOK_ANYWHERE_BLOCKED",
        ),
    ] {
        let result = test(route.into_iter().collect(), username).await;
        let failing: Vec<_> = result.steps.iter().filter(|r| r.outcome == Verdict::Fail).collect();
        assert_eq!(failing.len(), 1, "{code}: {:#?}", result.steps);
        assert_eq!((failing[0].step, failing[0].code.as_deref()), (step, Some(code)), "{:#?}", result.steps);
        assert_eq!(result.steps.last().unwrap().outcome, Verdict::NotRun, "{code}");
    }
}

#[tokio::test]
async fn a_sign_in_that_nobody_knows_is_mended_at_the_rpc_proxy() {
    let only = Route::to(RPC, "401 Unauthorized").with("WWW-Authenticate: Digest");
    let result = test(vec![only], "CORP\\svc").await;
    let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    assert_eq!(row.fix, ["Get-OutlookAnywhere | Set-OutlookAnywhere -IISAuthenticationMethods Basic,NTLM"]);
}

#[tokio::test]
async fn the_accounts_form_is_a_warning_for_us_and_a_failure_natively() {
    let result = test(Vec::new(), "svc@example.org").await;
    let row = result.steps.iter().find(|r| r.id == "account-format").unwrap();
    assert_eq!((row.outcome, row.native), (Verdict::Warn, Verdict::Fail));
}

#[tokio::test]
async fn its_settings_name_a_server_or_an_address() {
    let nothing = Settings::default();
    assert!(OutlookAnywhere.check(&nothing).is_err());
    assert!(
        OutlookAnywhere
            .check(&nothing.clone().with("email", "a@example.org").with("autodiscover", "yes"))
            .is_ok()
    );
    let cx = testing::cx(Side::Source);
    assert!(OutlookAnywhere.source(&cx, &nothing, &MailboxAddress::default()).await.is_err());
}
