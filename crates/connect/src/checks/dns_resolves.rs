//! Whether the server's name is known, and to which addresses it leads.

use std::net::IpAddr;

use mailferry_model::{finding::Step, port::Cx};

use super::{Fault, Told};
use crate::net::{
    Reach,
    dns::{self, Names, Unresolved},
    tcp,
};

/// Asks for the addresses.
///
/// # Errors
/// Why there are none.
pub async fn ask(cx: &Cx, reach: &Reach, host: &str) -> Result<(Vec<IpAddr>, Told), Fault> {
    let asked = reach.proxy().map_or(host, |proxy| &proxy.host);
    let addresses = tcp::addresses(cx, reach, host).await.map_err(|why| judge(&why, asked, reach.names))?;
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let through = reach.proxy().map(|proxy| format!(" (of the proxy {})", proxy.host)).unwrap_or_default();
    let told = Told::pass(format!("{}{through}", shown.join(" "))).seen("addresses", shown);
    Ok((addresses, told))
}

/// The fault of a domain that is not there at all: nothing below it can be found, whoever is asked.
// RFC 8020 §2
pub async fn ask_domain(cx: &Cx, names: Names, domain: &str) -> Option<Fault> {
    match dns::addresses(cx, names, domain).await {
        Err(why @ Unresolved::NoSuchName) => Some(judge(&why, domain, names).at(Step::Dns)),
        _ => None,
    }
}

/// The word for a name that was not found.
pub fn judge(why: &Unresolved, host: &str, names: Names) -> Fault {
    let code = match why {
        Unresolved::NoSuchName => "DNS_NO_SUCH_NAME",
        Unresolved::NoAddress => "DNS_NO_ADDRESS",
        Unresolved::Circle(_) => "DNS_CIRCLE",
        Unresolved::ServerFailed => "DNS_SERVER_FAILED",
        Unresolved::Refused => "DNS_REFUSED",
        Unresolved::NotAllowed(_) => "ADDRESS_NOT_ALLOWED",
        Unresolved::Silent | Unresolved::Cancelled => "DNS_SILENT",
        Unresolved::Other(_) => "DNS_UNUSABLE",
    };
    let servers = match names {
        Names::System => "the DNS servers in /etc/resolv.conf".to_owned(),
        Names::Server(server) => format!("the DNS server {server}, which the settings name"),
    };
    let fault = Fault::fail(code).with("servers", servers).with("host", host);
    fault.with("words", why.to_string()).shown(format!("{host}: {why}"))
}
