//! Healthy servers of many kinds: none of them fails, and warnings come only where they should.

use mailferry_lab::fake::{Authority, Dialogue, Door, NameServer, Paper, names::Known, paper::SignedBy};
use std::net::Ipv4Addr;

use super::Case;

/// What is said of a connection that is not encrypted.
const PLAIN: [(&str, &str); 1] = [("tls-trusted", "NOT_ENCRYPTED")];

fn owned(warned: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    warned.iter().map(|(row, code)| ((*row).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn greetings_of_many_servers() {
    for greeting in [
        "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n",
        "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE STARTTLS AUTH=PLAIN SASL-IR] mail Cyrus IMAP 3.6.1 server ready\r\n",
        "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=REFERENCES SORT QUOTA IDLE AUTH=PLAIN STARTTLS] Courier-IMAP ready.\r\n",
        "* OK The Microsoft Exchange IMAP4 service is ready.\r\n",
        "* OK Gimap ready for requests from 192.0.2.1\r\n",
        "* OK IMAP4 ready\r\n",
        "* OK [CAPABILITY IMAP4 IMAP4rev1 LOGIN-REFERRALS AUTH=LOGIN] mail Domino IMAP4 Server ready\r\n",
        "* OK mail.example.org Zimbra IMAP4rev1 server ready\r\n",
        "\r\n* OK a blank line first\r\n",
    ] {
        let dialogue = Dialogue::greeting(greeting).says("AUTHENTICATE", "{tag} OK signed in\r\n");
        assert_eq!(Case::says(dialogue).await.passes().await, owned(&PLAIN), "{greeting}");
    }
}

#[tokio::test]
async fn certificates_of_many_kinds() {
    let between = Paper { signed_by: SignedBy::Between, ..Paper::default() };
    assert!(Case::certified(&Paper::default()).await.passes().await.is_empty());
    assert!(Case::certified(&between).await.passes().await.is_empty());
    let long = Paper {
        days: (-1, 400),
        names: vec!["a.example.org", "127.0.0.1", "*.example.org"],
        ..Paper::default()
    };
    assert!(Case::certified(&long).await.passes().await.is_empty());
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    let tls = authority.acceptor(&Paper::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    let case = Case::plain(Door::Open(Some(tls)), Dialogue::default()).await.with("security", "tls");
    let case = case.with("ca-file", folder.path().join("ca.pem").display().to_string());
    assert!(case.passes().await.is_empty());
    let unverified = Case::of(&authority, &Paper { days: (-90, -1), ..Paper::default() }, false).await;
    let settings = {
        let mut settings = unverified.settings.clone().with("verify", "off");
        settings.values.remove("ca-file");
        settings
    };
    let warned = Case { settings, ..unverified }.passes().await;
    assert_eq!(warned, owned(&[("tls-trusted", "NOT_VERIFIED")]));
}

#[tokio::test]
async fn a_named_dns_server_with_two_good_addresses() {
    let known = Known::Addresses(vec![Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST]);
    let server = NameServer::start(&[("mail.example.org", known)]).await.unwrap();
    let case = Case::says(Dialogue::default()).await.with("remote-server", "mail.example.org");
    assert_eq!(case.with("resolver", server.address.to_string()).passes().await, owned(&PLAIN));
}

#[tokio::test]
async fn a_target_is_written_to_and_cleaned_up() {
    let case = Case::says(Dialogue::default()).await.at_target();
    let result = case.test().await;
    assert!(result.steps.last().unwrap().evidence.ends_with("removed"), "{:#?}", result.steps);
    assert_eq!(case.passes().await, owned(&PLAIN));
}

#[tokio::test]
async fn an_administrators_own_account_and_a_password_that_ends_are_warnings() {
    let case = Case::says(Dialogue::default()).await;
    let settings = case.settings.clone().with("username", "administrator@example.org");
    let settings = settings.with_secret("password", "canary-pw".into());
    let mailbox = mailferry_model::settings::MailboxAddress {
        address: "administrator@example.org".into(),
        ..Default::default()
    };
    let case = Case { settings, mailbox, ..case };
    let both = |code| owned(&[PLAIN[0], ("account-lasts", code)]);
    assert_eq!(case.passes().await, both("ACCOUNT_IS_ADMINISTRATOR"));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let in_days = |days: i64| today.checked_add(jiff::Span::new().days(days)).unwrap().to_string();
    let case = case.with("username", "svc@example.org");
    let mailbox =
        mailferry_model::settings::MailboxAddress { address: "svc@example.org".into(), ..Default::default() };
    let case = Case { mailbox, ..case };
    assert_eq!(case.passes().await, owned(&PLAIN));
    let case = case.with("password-expires", in_days(12));
    assert_eq!(case.passes().await, both("PASSWORD_ENDS"));
    let case = case.with("password-expires", in_days(-1));
    assert_eq!(case.passes().await, both("PASSWORD_ENDED"));
    let case = case.with("password-expires", in_days(200));
    assert_eq!(case.passes().await, owned(&PLAIN));
}
