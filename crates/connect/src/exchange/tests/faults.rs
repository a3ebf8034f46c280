//! One fault each.

use mailferry_lab::fake::web::HANGS_UP;

use super::*;

fn to(path: &str, status: &str) -> Route {
    Route::to(path, status)
}

#[tokio::test]
async fn pages_that_are_not_the_web_services() {
    for (route, code) in [
        (to(EWS, "404 Not Found"), "EXCHANGE_EWS_NOT_PUBLISHED"),
        (to(EWS, "403 Forbidden"), "HTTP_FORBIDDEN"),
        (to(EWS, "200 OK").saying("<html>welcome</html>"), "HTTP_WEB_PAGE"),
        (to(EWS, "302 Found").with("Location: https://sso.example.org/login?x"), "HTTP_SIGN_IN_PAGE"),
        (to(EWS, "302 Found").with("Location: /owa/auth/logon.aspx"), "HTTP_SIGN_IN_PAGE"),
        (
            to(EWS, "301 Moved").with("Location: https://other.example.org/EWS/Exchange.asmx"),
            "HTTP_REDIRECTED",
        ),
        (to(EWS, "301 Moved").with("Location: /EWS/Exchange.asmx"), "HTTP_REDIRECT_LOOP"),
        (to(EWS, "301 Moved").with("Location: http://localhost/EWS/Exchange.asmx"), "HTTP_REDIRECT_LOOP"),
        (to(EWS, "302 Found").with("Location: https://localhost/EWS/Exchange.asmx"), "HTTP_REDIRECTED"),
        (to(EWS, "302 Found").with("Location: https://localhost:9/EWS/Exchange.asmx"), "HTTP_REDIRECTED"),
        (to(EWS, "302 Found").with("Location: http://localhost:9/EWS/Exchange.asmx"), "HTTP_REDIRECTED"),
        (to(EWS, "302 Found").with("Location: /EWS2/Exchange.asmx"), "HTTP_REDIRECTED"),
        (to(EWS, "302 Found").with("Location: /EWS/Exchange.asmx?again"), "HTTP_REDIRECT_LOOP"),
        (to(EWS, "401 Unauthorized"), "HTTP_NO_SCHEMES"),
        (to(EWS, "407 Proxy Authentication Required"), "HTTP_PROXY_SIGN_IN"),
        (to(EWS, "429 Too Many Requests"), "HTTP_THROTTLED"),
        (to(EWS, "503 Service Unavailable").with("Retry-After: 30"), "HTTP_THROTTLED"),
        (to(EWS, "503 Service Unavailable"), "HTTP_UNAVAILABLE"),
        (to(EWS, "502 Bad Gateway"), "HTTP_UNAVAILABLE"),
        (to(EWS, "500 Internal Server Error"), "HTTP_BROKEN"),
        (to(EWS, "418 Teapot"), "HTTP_ODD"),
    ] {
        Case::of(but([route])).await.fails(Step::Protocol, code).await;
    }
}

/// What answers in the server's place is named, and the server is not blamed.
#[tokio::test]
async fn proxies_and_log_in_pages_in_between() {
    let squid = |status: &str| to(EWS, status).with("Via: 1.1 proxy.example.org (squid/5.7)");
    let leads = |status: &str, place: &str| to(EWS, status).with(&format!("Location: {place}"));
    for (route, code, between) in [
        (
            leads("307 Temporary", "http://gateway.example.net/login?url=x"),
            "HTTP_PORTAL",
            "gateway.example.net",
        ),
        (leads("302 Found", "http://10.1.2.3:1000/fgtauth?0a1b"), "HTTP_PORTAL", "10.1.2.3"),
        (leads("302 Found", "https://captive.example.net/?orig=x"), "HTTP_PORTAL", "captive.example.net"),
        (leads("302 Found", "https://192.168.0.1/"), "HTTP_PORTAL", "192.168.0.1"),
        (to(EWS, "511 Network Authentication Required"), "HTTP_PORTAL", "The network"),
        (squid("403 Forbidden"), "HTTP_PROXY_FORBIDS", "proxy.example.org (squid/5.7)"),
        (
            to(EWS, "403 Forbidden").with("X-Squid-Error: ERR_ACCESS_DENIED 0"),
            "HTTP_PROXY_FORBIDS",
            "a proxy",
        ),
        (
            to(EWS, "407 Sign In").with("Proxy-Authenticate: Basic realm=\"x\""),
            "HTTP_PROXY_SIGN_IN",
            "a proxy",
        ),
        (squid("407 Sign In"), "HTTP_PROXY_SIGN_IN", "proxy.example.org"),
        (squid("502 Bad Gateway"), "HTTP_PROXY_FAILS", "proxy.example.org"),
        (squid("503 Service Unavailable"), "HTTP_PROXY_FAILS", "proxy.example.org"),
    ] {
        let result = Case::of(but([route])).await.fails(Step::Protocol, code).await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        let told = format!("{:?}", (&row.cause, &row.fix, &row.native_fix));
        assert!(row.cause.as_ref().unwrap().contains(between), "{row:?}");
        assert!(
            !told.contains("MSExchange") && !told.contains("--remote-server") && !told.contains('{'),
            "{told}"
        );
        assert_eq!(row.native, Verdict::Unknown, "{row:?}");
    }
    // Passed on by a proxy, said by the server.
    let passed = squid("403 Forbidden").with("Server: Microsoft-IIS/10.0");
    Case::of(but([passed])).await.fails(Step::Protocol, "HTTP_FORBIDDEN").await;
}

#[tokio::test]
async fn redirects_that_come_back_are_loops_over_however_many_places() {
    let leads = |path: &str, place: &str| to(path, "302 Found").with(&format!("Location: {place}"));
    let (here, there) = ("https://localhost:{port}", "https://127.0.0.1:{port}");
    for routes in [
        vec![leads(EWS, "/b"), leads("/b", "/EWS/Exchange.asmx")],
        vec![leads(EWS, &format!("{there}/b")), leads("/b", &format!("{here}/EWS/Exchange.asmx"))],
        vec![leads(EWS, "/b"), leads("/b", "/c"), leads("/c", "/b")],
    ] {
        let result = Case::of(but(routes)).await.fails(Step::Protocol, "HTTP_REDIRECT_LOOP").await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert!(
            row.evidence.contains("/b\n") && row.cause.as_ref().unwrap().contains("leads back"),
            "{row:?}"
        );
    }
    let ends = vec![leads(EWS, "/b"), to("/b", "200 OK")];
    Case::of(but(ends)).await.fails(Step::Protocol, "HTTP_REDIRECTED").await;
}

#[tokio::test]
async fn a_redirect_names_the_other_place() {
    let server = "Use that server: --remote-server ex1.example.org";
    let itself = "Have localhost answer /EWS/Exchange.asmx itself, without a redirect.";
    for (location, fixes) in [
        ("https://ex1.example.org/EWS/Exchange.asmx", vec![server, "Use that port: --port 443"]),
        ("https://localhost:9/EWS/Exchange.asmx", vec!["Use that port: --port 9"]),
        ("http://localhost:9/EWS/Exchange.asmx", vec![itself]),
        ("/other/place", vec![itself]),
    ] {
        let moved = to(EWS, "301 Moved").with(&format!("Location: {location}"));
        let result = Case::of(but([moved])).await.fails(Step::Protocol, "HTTP_REDIRECTED").await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert_eq!(row.fix, fixes);
        assert!(row.cause.as_ref().unwrap().contains(location), "{row:?}");
    }
}

#[tokio::test]
async fn a_redirect_that_tells_the_password_does_not_tell_it_further() {
    let location =
        "Location: https://canary-pw.example.org/x?a=%63anary%2Dpw&b=63616e6172792d7077&c=canary-...";
    let moved = to(EWS, "302 Found").known(KNOWN).with(location);
    let result = Case::of(but([moved])).await.fails(Step::Auth, "HTTP_REDIRECTED").await;
    let shown = format!("{:#?}", result.steps);
    assert!(!shown.contains("anary") && !shown.contains("63616e"), "{shown}");
}

#[tokio::test]
async fn sign_ins_that_are_refused() {
    let only = |offer: &str| to(EWS, "401 Unauthorized").with(&format!("WWW-Authenticate: {offer}"));
    let digest = Case::of(but([only("Digest realm=\"x\"")])).await;
    let row = digest.fails(Step::Auth, "WEB_NO_COMMON_SCHEME").await;
    let row = row.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    let fix = "Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory -BasicAuthentication $true";
    assert_eq!(row.fix, [fix]);
    Case::of(but([only("Bearer")])).await.fails(Step::Auth, "WEB_NO_COMMON_SCHEME").await;
    let case = Case::of(but([only("Basic realm=\"x\"")])).await.with("auth", "ntlm");
    case.fails(Step::Auth, "WEB_SCHEME_NOT_OFFERED").await;
    let mut nobody = Case::of(healthy()).await;
    nobody.settings.secrets.clear();
    nobody.fails(Step::Auth, "WEB_NO_PASSWORD").await;
    let wrong = Case::of(healthy()).await.with("username", "other@example.org");
    wrong.fails(Step::Auth, "SOURCE_AUTH_FAILED").await;
    let short = Case::of(healthy()).await.with("username", "svc");
    short.fails(Step::Auth, "EXCHANGE_ACCOUNT_FORMAT").await;
    let blocked = to(EWS, "456 Blocked").known(KNOWN);
    Case::of(but([blocked])).await.fails(Step::Auth, "EXCHANGE_ACCOUNT_LOCKED").await;
    let other = to(EWS, "401 Unauthorized").known(KNOWN).with("WWW-Authenticate: Negotiate");
    Case::of(but([other])).await.fails(Step::Auth, "WEB_SCHEMES_CHANGED").await;
}

/// Who says what guards the account is understood: in a header, in the body, in a code of the web services.
#[tokio::test]
async fn guards_of_an_account_are_named() {
    let refused = || to(EWS, "401 Unauthorized").known(KNOWN).with("WWW-Authenticate: Basic realm=\"x\"");
    for (route, code) in [
        (
            refused().with("X-BasicAuthentication-Error: LiveIdBasicAuth:PasswordExpired"),
            "EXCHANGE_PASSWORD_EXPIRED",
        ),
        (
            refused().with("X-BasicAuthentication-Error: LiveIdBasicAuth:AppPasswordRequired"),
            "EXCHANGE_APP_PASSWORD",
        ),
        (
            refused().with("X-MS-Diagnostics: 2000003;reason=\"The account is locked out.\""),
            "EXCHANGE_SIGN_IN_LOCKED",
        ),
        (refused().saying("{\"error\":\"AADSTS50076: use multi-factor authentication\"}"), "EXCHANGE_MFA"),
        (refused().saying("AADSTS50057: the account is disabled"), "EXCHANGE_ACCOUNT_DISABLED"),
        (refused().saying("AADSTS53003: blocked by Conditional Access"), "EXCHANGE_CONDITIONAL_ACCESS"),
    ] {
        let result = Case::of(but([route])).await.fails(Step::Auth, code).await;
        assert!(result.refusal().is_some(), "{code}: the endpoint waits for somebody");
    }
}

/// Servers that take an expired password at the door refuse it behind: also where no mailbox is named to be opened.
#[tokio::test]
async fn an_expired_password_is_no_success() {
    for code in ["ErrorPasswordExpired", "ErrorPasswordChangeRequired"] {
        let route = to(EWS, "500 Error").known(KNOWN).holding("GetFolder").saying(&refusal(code));
        let case = Case::of(but([route])).await;
        let result = case.fails(Step::Auth, "EXCHANGE_PASSWORD_EXPIRED").await;
        assert!(result.refusal().is_some(), "{code}");
    }
}

/// The password is right; what lacks is the right to use the web services.
#[tokio::test]
async fn a_403_behind_the_sign_in_is_a_missing_right() {
    let all = to(EWS, "403 Forbidden").known(KNOWN);
    for route in [all.clone(), all.holding("GetFolder")] {
        let result = Case::of(but([route])).await.fails(Step::Permission, "EXCHANGE_EWS_BLOCKED").await;
        assert!(result.refusal().is_none(), "no new password would help");
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert_eq!(row.fix[0], "Set-CASMailbox -Identity svc@example.org -EwsEnabled $true");
    }
}

#[tokio::test]
async fn services_and_sign_ins_that_are_not_answered() {
    let mute = Case { hurries: true, ..Case::of(but([to(EWS, "")])).await };
    let result = mute.fails(Step::Protocol, "HTTP_NO_ANSWER").await;
    let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    assert!(row.fix[0].contains("localhost"), "{:?}", row.fix);
    let held = Case { hurries: true, ..Case::of(but([to(EWS, "").known(KNOWN)])).await };
    let result = held.fails(Step::Auth, "WEB_SIGN_IN_HELD").await;
    assert!(result.refusal().is_none(), "nobody refused the password");
}

#[tokio::test]
async fn an_answer_in_drips() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    let door = Door::Tls(authority.acceptor(&Paper::default()).unwrap());
    for octets in ["H", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"] {
        let drip = Reply::Drip(octets.to_owned(), Duration::from_millis(40));
        let fake = Fake::start(door.clone(), Dialogue::waiting().with(EWS, drip)).await.unwrap();
        let settings =
            at(fake.address.port()).with("ca-file", folder.path().join("ca.pem").display().to_string());
        let folder = tempfile::tempdir().unwrap();
        let case =
            Case { settings, mailbox: None, hurries: true, side: Side::Source, _web: None, _folder: folder };
        case.fails(Step::Protocol, "HTTP_DRIPS").await;
    }
}

#[tokio::test]
async fn mailboxes_that_do_not_open() {
    for (code, step, word) in [
        ("ErrorImpersonateUserDenied", Step::Permission, "EXCHANGE_IMPERSONATION_DENIED"),
        ("ErrorImpersonationDenied", Step::Permission, "EXCHANGE_IMPERSONATION_DENIED"),
        ("ErrorNonExistentMailbox", Step::Mailbox, "EXCHANGE_NO_MAILBOX"),
        ("ErrorAccessDenied", Step::Permission, "EXCHANGE_ACCESS_DENIED"),
        ("ErrorMailboxMoveInProgress", Step::Mailbox, "EXCHANGE_MAILBOX_MOVES"),
        ("ErrorMailboxFailover", Step::Mailbox, "EXCHANGE_STORE_MOVES"),
        ("ErrorMailboxStoreUnavailable", Step::Mailbox, "EXCHANGE_STORE_UNAVAILABLE"),
        ("ErrorAccountDisabled", Step::Mailbox, "EXCHANGE_ACCOUNT_DISABLED"),
        ("ErrorSomethingNew", Step::Mailbox, "EXCHANGE_REFUSED"),
    ] {
        let route = to(EWS, "500 Error").known(KNOWN).holding("ExchangeImpersonation").saying(&refusal(code));
        let result = Case::of(but([route])).await.fails(step, word).await;
        if word == "EXCHANGE_IMPERSONATION_DENIED" {
            let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
            assert!(
                row.fix[0].ends_with("-Role:ApplicationImpersonation -User:svc@example.org"),
                "{:?}",
                row.fix
            );
        }
    }
}

/// The roles of later versions are unknown there.
#[tokio::test]
async fn impersonation_is_a_right_in_the_directory_of_exchange_2007() {
    let told = refusal("ErrorImpersonateUserDenied").replace("MajorVersion=\"15\"", "MajorVersion=\"8\"");
    let route = to(EWS, "500 Error").known(KNOWN).holding("ExchangeImpersonation").saying(&told);
    let result =
        Case::of(but([route])).await.fails(Step::Permission, "EXCHANGE_2007_IMPERSONATION_DENIED").await;
    let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    let rights = ["ms-Exch-EPI-Impersonation", "ms-Exch-EPI-May-Impersonate"];
    assert!(
        row.fix
            .iter()
            .zip(rights)
            .all(|(fix, right)| fix.contains("-User svc@example.org") && fix.ends_with(right))
    );
}

/// What a server does not understand is a matter of its version only where that is too old.
#[tokio::test]
async fn a_request_that_is_not_understood_is_judged_by_the_version() {
    for (major, minor, word) in [
        ("8", "0", "EXCHANGE_VERSION_REFUSED"),
        ("8", "3", "EXCHANGE_REQUEST_REFUSED"),
        ("15", "1", "EXCHANGE_REQUEST_REFUSED"),
    ] {
        let told = refusal("ErrorSchemaValidation")
            .replace("MajorVersion=\"15\"", &format!("MajorVersion=\"{major}\""));
        let minors = (0..10).map(|n| format!("MinorVersion=\"{n}\""));
        let told = minors.fold(told, |told, was| told.replace(&was, &format!("MinorVersion=\"m{minor}\"")));
        let told = told.replace("=\"m", "=\"");
        let route = to(EWS, "500 Error").known(KNOWN).holding("ExchangeImpersonation").saying(&told);
        let result = Case::of(but([route])).await.fails(Step::Mailbox, word).await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert_eq!(
            row.fix.iter().any(|fix| fix.contains("Service Pack 1")),
            word.contains("VERSION"),
            "{row:?}"
        );
    }
}

/// Each remedy that is a command can be copied as it stands.
#[tokio::test]
async fn remedies_are_commands_without_prose() {
    for (status, fixes) in [
        (
            "403 Forbidden",
            &[
                "Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory -MRSProxyEnabled $true",
                "iisreset",
            ][..],
        ),
        (
            "503 Service Unavailable",
            &[
                "Get-WebAppPoolState MSExchangeServicesAppPool",
                "Restart-WebAppPool MSExchangeServicesAppPool",
            ][..],
        ),
    ] {
        let result = Case::of(but([to(MRS, status).known(KNOWN)])).await.test().await;
        let row = result.steps.iter().find(|r| r.id == "mrsproxy-answers").unwrap();
        assert_eq!(row.fix, fixes);
    }
}

/// No answer that can be understood is no word about a right.
#[tokio::test]
async fn a_broken_answer_about_acting_for_a_mailbox_tells_nothing_of_rights() {
    let acting =
        |status: &str, body: &str| to(EWS, status).known(KNOWN).holding("ExchangeImpersonation").saying(body);
    for (route, step, code) in [
        (acting("200 OK", "<html>blocked by the scanner</html>"), Step::Protocol, "EXCHANGE_ANSWER_ODD"),
        (acting("200 OK", "<s:Envelope><s:Bo"), Step::Protocol, "EXCHANGE_ANSWER_ODD"),
        (acting("502 Bad Gateway", ""), Step::Protocol, "EXCHANGE_ANSWER_ODD"),
        (acting("429 Too Many Requests", ""), Step::Protocol, "HTTP_THROTTLED"),
        (acting("500 Error", &refusal("ErrorServerBusy")), Step::Protocol, "EXCHANGE_THROTTLED"),
        (acting("401 Unauthorized", ""), Step::Auth, "SOURCE_AUTH_FAILED"),
        (acting("", ""), Step::Protocol, "HTTP_NO_ANSWER"),
    ] {
        let case = Case { hurries: route.status.is_empty(), ..Case::of(but([route])).await };
        case.fails(step, code).await;
    }
}

#[tokio::test]
async fn answers_that_are_none_of_exchange_and_a_busy_server() {
    let says = |body: &str| to(EWS, "200 OK").known(KNOWN).holding("GetFolder").saying(body);
    Case::of(but([says("<html>blocked by the scanner</html>")]))
        .await
        .fails(Step::Protocol, "EXCHANGE_ANSWER_ODD")
        .await;
    Case::of(but([says(&refusal("ErrorServerBusy"))]))
        .await
        .fails(Step::Protocol, "EXCHANGE_THROTTLED")
        .await;
}

#[tokio::test]
async fn mrs_proxy_is_a_warning_for_us_and_a_failure_natively() {
    for (status, code) in [
        ("401 Unauthorized", "EXCHANGE_MRSPROXY_SIGN_IN"),
        ("403 Forbidden", "EXCHANGE_MRSPROXY_OFF"),
        ("404 Not Found", "EXCHANGE_MRSPROXY_NOT_PUBLISHED"),
        ("405 Method Not Allowed", "EXCHANGE_MRSPROXY_HANDLER"),
        ("413 Payload Too Large", "EXCHANGE_MRSPROXY_BODY_LIMIT"),
        ("503 Service Unavailable", "EXCHANGE_MRSPROXY_UNAVAILABLE"),
        ("302 Found", "EXCHANGE_MRSPROXY_WEB_PAGE"),
    ] {
        let case = Case::of(but([to(MRS, status).known(KNOWN)])).await;
        assert_eq!(case.passes().await, words(&[("mrsproxy-answers", code)]));
        let result = case.test().await;
        let row = result.steps.iter().find(|r| r.id == "mrsproxy-answers").unwrap();
        assert_eq!((row.native, result.native.as_str()), (Verdict::Fail, "Failed"));
        if matches!(status, "403 Forbidden" | "404 Not Found") {
            assert!(
                row.fix[0].contains("Set-WebServicesVirtualDirectory")
                    && row.fix[0].contains("-MRSProxyEnabled $true")
            );
        }
    }
}

/// What answers there and is not MRS Proxy is none, and what says nothing of it is not known.
#[tokio::test]
async fn a_page_in_the_place_of_mrs_proxy_is_no_mrs_proxy() {
    let says = |status: &str, kind: &str, body: &str| {
        to(MRS, status).known(KNOWN).with(&format!("Content-Type: {kind}")).saying(body)
    };
    let (page, none) = ("EXCHANGE_MRSPROXY_WEB_PAGE", "");
    for (route, code, native) in [
        (says("200 OK", "text/html; charset=utf-8", "<html>welcome</html>"), page, Verdict::Fail),
        (says("200 OK", "text/plain", "<!DOCTYPE html><title>x</title>"), page, Verdict::Fail),
        (says("200 OK", "application/xml", "<form action=auth.owa>"), page, Verdict::Fail),
        (says("200 OK", "application/soap+xml", ""), none, Verdict::Pass),
        (says("500 Error", "text/html", "x"), "EXCHANGE_MRSPROXY_ODD", Verdict::Unknown),
        (says("418 Teapot", "text/plain", "x"), "EXCHANGE_MRSPROXY_ODD", Verdict::Unknown),
    ] {
        let result = Case::of(but([route])).await.test().await;
        let row = result.steps.iter().find(|r| r.id == "mrsproxy-answers").unwrap();
        assert_eq!((row.code.as_deref().unwrap_or_default(), row.native), (code, native), "{row:?}");
        assert_eq!(result.result, "Success", "{row:?}");
    }
}

/// Where it hangs, hangs up or speaks no HTTP, the web services are none the worse for it.
#[tokio::test]
async fn mrs_proxy_that_does_not_answer_stops_nothing() {
    for status in ["", HANGS_UP] {
        let case = Case { hurries: true, ..Case::of(but([to(MRS, status).known(KNOWN)])).await };
        assert_eq!(case.passes().await, words(&[("mrsproxy-answers", "EXCHANGE_MRSPROXY_NO_ANSWER")]));
        let result = case.test().await;
        let row = result.steps.iter().find(|r| r.id == "mrsproxy-answers").unwrap();
        assert_eq!((row.native, result.native.as_str()), (Verdict::Fail, "Failed"));
        assert_eq!(result.steps.last().unwrap().evidence, "Inbox holds 42 items");
    }
}

/// Microsoft's own framework needs 2010 with Service Pack 3, and of a version that is not told nobody knows.
#[tokio::test]
async fn versions_before_2010_sp3_are_too_old_natively() {
    let version = |told: &str| {
        let all = "MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1118\" MinorBuildNumber=\"40\"";
        let body = inbox().replace(all, told);
        to(EWS, "200 OK").known(KNOWN).holding("GetFolder").saying(&body)
    };
    let of = |major: u8, minor: u8| format!("MajorVersion=\"{major}\" MinorVersion=\"{minor}\"");
    let old = Some("EXCHANGE_2010_OLD");
    for (told, code, native) in [
        (of(8, 3), Some("EXCHANGE_2007"), Verdict::Fail),
        (of(14, 0), old, Verdict::Fail),
        (of(14, 1), old, Verdict::Fail),
        (of(14, 2), old, Verdict::Fail),
        (of(14, 3), None, Verdict::Pass),
        (of(15, 0), None, Verdict::Pass),
        (String::new(), None, Verdict::Unknown),
    ] {
        let result = Case::of(but([version(&told)])).await.test().await;
        let row = result.steps.iter().find(|r| r.id == "ews-version").unwrap();
        assert_eq!((row.code.as_deref(), row.native), (code, native), "{told}: {row:?}");
        assert_eq!(result.result, "Success", "{row:?}");
    }
    let without = inbox().replace("h:ServerVersionInfo", "h:Other");
    let result = Case::of(but([to(EWS, "200 OK").known(KNOWN).holding("GetFolder").saying(&without)]))
        .await
        .test()
        .await;
    let row = result.steps.iter().find(|r| r.id == "ews-version").unwrap();
    assert_eq!((row.evidence.as_str(), row.native), ("not told", Verdict::Unknown));
}

/// What it means for Microsoft's own framework is a matter of its own: it moves nothing by impersonation.
#[tokio::test]
async fn a_refusal_that_is_ours_alone_says_nothing_natively() {
    for (code, native) in [
        ("ErrorImpersonateUserDenied", Verdict::Unknown),
        ("ErrorAccessDenied", Verdict::Unknown),
        ("ErrorNonExistentMailbox", Verdict::Fail),
    ] {
        let route = to(EWS, "500 Error").known(KNOWN).holding("ExchangeImpersonation").saying(&refusal(code));
        let mut result = Case::of(but([route])).await.test().await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert_eq!(row.native, native, "{row:?}");
        // Without the private authority, which is a failure natively.
        result.steps.retain(|row| row.step != Step::Tls);
        let total = if native == Verdict::Fail { "Failed" } else { "Unknown" };
        assert_eq!(TestResult::of(result.steps).native, total);
    }
}

#[tokio::test]
async fn exchange_2007_and_a_balancer_are_warnings() {
    let old =
        inbox().replace("MajorVersion=\"15\" MinorVersion=\"2\"", "MajorVersion=\"8\" MinorVersion=\"3\"");
    let route = to(EWS, "200 OK").known(KNOWN).holding("GetFolder").saying(&old);
    assert_eq!(Case::of(but([route])).await.passes().await, words(&[("ews-version", "EXCHANGE_2007")]));
    let server = |name: &str| {
        let routes = healthy().into_iter().map(|r| r.with(&format!("X-FEServer: {name}")));
        routes.collect::<Vec<_>>()
    };
    let case = Case::behind(vec![server("EX01"), server("EX02")]).await;
    assert_eq!(case.passes().await, words(&[("balancer-known", "EXCHANGE_BALANCED")]));
    let result = case.test().await;
    let row = result.steps.iter().find(|r| r.id == "balancer-known").unwrap();
    assert_eq!(row.seen["servers"], serde_json::json!(["EX01", "EX02"]));
    assert!(row.fix[0].contains("--remote-server EX01"), "{:?}", row.fix);
}

#[tokio::test]
async fn plain_text_on_the_port_of_the_web_services_by_what_answers() {
    let says = |greeting| (Door::Open(None), Dialogue::greeting(greeting));
    let web = (Door::Octets(b"HTTP/1.1 400 No\r\nServer: nginx\r\n\r\n".to_vec()), Dialogue::default());
    for ((door, dialogue), fix) in [
        (web, "on which the server speaks HTTPS: --port 443"),
        (says("* OK ready\r\n"), "--type imap"),
        (says("220 mail ESMTP\r\n"), "has a web service: --port 443"),
        (says("hello\r\n"), "has a web service: --port 443"),
    ] {
        let fake = Fake::start(door, dialogue).await.unwrap();
        let (settings, _folder) = (at(fake.address.port()), tempfile::tempdir().unwrap());
        let case = Case { settings, mailbox: None, hurries: false, side: Side::Source, _web: None, _folder };
        let result = case.fails(Step::Tls, "TLS_PLAIN_TEXT").await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert!(row.fix[0].contains(fix) && row.fix.iter().all(|fix| !fix.contains("993")), "{row:?}");
    }
}

#[tokio::test]
async fn other_systems_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    for (greeting, code) in [("* OK IMAP ready\r\n", "WRONG_KIND_IMAP"), ("+OK ready\r\n", "WRONG_KIND")] {
        let door = Door::Tls(authority.acceptor(&Paper::default()).unwrap());
        let fake = Fake::start(door, Dialogue::greeting(greeting)).await.unwrap();
        let settings =
            at(fake.address.port()).with("ca-file", folder.path().join("ca.pem").display().to_string());
        let case = Case {
            settings,
            mailbox: None,
            hurries: false,
            side: Side::Source,
            _web: None,
            _folder: tempfile::tempdir().unwrap(),
        };
        case.fails(Step::Protocol, code).await;
    }
    let google = to(EWS, "404 Not Found").with("Server: gws");
    Case::of(but([google])).await.fails(Step::Protocol, "WRONG_KIND_GOOGLE").await;
    let microsoft = to(EWS, "401 Unauthorized").with("WWW-Authenticate: Bearer client_id=\"x\"");
    let microsoft = microsoft.with("X-CalculatedBETarget: fr0p281mb0001.deup281.prod.outlook.com");
    Case::of(but([microsoft])).await.fails(Step::Protocol, "WRONG_KIND_M365").await;
}
