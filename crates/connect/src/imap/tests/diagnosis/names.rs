//! Names and connections.

use mailferry_lab::fake::{Dialogue, Door, NameServer, names::Known};
use mailferry_model::{
    finding::{Step, Verdict},
    outward::Guard,
};
use std::net::Ipv4Addr;

use super::Case;

async fn named(known: Known) -> (Case, NameServer) {
    let server = NameServer::start(&[("mail.example.org", known)]).await.unwrap();
    let case = Case::says(Dialogue::default()).await;
    let case = case.with("remote-server", "mail.example.org").with("resolver", server.address.to_string());
    (case, server)
}

#[tokio::test]
async fn a_name_is_not_found_for_one_reason_or_another() {
    for (known, code) in [
        (Known::Nothing, "DNS_NO_ADDRESS"),
        (Known::Fails, "DNS_SERVER_FAILED"),
        (Known::Refused, "DNS_REFUSED"),
        (Known::Silence, "DNS_SILENT"),
        (Known::NotImplemented, "DNS_UNUSABLE"),
    ] {
        let (case, _server) = named(known).await;
        case.fails(Step::Dns, code).await;
    }
    let (case, _server) = named(Known::Nothing).await;
    case.with("remote-server", "mial.example.org").fails(Step::Dns, "DNS_NO_SUCH_NAME").await;
}

#[tokio::test]
async fn a_dns_server_that_is_not_there_is_silent() {
    let case = Case::says(Dialogue::default()).await;
    let case = case.with("remote-server", "mail.example.org").with("resolver", "127.0.0.1:9");
    let result = case.fails(Step::Dns, "DNS_SILENT").await;
    let fix =
        "Check the DNS server 127.0.0.1:9, which the settings name, or name another: --resolver ADDRESS";
    assert_eq!(result.steps[0].fix, [fix]);
}

#[tokio::test]
async fn names_that_stand_for_each_other_are_a_circle() {
    let names = [
        ("mail.example.org", Known::Alias("a.example.org")),
        ("a.example.org", Known::Alias("b.example.org")),
        ("b.example.org", Known::Alias("a.example.org")),
    ];
    let server = NameServer::start(&names).await.unwrap();
    let case = Case::says(Dialogue::default()).await;
    let case = case.with("remote-server", "mail.example.org").with("resolver", server.address.to_string());
    let result = case.fails(Step::Dns, "DNS_CIRCLE").await;
    let way = "mail.example.org -> a.example.org -> b.example.org -> a.example.org";
    assert!(result.steps[0].cause.as_ref().unwrap().contains(way), "{:?}", result.steps[0]);
}

#[tokio::test]
async fn a_name_that_the_system_does_not_know_is_said_to_be_none() {
    let case = Case::says(Dialogue::default()).await.with("remote-server", "nobody.invalid");
    let result = case.test().await;
    let row = &result.steps[0];
    assert_eq!(row.outcome, Verdict::Fail);
    // Machines without a DNS server answer with a failure, which is no answer about the name.
    assert!(matches!(row.code.as_deref(), Some("DNS_NO_SUCH_NAME" | "DNS_SILENT")), "{row:?}");
}

#[tokio::test]
async fn nothing_listens() {
    let case = Case::says(Dialogue::default()).await.with("port", "1");
    case.fails(Step::Tcp, "TCP_REFUSED").await;
}

/// A port whose queue is full drops what comes, as firewalls do.
#[tokio::test]
async fn a_port_that_drops_connections() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let connecting = tokio::net::TcpStream::connect(address);
        waiting.push(tokio::time::timeout(std::time::Duration::from_millis(100), connecting).await);
    }
    let case = Case::says(Dialogue::default()).await;
    let case = case.with("port", address.port().to_string()).with("connect-timeout", "1");
    case.fails(Step::Tcp, "TCP_FILTERED").await;
}

#[tokio::test]
async fn a_connection_that_is_reset_or_closed_before_a_word() {
    Case::plain(Door::Cut, Dialogue::default()).await.fails(Step::Protocol, "IMAP_HUNG_UP").await;
    Case::plain(Door::Shut, Dialogue::default()).await.fails(Step::Protocol, "IMAP_HUNG_UP").await;
}

#[tokio::test]
async fn one_of_several_addresses_is_dead_and_that_is_only_a_warning() {
    let all = Known::Addresses(vec![Ipv4Addr::new(127, 0, 0, 77), Ipv4Addr::LOCALHOST]);
    let (case, _server) = named(all).await;
    let warned = case.passes().await;
    assert_eq!(warned.get("tcp-connects").map(String::as_str), Some("TCP_SOME_ADDRESSES_DEAD"), "{warned:?}");
}

#[tokio::test]
async fn a_service_connects_only_where_its_rules_allow() {
    let code = "ADDRESS_NOT_ALLOWED";
    let near = Guard { loopback: true, private: true, ..Guard::default() };
    let plain = || Case::says(Dialogue::default());
    // Its own machine, under that name and by another address of it.
    plain().await.guarded(Guard::default()).fails(Step::Tcp, code).await;
    plain().await.with("remote-server", "localhost").guarded(Guard::default()).fails(Step::Tcp, code).await;
    plain()
        .await
        .with("remote-server", "::ffff:127.0.0.1")
        .guarded(Guard::default())
        .fails(Step::Tcp, code)
        .await;
    let (case, _server) = named(Known::Addresses(vec![Ipv4Addr::LOCALHOST])).await;
    // The DNS server that was named is one more place to connect to.
    case.guarded(Guard::default()).fails(Step::Dns, code).await;
    assert_eq!(plain().await.guarded(near.clone()).test().await.result, "Success");
    // Where secrets of machines are, in any case.
    for host in ["169.254.169.254", "fd00:ec2::254", "0.0.0.0"] {
        plain().await.with("remote-server", host).guarded(near.clone()).fails(Step::Tcp, code).await;
    }
    // Itself, listening here or everywhere.
    for listener in ["127.0.0.1", "0.0.0.0", "::"] {
        let case = plain().await;
        let listeners =
            vec![(listener.parse::<std::net::IpAddr>().unwrap(), case.fake.address.port()).into()];
        case.guarded(Guard { listeners, ..near.clone() }).fails(Step::Tcp, code).await;
    }
    // Through a proxy: the proxy's address, and the host's where it is one.
    let behind = plain().await.with("remote-server", "169.254.169.254").with("proxy", "http://127.0.0.1:9");
    behind.guarded(near).fails(Step::Tcp, code).await;
}
