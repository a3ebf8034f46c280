//! What is looked at: the doctor's rows, and what a bundle for those who help tells and does not tell.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use serde_json::{Value, json};

use super::ferry::Ferry;

fn doctor(ferry: &Ferry, code: i32) -> Value {
    ferry.ends(code, &["doctor", "-o", "json", "--port", "0"]).json()
}

fn row(told: &Value, check: &str) -> (String, Value) {
    let row = told["rows"].as_array().unwrap().iter().find(|r| r["check"] == check);
    let row = row.unwrap_or_else(|| panic!("no row {check}: {told}"));
    (row["outcome"].as_str().unwrap().to_owned(), row["code"].clone())
}

/// Whether a row is as it should be; the machine of a test may have other troubles of its own.
fn is(told: &Value, check: &str, outcome: &str, code: &str) {
    let code = if code.is_empty() { Value::Null } else { json!(code) };
    assert_eq!(row(told, check), (outcome.to_owned(), code), "{check}: {told}");
}

#[test]
fn the_doctor_names_what_is_wrong_and_changes_nothing() {
    let ferry = Ferry::new();
    let told: Value = serde_json::from_str(&ferry.run(&["doctor", "-o", "json", "--port", "0"]).out).unwrap();
    is(&told, "data folder", "warn", "DOCTOR_NO_FOLDER");
    assert!(!ferry.path("data").exists(), "it only looks");
    let password = ferry.file("pw", "canary-4711");
    let new =
        ["endpoint", "new", "Mail", "--type", "imap", "--remote-server", "127.0.0.1", "--username", "u"];
    ferry.ends(0, &[&new[..], &["--admin-style", "dovecot", "--password-file", &password]].concat());
    let told = doctor(&ferry, 0);
    for check in ["data folder", "permissions", "master key", "store", "schema", "port", "clock"] {
        is(&told, check, "ok", "");
    }
    for check in ["disk", "certificates", "resolver", "open files", "credentials"] {
        row(&told, check);
    }

    let database = ferry.path("data/mailferry.db");
    fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    is(&doctor(&ferry, 0), "permissions", "warn", "DOCTOR_OPEN_TO_OTHERS");
    fs::set_permissions(&database, Permissions::from_mode(0o600)).unwrap();
    let key = ferry.path("data/mailferry-master-key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let told = doctor(&ferry, 1);
    is(&told, "permissions", "FAIL", "DOCTOR_OPEN_TO_OTHERS");
    is(&told, "master key", "FAIL", "DOCTOR_KEY_UNUSABLE");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let right = fs::read(&key).unwrap();
    fs::write(&key, "ab".repeat(32)).unwrap();
    is(&doctor(&ferry, 1), "master key", "FAIL", "DOCTOR_OTHER_KEY");
    fs::remove_file(&key).unwrap();
    is(&doctor(&ferry, 1), "master key", "FAIL", "DOCTOR_NO_KEY");
    assert!(!key.exists());
    fs::write(&key, right).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let told = ferry.ends(0, &["doctor", "-o", "json", "--port", &port]).json();
    is(&told, "port", "warn", "DOCTOR_PORT_TAKEN");
    let few = format!("ulimit -n 100; exec {} doctor -o json", env!("CARGO_BIN_EXE_mailferry"));
    let told =
        Command::new("sh").args(["-c", &few]).env("MAILFERRY_DATA_DIR", ferry.path("data")).output().unwrap();
    is(&serde_json::from_slice(&told.stdout).unwrap(), "open files", "FAIL", "DOCTOR_FEW_FILES");
    let small = format!("ulimit -f 100; exec {} doctor -o json", env!("CARGO_BIN_EXE_mailferry"));
    let told = Command::new("sh").args(["-c", &small]).env("MAILFERRY_DATA_DIR", ferry.path("data")).output();
    let told: Value = serde_json::from_slice(&told.unwrap().stdout).unwrap();
    is(&told, "data folder", "FAIL", "DOCTOR_DISK_FULL");
    is(&told, "disk", "FAIL", "DOCTOR_FILES_LIMITED");

    super::said::from_the_future(&database);
    is(&doctor(&ferry, 1), "schema", "FAIL", "STORE_NEWER");
    let mut bytes = fs::read(&database).unwrap();
    bytes[4096..8192].fill(7);
    fs::write(&database, bytes).unwrap();
    let told = doctor(&ferry, 1);
    is(&told, "store", "FAIL", "DOCTOR_STORE_DAMAGED");
    let shown = ferry.ends(1, &["doctor"]).out;
    assert!(shown.contains("[DOCTOR_STORE_DAMAGED]") && shown.contains("  fix:   Stop mailferry"), "{shown}");
}

#[test]
fn a_bundle_tells_what_happened_and_not_to_whom() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna.canary@people.example", 2);
    fs::create_dir_all(ferry.path("from/anna.canary@people.example/.SecretFolder")).unwrap();
    fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("OldCanaryName", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let password = ferry.file("pw", "canary-4711");
    let new = ["endpoint", "new", "Mail", "--type", "imap", "--remote-server", "mail.canary-host.example"];
    let more = ["--username", "boss-canary", "--admin-style", "dovecot", "--password-file", &password];
    ferry.ends(0, &[&new[..], &more].concat());
    ferry.run(&["endpoint", "test", "Mail"]);
    let users =
        ferry.file("users.csv", "EmailAddress\nanna.canary@people.example\nnobody.canary@people.example\n");
    let batch =
        ["batch", "new", "CanaryBatch", "--source", "OldCanaryName", "--target", "New", "--csv", &users];
    ferry.ends(0, &batch);
    ferry.ends(3, &["batch", "start", "CanaryBatch", "--wait=synced"]);

    let (file, names) = (ferry.path("help.tgz"), ferry.path("names.csv"));
    let words = ["support", "bundle", file.to_str().unwrap(), "--names", names.to_str().unwrap()];
    let ran = ferry.command(&words).env("USER", "actor-canary").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(
        (file.metadata().unwrap().mode() & 0o777, names.metadata().unwrap().mode() & 0o777),
        (0o600, 0o600)
    );
    let unpacked = Command::new("tar").arg("xzOf").arg(&file).output().unwrap();
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let folder = ferry.path("");
    for secret in ["canary", "people.example", "SecretFolder", "boss", folder.to_str().unwrap()] {
        assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {text}");
    }
    let key = fs::read_to_string(ferry.path("data/mailferry-master-key")).unwrap();
    assert!(!text.contains(key.trim()));
    for told in ["\"imap\"", "SyncedWithErrors", "endpoint.new", "\"chain\": \"whole\"", "DNS_"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let names = fs::read_to_string(names).unwrap();
    assert!(names.contains(",mail.canary-host.example") && names.contains(",CanaryBatch"), "{names}");
}

#[test]
fn the_first_run_makes_everything_once() {
    let ferry = Ferry::new();
    let told = ferry.ends(0, &["setup", "-o", "json"]).json();
    assert_eq!((&told["made"], &told["madeKey"]), (&json!(true), &json!(true)), "{told}");
    let mode = |name: &str| ferry.path(name).metadata().unwrap().mode() & 0o777;
    assert_eq!(
        (mode("data"), mode("data/mailferry-master-key"), mode("data/mailferry.db")),
        (0o700, 0o600, 0o600)
    );
    let key = fs::read(ferry.path("data/mailferry-master-key")).unwrap();
    let told = ferry.ends(0, &["setup", "-o", "json"]).json();
    assert_eq!((&told["made"], &told["madeKey"]), (&json!(false), &json!(false)), "{told}");
    assert_eq!(fs::read(ferry.path("data/mailferry-master-key")).unwrap(), key);
    let shown = ferry.ends(0, &["setup"]).out;
    assert!(shown.contains("there already") && shown.contains("mailferry doctor"), "{shown}");

    // What systemd hands over may look open to the group.
    let file = ferry.path("credentials/mailferry-master-key");
    fs::create_dir(ferry.path("credentials")).unwrap();
    ferry.ends(0, &["setup", "--master-key", file.to_str().unwrap()]);
    assert!(ferry.ends(0, &["setup", "--master-key", file.to_str().unwrap()]).out.contains("stays as it is"));
    fs::set_permissions(&file, Permissions::from_mode(0o440)).unwrap();
    fs::remove_dir_all(ferry.path("data")).unwrap();
    let mut command = ferry.command(&["setup", "-o", "json"]);
    let ended = command.env("CREDENTIALS_DIRECTORY", ferry.path("credentials")).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!ferry.path("data/mailferry-master-key").exists());
}

#[test]
fn systemd_takes_the_unit_and_finds_it_safe() {
    let ferry = Ferry::new();
    let unit = ferry.path("mailferry.service");
    ferry.ends(0, &["setup", &format!("--systemd-unit={}", unit.display())]);
    assert_eq!(ferry.ends(0, &["setup", "--systemd-unit"]).out, fs::read_to_string(&unit).unwrap());
    assert!(!ferry.path("data").exists(), "only the unit was asked for");
    assert!(
        ferry
            .ends(0, &["setup", "--systemd-unit", "--exec", "/usr/bin/mailferry"])
            .out
            .contains("=/usr/bin/")
    );
    ferry.ends(2, &["setup", "--systemd-unit", "--exec", "mail ferry"]);
    let unit = unit.to_str().unwrap();
    super::pages::content("systemd-analyze", &["verify", "--man=no", unit]);
    // Exposure of at most 2.0 of 10.
    super::pages::content("systemd-analyze", &["security", "--offline=true", "--threshold=20", unit]);
}
