//! The lab's IMAP server under a foreign client: Python's imaplib and a bare socket (`client.py`).
//!
//! Skipped, and loudly, where there is no python3.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test, as it should")]

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mailferry_lab::imap::{
    Abilities, Body, Config, Letter, Lie, LoginRule, Namespaces, Nth, Quirk, Refused, Renumbered, Security,
    Server, Space, Words,
};
use mailferry_wire::imap::{Capability, Flag, InternalDate};

/// Whether there is a client at all.
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        let mut loud = std::io::stderr();
        let _ =
            writeln!(loud, "SKIPPED: no python3, so the lab's IMAP server was not tried by a foreign client");
    }
    found
}

/// Runs a case of `client.py`; false when there is no python3.
async fn client(case: &'static str, server: &Server) -> bool {
    if !has_python() {
        return false;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imap/client.py");
    let ca = std::env::temp_dir().join(format!("mailferry-lab-{}-{case}.pem", std::process::id()));
    std::fs::write(&ca, server.ca_pem().unwrap_or_default()).unwrap();
    let (port, file) = (server.port().to_string(), ca.clone());
    let output = tokio::task::spawn_blocking(move || {
        Command::new("python3").arg("-B").arg(script).arg(case).arg(port).arg(file).output()
    });
    let output = output.await.unwrap().unwrap();
    std::fs::remove_file(ca).unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

fn config(quirks: &[Quirk]) -> Config {
    Config { quirks: quirks.to_vec(), ..Config::for_users(&[("ann", "secret")]) }
}

async fn server_with(quirks: &[Quirk]) -> Server {
    Server::start(config(quirks)).await.unwrap()
}

/// Three messages of about a thousand octets.
async fn filled(quirks: &[Quirk]) -> Server {
    let server = server_with(quirks).await;
    server.user("ann").fill("INBOX", 3, 1000, 1);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb() {
    let server = server_with(&[]).await;
    if !client("verbs", &server).await {
        return;
    }
    let log = server.log();
    assert_eq!(log.violations(), Vec::<String>::new());
    assert_eq!((log.count("APPEND"), log.count("COPY"), log.count("MOVE")), (2, 2, 1));
    assert!(log.octets_in() > 600_000 && log.octets_out() > 600_000);
    assert!(log.entries().iter().any(|e| e.verb == "UID FETCH" && e.bodies == 1));
    assert!(log.entries().iter().any(|e| e.verb == "APPEND" && e.size > 600_000));
    let debug = format!("{:?}", log.entries());
    assert!(!debug.contains("secret") && !debug.contains("Subject"));
}

#[tokio::test(flavor = "multi_thread")]
async fn resync() {
    let server = server_with(&[]).await;
    if client("resync", &server).await {
        assert_eq!(server.user("ann").special_uses()["Sent Mail"], ["\\Sent"]);
        assert_eq!(server.log().violations(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_is_off() {
    let abilities = Abilities::least();
    let mechanisms = Vec::new();
    let server = Server::start(Config { abilities, mechanisms, ..config(&[]) }).await.unwrap();
    if client("least", &server).await {
        let violations = server.log().violations();
        assert!(violations.iter().any(|v| v.contains("did not wait")), "{violations:?}");
        assert!(violations.len() > 10, "{violations:?}");
    }
    assert!(!Abilities::all().without(Capability::CondStore).has(Capability::QResync));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in() {
    let mut config = config(&[]);
    config.masters = vec![("boss".into(), "master".into())];
    config.users[0].tokens = vec!["good".into()];
    let server = Server::start(config).await.unwrap();
    if client("signin", &server).await {
        assert_eq!(server.log().wrong_passwords("ann"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls() {
    let server = Server::start(Config { security: Security::Tls, ..config(&[]) }).await.unwrap();
    client("tls", &server).await;
    let starttls = Config { security: Security::StartTls, login: LoginRule::WithTls, ..config(&[]) };
    let server = Server::start(starttls).await.unwrap();
    if client("starttls", &server).await {
        assert_eq!(server.log().violations().len(), 1, "LOGIN although LOGINDISABLED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces() {
    let mut spaces = Namespaces::below_inbox();
    spaces.shared.push(Space::create("Shared.", '.'));
    let server = Server::start(Config { namespaces: spaces, ..config(&[]) }).await.unwrap();
    server.user("ann").create_read_only("Shared.All");
    client("inbox_prefix", &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_readings() {
    let quirks = [
        Quirk::FetchInTwoAnswers,
        Quirk::Chatter(Nth::Always),
        Quirk::NilBody(Nth::Every(2)),
        Quirk::SizeLies(7),
    ];
    client("read_quirks", &filled(&quirks).await).await;
    client("order_and_refusals", &filled(&[Quirk::BodyBeforeUid, Quirk::FetchFails(2)]).await).await;
    client("breaks", &filled(&[Quirk::BreaksInBody(Nth::Only(2))]).await).await;
    let renumbers = |then| Quirk::Renumbers { after: 2, then };
    client("renumbers_ends", &filled(&[renumbers(Renumbered::Ends)]).await).await;
    client("renumbers_goes_on", &filled(&[renumbers(Renumbered::GoesOn)]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_append() {
    let lies = [Lie::Nothing, Lie::Half, Lie::Other, Lie::Date, Lie::NoFlags];
    let quirks: Vec<Quirk> =
        lies.iter().enumerate().map(|(i, lie)| Quirk::Lies(*lie, Nth::Only(i as u64 + 1))).collect();
    let server = server_with(&quirks).await;
    if !client("lies", &server).await {
        return;
    }
    let held = &server.user("ann").snapshot()["INBOX"];
    let date = InternalDate::parse(b"01-Feb-2024 10:00:00 +0100").unwrap();
    let seen: Vec<_> = held
        .iter()
        .map(|m| (m.uid, m.body.size(), m.date == date, m.flags.contains(&Flag::Flagged)))
        .collect();
    let whole = "Subject: 0\r\n\r\n".len() as u64 + 101;
    assert_eq!(
        seen,
        [
            (2, whole / 2, true, true),
            (3, whole, true, true),
            (4, whole, false, true),
            (5, whole, true, false),
            (6, whole, true, true)
        ]
    );
    assert_eq!(held[1].body.to_bytes(), vec![b'x'; whole as usize]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_and_changes() {
    let refused = [
        Refused::Nul,
        Refused::BareLf,
        Refused::EightBitHead,
        Refused::NoHeaderLine,
        Refused::Empty,
        Refused::Larger(200_000),
        Refused::LongKeyword(50),
    ];
    let mut quirks: Vec<Quirk> = refused.map(Quirk::Refuses).to_vec();
    quirks.extend([
        Quirk::RefusesGroups(2),
        Quirk::RefusesNames("~"),
        Quirk::RefusesNames("  "),
        Quirk::IgnoresCase,
    ]);
    let server = server_with(&quirks).await;
    server.user("ann").create_mailbox("Work");
    server.user("ann").set_quota(Some(50_000));
    if client("refusals", &server).await {
        assert_eq!(server.user("ann").snapshot()["INBOX"].len(), 1);
    }
    let server = server_with(&[Quirk::ClampsDates, Quirk::NormalizesLineEnds, Quirk::AddsLastLineEnd]).await;
    if client("changes", &server).await {
        let held = &server.user("ann").snapshot()["INBOX"];
        assert!(held[0].date < InternalDate::parse(b"01-Jan-2099 00:00:00 +0000").unwrap());
        assert_eq!(held[1].body.to_bytes(), "A: b\r\n\r\nx\r\ny\r\nz\r\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wants_to_be_left_alone() {
    let wait = Duration::from_secs(2);
    let words = Words::Microsoft;
    let server = filled(&[Quirk::BacksOff { verb: "FETCH", nth: Nth::Only(2), wait, words }]).await;
    if client("backs_off", &server).await {
        assert_eq!(server.log().violations().len(), 1, "the one that did not wait");
    }
    let quirks = [
        Quirk::MaxConnections(1, Words::Gmail),
        Quirk::MessageLimit(2),
        Quirk::NoUidNext,
        Quirk::NoModSeq,
        Quirk::Bye(Nth::From(9)),
    ];
    client("limits", &filled(&quirks).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finishes_what_the_dead_sent() {
    let server = server_with(&[Quirk::LosesAnswer("APPEND", Nth::Only(1))]).await;
    if !client("loses_answer", &server).await {
        return;
    }
    assert_eq!(server.user("ann").snapshot()["INBOX"].len(), 1);

    let (takes, late) = (Duration::from_millis(500), Duration::from_secs(1));
    let server = server_with(&[Quirk::AppendTakes(takes), Quirk::LandsLate(late)]).await;
    client("dies", &server).await;
    let began = Instant::now();
    let count = || server.user("ann").snapshot()["INBOX"].len();
    assert!(count() < 10);
    while count() < 10 && began.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(), 10);
    assert!(began.elapsed() > late / 4, "{:?}", began.elapsed());
    assert!(server.log().landed() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn planting_and_looking() {
    let server = server_with(&[]).await;
    let ann = server.user("ann");
    let letter = Letter { flags: vec![Flag::Seen], ..Letter::from_text("A: b\r\n\r\nx") };
    assert_eq!(ann.deliver("Work", letter), 1);
    assert!(ann.flag("Work", 1, &[Flag::Keyword("x".into())], &[Flag::Seen]));
    assert_eq!(ann.snapshot()["Work"][0].flags, BTreeSet::from([Flag::Keyword("x".into())]));
    let before = ann.numbers("Work");
    assert_eq!(ann.move_message("Work", 1, "INBOX"), Some(1));
    assert!(ann.numbers("Work").2 > before.2);
    ann.renumber("INBOX");
    assert_eq!(ann.snapshot()["INBOX"][0].uid, 2);
    assert!(ann.remove("INBOX", 2) && !ann.remove("INBOX", 2));
    // 25,000 messages and one of 100 MB cost next to nothing.
    ann.fill("Big", 25_000, 20_000, 1);
    ann.deliver("Big", Letter::create(Body::grown(1, 100 << 20)));
    let snapshot = ann.snapshot();
    assert!(snapshot["Big"].iter().all(|held| held.body.is_grown()));
    assert_eq!(Body::from(Bytes::from_static(b"x")).size(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn scale() {
    let server = Server::start(Config::for_users(&[("ann", "secret"), ("bob", "secret")])).await.unwrap();
    let (ann, large) = (server.user("ann"), Body::grown(1, 30 << 20));
    ann.deliver("Large", Letter::create(large.clone()));
    ann.fill("Many", 25_000, 20_000, 1);
    (0..2000).for_each(|i| ann.create_mailbox(&format!("Folder {i}")));
    if client("scale", &server).await {
        let copied = &server.user("bob").snapshot()["INBOX"][0].body;
        assert!(copied.is_grown() && *copied == large);
        assert_eq!(server.log().bodies_read(), 1);
        assert_eq!(server.log().writes().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_quirks() {
    let quirks = [
        Quirk::CreatesParents,
        Quirk::Lies(Lie::Twice, Nth::Only(1)),
        Quirk::Refuses(Refused::Keyword),
        Quirk::AnswersAfter(Duration::from_millis(60)),
        Quirk::LosesCommand("DELETE", Nth::Only(1)),
    ];
    let server = Server::start(Config { login: LoginRule::Never, ..config(&quirks) }).await.unwrap();
    if client("others", &server).await {
        let snapshot = server.user("ann").snapshot();
        assert_eq!((snapshot["A"].len(), snapshot.contains_key("A/B/C")), (2, true));
    }
    let quirks = [Quirk::BreaksAfter(10_000), Quirk::BodyTakes(Duration::from_millis(5))];
    let server = filled(&quirks).await;
    if client("breaks_after", &server).await {
        assert_eq!(server.log().octets_out(), 10_000);
        server.behave();
        server.log().clear();
        assert!(server.log().entries().is_empty());
    }
}
