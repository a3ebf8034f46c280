//! Sign-ins that are refused, in the words of real servers.

use mailferry_lab::fake::{Dialogue, Reply};
use mailferry_model::{finding::Step, settings::MailboxAddress};

use super::Case;

/// Who takes no plain password is told to whom it was shown.
#[tokio::test]
async fn a_refusal_by_a_provider_of_application_passwords_names_them() {
    let wrong = "{tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n";
    for (greeting, told) in [("* OK Gimap ready for requests\r\n", true), ("* OK Dovecot ready.\r\n", false)]
    {
        let dialogue = Dialogue::greeting(greeting).says("LOGIN", wrong).says("AUTHENTICATE", wrong);
        let result = Case::says(dialogue).await.fails(Step::Auth, "SOURCE_AUTH_FAILED").await;
        let row = result.steps.iter().find(|row| row.step == Step::Auth).unwrap();
        let named = "Gmail takes no plain password: make an application password in ";
        assert_eq!(row.fix.iter().any(|fix| fix.starts_with(named)), told, "{row:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_known_by_its_words() {
    for (refusal, code) in [
        ("NO [AUTHENTICATIONFAILED] Authentication failed.", "SOURCE_AUTH_FAILED"),
        ("NO LOGIN failed.", "SOURCE_AUTH_FAILED"),
        ("NO Login incorrect for canary-pw", "SOURCE_AUTH_FAILED"),
        ("NO [EXPIRED] change your password", "IMAP_PASSWORD_EXPIRED"),
        ("NO Password has expired", "IMAP_PASSWORD_EXPIRED"),
        ("NO [AUTHENTICATIONFAILED] Account is locked", "IMAP_ACCOUNT_LOCKED"),
        ("NO Account disabled", "IMAP_ACCOUNT_LOCKED"),
        (
            "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833",
            "IMAP_APP_PASSWORD",
        ),
        ("NO [AUTHENTICATIONFAILED] app password required", "IMAP_APP_PASSWORD"),
        (
            "NO [ALERT] Please log in via your web browser: https://support.google.com (Failure)",
            "IMAP_WEB_SIGN_IN",
        ),
        (
            "NO [ALERT] Your account is not enabled for IMAP use. Please visit your settings (Failure)",
            "IMAP_NOT_ENABLED",
        ),
        (
            "NO You are yet to enable IMAP for your account. Please contact your administrator",
            "IMAP_NOT_ENABLED",
        ),
        ("NO AUTHENTICATE failed. LogonDenied-BasicAuthBlocked", "IMAP_BASIC_AUTH_GONE"),
        ("BAD User is authenticated but not connected.", "IMAP_NOT_CONNECTED"),
        ("NO AADSTS53003: Access has been blocked by Conditional Access policies", "IMAP_CONDITIONAL_ACCESS"),
        ("NO AADSTS50076: multi-factor authentication required", "IMAP_MFA"),
        ("NO [AUTHENTICATIONFAILED] MFA required", "IMAP_MFA"),
        ("NO Two-factor authentication is on: use an app password", "IMAP_APP_PASSWORD"),
        ("NO access blocked by policy", "IMAP_CONDITIONAL_ACCESS"),
        ("NO user locked", "IMAP_ACCOUNT_LOCKED"),
        ("NO [CONTACTADMIN] ask the help desk", "IMAP_CONTACT_ADMIN"),
        (
            "NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
            "IMAP_PASSWORDS_DISABLED",
        ),
        ("NO [UNAVAILABLE] Temporary authentication failure.", "IMAP_BUSY"),
        ("NO [LIMIT] too many requests, slow down", "IMAP_THROTTLED"),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", "IMAP_THROTTLED"),
    ] {
        let dialogue = Dialogue::default().says("LOGIN", &format!("{{tag}} {refusal}\r\n"));
        Case::says(dialogue).await.fails(Step::Auth, code).await;
    }
}

/// A server behind something that ends TLS does not see it.
#[tokio::test]
async fn a_password_that_is_refused_for_want_of_tls_while_there_is_tls() {
    let refuses = "{tag} NO [PRIVACYREQUIRED] Plaintext authentication disallowed\r\n";
    let authority = mailferry_lab::fake::Authority::create("Example Root", (-365, 365)).unwrap();
    let door =
        mailferry_lab::fake::Door::Tls(authority.acceptor(&mailferry_lab::fake::Paper::default()).unwrap());
    let case = Case::plain(door, Dialogue::default().says("LOGIN", refuses)).await;
    case.with("security", "ssl").with("verify", "off").fails(Step::Auth, "IMAP_TLS_UNSEEN").await;
}

/// The end of a password that the server speaks of is a warning, wherever it says so.
#[tokio::test]
async fn a_password_that_ends_by_the_servers_own_words() {
    for said in [
        "* OK [ALERT] Your password will expire in 5 days.\r\n{tag} OK signed in\r\n",
        "{tag} OK Your password expires in 3 days\r\n",
        "{tag} OK [ALERT] password is expiring soon\r\n",
    ] {
        let warned = Case::says(Dialogue::default().says("LOGIN", said)).await.passes().await;
        assert!(format!("{warned:?}").contains("PASSWORD_ENDS_SOON"), "{warned:?}");
    }
}

impl Case {
    async fn holds_authenticate() -> Self {
        let dialogue = Dialogue::default()
            .says("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK done\r\n")
            .with("AUTHENTICATE", Reply::Silence);
        Self::says(dialogue).await
    }
}

#[tokio::test]
async fn a_token_is_refused() {
    let dialogue = Dialogue::default()
        .says("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\n{tag} OK done\r\n")
        .says("AUTHENTICATE", "{tag} NO AUTHENTICATE failed.\r\n");
    let case = Case::says(dialogue).await;
    let mailbox = MailboxAddress { password: None, token: Some("canary-pw".into()), ..case.mailbox.clone() };
    Case { mailbox, ..case }.fails(Step::Auth, "IMAP_TOKEN_REFUSED").await;
}

#[tokio::test]
async fn no_way_to_sign_in_that_both_know() {
    for (caps, code) in [
        ("IMAP4rev1 LOGINDISABLED AUTH=GSSAPI AUTH=NTLM", "IMAP_PASSWORDS_DISABLED"),
        ("IMAP4rev1 LOGINDISABLED", "IMAP_PASSWORDS_DISABLED"),
    ] {
        let dialogue =
            Dialogue::default().says("CAPABILITY", &format!("* CAPABILITY {caps}\r\n{{tag}} OK done\r\n"));
        Case::says(dialogue).await.fails(Step::Auth, code).await;
    }
    let dialogue = Dialogue::default();
    let case = Case::says(dialogue).await;
    let mailbox = MailboxAddress { password: None, token: Some("canary-pw".into()), ..case.mailbox.clone() };
    Case { mailbox, ..case }.fails(Step::Auth, "IMAP_NO_COMMON_MECHANISM").await;
}

#[tokio::test]
async fn somebody_is_signed_in_already() {
    let case = Case::says(Dialogue::greeting("* PREAUTH welcome\r\n")).await;
    let result = case.fails(Step::Auth, "IMAP_PREAUTH").await;
    let row = result.steps.iter().find(|row| row.id == "imap-signs-in").unwrap();
    assert_eq!(row.evidence, "* PREAUTH welcome");
}

#[tokio::test]
async fn the_server_hangs_up() {
    let closes = Dialogue::default().with("LOGIN", Reply::Close);
    Case::says(closes).await.fails(Step::Auth, "IMAP_HUNG_UP_AT_SIGN_IN").await;
}

/// Directories that are slow, delays on purpose and protection against guessing look alike: no answer.
#[tokio::test]
async fn a_sign_in_that_the_server_holds() {
    let silent = Dialogue::default().with("LOGIN", Reply::Silence);
    let held = Case::says(silent).await.in_a_hurry();
    for case in [held.at_target(), Case::holds_authenticate().await.in_a_hurry()] {
        let result = case.fails(Step::Auth, "IMAP_SIGN_IN_HELD").await;
        assert!(result.refusal().is_none(), "nobody refused the password");
        let row = result.steps.iter().find(|r| r.code.is_some() && r.step == Step::Auth).unwrap();
        assert!(row.cause.as_ref().unwrap().contains("on purpose"), "{row:?}");
    }
}

/// An administrator whose password is right may still not act for the mailbox.
#[tokio::test]
async fn an_administrator_without_the_right() {
    let dialogue = Dialogue::default()
        .says("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK done\r\n")
        .says("AUTHENTICATE", "{tag} NO [AUTHORIZATIONFAILED] not for you\r\n");
    let case = Case::says(dialogue).await.with("username", "cyrus").with("admin-style", "authzid");
    let settings = case.settings.clone().with_secret("password", "canary-pw".into());
    let mailbox = MailboxAddress { password: None, ..case.mailbox.clone() };
    Case { settings, mailbox, ..case }.fails(Step::Permission, "IMAP_ADMIN_REFUSED").await;
}

/// What the words of a refusal have in common with those about mechanisms shows the password to nobody once more.
#[tokio::test]
async fn a_password_is_shown_again_only_where_the_mechanism_was_refused() {
    let offers = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n";
    let signed_in = "{tag} OK signed in\r\n";
    for (refusal, again) in [
        ("NO Username or password unrecognized", false),
        ("NO syntax of the name is not supported", false),
        ("NO unsupported authentication mechanism", true),
        ("BAD unknown command", true),
    ] {
        let dialogue = Dialogue::default().says("CAPABILITY", offers).says("LOGIN", signed_in);
        let case = Case::says(dialogue.says("AUTHENTICATE", &format!("{{tag}} {refusal}\r\n"))).await;
        match again {
            true => assert!(case.passes().await.len() < 3, "{refusal}"),
            false => _ = case.fails(Step::Auth, "SOURCE_AUTH_FAILED").await,
        }
    }
}
