//! Whom the system trusts: `SSL_CERT_FILE` stands before its own authorities, and what is wrong with it is named.

use mailferry_lab::fake::{Authority, Dialogue, Door, Fake, Paper, paper::SignedBy};
use serde_json::Value;

use super::{
    ferry::{Ferry, Ran},
    service::Service,
};

/// The row of the certificate, where the variable names this file.
fn row(ferry: &Ferry, port: &str, code: i32, named: &str) -> Value {
    let words = ["endpoint", "test", "--type", "imap", "--remote-server", "127.0.0.1", "--port", port];
    let mut command = ferry.command(&[&words[..], &["--security", "ssl", "-o", "json"]].concat());
    let ran = Ran::of(command.env("SSL_CERT_FILE", named).env_remove("SSL_CERT_DIR"));
    assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
    ran.json()["steps"].as_array().unwrap().iter().find(|row| row["id"] == "tls-trusted").unwrap().clone()
}

#[test]
fn a_file_of_authorities_in_the_environment_is_heeded_and_named() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ferry = Ferry::new();
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let root = ferry.path("root.pem");
    authority.write(&root).unwrap();
    let root = root.to_str().unwrap();
    let serve = |paper: &Paper| {
        let door = Door::Tls(authority.acceptor(paper).unwrap());
        runtime.block_on(Fake::start(door, Dialogue::default())).unwrap()
    };
    let good = serve(&Paper::default());
    let port = good.address.port().to_string();
    assert_eq!(row(&ferry, &port, 0, root)["outcome"], "pass");
    let missing = row(&ferry, &port, 22, "/nowhere/root.pem");
    let cause = missing["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("No certificate authority can be read: ") && cause.contains("/nowhere/root.pem")
    );
    assert_eq!(missing["code"], "CERTIFICATE_CA_FILE");
    let fix =
        missing["fix"].as_array().unwrap().iter().find(|fix| fix.as_str().unwrap().contains("SSL_CERT_FILE"));
    assert!(fix.is_some(), "{missing}");

    let other = serve(&Paper { for_servers: false, ..Paper::default() });
    let other = row(&ferry, &other.address.port().to_string(), 22, root);
    assert_eq!(other["code"], "CERTIFICATE_WRONG_PURPOSE", "{other}");
    assert!(other["cause"].as_str().unwrap().contains("serverAuth is not among"), "{other}");
    let mut doctor = ferry.command(&["doctor", "-o", "json", "--port", "0"]);
    let told = Ran::of(doctor.env("SSL_CERT_FILE", "/nowhere/root.pem").env_remove("SSL_CERT_DIR")).json();
    let rows = told["rows"].as_array().unwrap();
    let certificates = rows.iter().find(|row| row["check"] == "certificates").unwrap();
    assert!(certificates["found"].as_str().unwrap().contains("SSL_CERT_FILE is /nowhere/root.pem"), "{told}");
}

/// What lies below an authority of the system and is not sent is no authority of the company's own.
#[test]
fn an_intermediate_that_is_not_sent_is_missing_below_a_trusted_root() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ferry = Ferry::new();
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let stranger = Authority::create("Stranger Root", (-365, 365)).unwrap();
    let [root, other] = ["root.pem", "other.pem"].map(|name| ferry.path(name));
    authority.write(&root).unwrap();
    stranger.write(&other).unwrap();
    let paper = Paper { signed_by: SignedBy::Between, shows_chain: false, ..Paper::default() };
    let door = Door::Tls(authority.acceptor(&paper).unwrap());
    let server = runtime.block_on(Fake::start(door, Dialogue::default())).unwrap();
    let port = server.address.port().to_string();
    let missing = row(&ferry, &port, 22, root.to_str().unwrap());
    assert_eq!(missing["code"], "CERTIFICATE_CHAIN_INCOMPLETE", "{missing}");
    let cause = missing["cause"].as_str().unwrap();
    assert!(cause.contains("Probably: its name is like that of CN=Example Root,"), "{cause}");
    let fixes = missing["fix"].as_array().unwrap();
    assert!(fixes.iter().any(|fix| fix.as_str().unwrap().contains("--ca-file FILE")), "{missing}");
    assert_eq!(row(&ferry, &port, 22, other.to_str().unwrap())["code"], "CERTIFICATE_PRIVATE_CA");
}

/// No path of this machine goes to a service: what the file holds does, as it is at that moment.
#[test]
fn a_file_of_authorities_is_sent_to_a_service_by_value() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let door = Door::Tls(authority.acceptor(&Paper::default()).unwrap());
    let server = runtime.block_on(Fake::start(door, Dialogue::default())).unwrap();
    let port = server.address.port().to_string();
    let service = Service::start(Ferry::new(), &[]);
    service.sign_in();
    let root = service.ferry.path("root.pem");
    authority.write(&root).unwrap();
    let root = root.to_str().unwrap();
    let imap = ["--type", "imap", "--remote-server", "127.0.0.1", "--port", &port, "--security", "ssl"];
    let with = |begin: &[&str], more: &[&str]| {
        let words = [begin, &imap, more].concat();
        words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>()
    };
    let ask = |code: i32, words: &[String]| {
        service.client(code, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ask(22, &with(&["endpoint", "test"], &[]));
    ask(0, &with(&["endpoint", "test"], &["--ca-file", root]));
    ask(0, &with(&["endpoint", "new", "Mail"], &["--ca-file", root, "--reason", "for the test"]));
    std::fs::remove_file(root).unwrap();
    service.client(0, &["endpoint", "test", "Mail"]);
    let shown = service.client(0, &["endpoint", "show", "Mail", "-o", "json"]).json();
    let settings = &shown["settings"];
    assert!(settings["ca"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"), "{shown}");
    assert!(settings["ca-file"].is_null(), "{shown}");
    let table = service.client(0, &["endpoint", "show", "Mail"]).out;
    assert!(table.contains("ca=(certificates") && !table.contains("BEGIN"), "{table}");
    let key = service.ferry.file("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let refused = service.client(2, &["endpoint", "set", "Mail", "--ca-file", &key]);
    assert!(refused.err.contains("certificate"), "{}", refused.err);
    service.client(2, &["endpoint", "set", "Mail", "--ca-file", "/nowhere/ca.pem"]);
    service.client(0, &["endpoint", "set", "Mail", "--unset", "ca"]);
    service.client(22, &["endpoint", "test", "Mail"]);
}
