//! The server of an address: by the domain's SRV records, by autoconfig, or because the provider is known. Nothing but
//! the address is sent, and a host of another domain that is no known provider's is confirmed first.

use mailferry_model::{finding::Verdict, port::Cx, settings::Settings};
use mailferry_wire::autoconfig::{self, Socket};

use super::provider;
use crate::{
    checks::{
        Fault, Told, dns_resolves,
        stranger::{self, is_own},
        web::{Site, Visit},
    },
    imap::client::account::Server,
    net::{Reach, dns, http::Question, tcp},
};

/// A server that was found.
#[derive(Clone)]
struct Found {
    host: String,
    port: u16,
    security: &'static str,
}

impl Found {
    /// Whether it is one that the settings ask for: what they say of port and security holds, and nobody goes without TLS
    /// who did not say so.
    fn fits(&self, settings: &Settings) -> bool {
        let is =
            |name: &str, value: &str| settings.get(name).map(|wanted| wanted.eq_ignore_ascii_case(value));
        let security = is("security", self.security).unwrap_or(self.security != "none");
        security && is("port", &self.port.to_string()).unwrap_or(true)
    }
}

/// Finds the server of the settings' address. The settings with it, and every try.
///
/// # Errors
/// Nothing names one; each try is told.
pub async fn discover(cx: &Cx, settings: &Settings) -> Result<(Settings, Told), Fault> {
    let address = settings.get("email").or(settings.get("username")).unwrap_or_default().to_owned();
    let Some((_, domain)) = address.rsplit_once('@') else {
        return Err(Fault::fail("AUTODISCOVER_NO_ADDRESS").shown(address));
    };
    let reach = Reach::from_settings(settings).unwrap_or_default();
    let mut tries = Vec::new();
    let (mut named, silent) = by_service(cx, reach.names, domain, &mut tries).await;
    if !named.iter().any(|found| found.fits(settings)) {
        named.extend(by_document(cx, settings, &address, &mut tries).await);
    }
    let fitting: Vec<Found> = named.iter().filter(|found| found.fits(settings)).cloned().collect();
    let Some(Found { host, port, security }) = first_there(cx, &reach, domain, fitting, &mut tries).await
    else {
        let fault = match dns_resolves::ask_domain(cx, reach.names, domain).await {
            _ if !named.is_empty() => not_as_asked(&named),
            Some(missing) => missing,
            // Nobody knows what the domain names.
            None if let Some(why) = silent => Fault::fail("AUTODISCOVER_DNS_FAILED").with("words", why),
            None => by_mail(cx, reach.names, domain, &mut tries).await,
        };
        let fault = fault.with("address", address.clone()).with("domain", domain);
        return Err(fault.natively(Verdict::Unknown).shown(tries.join("\n")));
    };
    if !is_own(&host, domain) && !provider::hosts(&host) {
        let fault = stranger::found(&host, &format!(" --port {port} --security {security}"));
        return Err(fault.with("domain", domain).shown(tries.join("\n")));
    }
    let told = Told::pass(tries.join("\n"))
        .seen("remoteServer", host.clone())
        .seen("port", port)
        .seen("security", security);
    let settings = settings
        .clone()
        .with("remote-server", host)
        .with("port", port.to_string())
        .with("security", security);
    match Server::from_settings(&settings) {
        Ok(_) => Ok((settings, told)),
        Err(faults) => Err(Fault::of_settings().shown(faults.join("; "))),
    }
}

/// Servers are named, and none with the port and the security that the settings ask for.
fn not_as_asked(named: &[Found]) -> Fault {
    let shown = |found: &Found| format!("{}:{} (--security {})", found.host, found.port, found.security);
    let all: Vec<String> = named.iter().map(shown).collect();
    Fault::fail("AUTODISCOVER_NOT_AS_ASKED").with("found", all.join(", "))
}

/// The first that takes a connection; the best of them where none does, or where it is not for us to try.
async fn first_there(
    cx: &Cx,
    reach: &Reach,
    domain: &str,
    fitting: Vec<Found>,
    tries: &mut Vec<String>,
) -> Option<Found> {
    if fitting.len() > 1 {
        for found in fitting.iter().filter(|f| is_own(&f.host, domain) || provider::hosts(&f.host)) {
            let reach = Reach { host: found.host.clone(), ..reach.clone() };
            let there = async {
                let addresses = tcp::resolve(cx, &reach, &found.host, found.port).await?;
                tcp::connect(cx, &reach, &addresses).await
            };
            match there.await {
                Ok(_) => return Some(found.clone()),
                Err(error) => tries.push(format!("{}:{}: {}", found.host, found.port, error.context())),
            }
        }
    }
    fitting.into_iter().next()
}

/// Who takes the domain's mail may be known, and with it the kind. Others than the mailboxes' owner may take it, so
/// nothing is asked there.
async fn by_mail(cx: &Cx, names: dns::Names, domain: &str, tries: &mut Vec<String>) -> Fault {
    // Ends of the names of mail servers, and whose they are.
    const KNOWN: [(&str, &str); 4] = [
        (".mail.protection.outlook.com", "AUTODISCOVER_MAIL_AT_MICROSOFT"),
        (".mx.microsoft", "AUTODISCOVER_MAIL_AT_MICROSOFT"),
        (".l.google.com", "AUTODISCOVER_MAIL_AT_GOOGLE"),
        ("smtp.google.com", "AUTODISCOVER_MAIL_AT_GOOGLE"),
    ];
    let hosts = match dns::mail_servers(cx, names, domain).await {
        Ok(hosts) => hosts,
        Err(why) => {
            tries.push(format!("MX {domain}: {why}"));
            return Fault::fail("AUTODISCOVER_NO_IMAP");
        }
    };
    tries.push(format!("MX {domain}: {}", hosts.join(", ")));
    let known = KNOWN.iter().find(|(end, _)| hosts.iter().any(|host| host.ends_with(end)));
    let code = known.map_or("AUTODISCOVER_NO_IMAP", |(_, code)| *code);
    Fault::fail(code).with("mailServer", hosts.join(", "))
}

/// By SRV records, best first; and why the DNS could not be asked, where it could not.
// RFC 6186 §3.2: `_imaps` before `_imap`; a target of `.` says that there is none.
async fn by_service(
    cx: &Cx,
    names: dns::Names,
    domain: &str,
    tries: &mut Vec<String>,
) -> (Vec<Found>, Option<String>) {
    let (mut all, mut silent) = (Vec::new(), None);
    for (service, security) in [("_imaps", "ssl"), ("_imap", "tls")] {
        let name = format!("{service}._tcp.{domain}");
        match dns::services(cx, names, &name).await {
            Ok(found) => {
                let there: Vec<_> = found.into_iter().filter(|s| !s.host.is_empty() && s.port > 0).collect();
                if there.is_empty() {
                    tries.push(format!("SRV {name}: the domain offers none"));
                }
                for server in there {
                    tries.push(format!("SRV {name}: {}:{}", server.host, server.port));
                    all.push(Found { host: server.host, port: server.port, security });
                }
            }
            Err(why) => {
                tries.push(format!("SRV {name}: {why}"));
                if !matches!(why, dns::Unresolved::NoSuchName | dns::Unresolved::NoAddress) {
                    silent = Some(why.to_string());
                }
            }
        }
    }
    (all, silent)
}

async fn by_document(cx: &Cx, settings: &Settings, address: &str, tries: &mut Vec<String>) -> Vec<Found> {
    for place in autoconfig::places(address) {
        let told = match document(cx, settings, &place).await {
            Ok(text) => match autoconfig::servers(&text, address) {
                servers if servers.is_empty() => {
                    "it names no IMAP server of which it says how it is secured".to_owned()
                }
                servers => {
                    let found = servers.into_iter().map(|server| {
                        tries.push(format!("{place}: {}:{}", server.host, server.port));
                        let security = match server.socket {
                            Socket::Ssl => "ssl",
                            Socket::StartTls => "tls",
                            Socket::Plain => "none",
                        };
                        Found { host: server.host, port: server.port, security }
                    });
                    return found.collect();
                }
            },
            Err(why) => why,
        };
        tries.push(format!("{place}: {told}"));
    }
    Vec::new()
}

async fn document(cx: &Cx, settings: &Settings, place: &str) -> Result<String, String> {
    let url = url::Url::parse(place).map_err(|e| e.to_string())?;
    let web = settings.get("autoconfig-port").unwrap_or("443");
    let plain = settings.values.iter().filter(|(name, _)| {
        let names =
            ["ca-file", "ca", "fingerprint", "verify", "resolver", "connect-timeout", "answer-timeout"];
        names.contains(&name.as_str())
    });
    let asked = plain.fold(Settings::default(), |all, (name, value)| all.with(name, value));
    let asked = asked.with("remote-server", url.host_str().unwrap_or_default()).with("port", web);
    let site = Site::from_settings(&asked).map_err(|faults| faults.join("; "))?;
    let mut visit = Visit::to(site);
    let way = async {
        visit.name(cx).await?;
        visit.connect(cx).await?;
        visit.secure(cx).await
    };
    let words = |fault: Fault| format!("{} ({})", fault.code, fault.evidence);
    way.await.map_err(words)?;
    let path = &url[url::Position::BeforePath..];
    let answer = visit.ask(cx, Question::get(path)).await.map_err(words)?;
    if answer.status == 200 { Ok(answer.body) } else { Err(answer.shown()) }
}
