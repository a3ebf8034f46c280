//! Autodiscover asked in its documented order: redirects followed, loops ended, every try told.
//!
//! The account's password goes to hosts of the address's own domain and to the one that the administrator named, to
//! nobody else, wherever redirects lead; that holds for the server that is found as well. One refusal ends the search:
//! each further place would count as one more wrong password.

use std::collections::HashSet;

use mailferry_model::{Error, Kind, finding::Step, port::Cx};
use mailferry_wire::autodiscover::{self, Answer, Candidate, Dialect};

use super::{settings::Site, visit::Visit};
use crate::{
    checks::{
        Fault, dns_resolves,
        stranger::{self, is_own},
    },
    net::{
        Reach, Stream, dns,
        http::{self, Question},
        tcp,
    },
};

/// Redirects that are followed.
const HOPS: usize = 10;

/// What was found.
#[derive(Debug)]
pub struct Discovered {
    /// The URL of the web services.
    pub url: String,
    /// Every try, a line each.
    pub tries: Vec<String>,
}

/// A way to places, in the documented order.
enum Way {
    /// Those that follow from the address.
    Known,
    /// The one that a redirect without TLS names.
    Redirect,
    /// The one that the domain's SRV record names.
    Service,
}

/// A question to one place, and what came of it.
enum Tried {
    Found(String),
    /// Ask there instead.
    Elsewhere(Candidate),
    /// Ask for another address.
    Address(String),
    Nothing(String),
    /// The account was refused.
    Refused(Fault),
}

/// Finds the web services of an address.
///
/// # Errors
/// None of the places answers with them, the account is refused, or they belong to another domain and nobody confirmed
/// them; each try is told.
pub async fn discover(cx: &Cx, site: &Site, address: &str) -> Result<Discovered, Fault> {
    let own = address.rsplit('@').next().unwrap_or_default().to_owned();
    let mut search =
        Search { cx, site, own, tries: Vec::new(), asked: HashSet::new(), circles: false, stranger: None };
    let mut address = address.to_owned();
    let mut addresses = HashSet::new();
    'address: loop {
        addresses.insert(address.to_lowercase());
        for way in [Way::Known, Way::Redirect, Way::Service] {
            for place in search.places(way, &address).await {
                match search.follow(place, &address).await {
                    Ok(Some(Tried::Found(url))) => return search.confirmed(url),
                    Ok(Some(Tried::Address(other))) => {
                        if addresses.contains(&other.to_lowercase()) || addresses.len() > HOPS {
                            search.circles = true;
                            continue;
                        }
                        address = other;
                        continue 'address;
                    }
                    Ok(_) => {}
                    Err(fault) => return Err(search.told(fault, &address)),
                }
            }
        }
        let domain = address.rsplit('@').next().unwrap_or_default();
        let missing = dns_resolves::ask_domain(cx, site.reach.names, domain).await;
        let nowhere = if search.circles { "AUTODISCOVER_LOOP" } else { "AUTODISCOVER_FAILED" };
        let stranger = search.stranger.as_ref().map(|(host, port)| Search::named(host, *port));
        let fault = missing.or(stranger).unwrap_or_else(|| Fault::fail(nowhere));
        return Err(search.told(fault, &address));
    }
}

struct Search<'a> {
    cx: &'a Cx,
    site: &'a Site,
    /// The domain that was asked for, whatever address an answer names instead.
    own: String,
    tries: Vec<String>,
    /// Where each address was asked for, by any way.
    asked: HashSet<String>,
    /// One of them led back to where it had been.
    circles: bool,
    /// The first of another domain that asked for a sign-in.
    stranger: Option<(String, u16)>,
}

impl Search<'_> {
    fn told(&self, fault: Fault, address: &str) -> Fault {
        // Who names a foreign host is the domain that was asked for, whichever address it sent us on to.
        let domain = match &*fault.code {
            "AUTODISCOVER_FOREIGN_HOST" => &self.own,
            _ => address.rsplit('@').next().unwrap_or_default(),
        };
        fault.with("address", address).with("domain", domain).shown(self.tries.join("\n"))
    }

    /// What was found, unless it belongs to another domain and the administrator named no server.
    fn confirmed(self, url: String) -> Result<Discovered, Fault> {
        let parsed = url::Url::parse(&url).ok();
        let host = parsed.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        if !self.site.host.is_empty() || host.is_empty() || is_own(host, &self.own) {
            return Ok(Discovered { url, tries: self.tries });
        }
        let port = parsed.as_ref().and_then(url::Url::port).unwrap_or(self.site.port);
        Err(self.told(Self::named(host, port), &self.own))
    }

    /// A host of another domain that has to be confirmed.
    fn named(host: &str, port: u16) -> Fault {
        let port = if port == 443 { String::new() } else { format!(" --port {port}") };
        stranger::found(host, &port)
    }

    /// Places by one way: looked for when the ways before led nowhere, so that tries stand in their order.
    async fn places(&mut self, way: Way, address: &str) -> Vec<Candidate> {
        match way {
            Way::Known => autodiscover::candidates(address),
            Way::Redirect => self.by_redirect(address).await.into_iter().collect(),
            Way::Service => self.by_service(address).await,
        }
    }

    /// The place that a redirect without TLS names; nothing but the question is sent.
    async fn by_redirect(&mut self, address: &str) -> Option<Candidate> {
        let domain = address.rsplit('@').next().unwrap_or_default();
        let host = format!("autodiscover.{domain}");
        let path = "/autodiscover/autodiscover.xml";
        let url = format!("http://{host}{path}");
        let addresses = dns::addresses(self.cx, self.site.reach.names, &host).await.ok()?;
        let tcp = tcp::connect(self.cx, &self.site.reach, &Reach::at(&addresses, 80)).await;
        let told = match tcp {
            Err(error) => Err(error.context().to_owned()),
            Ok(tcp) => match http::Exchange::over(Stream::Plain(tcp), &host).await {
                Err(_) => Err("no HTTP".to_owned()),
                Ok(mut exchange) => match exchange.ask(self.cx, Question::get(path)).await {
                    Err(_) => Err("no answer".to_owned()),
                    Ok(answer) => match answer.header("location").filter(|l| l.starts_with("https://")) {
                        Some(location) => Ok(location.to_owned()),
                        None => Err(answer.shown()),
                    },
                },
            },
        };
        match told {
            Ok(location) => {
                self.tries.push(format!("{url} -> {location}"));
                Some(Candidate { dialect: Dialect::Pox, url: location })
            }
            Err(why) => {
                self.tries.push(format!("{url}: {why}"));
                None
            }
        }
    }

    /// The place that the domain's SRV record names.
    async fn by_service(&mut self, address: &str) -> Vec<Candidate> {
        let domain = address.rsplit('@').next().unwrap_or_default();
        let name = format!("_autodiscover._tcp.{domain}");
        match dns::services(self.cx, self.site.reach.names, &name).await {
            Ok(found) => {
                let hosts = found.iter().filter(|s| !s.host.is_empty() && s.port == 443);
                hosts
                    .flat_map(|s| {
                        [Dialect::Soap, Dialect::Pox].map(|d| autodiscover::at(d, &s.host, address))
                    })
                    .collect()
            }
            Err(why) => {
                self.tries.push(format!("SRV {name}: {why}"));
                Vec::new()
            }
        }
    }

    /// Asks one place and follows where it leads. It leads in a circle only where it comes back to itself; where another
    /// place led before, nothing more is to be found.
    async fn follow(&mut self, place: Candidate, address: &str) -> Result<Option<Tried>, Fault> {
        let (mut place, mut way) = (place, Vec::new());
        loop {
            if way.contains(&place.url) || way.len() > HOPS {
                self.tries.push(format!("{}: it leads in a circle", place.url));
                self.circles = true;
                return Ok(None);
            }
            if !self.asked.insert(format!("{:?} {address} {}", place.dialect, place.url)) {
                self.tries.push(format!("{}: asked before", place.url));
                return Ok(None);
            }
            way.push(place.url.clone());
            match self.ask(&place, address).await {
                Tried::Elsewhere(other) => {
                    self.tries.push(format!("{} -> {}", place.url, other.url));
                    place = other;
                }
                Tried::Nothing(why) => {
                    self.tries.push(format!("{}: {why}", place.url));
                    return Ok(None);
                }
                Tried::Address(other) => {
                    self.tries.push(format!("{}: ask for {other}", place.url));
                    return Ok(Some(Tried::Address(other)));
                }
                Tried::Refused(fault) => {
                    self.tries.push(format!("{}: {}", place.url, fault.evidence));
                    return Err(fault);
                }
                Tried::Found(url) => {
                    self.tries.push(format!("{}: {url}", place.url));
                    return Ok(Some(Tried::Found(url)));
                }
            }
        }
    }

    /// Asks without a sign-in first, because only then is told which ones there are.
    async fn signed(&mut self, visit: &mut Visit, path: &str, body: String) -> Result<http::Answer, Fault> {
        let question = || Question::post(path, "text/xml; charset=utf-8", body.clone()).only_reading();
        let first = visit.ask(self.cx, question()).await?;
        if first.status != 401 {
            return Ok(first);
        }
        if !self.may_know(&visit.site.host) {
            let words = format!("{} asks for a sign-in and belongs to another domain", visit.site.host);
            self.stranger.get_or_insert((visit.site.host.clone(), visit.site.port));
            return Err(Fault::fail("AUTODISCOVER_FOREIGN_HOST").shown(words));
        }
        visit.offered = first.schemes();
        let answer = visit.ask_signed(self.cx, question()).await?;
        match answer.status {
            401 => Err(self.refused(&answer)),
            _ => Ok(answer),
        }
    }

    fn refused(&self, answer: &http::Answer) -> Fault {
        if let Some(guarded) = super::guarded(answer) {
            return guarded.with("username", self.site.user.clone()).at(Step::Auth);
        }
        let error = Error::new(Kind::Unauthenticated, self.cx.side, "sign in", answer.shown());
        Fault::of_error(&error).at(Step::Auth)
    }

    /// Whether a host may be shown the account's password.
    fn may_know(&self, host: &str) -> bool {
        is_own(host, &self.own) || host.eq_ignore_ascii_case(&self.site.host)
    }

    async fn ask(&mut self, place: &Candidate, address: &str) -> Tried {
        let nothing = |why: &str| Tried::Nothing(why.to_owned());
        let Ok(url) = url::Url::parse(&place.url) else { return nothing("not a URL") };
        let Some(host) = url.host_str().filter(|_| url.scheme() == "https") else {
            return nothing("not https: no password is sent there");
        };
        let site =
            Site { host: host.to_owned(), port: url.port().unwrap_or(self.site.port), ..self.site.clone() };
        let mut visit = Visit::to(site);
        let way = async {
            visit.name(self.cx).await?;
            visit.connect(self.cx).await?;
            visit.secure(self.cx).await
        };
        if let Err(fault) = way.await {
            return Tried::Nothing(format!("{} ({})", fault.code, fault.evidence));
        }
        let path = &url[url::Position::BeforePath..];
        let answer = match autodiscover::question(place.dialect, &place.url, address) {
            None => visit.ask(self.cx, Question::get(path)).await,
            Some(body) => self.signed(&mut visit, path, body).await,
        };
        match answer {
            Ok(answer) => read(place, &url, &answer),
            Err(fault) if fault.step == Some(Step::Auth) || fault.code.starts_with("KERBEROS_") => {
                Tried::Refused(fault)
            }
            Err(fault) => Tried::Nothing(format!("{} ({})", fault.code, fault.evidence)),
        }
    }
}

/// What an answer leads to.
fn read(place: &Candidate, url: &url::Url, answer: &http::Answer) -> Tried {
    let elsewhere = |target: &str| match url.join(target) {
        Ok(target) => Tried::Elsewhere(Candidate { dialect: place.dialect, url: target.to_string() }),
        Err(_) => Tried::Nothing(format!("redirected to {target:?}")),
    };
    match answer.status {
        301 | 302 | 303 | 307 | 308 => match answer.header("location") {
            Some(location) => elsewhere(location),
            None => Tried::Nothing(answer.shown()),
        },
        200..=299 | 400 => match autodiscover::answer(place.dialect, &answer.body) {
            Answer::Ews(url) => Tried::Found(url),
            Answer::RedirectUrl(target) => elsewhere(&target),
            Answer::RedirectAddress(address) => Tried::Address(address),
            Answer::Error(words) => Tried::Nothing(words),
            Answer::NoEws => Tried::Nothing("it names no web services".to_owned()),
            Answer::Foreign => Tried::Nothing(format!("{}, not an answer of Autodiscover", answer.shown())),
        },
        _ => Tried::Nothing(answer.shown()),
    }
}
