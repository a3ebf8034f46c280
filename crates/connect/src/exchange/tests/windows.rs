//! Sign-ins by NTLM and Negotiate, against the server's side of the same library: right, wrong, and bound to a
//! certificate that a balancer replaced.

use mailferry_lab::fake::ntlm::Account;

use super::*;

fn account() -> Account {
    Account { user: "CORP\\svc", password: "canary-pw", bound_to: None }
}

/// A server that takes NTLM alone, under this word.
fn server(word: &'static str, account: &Account) -> Vec<Route> {
    let asks = |path: &str| Route::to(path, "401 Unauthorized").with(&format!("WWW-Authenticate: {word}"));
    vec![
        Route::to(EWS, "200 OK").windows(word, account).holding("GetFolder").saying(&inbox()),
        Route::to(EWS, "200 OK").windows(word, account).saying("<html>Service</html>"),
        Route::to(MRS, "400 Bad Request").windows(word, account),
        asks(EWS),
        asks(MRS),
    ]
}

#[tokio::test]
async fn the_account_signs_in() {
    for word in ["NTLM", "Negotiate"] {
        let case = Case::of(server(word, &account())).await.with("username", "CORP\\svc");
        assert!(case.passes().await.is_empty(), "{word}");
        let result = case.test().await;
        let row = result.steps.iter().find(|r| r.id == "extended-protection").unwrap();
        assert_eq!(row.evidence, "bound to the certificate");
        let named = case.with("auth", if word == "NTLM" { "ntlm" } else { "negotiate" });
        assert!(named.passes().await.is_empty(), "{word}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let other = Account { password: "another", ..account() };
    let case = Case::of(server("NTLM", &other)).await.with("username", "CORP\\svc");
    case.fails(Step::Auth, "SOURCE_AUTH_FAILED").await;
}

#[tokio::test]
async fn a_balancer_that_encrypts_anew_is_known_by_the_binding() {
    let elsewhere =
        Account { bound_to: Some(b"tls-server-end-point:another certificate".to_vec()), ..account() };
    let behind = |name: &str| {
        let routes = server("NTLM", &elsewhere).into_iter().map(|r| r.with(&format!("X-FEServer: {name}")));
        routes.collect::<Vec<_>>()
    };
    let case = Case::behind(vec![behind("EX01"), behind("EX02")]).await.with("username", "CORP\\svc");
    let expected =
        [("balancer-known", "EXCHANGE_BALANCED"), ("extended-protection", "EXCHANGE_EXTENDED_PROTECTION")];
    assert_eq!(case.passes().await, words(&expected));
    // With one server nobody tries twice.
    let alone = Case::of(server("NTLM", &elsewhere)).await.with("username", "CORP\\svc");
    alone.fails(Step::Auth, "SOURCE_AUTH_FAILED").await;
}
