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
    net::{dns, http::Question},
};

/// A server that was found.
struct Found {
    host: String,
    port: u16,
    security: &'static str,
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
    let reach = crate::net::Reach::from_settings(settings).unwrap_or_default();
    let mut tries = Vec::new();
    let mut found = by_service(cx, reach.names, domain, &mut tries).await;
    if found.is_none() {
        found = by_document(cx, settings, &address, &mut tries).await;
    }
    let Some(Found { host, port, security }) = found else {
        let fault = match dns_resolves::ask_domain(cx, reach.names, domain).await {
            Some(missing) => missing,
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

// RFC 6186 §3.2: `_imaps` before `_imap`; a target of `.` says that there is none.
async fn by_service(cx: &Cx, names: dns::Names, domain: &str, tries: &mut Vec<String>) -> Option<Found> {
    for (service, security) in [("_imaps", "ssl"), ("_imap", "tls")] {
        let name = format!("{service}._tcp.{domain}");
        match dns::services(cx, names, &name).await {
            Ok(found) => match found.into_iter().find(|s| !s.host.is_empty()) {
                Some(found) => {
                    tries.push(format!("SRV {name}: {}:{}", found.host, found.port));
                    return Some(Found { host: found.host, port: found.port, security });
                }
                None => tries.push(format!("SRV {name}: the domain offers none")),
            },
            Err(why) => tries.push(format!("SRV {name}: {why}")),
        }
    }
    None
}

async fn by_document(cx: &Cx, settings: &Settings, address: &str, tries: &mut Vec<String>) -> Option<Found> {
    for place in autoconfig::places(address) {
        let told = match document(cx, settings, &place).await {
            Ok(text) => match autoconfig::servers(&text).into_iter().next() {
                Some(server) => {
                    tries.push(format!("{place}: {}:{}", server.host, server.port));
                    let security = match server.socket {
                        Socket::Ssl => "ssl",
                        Socket::StartTls => "tls",
                        Socket::Plain => "none",
                    };
                    return Some(Found { host: server.host, port: server.port, security });
                }
                None => "it names no IMAP server".to_owned(),
            },
            Err(why) => why,
        };
        tries.push(format!("{place}: {told}"));
    }
    None
}

async fn document(cx: &Cx, settings: &Settings, place: &str) -> Result<String, String> {
    let url = url::Url::parse(place).map_err(|e| e.to_string())?;
    let web = settings.get("autoconfig-port").unwrap_or("443");
    let plain = settings.values.iter().filter(|(name, _)| {
        let names = ["ca-file", "fingerprint", "verify", "resolver", "connect-timeout", "answer-timeout"];
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
