//! The server of an address: by SRV records, by autoconfig, or not at all.

use std::net::Ipv4Addr;

use mailferry_lab::fake::{Authority, Dialogue, Door, NameServer, Paper, Route, Web, names::Known};
use mailferry_model::{Side, finding::Step, port::Connector, settings::Settings};

use super::Case;
use crate::{imap::Imap, testing};

const NAMES: [&str; 3] = ["mail.example.org", "autoconfig.example.org", "example.org"];

/// A server for mail.example.org whose own name is not in the settings.
async fn unnamed(more: &[(&str, Known)]) -> (Case, NameServer, Authority) {
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let door = Door::Tls(authority.acceptor(&Paper { names: NAMES.to_vec(), ..Paper::default() }).unwrap());
    let case = Case::plain(door, Dialogue::default()).await;
    let here = Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let domain = ("example.org", Known::Nothing);
    let mut known = vec![domain, ("mail.example.org", here.clone()), ("autoconfig.example.org", here)];
    known.extend(more.iter().map(|(name, known)| (*name, known.clone())));
    let names = NameServer::start(&known).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    let settings = Settings::default()
        .with("autodiscover", "yes")
        .with("email", "anna@example.org")
        .with("resolver", names.address.to_string())
        .with("ca-file", folder.path().join("ca.pem").display().to_string());
    (Case { settings, _folder: Some(folder), ..case }, names, authority)
}

#[tokio::test]
async fn by_srv_records() {
    let (case, _names, _) = unnamed(&[]).await;
    let port = case.fake.address.port();
    let service = [("_imaps._tcp.example.org", Known::Service("mail.example.org", port))];
    let known = [&service[..], &[("mail.example.org", Known::Addresses(vec![Ipv4Addr::LOCALHOST]))]].concat();
    let names = NameServer::start(&known).await.unwrap();
    let case = case.with("resolver", names.address.to_string());
    assert!(case.passes().await.is_empty());
    let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await.unwrap();
    assert_eq!(found.get("remote-server"), Some("mail.example.org"));
    assert_eq!((found.get("port"), found.get("security")), (Some(&*port.to_string()), Some("ssl")));
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_a_matter_of_names() {
    let (case, _names, _) = unnamed(&[]).await;
    let case = case.with("email", "anna@exmaple.org");
    let result = case.fails(Step::Dns, "DNS_NO_SUCH_NAME").await;
    assert!(result.steps[0].cause.as_ref().unwrap().contains("exmaple.org"), "{:?}", result.steps[0]);
}

#[tokio::test]
async fn by_autoconfig() {
    let (case, _names, authority) = unnamed(&[]).await;
    let document = format!(
        "<clientConfig><emailProvider><incomingServer type=\"imap\"><hostname>mail.example.org</hostname>\
         <port>{}</port><socketType>SSL</socketType></incomingServer></emailProvider></clientConfig>",
        case.fake.address.port()
    );
    let route = Route::to("/mail/config-v1.1.xml", "200 OK").saying(&document);
    let tls = authority.acceptor(&Paper { names: NAMES.to_vec(), ..Paper::default() }).unwrap();
    let web = Web::start(Some(tls), vec![vec![route]]).await.unwrap();
    let case = case.with("autoconfig-port", web.address.port().to_string());
    assert!(case.passes().await.is_empty());
}

#[tokio::test]
async fn a_foreign_host_is_confirmed_before_anybody_signs_in() {
    let (case, _names, _) = unnamed(&[]).await;
    let port = case.fake.address.port();
    let here = Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let service = ("_imaps._tcp.example.org", Known::Service("imap.example.net", port));
    let names = NameServer::start(&[service, ("imap.example.net", here)]).await.unwrap();
    let case = case.with("resolver", names.address.to_string());
    let result = case.fails(Step::Protocol, "AUTODISCOVER_FOREIGN_HOST").await;
    let fix = &result.steps[0].fix;
    let confirmed = format!("--remote-server imap.example.net --port {port} --security ssl");
    assert!(fix.iter().any(|fix| fix.contains(&confirmed)), "{fix:?}");
    let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await.unwrap_err();
    assert_eq!(found.code.as_deref(), Some("AUTODISCOVER_FOREIGN_HOST"));
}

#[tokio::test]
async fn a_known_providers_host_needs_no_word() {
    let (case, _names, _) = unnamed(&[]).await;
    let service = ("_imaps._tcp.example.org", Known::Service("imap.gmail.com", 993));
    let names = NameServer::start(&[service]).await.unwrap();
    let case = case.with("resolver", names.address.to_string());
    let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await.unwrap();
    assert_eq!(found.get("remote-server"), Some("imap.gmail.com"));
}

/// Where nothing names a server, who takes the domain's mail tells the kind.
#[tokio::test]
async fn a_known_provider_takes_the_domains_mail() {
    for (host, code) in [
        ("aspmx.l.google.com", "AUTODISCOVER_MAIL_AT_GOOGLE"),
        ("smtp.google.com", "AUTODISCOVER_MAIL_AT_GOOGLE"),
        ("example-org.mail.protection.outlook.com", "AUTODISCOVER_MAIL_AT_MICROSOFT"),
    ] {
        let (case, _names, _) = unnamed(&[]).await;
        let names = NameServer::start(&[("example.org", Known::Mail(host))]).await.unwrap();
        let case = case.with("autoconfig-port", "1").with("resolver", names.address.to_string());
        let result = case.fails(Step::Protocol, code).await;
        let row = &result.steps[0];
        assert!(row.fix[0].contains("--type ") && row.evidence.contains(host), "{row:?}");
    }
    let (case, _names, _) = unnamed(&[]).await;
    let names = NameServer::start(&[("example.org", Known::Mail("mx.example.net"))]).await.unwrap();
    let case = case.with("autoconfig-port", "1").with("resolver", names.address.to_string());
    case.fails(Step::Protocol, "AUTODISCOVER_NO_IMAP").await;
}

#[tokio::test]
async fn nothing_names_one() {
    let (case, _names, _) = unnamed(&[]).await;
    let result = case.with("autoconfig-port", "1").fails(Step::Protocol, "AUTODISCOVER_NO_IMAP").await;
    let evidence = &result.steps[0].evidence;
    for tried in [
        "_imaps._tcp.example.org",
        "_imap._tcp.example.org",
        "https://autoconfig.example.org/",
        ".well-known",
    ] {
        assert!(evidence.contains(tried), "{tried}: {evidence}");
    }
    let settings = Settings::default().with("autodiscover", "yes").with("email", "nobody");
    assert!(Imap.check(&settings).is_err());
    assert!(Imap.discover(&testing::cx(Side::Source), &settings).await.is_err());
}

/// A server whose autoconfig document says this of how it is secured.
async fn documented(socket: &str) -> (Case, NameServer, Web) {
    let (case, names, authority) = unnamed(&[]).await;
    let document = format!(
        "<clientConfig><emailProvider><incomingServer type=\"imap\"><hostname>mail.example.org</hostname>\
         <port>{}</port>{socket}</incomingServer></emailProvider></clientConfig>",
        case.fake.address.port()
    );
    let route = Route::to("/mail/config-v1.1.xml", "200 OK").saying(&document);
    let tls = authority.acceptor(&Paper { names: NAMES.to_vec(), ..Paper::default() }).unwrap();
    let web = Web::start(Some(tls), vec![vec![route]]).await.unwrap();
    let case = case.with("autoconfig-port", web.address.port().to_string());
    (case, names, web)
}

#[tokio::test]
async fn a_document_takes_no_tls_away() {
    for wanted in [Some("ssl"), Some("tls"), None] {
        let (case, _names, _web) = documented("<socketType>plain</socketType>").await;
        let case = if let Some(security) = wanted { case.with("security", security) } else { case };
        case.fails(Step::Protocol, "AUTODISCOVER_NOT_AS_ASKED").await;
        let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await;
        assert!(found.is_err(), "{wanted:?}");
    }
    let (case, _names, _web) = documented("<socketType>plain</socketType>").await;
    let case = case.with("security", "none");
    let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await.unwrap();
    assert_eq!(found.get("security"), Some("none"), "who says so gets it");
    let (case, _names, _web) = documented("").await;
    case.fails(Step::Protocol, "AUTODISCOVER_NO_IMAP").await;
    let (case, _names, _web) = documented("<socketType>tls</socketType>").await;
    let found = Imap.discover(&testing::cx(Side::Source), &case.settings).await.unwrap();
    assert_eq!(found.get("security"), Some("ssl"));
}

#[tokio::test]
async fn what_somebody_says_of_port_and_security_holds() {
    let (case, _names, _) = unnamed(&[]).await;
    let port = case.fake.address.port();
    let service = ("_imap._tcp.example.org", Known::Service("mail.example.org", port));
    let here = Known::Addresses(vec![Ipv4Addr::LOCALHOST]);
    let names = NameServer::start(&[service, ("mail.example.org", here)]).await.unwrap();
    let case = case.with("resolver", names.address.to_string()).with("autoconfig-port", "1");
    let result = case.with("security", "ssl").fails(Step::Protocol, "AUTODISCOVER_NOT_AS_ASKED").await;
    let named = format!("mail.example.org:{port} (--security tls)");
    assert!(result.steps[0].cause.as_ref().unwrap().contains(&named), "{:?}", result.steps[0]);
}
