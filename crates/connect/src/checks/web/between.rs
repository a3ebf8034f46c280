//! What stands between here and a web service and answers in its place: proxies, and log-in pages of networks.
//!
//! Judged by the head of an answer alone. A proxy that only passed on what the server said is no finding.

use mailferry_model::finding::Verdict;
use url::{Host, Position, Url};

use super::status::{Page, asked};
use crate::{
    checks::{Fault, inspected, stranger::is_own},
    net::http::Answer,
};

/// Words in the addresses of pages where networks have people sign in, in small letters.
const PORTALS: [&str; 6] = ["captive", "hotspot", "splash", "fgtauth", "cpauth", "wlan"];
/// The same for names of hosts alone: others have pages of that name.
const PORTAL_HOSTS: [&str; 5] = ["gateway", "portal", "proxy", "guest", "wifi"];
/// Words of proxies' names for themselves, in small letters.
const PROXIES: [&str; 9] = [
    "squid",
    "bluecoat",
    "blue coat",
    "zscaler",
    "web gateway",
    "ironport",
    "cisco-wsa",
    "tinyproxy",
    "privoxy",
];
/// Headers that servers alone set, whatever lies before them.
const OF_SERVERS: [&str; 4] = ["x-feserver", "x-owa-version", "x-diaginfo", "x-aspnet-version"];

/// The fault of an answer that is not the server's own.
pub(super) fn answers(answer: &Answer, page: &Page<'_>) -> Option<Fault> {
    let fault = |code: &'static str, between: String| {
        // How Microsoft's service gets there is not known from here.
        Some(Fault::fail(code).with("between", between).natively(Verdict::Unknown))
    };
    let proxy = || proxy(answer);
    match answer.status {
        // RFC 6585 §6
        511 => fault("HTTP_PORTAL", proxy().unwrap_or_else(|| "The network".to_owned())),
        300..=399 => fault("HTTP_PORTAL", portal(answer, page)?),
        407 => fault("HTTP_PROXY_SIGN_IN", proxy().unwrap_or_else(|| "a proxy".to_owned())),
        403 => fault("HTTP_PROXY_FORBIDS", proxy()?),
        503 if answer.header("retry-after").is_some() => None,
        502..=504 => fault("HTTP_PROXY_FAILS", proxy()?),
        _ => None,
    }
}

/// The host of a log-in page of the network, where a redirect leads to one: a host of another domain without TLS, an
/// address of inside networks, or a name that says it.
fn portal(answer: &Answer, page: &Page<'_>) -> Option<String> {
    let asked = asked(page)?;
    let told = asked.join(answer.header("location")?).ok()?;
    let host = told.host_str().filter(|host| asked.host_str() != Some(*host))?;
    let place = told[..Position::AfterPath].to_lowercase();
    let domain = page.host.split_once('.').map_or(page.host, |(_, domain)| domain);
    let is_portal = told.scheme() == "http" && !is_own(host, domain)
        || is_inside(&told) && !is_inside(&asked)
        || PORTALS.iter().any(|word| place.contains(word))
        || PORTAL_HOSTS.iter().any(|word| host.to_lowercase().contains(word))
        || proxy(answer).is_some();
    let is_service = told.path().eq_ignore_ascii_case(page.path);
    (is_portal && !is_service).then(|| host.to_owned())
}

/// Whether it is an address of private networks.
// RFC 1918 §3
fn is_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        _ => false,
    }
}

/// The name of a proxy that made the answer itself.
fn proxy(answer: &Answer) -> Option<String> {
    let server = answer.header("server").unwrap_or_default();
    let is_known = |words: &str| {
        let words = words.to_lowercase();
        PROXIES.iter().any(|word| words.contains(word)) || inspected::product(&words).is_some()
    };
    let is_servers = OF_SERVERS.iter().any(|name| answer.header(name).is_some())
        || server.to_lowercase().contains("microsoft-iis");
    if is_servers {
        return None;
    }
    // RFC 9110 §7.6.3
    let via = answer.header("via").map(|via| via.rsplit(", ").next().unwrap_or(via));
    let via = via.and_then(|via| via.split_once(' ')).map(|(_, by)| by.trim().to_owned());
    let cache =
        answer.header("x-cache").and_then(|told| told.rsplit_once(" from ")).map(|(_, by)| by.to_owned());
    let signs = ["x-squid-error", "proxy-authenticate", "x-bluecoat-error"];
    let signed = signs.iter().any(|name| answer.header(name).is_some());
    let named = Some(server).filter(|server| is_known(server)).map(str::to_owned);
    via.or(cache).or(named).or_else(|| signed.then(|| "a proxy".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(headers: &[(&str, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        proxy(&Answer { status: 403, headers, body: String::new() })
    }

    #[test]
    fn a_redirect_of_the_servers_own_people_is_no_log_in_page_of_a_network() {
        let page = Page {
            what: "it",
            host: "mail.example.org",
            port: 443,
            path: "/EWS/Exchange.asmx",
            missing: "HTTP_ODD",
            pool: "x",
        };
        let leads = |place: &str| {
            let headers = vec![("location".to_owned(), place.to_owned())];
            portal(&Answer { status: 302, headers, body: String::new() }, &page)
        };
        for place in [
            "http://www.example.org/owa",
            "https://www.example.net/portal/",
            "https://sso.example.org/login?back=wlan",
            "http://ex1.example.net/EWS/Exchange.asmx",
            "/captive",
        ] {
            assert_eq!(leads(place), None, "{place}");
        }
        for (place, host) in [
            ("http://www.example.net/owa", "www.example.net"),
            ("https://gateway.example.org/in", "gateway.example.org"),
            ("https://10.0.0.1/", "10.0.0.1"),
            ("https://x.example.net/captive?a", "x.example.net"),
        ] {
            assert_eq!(leads(place).as_deref(), Some(host), "{place}");
        }
    }

    #[test]
    fn a_proxy_is_named_by_what_it_says_of_itself() {
        for (headers, name) in [
            (vec![("via", "1.1 proxy.example.org (squid/5.7)")], Some("proxy.example.org (squid/5.7)")),
            (vec![("via", "1.0 far, 1.1 near.example.org")], Some("near.example.org")),
            (vec![("x-cache", "MISS from proxy.example.org")], Some("proxy.example.org")),
            (vec![("server", "squid/5.7")], Some("squid/5.7")),
            (vec![("server", "Zscaler/6.1")], Some("Zscaler/6.1")),
            (vec![("x-squid-error", "ERR_ACCESS_DENIED 0")], Some("a proxy")),
            (vec![("proxy-authenticate", "Basic realm=\"x\"")], Some("a proxy")),
            // It only passed on what the server said.
            (vec![("via", "1.1 proxy.example.org"), ("server", "Microsoft-IIS/10.0")], None),
            (vec![("via", "1.1 proxy.example.org"), ("x-feserver", "EX1")], None),
            (vec![("server", "nginx")], None),
            (vec![], None),
        ] {
            assert_eq!(named(&headers).as_deref(), name, "{headers:?}");
        }
    }
}
