//! How a host is reached: whom to ask for its name, through which proxy, and how long it may take.
//!
//! Read from the settings that every connector with a network has. Knows no protocol above TCP.

use std::{net::SocketAddr, time::Duration};

use mailferry_model::settings::{SettingSpec, Settings, Takes};

use super::dns::Names;

/// How long one address may take to answer, unless the settings say.
const CONNECT: Duration = Duration::from_secs(15);

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Whom to ask for names.
    pub names: Names,
    /// How long one address may take to answer.
    pub connect: Duration,
}

impl Default for Reach {
    fn default() -> Self {
        Self { names: Names::System, connect: CONNECT }
    }
}

/// The settings, for manifests.
pub const SETTINGS: [SettingSpec; 2] = [
    SettingSpec {
        name: "resolver",
        takes: Takes::Text,
        required: false,
        default: None,
        help: "A DNS server to ask instead of the system's: ADDRESS or ADDRESS:PORT.",
    },
    SettingSpec {
        name: "connect-timeout",
        takes: Takes::Number,
        required: false,
        default: Some("15"),
        help: "Seconds that one address may take to answer.",
    },
];

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
        let connect = match settings.get("connect-timeout").map(str::parse::<u64>) {
            None => CONNECT,
            Some(Ok(seconds)) if (1..=600).contains(&seconds) => Duration::from_secs(seconds),
            Some(_) => {
                faults.push("connect-timeout: a number of seconds from 1 to 600 is needed".to_owned());
                CONNECT
            }
        };
        let reach = Self { names: names.unwrap_or_default(), connect };
        if faults.is_empty() { Ok(reach) } else { Err(faults) }
    }

    /// An address with a port.
    pub fn at(addresses: &[std::net::IpAddr], port: u16) -> Vec<SocketAddr> {
        addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }
}
