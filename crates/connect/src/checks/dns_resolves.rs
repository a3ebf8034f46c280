//! Whether the server's name is known, and to which addresses it leads.

use std::net::IpAddr;

use mailferry_model::port::Cx;

use super::{Fault, Told};
use crate::net::{Reach, dns::Unresolved, tcp};

/// Asks for the addresses.
///
/// # Errors
/// Why there are none.
pub async fn ask(cx: &Cx, reach: &Reach, host: &str) -> Result<(Vec<IpAddr>, Told), Fault> {
    let asked = reach.proxy().map_or(host, |proxy| &proxy.host);
    let addresses = tcp::addresses(cx, reach, host).await.map_err(|why| judge(&why, asked))?;
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let through = reach.proxy().map(|proxy| format!(" (of the proxy {})", proxy.host)).unwrap_or_default();
    let told = Told::pass(format!("{}{through}", shown.join(" "))).seen("addresses", shown);
    Ok((addresses, told))
}

/// The word for a name that was not found.
pub fn judge(why: &Unresolved, host: &str) -> Fault {
    let code = match why {
        Unresolved::NoSuchName => "DNS_NO_SUCH_NAME",
        Unresolved::NoAddress => "DNS_NO_ADDRESS",
        Unresolved::ServerFailed => "DNS_SERVER_FAILED",
        Unresolved::Refused => "DNS_REFUSED",
        Unresolved::NotAllowed(_) => "ADDRESS_NOT_ALLOWED",
        Unresolved::Silent | Unresolved::Cancelled | Unresolved::Other(_) => "DNS_SILENT",
    };
    Fault::fail(code).with("host", host).with("words", why.to_string()).shown(format!("{host}: {why}"))
}
