//! The yard-stick against real servers: everything arrives, near and far. Skipped loudly without Dovecot.

use std::path::Path;
use std::time::Duration;

use super::line::Line;
use super::{corpus, raw, relay};
use crate::peers::{Account, Guard, dovecot, process};
use crate::run;

fn server(dir: &Path) -> Guard {
    let options = dovecot::Options::default();
    Guard(process::on_free_pair(|port| dovecot::up(dir, port, &options)).unwrap())
}

#[test]
fn the_yard_stick_copies_all_messages() {
    if !run::has("dovecot") || !run::has("openssl") {
        eprintln!("SKIPPED: Dovecot is not installed");
        return;
    }
    let folder = tempfile::Builder::new().prefix("mfx").tempdir().unwrap();
    process::open_for_passing(folder.path()).unwrap();
    let (source, target) = (server(&folder.path().join("a")), server(&folder.path().join("b")));
    let (from, to) = (source.0.mail().unwrap(), target.0.mail().unwrap());
    let written = corpus::write(&from.store.join("user0001"), &from.owner, 70, 3).unwrap();
    let far = relay::start(to.imap, Duration::from_millis(5)).unwrap();
    for (port, user) in [(to.imap, "user0001"), (far, "user0002")] {
        let job = raw::Job { from: from.imap, from_user: "user0001".into(), to: port, to_user: user.into() };
        let copied = raw::copy(&job).unwrap();
        assert_eq!((copied.messages, copied.bytes), (written.messages, written.bytes));
        assert_eq!(Line::open(to.imap, &Account::named(user)).unwrap().count().unwrap(), 70);
    }
}
