//! Sign-ins by Kerberos that end at the KDC: each refusal by its own word, one proof of the password at most, and NTLM
//! only after what does not count against the account. Tickets are had from a real KDC, in the interop tests.

use mailferry_lab::fake::{Kdc, kdc::Says, ntlm::Account};

use super::*;

/// With a key that we know.
fn prove() -> Says {
    Says::Prove(vec![18])
}

/// A server that takes NTLM inside Negotiate.
fn server() -> Vec<Route> {
    let account = Account { user: "EXAMPLE.ORG\\svc", password: "canary-pw", bound_to: None };
    let asks = |path: &str| Route::to(path, "401 Unauthorized").with("WWW-Authenticate: Negotiate");
    vec![
        Route::to(EWS, "200 OK").windows("Negotiate", &account).holding("GetFolder").saying(&inbox()),
        Route::to(EWS, "200 OK").windows("Negotiate", &account).saying("<html>Service</html>"),
        Route::to(MRS, "400 Bad Request").windows("Negotiate", &account),
        asks(EWS),
        asks(MRS),
    ]
}

/// A KDC whose clock is so many minutes ahead, and a case that asks it.
async fn asking(answers: &[Says], ahead_minutes: i64) -> (Kdc, Case) {
    let now = testing::cx_of_today(Side::Source).clock.now();
    let theirs = now + jiff::SignedDuration::from_mins(ahead_minutes);
    let kdc = Kdc::start(theirs, answers).await.unwrap();
    let case = Case::of(server()).await.with("kdc", kdc.address.to_string());
    let case = case.with("auth", "kerberos").with("username", "EXAMPLE.ORG\\svc");
    (kdc, case)
}

#[tokio::test]
async fn each_refusal_has_its_word_and_the_password_is_tried_once() {
    for (answers, code, proofs) in [
        (vec![Says::No(6)], "KERBEROS_UNKNOWN_ACCOUNT", 0),
        (vec![Says::No(23)], "KERBEROS_PASSWORD_EXPIRED", 0),
        (vec![Says::No(18)], "KERBEROS_ACCOUNT_REVOKED", 0),
        (vec![Says::No(1)], "KERBEROS_ACCOUNT_REVOKED", 0),
        (vec![Says::No(14)], "KERBEROS_ENCRYPTION", 0),
        (vec![Says::No(68)], "KERBEROS_WRONG_REALM", 0),
        (vec![Says::No(60)], "KERBEROS_REFUSED", 0),
        (vec![Says::Prove(vec![23])], "KERBEROS_ENCRYPTION", 0),
        (vec![Says::Prove(vec![])], "KERBEROS_ENCRYPTION", 0),
        (vec![prove(), Says::No(24)], "KERBEROS_WRONG_PASSWORD", 1),
        (vec![prove(), Says::No(23)], "KERBEROS_PASSWORD_EXPIRED", 1),
        (vec![prove(), Says::No(18)], "KERBEROS_ACCOUNT_REVOKED", 1),
        // It asks for a proof once more, after one that it did not take.
        (vec![prove(), prove()], "KERBEROS_REFUSED", 1),
        (vec![Says::Close], "KERBEROS_KDC_NO_ANSWER", 0),
        (vec![prove(), Says::Close], "KERBEROS_KDC_NO_ANSWER", 1),
        (vec![Says::Announces(u32::MAX)], "KERBEROS_KDC_NO_ANSWER", 0),
        (vec![Says::Octets(b"HTTP/1.1 400 Bad Request".to_vec())], "KERBEROS_BROKEN", 0),
        (vec![Says::Octets(vec![0x7e, 0x84, 0xff, 0xff, 0xff, 0xff])], "KERBEROS_BROKEN", 0),
    ] {
        let (kdc, case) = asking(&answers, 0).await;
        case.fails(Step::Auth, code).await;
        assert_eq!(kdc.proofs(), proofs, "{answers:?}");
    }
}

#[tokio::test]
async fn clocks_that_are_apart_are_named_with_how_far() {
    let (kdc, case) = asking(&[prove(), Says::No(37)], 20).await;
    let result = case.fails(Step::Auth, "KERBEROS_CLOCK_SKEW").await;
    let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    let cause = row.cause.clone().unwrap();
    assert!(cause.contains("19 min 5") || cause.contains("20 min 0 s"), "{cause}");
    assert!(cause.contains("behind that of 127.0.0.1"), "{cause}");
    assert_eq!(row.native, Verdict::Unknown);
    // Once with our clock, and once with the KDC's: it looks at the clock before it looks at the password.
    assert_eq!(kdc.proofs(), 2);
    let (_kdc, case) = asking(&[prove(), Says::No(37), Says::No(24)], -20).await;
    case.fails(Step::Auth, "KERBEROS_WRONG_PASSWORD").await;
    let (_kdc, case) = asking(&[Says::No(11)], -20).await;
    let result = case.fails(Step::Auth, "KERBEROS_CLOCK_SKEW").await;
    assert!(format!("{result:?}").contains("ahead of that of"));
}

#[tokio::test]
async fn a_kdc_that_is_not_there_is_told_and_not_waited_for() {
    let (kdc, case) = asking(&[prove()], 0).await;
    let nobody = kdc.address.to_string();
    drop(kdc);
    let case = case.with("kdc", nobody);
    case.fails(Step::Auth, "KERBEROS_KDC_UNREACHABLE").await;
    let (_kdc, case) = asking(&[Says::Silence], 0).await;
    let case = Case { hurries: true, ..case };
    case.fails(Step::Auth, "KERBEROS_KDC_NO_ANSWER").await;
}

#[tokio::test]
async fn dns_names_the_kdc_where_nobody_did() {
    let now = testing::cx_of_today(Side::Source).clock.now();
    let kdc = Kdc::start(now, &[Says::No(18)]).await.unwrap();
    let here = || Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let service = Known::Service("dc1.example.org", kdc.address.port());
    let known = [("_kerberos._tcp.example.org", service), ("dc1.example.org", here()), ("localhost", here())];
    let names = NameServer::start(&known).await.unwrap();
    let case = Case::of(server()).await.with("auth", "kerberos").with("resolver", names.address.to_string());
    let named = case.with("username", "svc@example.org");
    named.fails(Step::Auth, "KERBEROS_ACCOUNT_REVOKED").await;
    let elsewhere = named.with("username", "svc@example.net");
    elsewhere.fails(Step::Auth, "KERBEROS_KDC_NOT_FOUND").await;
    elsewhere.with("username", "svc").fails(Step::Auth, "KERBEROS_NO_REALM").await;
}

#[tokio::test]
async fn inside_negotiate_ntlm_follows_what_does_not_count_against_the_account() {
    for answers in [vec![Says::No(6)], vec![Says::No(14)], vec![Says::Close], vec![prove(), Says::No(37)]] {
        let (_kdc, case) = asking(&answers, 20).await;
        let case = case.with("auth", "negotiate");
        assert_eq!(case.passes().await, words(&[("ews-signs-in", "KERBEROS_NOT_USED")]), "{answers:?}");
        let automatic = case.with("auth", "auto");
        assert_eq!(automatic.passes().await, words(&[("ews-signs-in", "KERBEROS_NOT_USED")]), "{answers:?}");
    }
    for (answers, code) in [
        (vec![prove(), Says::No(24)], "KERBEROS_WRONG_PASSWORD"),
        (vec![Says::No(18)], "KERBEROS_ACCOUNT_REVOKED"),
        (vec![Says::No(23)], "KERBEROS_PASSWORD_EXPIRED"),
    ] {
        let (kdc, case) = asking(&answers, 0).await;
        case.with("auth", "negotiate").fails(Step::Auth, code).await;
        assert!(kdc.proofs() <= 1);
    }
}

#[tokio::test]
async fn without_a_kdc_negotiate_is_ntlm_as_ever() {
    let here = || Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let names = NameServer::start(&[("mail.example.org", here())]).await.unwrap();
    let case = Case::of(server()).await.with("auth", "negotiate").with("resolver", names.address.to_string());
    let case = case.with("username", "EXAMPLE.ORG\\svc").with("remote-server", "mail.example.org");
    assert_eq!(case.passes().await, words(&[]));
    let result = case.test().await;
    let row = result.steps.iter().find(|r| r.id == "ews-signs-in").unwrap();
    assert!(row.evidence.contains("no KDC is known"), "{}", row.evidence);
}

#[tokio::test]
async fn the_kdc_is_under_the_rule_for_all_places_that_are_connected_to() {
    use mailferry_model::outward::{Guard, Outward};
    let (kdc, case) = asking(&[Says::No(18)], 0).await;
    // The web server may be connected to; the KDC is where the service itself listens.
    let guard = Guard { loopback: true, private: true, listeners: vec![kdc.address] };
    let cx = Cx { outward: Outward::Guarded(guard).into(), ..testing::cx_of_today(Side::Source) };
    let mut rows = Vec::new();
    for probe in Exchange.probes(&case.settings, None) {
        rows.push(probe.ask(&cx).await);
    }
    let row = rows.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
    assert_eq!(row.code.as_deref(), Some("KERBEROS_KDC_UNREACHABLE"));
    assert!(row.evidence.contains("where this service listens"), "{}", row.evidence);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    for (name, value) in [("kdc", "dc1:x"), ("spn", "HTTP"), ("spn", "/x")] {
        assert!(Exchange.check(&at(443).with(name, value)).is_err(), "{name} {value}");
    }
    let told = at(443).with("kdc", "dc1.example.org").with("spn", "HTTP/mail").with("auth", "kerberos");
    assert!(Exchange.check(&told).is_ok());
}
