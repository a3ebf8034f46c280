//! Backups and what becomes of them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use serde_json::{Value, json};

use super::ferry::{Ferry, Ran, count};

const CANARY: &str = "canary-4711";

/// Endpoints, a batch of one mailbox whose first sync is done, and an endpoint with a password.
fn scene() -> Ferry {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 2);
    fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let password = ferry.file("pw", CANARY);
    let imap =
        ["endpoint", "new", "Mail", "--type", "imap", "--remote-server", "127.0.0.1", "--username", "u"];
    ferry.ends(0, &[&imap[..], &["--admin-style", "dovecot", "--password-file", &password]].concat());
    let users = ferry.file("users.csv", "EmailAddress\nanna@x\n");
    ferry.ends(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &users]);
    ferry.ends(0, &["batch", "start", "w", "--wait=synced"]);
    assert_eq!(there(&ferry), 2);
    ferry
}

fn there(ferry: &Ferry) -> usize {
    count(&ferry.path("to/anna@x"))
}

/// Runs with another data folder.
fn elsewhere(ferry: &Ferry, folder: &str, code: i32, words: &[&str]) -> Ran {
    let path = ferry.path(folder);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailferry"));
    command.args(words).arg("--data-dir").arg(path).env_remove("MAILFERRY_MASTER_KEY");
    let ended = command.stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) };
    assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
    ran
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

/// What lies in a folder. A process that ends may leave its write-ahead log for the next: that belongs to the store.
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|n| !n.ends_with("-wal") && !n.ends_with("-shm")).collect();
    names.sort();
    names
}

#[test]
fn a_backup_with_its_key_goes_on_elsewhere_and_doubles_nothing() {
    let ferry = scene();
    let file = ferry.path("all.backup");
    let file = file.to_str().unwrap();
    let told = ferry.ends(0, &["backup", file, "--with-master-key", "-o", "json"]).json();
    assert_eq!((&told["masterKey"], &told["reports"]), (&json!(true), &json!(1)), "{told}");
    assert_eq!(mode(Path::new(file)), 0o600);
    // What the backup does not know: a message more, put already.
    ferry.deliver("from/anna@x", 3);
    ferry.ends(0, &["batch", "sync", "w", "--wait=synced"]);
    assert_eq!(there(&ferry), 3);

    let told = elsewhere(&ferry, "second", 0, &["restore", file, "-o", "json"]).json();
    assert_eq!(told["holds"], json!({"endpoints": 3, "batches": 1, "mailboxes": 1}), "{told}");
    assert_eq!((&told["secretsToSet"], &told["ledgersToCompare"]), (&json!([]), &json!(1)), "{told}");
    let folder = ferry.path("second");
    assert_eq!((mode(&folder), mode(&folder.join("mailferry.db"))), (0o700, 0o600));
    assert_eq!(names(&folder), ["locks", "mailferry-master-key", "mailferry.db", "reports"]);
    ferry.deliver("from/anna@x", 4);
    elsewhere(&ferry, "second", 0, &["batch", "sync", "w", "--wait=synced"]);
    assert_eq!(there(&ferry), 4, "the third was put before the restore, and is not put again");
    let told = elsewhere(&ferry, "second", 0, &["verify", "w", "-o", "json"]).json();
    assert_eq!((&told["score"], &told["identified"]), (&json!("Perfect"), &json!(4)), "{told}");
}

#[test]
fn a_backup_without_its_key_says_what_must_be_set_again() {
    let ferry = scene();
    let file = ferry.path("all.backup");
    let file = file.to_str().unwrap();
    let ran = ferry.ends(0, &["backup", file]);
    assert!(ran.out.contains("without the master key") && ran.out.contains("keep a copy"), "{}", ran.out);
    let bytes = fs::read(file).unwrap();
    let key = fs::read(ferry.path("data/mailferry-master-key")).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    assert!(holds(b"mailferry.db") && !holds(CANARY.as_bytes()) && !holds(&key[..64]));

    let ran = elsewhere(&ferry, "second", 0, &["restore", file]);
    let fix = "mailferry endpoint set Mail --password-file FILE";
    assert!(ran.out.contains("endpoint Mail: password\n") && ran.out.contains(fix), "{}", ran.out);
    let mail = || elsewhere(&ferry, "second", 0, &["endpoint", "show", "Mail", "-o", "json"]).json();
    assert!(mail()["needsToConnect"].as_str().unwrap().contains(fix), "{}", mail());
    let password = ferry.file("pw", "another");
    elsewhere(&ferry, "second", 0, &["endpoint", "set", "Mail", "--password-file", &password]);
    assert_eq!((&mail()["needsToConnect"], &mail()["secrets"]), (&Value::Null, &json!(["password"])));

    // A lost key is never replaced by the way; a backup takes all but the secrets to a folder with a new one.
    let (key, hidden) = (ferry.path("data/mailferry-master-key"), ferry.path("hidden"));
    fs::rename(&key, &hidden).unwrap();
    assert!(ferry.ends(1, &["endpoint", "list"]).err.contains("[DOCTOR_NO_KEY]"));
    ferry.ends(1, &["setup"]);
    ferry.ends(1, &["backup", file, "--with-master-key"]);
    assert!(ferry.ends(0, &["backup", file]).out.contains("which is not here"));
    assert!(!key.exists());
    fs::rename(&hidden, &key).unwrap();

    // With the key laid there beforehand nothing is lost.
    fs::create_dir(ferry.path("third")).unwrap();
    fs::set_permissions(ferry.path("third"), Permissions::from_mode(0o700)).unwrap();
    fs::copy(ferry.path("data/mailferry-master-key"), ferry.path("third/mailferry-master-key")).unwrap();
    let told = elsewhere(&ferry, "third", 0, &["restore", file, "-o", "json"]).json();
    assert_eq!(told["secretsToSet"], json!([]), "{told}");
}

#[test]
fn a_restore_destroys_nothing_and_believes_nothing() {
    let ferry = scene();
    let file = ferry.path("all.backup");
    let file = file.to_str().unwrap();
    ferry.ends(0, &["backup", file, "--with-master-key"]);
    assert!(ferry.ends(6, &["restore", file]).err.contains("[RESTORE_NOT_EMPTY]"));
    let before = names(&ferry.path("data"));
    ferry.ends(0, &["endpoint", "remove", "Mail", "--yes"]);
    let told = ferry.ends(0, &["restore", file, "--force", "-o", "json"]).json();
    let aside = told["movedAside"].as_str().unwrap();
    assert!(names(Path::new(aside)).contains(&"mailferry.db".to_owned()));
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "name"]).out, "Mail\nNew\nOld\n");

    let bytes = fs::read(file).unwrap();
    let mut changed = bytes.clone();
    let at = changed.windows(6).position(|w| w == b"SQLite").unwrap();
    changed[at + 4000] ^= 1;
    for (n, wrong) in
        [bytes[..bytes.len() / 2].to_vec(), changed, b"no tar".to_vec(), Vec::new()].iter().enumerate()
    {
        let name = ferry.path(&format!("wrong{n}"));
        fs::write(&name, wrong).unwrap();
        let ran = elsewhere(&ferry, "second", 2, &["restore", name.to_str().unwrap()]);
        assert!(ran.err.contains("[BACKUP_UNREADABLE]"), "{}", ran.err);
        assert!(!ferry.path("second").exists(), "nothing is left of it");
    }
    elsewhere(&ferry, "second", 2, &["restore", "no-such-file"]);
    elsewhere(&ferry, "third", 4, &["backup", "x"]);
    assert!(!ferry.path("third").exists());
    assert!(ferry.ends(1, &["backup", "/no-such-folder/x"]).err.contains("[BACKUP_UNWRITABLE]"));
    let left: Vec<String> = names(&ferry.path("data")).into_iter().filter(|n| !before.contains(n)).collect();
    assert_eq!(left.len(), 1, "only what was moved aside: {left:?}");
}

#[test]
fn a_backup_of_a_newer_program_and_another_key_are_refused() {
    let ferry = scene();
    let file = ferry.path("all.backup");
    let file = file.to_str().unwrap();
    ferry.ends(0, &["backup", file, "--with-master-key"]);
    fs::create_dir(ferry.path("other")).unwrap();
    let key = ferry.path("other/mailferry-master-key");
    fs::write(&key, "ab".repeat(32)).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert!(elsewhere(&ferry, "other", 6, &["restore", file]).err.contains("[RESTORE_OTHER_KEY]"));
    super::said::from_the_future(&ferry.path("data/mailferry.db"));
    // The newer program's own backup of it: a store, its label, its sums.
    ferry.ends(11, &["backup", file]);
    newer(&ferry, file);
    assert!(elsewhere(&ferry, "second", 11, &["restore", file]).err.contains("[STORE_NEWER]"));
}

/// Puts the store of the data folder into a backup, as a newer program would.
fn newer(ferry: &Ferry, file: &str) {
    let place = ferry.path("unpacked");
    fs::create_dir(&place).unwrap();
    let run = |line: &str| {
        let ended =
            std::process::Command::new("sh").arg("-ec").arg(line).current_dir(&place).output().unwrap();
        assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    run(&format!("tar xf {file} && sha256sum --check --quiet SHA256SUMS"));
    fs::copy(ferry.path("data/mailferry.db"), place.join("mailferry.db")).unwrap();
    run(&format!(
        "sha256sum mailferry-backup.json mailferry.db mailferry-master-key reports/* > SHA256SUMS
         tar cf {file} mailferry-backup.json mailferry.db mailferry-master-key reports/* SHA256SUMS"
    ));
}
