//! What a connector must be told (manifest) and what it was told (settings). CLI flags, API schema, web form
//! and documentation are made from the manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{secret::Secret, words::unshown};

/// Describes a connector to everything that must not know it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Manifest {
    /// The word that people type: `imap`, `maildir`.
    pub kind: &'static str,
    /// The words that people read.
    pub title: &'static str,
    /// The beginning of a name for an endpoint of this kind; the month follows.
    pub naming: &'static str,
    /// Whether it can be read from.
    pub source: bool,
    /// Whether it can be written to.
    pub target: bool,
    /// Whether its mailboxes move in this version; other kinds are tested alone.
    pub moves: bool,
    /// URL schemes of a single account, such as `imaps`.
    pub schemes: &'static [&'static str],
    /// What it must or may be told, in the order in which people are asked.
    pub settings: &'static [SettingSpec],
    /// The set-up guide for administrators (Markdown).
    #[serde(skip)]
    pub guide: &'static str,
}

/// One setting of a connector.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SettingSpec {
    /// Kebab-case: the flag `--name`, the JSON field `name`.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it must be given.
    pub required: bool,
    /// What holds if it is not given.
    pub default: Option<&'static str>,
    /// One sentence.
    pub help: &'static str,
    /// Whether it says where secrets go, or how far that place is trusted: whoever may change it does not thereby
    /// get to know what is kept.
    pub aims: bool,
}

impl SettingSpec {
    /// One that may be left out.
    pub const fn optional(
        name: &'static str,
        takes: Takes,
        default: Option<&'static str>,
        help: &'static str,
    ) -> Self {
        let aims = matches!(takes, Takes::Host | Takes::Port | Takes::Url);
        Self { name, takes, required: false, default, help, aims }
    }

    /// The same, as one that says where secrets go or how far that place is trusted.
    pub const fn aiming(self) -> Self {
        Self { aims: true, ..self }
    }

    /// One list of several, for manifests; it does not compile unless there are `N`.
    pub const fn joined<const N: usize>(lists: &[&[Self]]) -> [Self; N] {
        let mut all = [lists[0][0]; N];
        let (mut list, mut filled) = (0, 0);
        while list < lists.len() {
            let mut at = 0;
            while at < lists[list].len() {
                all[filled] = lists[list][at];
                at += 1;
                filled += 1;
            }
            list += 1;
        }
        assert!(filled == N);
        all
    }
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Takes {
    /// Any text.
    Text,
    /// A host name or address.
    Host,
    /// A port.
    Port,
    /// The base URL of a service, without name and password.
    Url,
    /// A proxy, without name and password: those are settings of their own.
    Proxy,
    /// A whole number.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A path on the machine of the worker.
    Path,
    /// Certificates as text (PEM): what a file holds, where whoever has it is on another machine than the worker.
    Certificates,
    /// Nothing: it is said or not. Kept as `yes`.
    Switch,
    /// A secret, by value only inside the service; from files and prompts outside.
    Secret,
}

/// What a connector was told. Secrets are apart from plain values, never serialised with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Plain values by setting name.
    #[serde(flatten)]
    pub values: BTreeMap<String, String>,
    /// Secrets by setting name.
    #[serde(skip)]
    pub secrets: BTreeMap<String, Secret<String>>,
}

/// Whether a secret of this name signs in to the system itself; a proxy's only opens the way to it.
pub fn signs_in(secret: &str) -> bool {
    !secret.starts_with("proxy-")
}

impl Manifest {
    /// The setting of that name.
    pub fn setting(&self, name: &str) -> Option<&'static SettingSpec> {
        self.settings.iter().find(|s| s.name == name)
    }

    /// Judges settings by the manifest alone: one sentence for each fault. The connector knows more.
    pub fn check(&self, settings: &Settings) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in &settings.values {
            match self.setting(name) {
                None => faults.push(self.unknown(name)),
                Some(spec) if spec.takes == Takes::Secret => {
                    faults.push(format!("{name} is a secret and does not belong among plain values"));
                }
                Some(spec) => faults.extend(spec.fault(value)),
            }
        }
        for spec in self.settings.iter().filter(|s| s.required) {
            if settings.get(spec.name).is_none() && settings.secret(spec.name).is_none() {
                faults.push(format!("{} is missing: {}", spec.name, spec.help));
            }
        }
        faults
    }

    /// The sentence for a setting that there is not.
    pub fn unknown(&self, name: &str) -> String {
        format!("{} has no setting {}", self.kind, name.escape_debug())
    }

    /// The settings in which two differ and that say where secrets go, or how far that place is trusted.
    pub fn aims(&self, one: &Settings, other: &Settings) -> Vec<&'static str> {
        let value = |settings: &Settings, spec: &SettingSpec| {
            settings.get(spec.name).or(spec.default).map(str::to_owned)
        };
        let differ = |spec: &&SettingSpec| spec.aims && value(one, spec) != value(other, spec);
        self.settings.iter().filter(differ).map(|spec| spec.name).collect()
    }
}

/// Flags that are no setting of a kind: of our commands, and of programs that remedies speak of.
const OF_NO_KIND: [&str; 11] = [
    "allow-loopback",
    "as",
    "data-dir",
    "deny-private",
    "for",
    "help",
    "mailbox",
    "max-redirs",
    "put-timeout",
    "tlsv1",
    "type",
];

impl Manifest {
    /// Whether a remedy speaks of no setting but those of this kind. What proposes another kind names it.
    pub fn knows_flags_of(&self, fix: &str) -> bool {
        let words = fix.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let mut flags = words.filter_map(|word| word.strip_prefix("--")).filter(|flag| !flag.is_empty());
        fix.contains("--type ") || flags.all(|flag| OF_NO_KIND.contains(&flag) || self.has_flag(flag))
    }

    /// The flags of settings that words name, with what each takes.
    pub fn flags_named(&self, words: &str) -> Vec<String> {
        let named = |spec: &&SettingSpec| {
            words.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == spec.name)
        };
        let flag = |spec: &SettingSpec| match spec.takes {
            Takes::Secret => format!("--{}-file FILE", spec.name),
            _ => format!("--{} {}", spec.name, spec.name.to_uppercase()),
        };
        self.settings.iter().filter(named).map(flag).collect()
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.settings.iter().any(|spec| match spec.takes {
            Takes::Secret => flag.strip_suffix("-file") == Some(spec.name),
            _ => flag == spec.name,
        })
    }

    /// The same settings as they are kept: a host with the root's dot at its end is the host without it.
    #[must_use]
    pub fn tidied(&self, mut settings: Settings) -> Settings {
        for spec in self.settings.iter().filter(|spec| spec.takes == Takes::Host) {
            if let Some(value) = settings.values.get_mut(spec.name) {
                *value = bare_host(value).to_owned();
            }
        }
        settings
    }
}

/// A host's name without the root's dot: certificates and SNI never have it.
// RFC 6066 §3
pub fn bare_host(host: &str) -> &str {
    let host = host.trim();
    host.strip_suffix('.').filter(|bare| !bare.is_empty()).unwrap_or(host)
}

impl SettingSpec {
    /// What is wrong with a value, if anything. It is not repeated: it may be a secret at the wrong place.
    fn fault(&self, value: &str) -> Option<String> {
        let name = self.name;
        match self.takes {
            _ if value.is_empty() => Some(format!("{name} is empty")),
            Takes::Certificates => certificates_fault(value).map(|what| format!("{name} {what}")),
            _ if let Some(c) = unshown(value) => {
                Some(format!("{name} holds a character that cannot be shown: U+{:04X}", u32::from(c)))
            }
            Takes::Url if !is_base(value) => Some(format!(
                "{name} is not a URL such as https://host.example/path, without name and password"
            )),
            Takes::Proxy if value.contains('@') => {
                Some(format!("{name}: name and password go into {name}-username and {name}-password"))
            }
            Takes::Proxy if !is_proxy(value) => {
                Some(format!("{name}: http://HOST:PORT or socks5://HOST:PORT is needed"))
            }
            Takes::Port if value.parse::<u16>().is_ok_and(|p| p > 0) => None,
            Takes::Port => Some(format!("{name} is not a port between 1 and 65535")),
            Takes::Number if value.parse::<u64>().is_err() => Some(format!("{name} is not a whole number")),
            Takes::OneOf(words) if !words.contains(&value) => {
                Some(format!("{name} is one of {}", words.join(", ")))
            }
            Takes::Switch if value != "yes" => Some(format!("{name} is yes, or is left out")),
            Takes::Host if value.contains('@') => {
                Some(format!("{name} is a host name alone, without name and password"))
            }
            Takes::Host if value.matches(':').count() == 1 => {
                Some(format!("{name} is a host name alone; its port is a setting of its own"))
            }
            Takes::Host if value.contains(['/', ' ']) => Some(format!("{name} is not a host name")),
            _ => None,
        }
    }
}

/// What is wrong with a text of certificates, if anything.
fn certificates_fault(text: &str) -> Option<&'static str> {
    /// More than the authorities of any company.
    const LONGEST: usize = 64 << 10;
    match () {
        () if text.contains("PRIVATE KEY-----") => {
            Some("holds a private key; it is to hold certificates alone")
        }
        () if !text.contains("-----BEGIN CERTIFICATE-----") => Some("holds no certificate (PEM)"),
        () if text.len() > LONGEST => Some("is longer than 64 KiB"),
        () => None,
    }
}

/// Whether it is a URL of HTTP with a host and without a name or password in it.
fn is_base(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !host.contains(['@', '\\']) && !url.contains(char::is_whitespace)
}

/// Whether it is the URL of a proxy that we can speak with.
fn is_proxy(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let scheme = ["http", "socks5", "socks5h"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    scheme && !rest.trim_matches('/').is_empty() && !rest.contains(char::is_whitespace)
}

impl Settings {
    /// A plain value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> Option<&Secret<String>> {
        self.secrets.get(name)
    }

    /// Whether there is a secret that signs in.
    pub fn sign_in(&self) -> bool {
        self.secrets.keys().any(|name| signs_in(name))
    }

    /// The same with a plain value set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a secret set.
    #[must_use]
    pub fn with_secret(mut self, name: &str, value: Secret<String>) -> Self {
        self.secrets.insert(name.to_owned(), value);
        self
    }
}

/// Whose mailbox at an endpoint. Empty `user` and `secret`: the endpoint's admin sign-in is used, or the
/// address itself is the user name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxAddress {
    /// The e-mail address or account name.
    pub address: String,
    /// The name to sign in with, where it differs.
    pub user: Option<String>,
    /// The password of this mailbox, where each has its own.
    #[serde(skip)]
    pub password: Option<Secret<String>>,
    /// A bearer token (XOAUTH2, OAUTHBEARER) instead of a password.
    #[serde(skip)]
    pub token: Option<Secret<String>>,
}

impl MailboxAddress {
    /// The name of the mailbox at its system: that of who signs in, else the address.
    pub fn name(&self) -> &str {
        self.user.as_deref().unwrap_or(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static POST: Manifest = Manifest {
        kind: "post",
        title: "",
        naming: "",
        source: true,
        target: true,
        moves: true,
        schemes: &[],
        settings: &[
            SettingSpec::optional("server", Takes::Host, None, ""),
            SettingSpec::optional("base", Takes::Url, Some("https://a.example"), ""),
            SettingSpec::optional("verify", Takes::OneOf(&["on", "off"]), Some("on"), "").aiming(),
            SettingSpec::optional("username", Takes::Text, None, ""),
            SettingSpec::optional("port", Takes::Port, None, ""),
            SettingSpec::optional("number", Takes::Number, None, ""),
            SettingSpec::optional("proxy", Takes::Proxy, None, ""),
        ],
        guide: "",
    };

    #[test]
    fn remedies_speak_of_the_kinds_own_flags() {
        for (fix, known) in [
            ("--username USER, or --port PORT", true),
            ("Use a token: --token-file FILE", false),
            ("Use IMAP: --type imap --security tls", true),
            ("See it: openssl s_client -connect a:1", true),
            ("If allowed: mailferry serve --allow-loopback", true),
        ] {
            assert_eq!(POST.knows_flags_of(fix), known, "{fix}");
        }
        let named = POST.flags_named("server is missing: the name; say how with number");
        assert_eq!(named, ["--server SERVER", "--number NUMBER"]);
    }

    #[test]
    fn no_value_holds_a_password_or_what_cannot_be_shown_and_none_is_repeated() {
        for (name, value) in [
            ("base", "https://u:canary@a.example"),
            ("base", "https://canary@a.example/x"),
            ("base", "ftp://a.example"),
            ("base", "a.example"),
            ("base", "https:///canary"),
            ("proxy", "http://u:canary@a.example:3128"),
            ("proxy", "socks5://canary@a.example"),
            ("proxy", "u:canary@a.example"),
            ("proxy", "canary:3128"),
            ("proxy", "http://a.example/canary 1"),
            ("server", "u:canary@a.example"),
            ("server", "a.example\0canary"),
            ("server", "a.example\r\ncanary"),
            ("username", "canary\u{202E}nimda"),
            ("username", "\u{2066}canary"),
            ("server", "canary:1"),
            ("server", "a.example/canary"),
            ("verify", "canary"),
            ("port", "canary"),
            ("number", "canary"),
        ] {
            let faults = POST.check(&Settings::default().with(name, value));
            assert_eq!(faults.len(), 1, "{value:?}");
            assert!(!faults[0].contains("canary"), "{faults:?}");
        }
        let good =
            Settings::default().with("base", "https://a.example:8443/p?q=x@y").with("server", "a.example");
        assert_eq!(POST.check(&good), [""; 0]);
    }

    #[test]
    fn a_proxys_sign_in_has_its_own_place() {
        let checked = |value: &str| POST.check(&Settings::default().with("proxy", value));
        let faults = checked("http://u:canary@a.example");
        assert!(faults[0].contains("proxy-username and proxy-password"), "{faults:?}");
        for good in ["http://a.example:3128", "SOCKS5://[::1]:1080", "socks5h://a.example/"] {
            assert_eq!(checked(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn what_aims_secrets_is_told_by_value_and_default() {
        let is = Settings::default().with("server", "a.example").with("username", "u");
        for (shall, aims) in [
            (is.clone().with("username", "v"), &[][..]),
            (is.clone().with("verify", "on").with("base", "https://a.example"), &[]),
            (is.clone().with("verify", "off"), &["verify"]),
            (Settings::default().with("base", "https://b.example"), &["server", "base"]),
        ] {
            assert_eq!(POST.aims(&is, &shall), aims);
        }
    }
}
