//! TLS: what is on the port, and what is wrong with the certificate.

use std::net::Ipv4Addr;

use mailferry_lab::fake::{
    Authority, Dialogue, Door, NameServer, Paper, Reply, names::Known, paper::SignedBy,
};
use mailferry_model::{
    Side,
    finding::{Step, Verdict},
    port::Connector,
};

use super::Case;
use crate::{imap::Imap, testing};

fn authority() -> Authority {
    Authority::create("Example Root", (-365, 365)).unwrap()
}

#[tokio::test]
async fn certificates_with_one_flaw() {
    for (paper, code) in [
        (Paper { days: (-90, -3), ..Paper::default() }, "CERTIFICATE_EXPIRED"),
        (Paper { days: (3, 90), ..Paper::default() }, "CERTIFICATE_NOT_YET_VALID"),
        (Paper { names: vec!["mail.example.org"], ..Paper::default() }, "CERTIFICATE_WRONG_NAME"),
        (Paper { names: vec!["*.example.org"], ..Paper::default() }, "CERTIFICATE_WRONG_NAME"),
        (Paper { names: vec![], ..Paper::default() }, "CERTIFICATE_NO_NAMES"),
        (Paper { signed_by: SignedBy::Itself, ..Paper::default() }, "CERTIFICATE_SELF_SIGNED"),
        (Paper { for_servers: false, ..Paper::default() }, "CERTIFICATE_WRONG_PURPOSE"),
        (
            Paper {
                signed_by: SignedBy::Between,
                shows_chain: false,
                fetch: Some("http://ca.example.org/between.cer"),
                ..Paper::default()
            },
            "CERTIFICATE_CHAIN_INCOMPLETE",
        ),
    ] {
        Case::certified(&paper).await.fails(Step::Tls, code).await;
    }
}

#[tokio::test]
async fn a_better_name_is_proposed() {
    let paper = Paper { names: vec!["mail.example.org"], ..Paper::default() };
    let result = Case::certified(&paper).await.fails(Step::Tls, "CERTIFICATE_WRONG_NAME").await;
    assert!(
        result.steps[2].fix[0].ends_with("--remote-server mail.example.org"),
        "{:?}",
        result.steps[2].fix
    );
    assert_eq!(result.steps[2].seen["certificateNames"][0], "mail.example.org");
}

/// The root's dot belongs to DNS: certificates and SNI are without it.
#[tokio::test]
async fn a_host_with_a_dot_at_its_end_is_the_host_without() {
    let known = Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let server = NameServer::start(&[("mail.example.org", known)]).await.unwrap();
    let paper = Paper { names: vec!["mail.example.org"], ..Paper::default() };
    let case = Case::certified(&paper).await.with("remote-server", "mail.example.org.");
    let case = case.with("resolver", server.address.to_string());
    assert!(case.passes().await.is_empty());
    let cx = testing::cx_of_today(Side::Source);
    Imap.source(&cx, &case.settings, &case.mailbox).await.unwrap();
}

#[tokio::test]
async fn an_intermediate_has_expired() {
    let old = Authority::create("Example Root", (-700, -2)).unwrap();
    let paper = Paper { signed_by: SignedBy::Between, ..Paper::default() };
    Case::of(&old, &paper, true).await.fails(Step::Tls, "CERTIFICATE_CHAIN_EXPIRED").await;
}

#[tokio::test]
async fn an_inspecting_proxy_is_named() {
    for name in ["Zscaler Root CA", "Fortinet Untrusted CA", "Cisco Umbrella Root CA"] {
        let proxy = Authority::create(name, (-365, 365)).unwrap();
        Case::of(&proxy, &Paper::default(), false).await.fails(Step::Tls, "CERTIFICATE_INSPECTED").await;
        // Its authority was given: that works, and is worth a word all the same.
        let warned = Case::of(&proxy, &Paper::default(), true).await.passes().await;
        assert_eq!(warned["tls-trusted"], "CERTIFICATE_INSPECTED");
    }
}

#[tokio::test]
async fn another_certificate_than_the_one_that_was_given() {
    let case = Case::certified(&Paper::default()).await.with("fingerprint", "ab".repeat(32));
    case.fails(Step::Tls, "CERTIFICATE_NOT_PINNED").await;
}

/// A pinned certificate is taken whatever its age, and nobody else would take it.
#[tokio::test]
async fn a_pinned_certificate_that_is_over_or_not_begun_is_said_to_be_so() {
    for (days, code, said) in [
        ((-90, -3), "CERTIFICATE_EXPIRED", "The certificate ended on 20"),
        ((3, 90), "CERTIFICATE_NOT_YET_VALID", "The certificate begins on 20"),
        ((-90, 3), "CERTIFICATE_ENDS", "The certificate ends in "),
    ] {
        let case = Case::certified(&Paper { days, ..Paper::default() }).await;
        let shown = case.test().await.steps[2].seen["certificateFingerprint"].as_str().unwrap().to_owned();
        let row = case.with("fingerprint", shown).test().await.steps.remove(2);
        let native = if code == "CERTIFICATE_ENDS" { Verdict::Warn } else { Verdict::Fail };
        assert_eq!((row.outcome, row.native, row.code.as_deref()), (Verdict::Warn, native, Some(code)));
        assert!(row.cause.as_ref().unwrap().starts_with(said), "{row:?}");
    }
}

/// One word fails; what else is wrong is told with it.
#[tokio::test]
async fn a_second_fault_of_a_certificate_is_not_hidden_by_the_first() {
    let row = |result: &mailferry_model::finding::TestResult| result.steps[2].clone();
    let old = Paper { days: (-90, -3), ..Paper::default() };
    let case = Case::certified(&old).await.with("fingerprint", "ab".repeat(32));
    let unpinned = row(&case.fails(Step::Tls, "CERTIFICATE_NOT_PINNED").await);
    assert!(unpinned.cause.as_ref().unwrap().contains("It has also expired, on 20"), "{unpinned:?}");
    assert!(unpinned.evidence.contains("ended 3 days ago"), "{unpinned:?}");
    let early = Paper { days: (3, 90), ..Paper::default() };
    let case = Case::certified(&early).await.with("fingerprint", "ab".repeat(32));
    let early = row(&case.fails(Step::Tls, "CERTIFICATE_NOT_PINNED").await);
    assert!(early.cause.as_ref().unwrap().contains("It is also not valid before 20"), "{early:?}");
    let elsewhere = Paper { names: vec!["mail.example.org"], ..old };
    let both = row(&Case::certified(&elsewhere).await.fails(Step::Tls, "CERTIFICATE_EXPIRED").await);
    assert!(both.cause.as_ref().unwrap().contains("It also does not name 127.0.0.1"), "{both:?}");
    let alone = row(&Case::certified(&Paper { days: (-90, -3), ..Paper::default() }).await.test().await);
    assert!(!alone.cause.as_ref().unwrap().contains("also"), "{alone:?}");
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none() {
    let case = Case::certified(&Paper::default()).await.with("ca-file", "/nowhere/ca.pem");
    case.fails(Step::Tls, "CERTIFICATE_CA_FILE").await;
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning() {
    let paper = Paper { days: (-90, 19), ..Paper::default() };
    let warned = Case::certified(&paper).await.passes().await;
    assert_eq!(warned["tls-trusted"], "CERTIFICATE_ENDS");
}

#[tokio::test]
async fn two_verdicts_on_a_private_authority() {
    let result = Case::certified(&Paper::default()).await.test().await;
    let row = result.steps.iter().find(|r| r.id == "tls-public").unwrap();
    assert_eq!((row.outcome, row.native), (Verdict::Pass, Verdict::Fail));
    assert_eq!((result.result.as_str(), result.native.as_str()), ("Success", "Failed"));
}

/// An alert of TLS: level fatal, description.
fn alert(description: u8) -> Vec<u8> {
    vec![21, 3, 1, 0, 2, 2, description]
}

/// The beginning of a ServerHello of such a version.
fn server_hello(minor: u8) -> Vec<u8> {
    [&[22, 3, minor, 0, 80, 2, 0, 0, 76, 3, minor][..], &[7; 74]].concat()
}

#[tokio::test]
async fn a_port_that_is_not_one_for_tls() {
    let hears = |door, dialogue| async move { Case::plain(door, dialogue).await.with("security", "ssl") };
    for (octets, code) in [
        (alert(40), "TLS_NO_COMMON_CIPHER"),
        (alert(70), "TLS_OLD_VERSIONS"),
        (alert(112), "TLS_NAME_UNKNOWN"),
        (alert(80), "TLS_BROKEN"),
    ] {
        hears(Door::Octets(octets), Dialogue::default()).await.fails(Step::Tls, code).await;
    }
    hears(Door::Shut, Dialogue::default()).await.fails(Step::Tls, "TLS_CLOSED").await;
    hears(Door::Cut, Dialogue::default()).await.fails(Step::Tls, "TLS_CLOSED").await;
    let mute = hears(Door::Mute, Dialogue::default()).await.in_a_hurry();
    mute.fails(Step::Tls, "TLS_SILENT").await;
}

/// The remedy is that of what answered, and of no other protocol.
#[tokio::test]
async fn plain_text_on_a_port_for_tls_by_what_answers() {
    let says = |greeting| (Door::Open(None), Dialogue::greeting(greeting));
    let web =
        |head: &str| (Door::Octets(format!("HTTP/1.1 400 No\r\n{head}\r\n\r\n").into()), Dialogue::default());
    for ((door, dialogue), protocol, fix) in [
        (says("* OK ready\r\n"), "(IMAP)", "STARTTLS: --security tls"),
        (says("+OK ready\r\n"), "(POP3)", "POP3 knows one folder alone"),
        (says("220 mail ESMTP\r\n"), "(SMTP)", "SMTP only delivers mail"),
        (says("SSH-2.0-OpenSSH_9.2\r\n"), "(SSH)", "Check the port: IMAP has 993"),
        (says("hello\r\n"), "(something else)", "Check the port: IMAP has 993"),
        (web("Server: nginx"), "(HTTP)", "Check the port: IMAP has 993"),
        (web("X-FEServer: EX1"), "(Exchange web services)", "--type exchange-remote"),
    ] {
        let case = Case::plain(door, dialogue).await.with("security", "ssl");
        let row = case.fails(Step::Tls, "TLS_PLAIN_TEXT").await.steps[2].clone();
        assert!(row.cause.as_ref().unwrap().contains(protocol), "{row:?}");
        assert!(row.fix[0].contains(fix), "{row:?}");
        let speaks_of_starttls = row.fix.iter().chain(&row.native_fix).any(|fix| fix.contains("STARTTLS"));
        assert_eq!(speaks_of_starttls, protocol == "(IMAP)", "{row:?}");
        assert!(!row.native_fix.is_empty() && row.native_fix.iter().all(|fix| !fix.contains('{')), "{row:?}");
    }
}

#[tokio::test]
async fn a_server_with_old_versions_alone_is_asked_which() {
    for (minor, shown) in [(1, "TLS 1.0"), (2, "TLS 1.1"), (0, "SSL 3.0")] {
        for new in [alert(70), alert(40), Vec::new()] {
            let door = Door::OctetsByVersion { new, old: server_hello(minor) };
            let case = Case::plain(door, Dialogue::default()).await.with("security", "ssl");
            let result = case.fails(Step::Tls, "TLS_OLD_VERSIONS").await;
            assert!(result.steps[2].cause.as_ref().unwrap().contains(shown), "{:?}", result.steps[2]);
        }
    }
}

/// Old suites are no old version.
#[tokio::test]
async fn a_server_with_old_suites_alone_is_not_called_old() {
    const RSA_WITH_AES_128_CBC_SHA: u16 = 0x002f;
    for without in [alert(40), alert(71)] {
        let door = Door::OctetsBySuite { suite: RSA_WITH_AES_128_CBC_SHA, with: server_hello(3), without };
        let case = Case::plain(door, Dialogue::default()).await.with("security", "ssl");
        case.fails(Step::Tls, "TLS_NO_COMMON_CIPHER").await;
    }
}

#[tokio::test]
async fn a_server_that_wants_a_clients_certificate() {
    let paper = Paper { asks_client: true, ..Paper::default() };
    Case::certified(&paper).await.fails(Step::Tls, "TLS_CLIENT_CERTIFICATE").await;
}

#[tokio::test]
async fn starttls_with_one_flaw() {
    let case = |dialogue| async move { Case::says(dialogue).await.with("security", "tls") };
    let healthy = Dialogue::default;
    let without = healthy().says("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n");
    case(without).await.fails(Step::Tls, "STARTTLS_NOT_OFFERED").await;
    for refusal in ["{tag} NO not now\r\n", "{tag} BAD what?\r\n"] {
        case(healthy().says("STARTTLS", refusal)).await.fails(Step::Tls, "STARTTLS_REFUSED").await;
    }
    let closes = healthy().with("STARTTLS", Reply::Close);
    case(closes).await.fails(Step::Tls, "STARTTLS_REFUSED").await;
    let injected = healthy().says("STARTTLS", "{tag} OK begin\r\n* CAPABILITY IMAP4rev1 EVIL\r\n");
    case(injected).await.fails(Step::Tls, "STARTTLS_INJECTED").await;
    // It agreed and goes on in plain text.
    case(healthy()).await.fails(Step::Tls, "TLS_CLOSED").await;
    let tls = authority().acceptor(&Paper { days: (-90, -3), ..Paper::default() }).unwrap();
    let expired = Case::plain(Door::Open(Some(tls)), healthy()).await.with("security", "tls");
    expired.with("fingerprint", "00".repeat(32)).fails(Step::Tls, "CERTIFICATE_NOT_PINNED").await;
}

#[tokio::test]
async fn plain_text_first_on_a_port_for_tls() {
    for security in ["tls", "none"] {
        let case = Case::certified(&Paper::default()).await.with("security", security).in_a_hurry();
        case.fails(Step::Tls, "STARTTLS_ON_TLS_PORT").await;
    }
}
