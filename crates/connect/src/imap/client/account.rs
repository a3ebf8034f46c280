//! Who signs in where: settings, mailbox address and URL as one checked account.
//!
//! Opens nothing and reads no file.

use mailferry_model::{
    secret::Secret,
    settings::{MailboxAddress, Settings, bare_host},
};
use url::Url;

use crate::{
    checks::approach::trust_of,
    net::{Reach, Trust, mask::Mask, reach},
};

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet.
    Ssl,
    /// STARTTLS.
    StartTls,
    /// Not at all, because the administrator said so.
    None,
}

/// How a password or token is shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The best that the server announces.
    Auto,
    /// SASL PLAIN.
    Plain,
    /// The LOGIN command or SASL LOGIN.
    Login,
    /// SASL XOAUTH2.
    XOAuth2,
    /// SASL OAUTHBEARER.
    OAuthBearer,
}

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Security.
    pub security: Security,
    /// The way there.
    pub reach: Reach,
    /// Whom to trust.
    pub trust: Trust,
    /// Mechanism.
    pub mechanism: Mechanism,
}

/// Proof of identity.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A password.
    Password(Secret<String>),
    /// A bearer token.
    Token(Secret<String>),
}

/// Who signs in, and for whom.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The name to sign in with.
    pub user: String,
    /// Whose mailbox, where PLAIN shall say so; else empty.
    pub authorize_as: String,
    /// Password or token.
    pub proof: Proof,
    /// Whether an administrator signs in for another.
    pub by_admin: bool,
}

impl SignIn {
    /// What the server is shown and nobody else.
    pub fn mask(&self) -> Mask {
        let (Proof::Password(secret) | Proof::Token(secret)) = &self.proof;
        Mask::of([secret])
    }
}

impl Server {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence for each fault.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let host = reach::host_of(settings);
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            faults.push("remote-server: the name of the IMAP server is missing".to_owned());
        }
        let mut one_of = |name: &str, words: &[&str]| {
            let word = settings.get(name).unwrap_or(words[0]).to_ascii_lowercase();
            if !words.contains(&&*word) {
                faults.push(format!("{name}: {word:?} is not one of {}", words.join(", ")));
            }
            word
        };
        let security = match &*one_of("security", &["ssl", "tls", "none"]) {
            "tls" => Security::StartTls,
            "none" => Security::None,
            _ => Security::Ssl,
        };
        let mechanism = match &*one_of("auth", &["auto", "plain", "login", "xoauth2", "oauthbearer"]) {
            "plain" => Mechanism::Plain,
            "login" => Mechanism::Login,
            "xoauth2" => Mechanism::XOAuth2,
            "oauthbearer" => Mechanism::OAuthBearer,
            _ => Mechanism::Auto,
        };
        one_of("verify", &["on", "off"]);
        let trust = trust_of(settings).unwrap_or_else(|fault| {
            faults.push(fault);
            Trust::System
        });
        let default = if security == Security::Ssl { 993 } else { 143 };
        let port = match settings.get("port").map(str::parse) {
            None => default,
            Some(Ok(port)) if port != 0 => port,
            Some(_) => {
                faults.push("port: a number from 1 to 65535 is needed".into());
                default
            }
        };
        let reach = Reach::from_settings(settings).unwrap_or_else(|more| {
            faults.extend(more);
            Reach::default()
        });
        if let Err(fault) = admin_style(settings) {
            faults.push(fault);
        }
        let server = Self { host, port, security, reach, trust, mechanism };
        if faults.is_empty() { Ok(server) } else { Err(faults) }
    }
}

/// How one admin login stands for all mailboxes.
enum AdminStyle {
    AuthorizeAs,
    Pattern(String),
}

fn admin_style(settings: &Settings) -> Result<Option<AdminStyle>, String> {
    Ok(match settings.get("admin-style") {
        None | Some("") => None,
        Some("dovecot") => Some(AdminStyle::Pattern("{user}*{admin}".into())),
        Some("percent") => Some(AdminStyle::Pattern("{user}%{admin}".into())),
        Some("authzid") => Some(AdminStyle::AuthorizeAs),
        Some(pattern) if pattern.contains("{user}") && pattern.contains("{admin}") => {
            Some(AdminStyle::Pattern(pattern.to_owned()))
        }
        Some(other) => {
            return Err(format!(
                "admin-style: {other:?} is neither dovecot, authzid, percent nor a pattern with {{user}} and {{admin}}"
            ));
        }
    })
}

impl SignIn {
    /// Who signs in for a mailbox: the mailbox's own password or token first, then the endpoint's.
    ///
    /// # Errors
    /// One sentence.
    pub fn for_mailbox(settings: &Settings, mailbox: &MailboxAddress) -> Result<Self, String> {
        let own = (mailbox.password.as_ref().map(|p| Proof::Password(p.clone())))
            .or_else(|| mailbox.token.as_ref().map(|t| Proof::Token(t.clone())));
        let user = mailbox.user.clone().unwrap_or_else(|| mailbox.address.clone());
        let plain = |user, proof| Self { user, authorize_as: String::new(), proof, by_admin: false };
        if let Some(proof) = own {
            return match user.is_empty() {
                true => Err("the mailbox has no user name".into()),
                false => Ok(plain(user, proof)),
            };
        }
        let shared = (settings.secret("password").map(|p| Proof::Password(p.clone())))
            .or_else(|| settings.secret("token").map(|t| Proof::Token(t.clone())));
        let proof = shared.ok_or("no password and no token was given")?;
        let Some(admin) = settings.get("username").filter(|name| !name.is_empty()) else {
            return match user.is_empty() {
                true => Err("the mailbox has no user name".into()),
                false => Ok(plain(user, proof)),
            };
        };
        match admin_style(settings)? {
            Some(AdminStyle::Pattern(pattern)) if !user.is_empty() => {
                let user = pattern.replace("{admin}", admin).replace("{user}", &user);
                Ok(Self { by_admin: true, ..plain(user, proof) })
            }
            Some(AdminStyle::AuthorizeAs) if !user.is_empty() => {
                Ok(Self { authorize_as: user, by_admin: true, ..plain(admin.to_owned(), proof) })
            }
            _ if user.is_empty() || user.eq_ignore_ascii_case(admin) => Ok(plain(admin.to_owned(), proof)),
            // Signing in as the admin himself would migrate his mailbox for everybody's.
            _ => Err("one username stands for several mailboxes: say how with admin-style".into()),
        }
    }
}

/// Whether an endpoint is to sign in for all its mailboxes and has nothing to do it with.
pub fn is_signed_out(settings: &Settings, mailbox: &MailboxAddress) -> bool {
    let names_one = settings.get("username").is_some_and(|name| !name.is_empty());
    let has_one = ["password", "token"].iter().any(|name| settings.secret(name).is_some());
    names_one && !has_one && mailbox.password.is_none() && mailbox.token.is_none()
}

/// What an `imap` or `imaps` URL stands for.
pub fn account_of_url(text: &str) -> Result<(Settings, MailboxAddress), String> {
    let url = Url::parse(text).map_err(|e| format!("not a URL: {e}"))?;
    // An empty one is gone from what was parsed, and is a mistake all the same.
    if url.password().is_some() || has_password(text) {
        return Err("a password in the URL would show in process lists; use a password file".into());
    }
    let mut security = match url.scheme() {
        "imaps" => "ssl",
        "imap" => "tls",
        other => return Err(format!("{other}: is no scheme of IMAP; use imaps or imap")),
    };
    for (name, value) in url.query_pairs() {
        security = match (&*name, &*value, url.scheme()) {
            ("security", "tls", "imap") => "tls",
            ("security", "none", "imap") => "none",
            ("security", "ssl", "imaps") => "ssl",
            ("security", ..) => return Err(format!("security={value} does not go with {}", url.scheme())),
            _ => return Err(format!("{name}: unknown parameter; only security is known")),
        };
    }
    if !matches!(url.path(), "" | "/") {
        return Err("a URL names an account, not a folder: nothing may follow the host".into());
    }
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or("the URL has no host")?;
    let user = decoded(url.username())?;
    if user.is_empty() {
        return Err("the URL has no user: imaps://USER@HOST".into());
    }
    let mut settings = Settings::default().with("remote-server", bare_host(host)).with("security", security);
    if let Some(port) = url.port() {
        settings = settings.with("port", port.to_string());
    }
    Ok((settings, MailboxAddress { address: user, ..MailboxAddress::default() }))
}

/// Whether there is a colon between user and host.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || (bytes.next()? as char).to_digit(16).map(|d| d as u8);
        let (high, low) = (digit(), digit());
        out.push(high.zip(low).map(|(h, l)| h << 4 | l).ok_or("the user is not percent-encoded")?);
    }
    String::from_utf8(out).map_err(|_| "the user is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(address: &str) -> MailboxAddress {
        MailboxAddress { address: address.into(), ..MailboxAddress::default() }
    }

    #[test]
    fn urls() {
        let (settings, who) = account_of_url("imaps://ann%40example.org@mail.example.org").unwrap();
        assert_eq!(who.address, "ann@example.org");
        let server = Server::from_settings(&settings).unwrap();
        assert_eq!((server.port, server.security), (993, Security::Ssl));
        let (settings, _) = account_of_url("imap://u@h:1143?security=none").unwrap();
        let server = Server::from_settings(&settings).unwrap();
        assert_eq!((server.port, server.security), (1143, Security::None));
        let (settings, _) = account_of_url("imap://u@[::1]").unwrap();
        assert_eq!(Server::from_settings(&settings).unwrap().security, Security::StartTls);
        for bad in [
            "imaps://u:secret@h",
            "imaps://u:@h",
            "imaps://h",
            "imap://u@h?security=off",
            "imaps://u@h?security=none",
            "imap://u@h/INBOX",
            "ftp://u@h",
            "imap://u@h?x=y",
            "imap://",
        ] {
            let refusal = account_of_url(bad).unwrap_err();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn admin_styles() {
        let base = Settings::default().with("username", "boss").with_secret("password", "p".into());
        let by = |style: &str| SignIn::for_mailbox(&base.clone().with("admin-style", style), &mailbox("ann"));
        assert_eq!(by("dovecot").unwrap().user, "ann*boss");
        assert_eq!(by("percent").unwrap().user, "ann%boss");
        assert_eq!(by("{admin}/{user}").unwrap().user, "boss/ann");
        let authzid = by("authzid").unwrap();
        assert_eq!((authzid.user.as_str(), authzid.authorize_as.as_str()), ("boss", "ann"));
        assert!(by("other").is_err());
        assert!(SignIn::for_mailbox(&base, &mailbox("ann")).is_err(), "would read the admin's own mailbox");
        assert_eq!(SignIn::for_mailbox(&base, &mailbox("boss")).unwrap().user, "boss");
        let own = MailboxAddress { password: Some("q".into()), ..mailbox("ann") };
        assert_eq!(SignIn::for_mailbox(&base, &own).unwrap().user, "ann");
    }

    #[test]
    fn every_fault_is_a_sentence() {
        let bad = Settings::default().with("security", "x").with("port", "0").with("fingerprint", "12");
        assert_eq!(Server::from_settings(&bad).unwrap_err().len(), 4);
        let pinned = Settings::default().with("remote-server", "h").with("fingerprint", "AB:".repeat(32));
        assert_eq!(Server::from_settings(&pinned).unwrap().trust, Trust::Fingerprint([0xab; 32]));
    }
}
