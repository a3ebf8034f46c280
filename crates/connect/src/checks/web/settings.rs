//! Where a web service is and who signs in.

use base64::{Engine, engine::general_purpose::STANDARD};
use mailferry_model::{
    secret::Secret,
    settings::{SettingSpec, Settings, Takes},
};

use super::kerberos::{self, Kerberos};
use crate::{
    checks::{account, approach::trust_of},
    net::{Reach, Trust, reach, tls},
};

/// How to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The best that the server offers.
    Auto,
    /// Name and password (RFC 7617).
    Basic,
    /// NTLM.
    Ntlm,
    /// Negotiate: Kerberos where a KDC is known, else NTLM.
    Negotiate,
    /// Kerberos inside Negotiate, and nothing else.
    Kerberos,
}

impl Scheme {
    /// As it stands in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Auto => "auto",
            Scheme::Basic => "basic",
            Scheme::Ntlm => "ntlm",
            Scheme::Negotiate => "negotiate",
            Scheme::Kerberos => "kerberos",
        }
    }

    /// As servers offer it in a header, in small letters.
    pub fn offered(self) -> &'static str {
        match self {
            Scheme::Kerberos => "negotiate",
            other => other.word(),
        }
    }
}

/// A web server and who signs in.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name; empty where it is to be discovered.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The way there.
    pub reach: Reach,
    /// Whom to trust.
    pub trust: Trust,
    /// How to sign in.
    pub scheme: Scheme,
    /// Who.
    pub user: String,
    /// The password.
    pub password: Option<Secret<String>>,
    /// Where tickets are to be had, for Kerberos.
    pub kerberos: Kerberos,
}

/// The settings of every site, in the order in which people are asked, where `own` are those of one kind.
pub const fn settings<const N: usize>(own: &[SettingSpec]) -> [SettingSpec; N] {
    SettingSpec::joined(&[&SERVER, own, &ACCOUNT, &kerberos::SETTINGS, &reach::SETTINGS])
}

/// How the server is found where it is not named, for those that have Autodiscover.
pub const DISCOVERY: [SettingSpec; 2] = [
    SettingSpec::optional("email", Takes::Text, None, "A mailbox's address, for Autodiscover.").aiming(),
    SettingSpec::optional(
        "autodiscover",
        Takes::Switch,
        None,
        "Find the server by Autodiscover; without it remote-server is needed.",
    )
    .aiming(),
];

const SERVER: [SettingSpec; 2] = [
    SettingSpec::optional("remote-server", Takes::Host, None, "The server's name, as it is published."),
    SettingSpec::optional("port", Takes::Port, Some("443"), "Its port."),
];

const ACCOUNT: [SettingSpec; 9] = [
    SettingSpec::optional(
        "username",
        Takes::Text,
        None,
        "The account that may open the mailboxes: UPN or DOMAIN\\USER.",
    ),
    SettingSpec::optional("password", Takes::Secret, None, "The account's password."),
    SettingSpec::optional(
        "auth",
        Takes::OneOf(&["auto", "basic", "ntlm", "negotiate", "kerberos"]),
        Some("auto"),
        "How to sign in.",
    ),
    SettingSpec::optional("test-mailbox", Takes::Text, None, "The mailbox that tests open."),
    tls::CA_FILE,
    tls::CA,
    tls::FINGERPRINT,
    tls::VERIFY,
    account::SETTING,
];

impl Site {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence for each fault.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let host = reach::host_of(settings);
        let port = settings.get("port").map_or(Ok(443), str::parse).unwrap_or_else(|_| {
            faults.push("port: a number from 1 to 65535 is needed".to_owned());
            443
        });
        let reach = Reach::from_settings(settings).unwrap_or_else(|more| {
            faults.extend(more);
            Reach::default()
        });
        let trust = trust_of(settings).unwrap_or_else(|fault| {
            faults.push(fault);
            Trust::System
        });
        faults.extend(tls::check(&trust).err());
        faults.extend(account::check(settings).err());
        let scheme = match settings.get("auth") {
            Some("basic") => Scheme::Basic,
            Some("ntlm") => Scheme::Ntlm,
            Some("negotiate") => Scheme::Negotiate,
            Some("kerberos") => Scheme::Kerberos,
            _ => Scheme::Auto,
        };
        let kerberos = Kerberos::from_settings(settings).unwrap_or_else(|fault| {
            faults.push(fault);
            Kerberos::default()
        });
        let user = settings.get("username").unwrap_or_default().to_owned();
        let password = settings.secret("password").cloned();
        let site = Self { host, port, reach, trust, scheme, user, password, kerberos };
        if faults.is_empty() { Ok(site) } else { Err(faults) }
    }

    /// The header that signs in with name and password.
    // RFC 7617 §2
    pub fn basic(&self) -> Option<String> {
        let password = self.password.as_ref()?;
        Some(format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, password.expose()))))
    }
}
