//! How a host is reached: whom to ask for its name, through which proxy, and how long it may take.
//!
//! Read from the settings that every connector with a network has. Knows no protocol above TCP.

use std::{net::SocketAddr, time::Duration};

use mailferry_model::settings::{SettingSpec, Settings, Takes, bare_host};

use super::{dns::Names, proxy::Proxy};

/// How long one address may take to answer, unless the settings say.
const CONNECT: Duration = Duration::from_secs(15);

/// How long one answer may take in a test, unless the settings say: less than a row, so that silence is told from
/// what has no end.
const ANSWER: Duration = Duration::from_secs(45);

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Whom to ask for names.
    pub names: Names,
    /// How long one address may take to answer.
    pub connect: Duration,
    /// How long one answer may take in a test.
    pub answer: Duration,
    /// Through this proxy, where it serves the host.
    pub proxy: Option<Proxy>,
    /// The host's name, for the proxy.
    pub host: String,
}

impl Default for Reach {
    fn default() -> Self {
        Self { names: Names::System, connect: CONNECT, answer: ANSWER, proxy: None, host: String::new() }
    }
}

/// The settings, for manifests.
pub const SETTINGS: [SettingSpec; 7] = [
    SettingSpec::optional(
        "resolver",
        Takes::Text,
        None,
        "A DNS server to ask instead of the system's: ADDRESS or ADDRESS:PORT.",
    )
    .aiming(),
    SettingSpec::optional(
        "connect-timeout",
        Takes::Number,
        Some("15"),
        "Seconds that one address may take to answer.",
    ),
    SettingSpec::optional(
        "answer-timeout",
        Takes::Number,
        Some("45"),
        "Seconds that one answer may take in a test, the sign-in's too; 45 at most.",
    ),
    SettingSpec::optional(
        "proxy",
        Takes::Proxy,
        None,
        "Connect through this proxy: http://HOST:PORT (CONNECT) or socks5://HOST:PORT.",
    )
    .aiming(),
    SettingSpec::optional("proxy-username", Takes::Text, None, "Who signs in to the proxy."),
    SettingSpec::optional("proxy-password", Takes::Secret, None, "The password for the proxy."),
    SettingSpec::optional(
        "no-proxy",
        Takes::Text,
        None,
        "Hosts that are reached without the proxy, separated by commas: names, .domain, addresses.",
    )
    .aiming(),
];

/// The server that the settings name, as certificates name it; empty where they name none.
pub fn host_of(settings: &Settings) -> String {
    bare_host(settings.get("remote-server").unwrap_or_default()).to_owned()
}

impl Reach {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence for each fault.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let names = settings.get("resolver").map(Names::parse).transpose().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let mut seconds = |name: &str, most: u64, usual: Duration| match settings.get(name).map(str::parse) {
            None => usual,
            Some(Ok(seconds)) if (1..=most).contains(&seconds) => Duration::from_secs(seconds),
            Some(_) => {
                faults.push(format!("{name}: a number of seconds from 1 to {most} is needed"));
                usual
            }
        };
        let connect = seconds("connect-timeout", 600, CONNECT);
        let answer = seconds("answer-timeout", ANSWER.as_secs(), ANSWER);
        let proxy = Proxy::from_settings(settings).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let host = host_of(settings);
        let reach = Self { names: names.unwrap_or_default(), connect, answer, proxy, host };
        if faults.is_empty() { Ok(reach) } else { Err(faults) }
    }

    /// The same for this host.
    #[must_use]
    pub fn of(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// The proxy through which the host is reached.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| proxy.serves(&self.host))
    }

    /// An address with a port.
    pub fn at(addresses: &[std::net::IpAddr], port: u16) -> Vec<SocketAddr> {
        addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }
}
