//! Through a proxy: it connects us by the host's name, or says why it does not.

use mailferry_lab::fake::{
    Dialogue,
    proxy::{Kind, Proxy},
};
use mailferry_model::{Side, finding::Step, port::Connector};

use super::Case;
use crate::{imap::Imap, testing};

const SIGN_IN: (&str, &str) = ("ferry", "canary-pw");

/// A server whose name only the proxy knows.
async fn behind(scheme: &str, proxy: &Proxy) -> Case {
    let case = Case::says(Dialogue::default()).await.with("remote-server", "mail.example.invalid");
    case.with("proxy", format!("{scheme}://127.0.0.1:{}", proxy.address.port()))
}

fn signed(case: Case) -> Case {
    let settings = case.settings.clone().with("proxy-username", SIGN_IN.0);
    let settings = settings.with_secret("proxy-password", SIGN_IN.1.into());
    Case { settings, ..case }
}

#[tokio::test]
async fn a_test_and_a_copy_go_through_it() {
    for (scheme, kind) in [("http", Kind::Http), ("socks5", Kind::Socks5)] {
        for sign_in in [None, Some(SIGN_IN)] {
            let proxy = Proxy::start(kind, sign_in).await.unwrap();
            let case = behind(scheme, &proxy).await;
            let case = if sign_in.is_some() { signed(case) } else { case };
            assert_eq!(case.passes().await.len(), 1, "only that it is not encrypted");
            let cx = testing::cx(Side::Source);
            Imap.source(&cx, &case.settings, &case.mailbox).await.unwrap();
            // Excepted, the name is asked for here, and nobody knows it.
            let cx = testing::cx(Side::Source);
            let excepted = case.with("no-proxy", "example.invalid");
            assert!(Imap.source(&cx, &excepted.settings, &excepted.mailbox).await.is_err());
        }
    }
}

#[tokio::test]
async fn it_says_why_it_does_not() {
    for (scheme, kind, sign_in, code) in [
        ("http", Kind::Http, Some(SIGN_IN), "PROXY_SIGN_IN"),
        ("http", Kind::HttpOffers("Basic realm=\"x\""), None, "PROXY_SIGN_IN"),
        ("http", Kind::HttpOffers("NTLM"), None, "PROXY_NO_COMMON_SCHEME"),
        ("http", Kind::HttpStatus(302), None, "PROXY_FOREIGN"),
        ("http", Kind::HttpStatus(403), None, "PROXY_FORBIDDEN"),
        ("http", Kind::HttpStatus(502), None, "PROXY_NO_ROUTE"),
        ("socks5", Kind::Socks5, Some(SIGN_IN), "PROXY_SIGN_IN"),
        ("socks5", Kind::SocksReply(2), None, "PROXY_FORBIDDEN"),
        ("socks5", Kind::SocksReply(4), None, "PROXY_NO_ROUTE"),
    ] {
        let proxy = Proxy::start(kind, sign_in).await.unwrap();
        behind(scheme, &proxy).await.fails(Step::Tcp, code).await;
    }
    let proxy = Proxy::start(Kind::HttpStatus(302), None).await.unwrap();
    let result = behind("http", &proxy).await.fails(Step::Tcp, "PROXY_FOREIGN").await;
    let said = "leads people to a page (that is no such proxy: HTTP/1.1 302";
    assert!(result.steps[1].cause.as_ref().unwrap().contains(said), "{:?}", result.steps[1]);
    let proxy = Proxy::start(Kind::HttpOffers("NTLM"), None).await.unwrap();
    let result = signed(behind("http", &proxy).await).fails(Step::Tcp, "PROXY_NO_COMMON_SCHEME").await;
    assert!(result.steps[1].cause.as_ref().unwrap().contains("it offers NTLM"), "{:?}", result.steps[1]);
    let case = Case::says(Dialogue::default()).await.with("proxy", "http://127.0.0.1:1");
    case.fails(Step::Tcp, "PROXY_UNREACHABLE").await;
    let foreign = Case::says(Dialogue::default()).await;
    let port = foreign.fake.address.port();
    foreign.with("proxy", format!("http://127.0.0.1:{port}")).fails(Step::Tcp, "PROXY_FOREIGN").await;
}

/// Silence is named as the proxy's: it took the connection, or said that it made one.
#[tokio::test]
async fn it_swallows_everything() {
    for scheme in ["http", "socks5"] {
        let mute = Proxy::start(Kind::Mute, None).await.unwrap();
        let case = behind(scheme, &mute).await.with("connect-timeout", "1");
        let result = case.fails(Step::Tcp, "PROXY_SILENT").await;
        assert!(result.steps[1].evidence.starts_with(&format!("the proxy {}: ", mute.address)), "{result:?}");
    }
    for (scheme, kind) in [("http", Kind::HttpSwallows), ("socks5", Kind::SocksSwallows)] {
        for (security, step) in [("none", Step::Protocol), ("ssl", Step::Tls)] {
            let proxy = Proxy::start(kind, None).await.unwrap();
            let case = behind(scheme, &proxy).await.with("security", security).in_a_hurry();
            let result = case.fails(step, "PROXY_SWALLOWS").await;
            let row = result.steps.iter().find(|r| r.code.as_deref() == Some("PROXY_SWALLOWS")).unwrap();
            assert!(row.cause.as_ref().unwrap().contains("127.0.0.1"), "{row:?}");
        }
    }
}

#[tokio::test]
async fn what_it_repeats_of_its_password_is_shown_to_nobody() {
    let proxy = Proxy::start(Kind::HttpOffers("canary-proxy-pw"), None).await.unwrap();
    let case = behind("http", &proxy).await;
    let settings = case.settings.clone().with("proxy-username", SIGN_IN.0);
    let settings = settings.with_secret("proxy-password", "canary-proxy-pw".into());
    let case = Case { settings, ..case };
    let result = case.fails(Step::Tcp, "PROXY_NO_COMMON_SCHEME").await;
    assert!(!serde_json::to_string(&result).unwrap().contains("canary-proxy-pw"), "{result:?}");
    let error = Imap.source(&testing::cx(Side::Source), &case.settings, &case.mailbox).await.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("canary-proxy-pw"), "{error:?}");
}
