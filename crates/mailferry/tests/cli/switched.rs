//! `domain`: the mail flow of a domain beside what is wanted, in this process and by a service.

use mailferry_lab::fake::{NameServer, names::Known};

use super::{ferry::Ferry, service::Service};

/// Of example.org MX and SPF are the old ones, DKIM and DMARC are as wanted, autodiscover is not there.
fn names() -> (tokio::runtime::Runtime, NameServer) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let known = [
        ("example.org", Known::Zone(vec![(15, "10 old.example.org"), (16, "v=spf1 mx -all")])),
        ("google._domainkey.example.org", Known::Zone(vec![(16, "v=DKIM1; p=abc")])),
        ("_dmarc.example.org", Known::Zone(vec![(16, "v=DMARC1; p=none")])),
        ("fails.example", Known::Fails),
    ];
    let server = runtime.block_on(NameServer::start(&known)).unwrap();
    (runtime, server)
}

#[test]
fn a_domain_is_looked_at_and_held_against_what_is_wanted() {
    let (ferry, (_runtime, server)) = (Ferry::new(), names());
    let resolver = server.address.to_string();
    let check = ["domain", "check", "Example.org", "--resolver", &resolver];
    let bare = ferry.ends(0, &check).out;
    assert!(bare.contains("Nothing is wanted of example.org"), "{bare}");
    let told =
        ferry.ends(3, &[&check[..], &["--to", "google", "--autodiscover", "mail.example.org"]].concat());
    for words in
        ["10 old.example.org", "smtp.google.com", "Differs", "AsWanted", "Missing", "Of example.org 3 of 5"]
    {
        assert!(told.out.contains(words), "{words}: {}", told.out);
    }
    let mine = ["--mx", "old.example.org", "--spf", "mx", "--dmarc", "p=none", "--dkim", "google"];
    let json = ferry.ends(0, &[&check[..], &mine[..], &["-o", "json"]].concat()).json();
    assert_eq!(json["records"][0]["verdict"], "AsWanted", "{json}");
    assert_eq!(json["asked"], serde_json::Value::Null);
    assert_eq!(json["records"][0]["ttl"], 60);
    let csv = ferry.ends(0, &["domain", "show", "example.org", "-o", "csv"]).out;
    assert!(csv.starts_with("domain,kind,name,now,wanted,ttl,verdict,notes\r\nexample.org,mx,"), "{csv}");
    let fails = ferry.ends(20, &["domain", "check", "fails.example", "--resolver", &resolver]).out;
    assert!(fails.contains("SERVFAIL"), "{fails}");
    ferry.ends(2, &["domain", "check", "no domain"]);
    ferry.ends(2, &["domain", "check", "example.org", "--to", "elsewhere"]);
    ferry.ends(4, &["domain", "check", "example.org", "--batch", "no-such-batch"]);
    ferry.ends(4, &["domain", "show", "other.example"]);
    ferry.ends(0, &["domain", "remove", "fails.example", "--yes"]);
    assert_eq!(ferry.ends(0, &["domain", "list", "-o", "name"]).out.trim(), "example.org");
}

#[test]
fn a_services_worker_looks() {
    let (_runtime, server) = names();
    let resolver = server.address.to_string();
    let service = Service::start(Ferry::new(), &[]);
    service.sign_in();
    let at = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(20)).to_string();
    let check = [
        "domain",
        "check",
        "example.org",
        "--resolver",
        &resolver,
        "--to",
        "microsoft-365",
        "--at",
        &at,
        "-o",
        "json",
    ];
    let told = service.client(3, &check).json();
    assert_eq!(told["records"][0]["wanted"], "example-org.mail.protection.outlook.com", "{told}");
    service.stop();
}
