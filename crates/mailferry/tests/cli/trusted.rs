//! Whom the system trusts: `SSL_CERT_FILE` stands before its own authorities, and what is wrong with it is named.

use mailferry_lab::fake::{Authority, Dialogue, Door, Fake, Paper};
use serde_json::Value;

use super::ferry::{Ferry, Ran};

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
