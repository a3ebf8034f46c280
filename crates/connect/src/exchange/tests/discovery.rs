//! Autodiscover: the order of its places, redirects, loops, and whom the password is shown to.

use super::*;

const JSON: &str = "/autodiscover/autodiscover.json";
const SOAP: &str = "/autodiscover/autodiscover.svc";
const POX: &str = "/autodiscover/autodiscover.xml";

/// A server of example.org, found by its address.
async fn found_by(routes: Vec<Route>) -> (Case, NameServer) {
    let here = Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let names = [
        ("example.org", Known::Nothing),
        ("autodiscover.example.org", here.clone()),
        ("mail.example.org", here.clone()),
        ("autodiscover.mail.example.org", here.clone()),
        ("other.example.net", here),
    ];
    let server = NameServer::start(&names).await.unwrap();
    let case = Case::of(routes).await;
    let mut settings = case.settings.clone().with("resolver", server.address.to_string());
    settings = settings.with("email", "anna@example.org").with("autodiscover", "yes");
    settings.values.remove("remote-server");
    (Case { settings, ..case }, server)
}

fn json_to(case_port: &str) -> Route {
    let body = format!(
        "{{\"Protocol\":\"Ews\",\"Url\":\"https://mail.example.org:{case_port}/EWS/Exchange.asmx\"}}"
    );
    Route::to(JSON, "200 OK").saying(&body)
}

#[tokio::test]
async fn the_server_is_found_by_json() {
    // The port is known only when it listens, so the URL goes without one and the settings' port holds.
    let route = Route::to(JSON, "200 OK").saying("{\"Url\":\"https://mail.example.org/EWS/Exchange.asmx\"}");
    let (case, _names) = found_by(but([route])).await;
    assert!(case.passes().await.is_empty());
    let result = case.test().await;
    assert_eq!(result.steps[0].seen["remoteServer"], "mail.example.org");
    assert!(result.steps[0].evidence.contains("https://example.org/"), "{}", result.steps[0].evidence);
}

#[tokio::test]
async fn the_server_is_found_by_the_older_dialects_with_a_sign_in() {
    let asks = |path: &str| Route::to(path, "401 Unauthorized").with("WWW-Authenticate: Basic realm=\"x\"");
    let soap = "<s:Envelope xmlns:s=\"x\"><s:Body><R><UserResponse><ErrorCode>NoError</ErrorCode><UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>https://mail.example.org/EWS/Exchange.asmx</Value></UserSetting></UserSettings></UserResponse></R></s:Body></s:Envelope>";
    let pox = "<Autodiscover xmlns=\"x\"><Response><Account><Protocol><Type>EXPR</Type><EwsUrl>https://mail.example.org/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>";
    for routes in [
        vec![Route::to(SOAP, "200 OK").known(KNOWN).saying(soap), asks(SOAP)],
        vec![Route::to(POX, "200 OK").known(KNOWN).saying(pox), asks(POX)],
    ] {
        let (case, _names) = found_by(but(routes)).await;
        assert!(case.passes().await.is_empty());
    }
}

#[tokio::test]
async fn nobody_names_the_server() {
    let (case, _names) = found_by(healthy()).await;
    let result = case.fails(Step::Protocol, "AUTODISCOVER_FAILED").await;
    let evidence = &result.steps[0].evidence;
    let at = |place: &str| evidence.find(place).unwrap_or_else(|| panic!("{place}: {evidence}"));
    let places = [
        "autodiscover.json",
        "autodiscover.svc",
        "autodiscover.xml",
        "http://autodiscover.example.org",
        "_autodiscover._tcp.example.org",
    ];
    assert!(places.map(at).is_sorted(), "in the order in which they were tried: {evidence}");
    let page = Route::to("/autodiscover", "200 OK").saying("<html>welcome</html>");
    let (case, _names) = found_by(but([page])).await;
    case.fails(Step::Protocol, "AUTODISCOVER_FAILED").await;
    let refused =
        Route::to(JSON, "200 OK").saying("{\"ErrorCode\":\"ProtocolNotSupported\",\"ErrorMessage\":\"no\"}");
    let (case, _names) = found_by(but([refused])).await;
    case.fails(Step::Protocol, "AUTODISCOVER_FAILED").await;
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_a_matter_of_names() {
    let (case, _names) = found_by(healthy()).await;
    let result = case.with("email", "anna@exmaple.org").fails(Step::Dns, "DNS_NO_SUCH_NAME").await;
    let row = &result.steps[0];
    assert!(row.cause.as_ref().unwrap().contains("DNS knows no exmaple.org"), "{row:?}");
    assert!(row.evidence.contains("autodiscover.exmaple.org"), "{row:?}");
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let there = Route::to(JSON, "302 Found")
        .with("Location: https://autodiscover.example.org/autodiscover/autodiscover.json/b");
    let back = Route::to("/autodiscover/autodiscover.json/b", "302 Found")
        .with("Location: https://autodiscover.example.org/autodiscover/autodiscover.json/v1.0/anna@example.org?Protocol=Ews");
    let (case, _names) = found_by(but([back, there])).await;
    case.fails(Step::Protocol, "AUTODISCOVER_LOOP").await;
}

/// Several places may lead to one, which is no circle.
#[tokio::test]
async fn places_that_lead_to_the_same_hoster_are_no_circle() {
    let hoster = "Location: https://other.example.net/hosted.xml";
    let leads = |path: &str| Route::to(path, "302 Found").with(hoster);
    let asks = Route::to("/hosted.xml", "401 Unauthorized").with("WWW-Authenticate: Basic realm=\"x\"");
    let (case, _names) = found_by(but([leads(JSON), leads(SOAP), leads(POX), asks])).await;
    shows_the_stranger_nothing(&case).await;
}

/// Nor are places of which the second leads to where the first has been, and finds something.
#[tokio::test]
async fn a_place_that_another_led_to_before_is_asked_once() {
    let leads = Route::to(SOAP, "302 Found").with("Location: https://autodiscover.example.org/x.svc");
    let nothing = Route::to("/x.svc", "404 Not Found");
    let found = "<Autodiscover xmlns=\"x\"><Response><Account><Protocol><Type>EXPR</Type><EwsUrl>https://mail.example.org/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>";
    let answers = Route::to(POX, "200 OK").saying(found);
    let (case, _names) = found_by(but([leads, nothing, answers])).await;
    assert!(case.passes().await.is_empty());
}

#[tokio::test]
async fn addresses_that_lead_in_circles_end() {
    let to = |address: &str| {
        format!(
            "<Autodiscover xmlns=\"x\"><Response><Account><Action>redirectAddr</Action><RedirectAddr>{address}</RedirectAddr></Account></Response></Autodiscover>"
        )
    };
    let there = Route::to(POX, "200 OK").holding("anna@example.org").saying(&to("anna@mail.example.org"));
    let back = Route::to(POX, "200 OK").saying(&to("Anna@example.org"));
    let (case, _names) = found_by(but([there, back])).await;
    let result = case.fails(Step::Protocol, "AUTODISCOVER_LOOP").await;
    assert!(result.steps[0].evidence.contains("ask for Anna@example.org"), "{:?}", result.steps[0]);
}

#[tokio::test]
async fn a_foreign_host_is_not_shown_the_password() {
    let there = Route::to(SOAP, "302 Found").with("Location: https://other.example.net/elsewhere.svc");
    let asks = Route::to("/elsewhere.svc", "401 Unauthorized").with("WWW-Authenticate: Basic realm=\"x\"");
    let (case, _names) = found_by(but([there, asks])).await;
    shows_the_stranger_nothing(&case).await;
}

/// A host of another domain that asks for a sign-in is not shown the password.
async fn shows_the_stranger_nothing(case: &Case) {
    let result = case.fails(Step::Protocol, "AUTODISCOVER_FOREIGN_HOST").await;
    let evidence = &result.steps[0].evidence;
    let fix = &result.steps[0].fix[0];
    assert!(fix.contains("confirm it: --remote-server other.example.net --port "), "{fix}");
    let cause = result.steps[0].cause.as_deref().unwrap();
    assert!(cause.starts_with("For example.org the answers name other.example.net,"), "{cause}");
    assert!(
        evidence.contains("other.example.net asks for a sign-in and belongs to another domain"),
        "{evidence}"
    );
}

/// What guards the account is told here as well.
#[tokio::test]
async fn a_guarded_account_is_named_where_it_is_first_refused() {
    let locked = Route::to(SOAP, "401 Unauthorized")
        .with("WWW-Authenticate: Basic realm=\"x\"")
        .with("X-BasicAuthentication-Error: LiveIdBasicAuth:PasswordExpired");
    let (case, _names) = found_by(but([locked])).await;
    case.fails(Step::Auth, "EXCHANGE_PASSWORD_EXPIRED").await;
}

#[tokio::test]
async fn a_foreign_host_is_confirmed_before_anybody_signs_in() {
    let route =
        || Route::to(JSON, "200 OK").saying("{\"Url\":\"https://Other.example.net/EWS/Exchange.asmx\"}");
    let (case, _names) = found_by(but([route()])).await;
    let result = case.fails(Step::Protocol, "AUTODISCOVER_FOREIGN_HOST").await;
    let found = &result.steps[0];
    assert!(found.fix.iter().any(|fix| fix.contains("--remote-server other.example.net")), "{found:?}");
    assert!(found.evidence.contains("autodiscover.json"), "{found:?}");
    assert!(Exchange.discover(&testing::cx_of_today(Side::Source), &case.settings).await.is_err());
    let (case, _names) = found_by(but([route()])).await;
    assert!(case.with("remote-server", "other.example.net").passes().await.is_empty());
}

#[tokio::test]
async fn an_address_that_a_stranger_names_makes_no_host_its_own() {
    let asks = Route::to(POX, "401 Unauthorized").with("WWW-Authenticate: Basic realm=\"x\"");
    let other = "<Autodiscover xmlns=\"x\"><Response><Account><Action>redirectAddr</Action><RedirectAddr>anna@other.example.net</RedirectAddr></Account></Response></Autodiscover>";
    let led = Route::to(POX, "200 OK").holding("anna@example.org").saying(other);
    let (case, _names) = found_by(but([led, asks])).await;
    shows_the_stranger_nothing(&case).await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_at_one_place_and_told() {
    let asks = |path: &str| Route::to(path, "401 Unauthorized").with("WWW-Authenticate: Basic realm=\"x\"");
    let (case, _names) = found_by(but([asks(SOAP), asks(POX)])).await;
    let result = case.fails(Step::Auth, "SOURCE_AUTH_FAILED").await;
    let evidence = &result.steps[0].evidence;
    assert_eq!(evidence.matches("HTTP 401").count(), 1, "{evidence}");
    assert!(
        !evidence.contains("https://autodiscover.example.org/autodiscover/autodiscover.xml"),
        "{evidence}"
    );
}

#[tokio::test]
async fn autodiscover_may_name_another_server_than_the_settings() {
    let route = json_to("443");
    let (case, _names) = found_by(but([route])).await;
    let case = case.with("remote-server", "127.0.0.1");
    let warned = case.passes().await;
    assert_eq!(warned, words(&[("autodiscover-answers", "AUTODISCOVER_OTHER_SERVER")]));
}
