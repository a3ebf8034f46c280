//! The service as others meet it: the real binary over HTTPS, its exit codes, its certificate, what it keeps quiet.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::ferry::{Ferry, Ran, closed_port, count};

const PASSWORD: &str = "canary horse battery";

/// A service that runs, in a folder of its own.
pub struct Service {
    pub ferry: Ferry,
    child: Child,
    pub url: String,
    fingerprint: String,
    setup_code: String,
    log: Option<JoinHandle<String>>,
}

impl Service {
    pub fn start(ferry: Ferry, more: &[&str]) -> Self {
        let words = [&["serve", "--listen", "127.0.0.1:0", "-vv", "-o", "jsonl"], more].concat();
        let command = ferry.command(&words);
        Self::by(ferry, command)
    }

    /// Started by this command.
    pub fn by(ferry: Ferry, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut err = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).map_or_else(|e| e.to_string(), |_| text)
        });
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        let (url, fingerprint, setup_code) = (text("url"), text("fingerprint"), text("setupCode"));
        Self { ferry, child, url, fingerprint, setup_code, log: Some(log) }
    }

    /// The binary as a client: no data folder, a configuration folder of its own.
    pub fn client(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.ran(words);
        assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// The same, however it ends.
    pub fn ran(&self, words: &[&str]) -> Ran {
        let mut client = Command::new(env!("CARGO_BIN_EXE_mailferry"));
        client.args(words).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("MAILFERRY_")) {
            client.env_remove(name);
        }
        client
            .env("XDG_CONFIG_HOME", self.ferry.path("config"))
            .env("XDG_STATE_HOME", self.ferry.path("state"));
        Ran::of(&mut client)
    }

    /// Makes the first administrator and signs in.
    pub fn sign_in(&self) {
        let (code, password) = (self.ferry.file("code", &self.setup_code), self.ferry.file("pw", PASSWORD));
        self.client(
            0,
            &[
                "login",
                &self.url,
                "--username",
                "anna",
                "--password-file",
                &password,
                "--setup-code-file",
                &code,
                "--fingerprint",
                &self.fingerprint,
            ],
        );
    }

    /// Asks it to end, and gives what it said on standard error.
    pub fn stop(mut self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "it ends in order");
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_migration_over_the_network_and_nothing_secret_in_what_was_said() {
    let ferry = Ferry::new();
    let (old, new) = (ferry.maildir("old", 3), ferry.maildir("new", 0));
    let path = |account: &str| account.trim_start_matches("maildir:").to_owned();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    let whoami = service.client(0, &["whoami", "-o", "json"]).json();
    assert_eq!((&whoami["account"], &whoami["role"]), (&"anna".into(), &"administrator".into()));
    service.client(0, &["endpoint", "new", "old", "--type", "maildir", "--path", &path(&old)]);
    service.client(0, &["endpoint", "new", "new", "--type", "maildir", "--path", &path(&new)]);
    let csv = service.ferry.file("w.csv", "EmailAddress\na@x\n");
    service.client(0, &["batch", "new", "w", "--source", "old", "--target", "new", "--csv", &csv]);
    let ran = service.client(0, &["batch", "start", "w", "--wait=completed", "-o", "json"]).json();
    assert_eq!((&ran["score"], &ran["batchStatus"]), (&"Perfect".into(), &"Completed".into()), "{ran}");
    assert_eq!(count(&service.ferry.path("new")), 3);
    let users = service.client(0, &["user", "list", "--batch", "w", "-o", "json"]).json();
    assert_eq!(users[0]["itemsSynced"], 3);
    let pw = service.ferry.file("boss-pw", "canary boss");
    let boss =
        ["--type", "imap", "--remote-server", "a.example", "--username", "boss", "--password-file", &pw];
    service.client(0, &[&["endpoint", "new", "mail"][..], &boss].concat());
    let aimed = service.client(2, &["endpoint", "set", "mail", "--remote-server", "b.example"]).err;
    assert!(aimed.contains("[ENDPOINT_SECRET_AGAIN]") && aimed.contains("--password-file FILE"), "{aimed}");
    service.client(0, &["endpoint", "set", "mail", "--remote-server", "b.example", "--password-file", &pw]);
    service.client(4, &["batch", "show", "nothing"]);
    service.client(6, &["endpoint", "remove", "old", "--yes"]);
    service.client(0, &["verify", "w"]);
    let pw = service.ferry.file("ben-pw", "canary canary canary");
    service.client(0, &["account", "new", "ben", "--role", "viewer", "--password-file", &pw]);
    let token = service.client(0, &["token", "new", "ci", "--account", "ben"]).out.trim().to_owned();
    let file = service.ferry.file("token", &token);
    assert_eq!(service.client(0, &["batch", "list", "-o", "name", "--service-token-file", &file]).out, "w\n");
    let denied = service.client(12, &["batch", "stop", "w", "--service-token-file", &file]);
    assert!(denied.err.contains("[ACCOUNT_ROLE]"), "{}", denied.err);
    assert!(service.client(0, &["audit", "verify"]).out.starts_with("The audit trail is whole: "));
    let audit = service.client(0, &["audit", "list", "-o", "json"]);
    let actions: Vec<_> = audit.json().as_array().unwrap().iter().map(|e| e["action"].clone()).collect();
    assert!(actions.contains(&"batch.start".into()) && actions.contains(&"token.new".into()));
    let exported = service.client(0, &["audit", "export"]).out;
    let lines: Vec<serde_json::Value> = exported.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(&lines[..actions.len()], audit.json().as_array().unwrap().as_slice());
    let reports = service.client(0, &["report", "list", "-o", "json"]).json();
    let address = reports[0]["user"].as_str().unwrap().to_owned();
    let one = service.client(0, &["report", "get", &address, "-o", "json"]).json();
    assert_eq!((&one[0], &one[0]["score"]), (&reports[0], &"Perfect".into()), "{reports}");
    let kept = std::fs::read_to_string(service.ferry.path("config/mailferry/contexts.json")).unwrap();
    let session = serde_json::from_str::<serde_json::Value>(&kept).unwrap()["contexts"][0]["token"].clone();
    let session = session.as_str().unwrap().to_owned();
    service.client(0, &["logout"]);
    let after = service.client(0, &["context", "list", "-o", "json"]).json();
    assert_eq!((after.as_array().unwrap().len(), &after[0]["current"]), (1, &true.into()));
    let code = service.setup_code.clone();
    let log = service.stop();
    assert!(log.contains("answered"), "the log is looked at as it is at -vv: {log}");
    for secret in ["canary", &token, &session, &code] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!audit.out.contains(secret), "{secret} is in the audit trail");
    }
}

/// The answer to a question that anybody may ask, without TLS.
fn plainly(url: &str, path: &str) -> String {
    let mut open = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    open.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_disk_that_takes_no_more_shows_in_the_health_of_the_service_and_goes_by() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let service = Service::start(Ferry::new(), &["--no-tls"]);
    let health = || plainly(&service.url, "/api/v1/health");
    assert!(health().starts_with("HTTP/1.1 200 "), "{}", health());
    let most = |bytes| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(&service.child)), Resource::Fsize, limit).unwrap();
    };
    let until = |wanted: &str| {
        let end = Instant::now() + Duration::from_secs(60);
        while !health().contains(wanted) {
            assert!(Instant::now() < end, "{wanted} never came: {}", health());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    most(Some(4096));
    until("\"STORE_DISK_FAILS\"");
    assert!(health().starts_with("HTTP/1.1 507 "), "{}", health());
    most(None);
    until("\"ok\"");
    service.stop();
}

#[test]
fn who_is_not_trusted_not_there_or_not_signed_in_is_told_apart() {
    let service = Service::start(Ferry::new(), &[]);
    let nobody = format!("https://127.0.0.1:{}", closed_port());
    assert!(
        service.client(10, &["batch", "list", "--server", &nobody]).err.contains("[SERVICE_UNREACHABLE]")
    );
    let stranger = service.client(10, &["batch", "list", "--server", &service.url]);
    assert!(stranger.err.contains("[SERVICE_CERTIFICATE]"), "{}", stranger.err);
    let password = service.ferry.file("pw", PASSWORD);
    let login = ["login", &service.url, "--username", "anna", "--password-file", &password, "--fingerprint"];
    let zeros = "00".repeat(32);
    service.client(10, &[&login[..], &[&zeros]].concat());
    let wrong = service.client(12, &[&login[..], &[&service.fingerprint]].concat());
    assert!(wrong.err.contains("[SIGN_IN_REFUSED]"), "{}", wrong.err);
    service.client(2, &["batch", "list", "--server", "http://mail.example"]);
    service.client(2, &["batch", "list", "--context", "nothing"]);
    service.client(4, &["context", "use", "nothing"]);
    service.sign_in();
    service.client(0, &["context", "use", "local"]);
    service.client(0, &["batch", "list", "--context", "default"]);
    let twice = service.ferry.run(&["serve", "--listen", service.url.trim_start_matches("https://")]);
    assert_eq!(twice.code, 2, "{}", twice.err);
    assert!(twice.err.contains("[SERVICE_LISTEN]"), "{}", twice.err);
    service.stop();
}

#[test]
fn other_machines_get_in_only_with_tls_and_an_account_that_has_a_password() {
    let ferry = Ferry::new();
    let serve = |more: &[&str]| ferry.run(&[&["serve", "--listen", "0.0.0.0:0"], more].concat());
    let (plain, nobody) = (serve(&["--no-tls"]), serve(&[]));
    assert_eq!((plain.code, nobody.code), (2, 2), "{}{}", plain.err, nobody.err);
    assert!(plain.err.contains("[SERVICE_NEEDS_TLS]"), "{}", plain.err);
    assert!(nobody.err.contains("[SERVICE_NEEDS_ACCOUNT]"), "{}", nobody.err);
    ferry.ends(0, &["account", "new", "robot", "--role", "operator", "--no-password"]);
    assert_eq!(serve(&[]).code, 2, "an account without a password lets nobody in");
}

#[test]
fn own_certificates_are_taken_as_pem_and_pfx_and_ours_stays_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let service = Service::start(Ferry::new(), &[]);
    let (ours, folder) = (service.fingerprint.clone(), service.ferry.path("data/tls"));
    for file in ["certificate.pem", "key.pem"] {
        assert_eq!(folder.join(file).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let (cert, key) = (read("certificate.pem"), read("key.pem"));
    service.stop();

    let ferry = Ferry::new();
    let token = ferry.file("token", "mft_nobodys");
    let (cert_file, key_file) = (ferry.file("c.pem", &cert), ferry.file("k.pem", &key));
    let service = Service::start(ferry, &["--tls-cert", &cert_file, "--tls-key", &key_file]);
    assert_eq!(service.fingerprint, ours);
    let strange =
        service.client(12, &["login", &service.url, "--token-file", &token, "--ca-file", &cert_file]);
    assert!(service.client(2, &["login", &service.url, "--token-file", &key_file]).err.contains("no token"));
    assert!(strange.err.contains("[SIGN_IN_MISSING]"), "its own authority trusts it: {}", strange.err);
    let mixed = service.ferry.run(&["serve", "--tls-cert", &cert_file, "--tls-key", &cert_file]);
    assert!(mixed.code == 2 && mixed.err.contains("[SERVICE_TLS_FILES]"), "{}", mixed.err);
    service.stop();

    let ferry = Ferry::new();
    let pfx = ferry.path("both.pfx");
    std::fs::write(&pfx, packed(&cert, &key, "canary pfx")).unwrap();
    let (pfx, password) = (pfx.to_string_lossy().into_owned(), ferry.file("pfx-pw", "canary pfx\n"));
    let wrong = ferry.run(&["serve", "--tls-pfx", &pfx]);
    assert!(wrong.code == 2 && wrong.err.contains("[SERVICE_TLS_FILES]"), "{}", wrong.err);
    let service = Service::start(ferry, &["--tls-pfx", &pfx, "--tls-pfx-password-file", &password]);
    assert_eq!(service.fingerprint, ours);
    service.stop();
}

/// Certificate and key as a PFX.
fn packed(cert: &str, key: &str, password: &str) -> Vec<u8> {
    use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let chain = PrivateKeyChain::new(key.secret_der(), [1], [Certificate::from_der(&cert).unwrap()]);
    let mut store = KeyStore::new();
    store.add_entry("mailferry", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).write().unwrap()
}

#[test]
fn a_changed_entry_of_the_audit_trail_is_found() {
    let ferry = Ferry::new();
    let path = ferry.maildir("m", 0).trim_start_matches("maildir:").to_owned();
    for name in ["a", "b"] {
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", &path]);
    }
    assert_eq!(ferry.ends(0, &["audit", "verify"]).out, "The audit trail is whole: 2 entries.\n");
    tampered(&ferry.path("data/mailferry.db"));
    let found = ferry.ends(3, &["audit", "verify"]).out;
    assert_eq!(found, "The audit trail is NOT whole: entry 1 does not fit the one before.\n");
    let told = ferry.ends(3, &["audit", "verify", "-o", "json"]).json();
    assert_eq!((&told["intact"], &told["firstFault"]), (&false.into(), &1.into()));
}

#[test]
fn an_audit_trail_that_was_emptied_is_not_whole() {
    let ferry = Ferry::new();
    assert_eq!(ferry.ends(0, &["audit", "verify"]).out, "The audit trail is whole: 0 entries.\n");
    let path = ferry.maildir("m", 0).trim_start_matches("maildir:").to_owned();
    ferry.ends(0, &["endpoint", "new", "a", "--type", "maildir", "--path", &path]);
    let missing =
        "The audit trail is NOT whole: entry 1 is missing, or what is kept apart of the trail's end.\n";
    for change in ["DELETE FROM audit", "DELETE FROM audit_end"] {
        changed(&ferry.path("data/mailferry.db"), change);
        assert_eq!(ferry.ends(3, &["audit", "verify"]).out, missing, "{change}");
    }
}

/// What somebody does who wants to have been another.
fn tampered(database: &std::path::Path) {
    let change =
        "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'endpoint a', 'endpoint x') AS BLOB)";
    changed(database, change);
}

#[tokio::main(flavor = "current_thread")]
async fn changed(database: &std::path::Path, change: &'static str) {
    use sqlx::Connection;
    let url = format!("sqlite://{}", database.display());
    let mut open = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(change).execute(&mut open).await.unwrap();
    open.close().await.unwrap();
}

#[test]
fn the_committed_document_is_the_one_that_the_routes_make() {
    let committed = include_str!("../../../../openapi.json");
    assert!(Ferry::new().ends(0, &["openapi"]).out == committed, "run `cargo xtask docs`");
}

/// The command of the unit with its variables, and a port of our own.
fn unit_command(ferry: &Ferry) -> Command {
    let unit = ferry.ends(0, &["setup", "--systemd-unit"]).out;
    let value = |name: &str| unit.lines().find_map(|l| l.strip_prefix(name)).unwrap().to_owned();
    let mut words = value("ExecStart=").split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--listen", "127.0.0.1:0", "-o", "jsonl"]).stdin(Stdio::null());
    let variable = value("Environment=");
    let (name, folder) = variable.split_once('=').unwrap();
    command.env_clear().env(name, folder.replace("%S", ferry.path("state").to_str().unwrap()));
    assert!(value("LoadCredential=").starts_with("mailferry-master-key:"));
    command
}

#[test]
fn as_its_unit_starts_it_the_service_takes_its_key_from_systemd_alone() {
    let ferry = Ferry::new();
    let keys = ["given", "another"].map(|name| {
        let file = ferry.path(name).join("mailferry-master-key");
        std::fs::create_dir_all(ferry.path(name)).unwrap();
        ferry.ends(0, &["setup", "--master-key", file.to_str().unwrap()]);
        ferry.path(name)
    });
    let data = ferry.path("state/mailferry");
    std::fs::create_dir_all(ferry.path("state")).unwrap();
    let mut command = unit_command(&ferry);
    command.env("CREDENTIALS_DIRECTORY", &keys[0]);
    let service = Service::by(ferry, command);
    service.sign_in();
    let password = service.ferry.file("imap", PASSWORD);
    let endpoint =
        ["endpoint", "new", "mail", "--type", "imap", "--remote-server", "127.0.0.1", "--username", "a"];
    service.client(0, &[&endpoint[..], &["--password-file", &password]].concat());
    assert!(data.join("mailferry.db").exists() && !data.join("mailferry-master-key").exists());
    let state = data.to_str().unwrap().to_owned();
    let doctor = |key: Option<&PathBuf>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
        command.args(["doctor", "--data-dir", &state]).env_clear();
        command.envs(key.map(|key| ("CREDENTIALS_DIRECTORY", key)));
        Ran::of(&mut command)
    };
    // What the service sealed opens with the key that it was handed, and with no other.
    assert!(doctor(Some(&keys[0])).out.contains("the credential"), "{}", doctor(Some(&keys[0])).out);
    let told = |ran: &Ran| format!("{}{}", ran.out, ran.err);
    let (another, none) = (doctor(Some(&keys[1])), doctor(None));
    assert!(told(&another).contains("DOCTOR_OTHER_KEY"), "{}", told(&another));
    assert!(told(&none).contains("DOCTOR_NO_KEY"), "{}", told(&none));
    let mut without = unit_command(&service.ferry);
    let refused = Ran::of(without.env("MAILFERRY_DATA_DIR", &state));
    assert!(refused.code != 0 && refused.err.contains("DOCTOR_NO_KEY"), "{}", told(&refused));
    service.stop();
}
