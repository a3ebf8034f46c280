//! Servers start, are described, and end. Skipped loudly where they are not installed.

use std::path::Path;

use super::{Guard, Peer, cyrus, dovecot, install, postgres, process};
use crate::bench::Line;
use crate::run;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("mfx").tempdir().unwrap();
    process::open_for_passing(folder.path()).unwrap();
    folder
}

fn is_gone(peer: &Peer) -> bool {
    !peer.down().unwrap()
}

#[test]
fn dovecot_with_variants() {
    if !run::has("dovecot") || !run::has("openssl") {
        eprintln!("SKIPPED: Dovecot is not installed");
        return;
    }
    let folder = folder();
    let options = dovecot::Options {
        dot: true,
        without: vec!["MULTIAPPEND".into(), "CONDSTORE".into()],
        quota: Some("10M".into()),
        ..dovecot::Options::default()
    };
    let dir = folder.path().join("a");
    let guard = Guard(process::on_free_pair(|port| dovecot::up(&dir, port, &options)).unwrap());
    let mail = guard.0.mail().unwrap();
    let mut line = Line::open(mail.imap, mail.accounts.first().unwrap()).unwrap();
    let capabilities = line.ask("CAPABILITY").unwrap().join(" ");
    assert!(capabilities.contains("QUOTA") && !capabilities.contains("MULTIAPPEND"), "{capabilities}");
    assert!(line.ask("NAMESPACE").unwrap().join(" ").contains("\"INBOX.\" \".\""));
    let mut master = mail.admin.clone();
    master.user = "user0002*master".to_owned();
    assert!(Line::open(mail.imap, &master).is_ok());
    assert_eq!(Peer::of(&guard.0.dir).unwrap().pid, guard.0.pid);
    assert!(guard.0.down().unwrap() && is_gone(&guard.0));
}

#[test]
fn cyrus_is_the_second_opinion() {
    if install::cyrus_imapd().is_none() || !process::is_root() {
        eprintln!("SKIPPED: Cyrus is not installed, or this is not root");
        return;
    }
    let folder = folder();
    let options = cyrus::Options {
        users: 1,
        dot: false,
        without: vec![],
        quota: None,
        max_message: None,
        tls_only: false,
    };
    let dir = folder.path().join("c");
    let guard = Guard(process::on_free_pair(|port| cyrus::up(&dir, port, &options)).unwrap());
    let mail = guard.0.mail().unwrap();
    let folders = Line::open(mail.imap, mail.accounts.first().unwrap()).unwrap().folders().unwrap();
    assert!(folders.contains(&"INBOX".to_owned()), "{folders:?}");
    assert!(guard.0.down().unwrap() && is_gone(&guard.0));
}

#[test]
fn postgres_on_a_socket() {
    if postgres::programs().is_err() {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return;
    }
    let folder = folder();
    let guard = Guard(postgres::up(&folder.path().join("p")).unwrap());
    assert!(guard.0.dir.join(".s.PGSQL.5432").exists());
    assert!(guard.0.down().unwrap() && is_gone(&guard.0));
}

#[test]
fn a_stranger_is_not_ended() {
    assert!(!process::stop(std::process::id(), Path::new("/no/such/marker")).unwrap());
}
