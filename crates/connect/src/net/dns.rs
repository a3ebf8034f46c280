//! Names: the system's resolver unless another DNS server is named, and why a name was not found.
//!
//! Asks, and judges nothing: which addresses may be connected to is decided elsewhere.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
};
use mailferry_model::{outward::Forbidden, port::Cx};
use tokio::net::lookup_host;

use super::tcp::within;

/// How long a name may take.
const RESOLVE: Duration = Duration::from_secs(15);
/// How long a named DNS server may take for one try, and how many there are.
const TRY: (Duration, usize) = (Duration::from_secs(2), 1);

/// Aliases that are followed to see whether they come back.
const ALIASES: usize = 16;

/// Why a name was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// NXDOMAIN.
    NoSuchName,
    /// The name is there, without an address.
    NoAddress,
    /// Names that stand for each other: from the first to where it comes back.
    Circle(Vec<String>),
    /// SERVFAIL.
    ServerFailed,
    /// REFUSED.
    Refused,
    /// No answer in time.
    Silent,
    /// The run was cancelled.
    Cancelled,
    /// This process may not ask the DNS server that was named.
    NotAllowed(Forbidden),
    /// Something else, in the resolver's words.
    Other(String),
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unresolved::NoSuchName => "the name does not exist",
            Unresolved::NoAddress => "the name has no address",
            Unresolved::Circle(names) => return f.write_str(&names.join(" -> ")),
            Unresolved::ServerFailed => "the DNS server failed (SERVFAIL)",
            Unresolved::Refused => "the DNS server refuses to answer (REFUSED)",
            Unresolved::Silent => "the DNS server does not answer",
            Unresolved::Cancelled => "stopped",
            Unresolved::NotAllowed(why) => return write!(f, "the DNS server is not asked: {why}"),
            Unresolved::Other(words) => words,
        })
    }
}

/// Whom to ask for names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Whom this system asks: hosts file, DNS and whatever else it knows.
    #[default]
    System,
    /// This DNS server alone.
    Server(SocketAddr),
}

impl Names {
    /// Reads `ADDRESS` or `ADDRESS:PORT`.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address = text
            .parse::<SocketAddr>()
            .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
        address.map(Names::Server).map_err(|_| {
            "resolver: not the address of a DNS server, as 192.0.2.53 or 192.0.2.53:5353".to_owned()
        })
    }
}

/// The addresses of a host; an address stands for itself.
///
/// # Errors
/// Why there are none.
pub async fn addresses(cx: &Cx, names: Names, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Ok(vec![address]);
    }
    match asked(cx, names, bare).await {
        // Resolvers say of such names that they have no address, or that they gave up.
        Err(why @ (Unresolved::NoAddress | Unresolved::Other(_) | Unresolved::ServerFailed)) => {
            Err(circle(cx, names, bare).await.map_or(why, Unresolved::Circle))
        }
        Ok(found) if found.is_empty() => Err(Unresolved::NoAddress),
        told => told,
    }
}

async fn asked(cx: &Cx, names: Names, bare: &str) -> Result<Vec<IpAddr>, Unresolved> {
    match names {
        Names::System => in_time(cx, lookup_host((bare, 0))).await?.map_err(of_system).map(|all| {
            let mut addresses: Vec<IpAddr> = Vec::new();
            all.map(|a| a.ip()).for_each(|ip| {
                if !addresses.contains(&ip) {
                    addresses.push(ip)
                }
            });
            addresses
        }),
        Names::Server(server) => {
            let resolver = of_server(cx, server)?;
            match in_time(cx, resolver.lookup_ip(rooted(bare))).await?.map_err(|e| of_dns(&e)) {
                Ok(answer) => Ok(answer.iter().collect()),
                // Two questions were asked, and one answer says nothing of the other.
                Err(Unresolved::NoAddress) => match records(cx, names, Question::Address, bare).await {
                    Ok(_) | Err(Unresolved::NoSuchName | Unresolved::NoAddress) => Err(Unresolved::NoAddress),
                    Err(why) => Err(why),
                },
                Err(why) => Err(why),
            }
        }
    }
}

/// The names from one to where its aliases come back to one of them.
// RFC 1034 §3.6.2
async fn circle(cx: &Cx, names: Names, name: &str) -> Option<Vec<String>> {
    let resolver = match names {
        Names::System => of_this_system().ok()?,
        Names::Server(server) => of_server(cx, server).ok()?,
    };
    let mut way = vec![name.to_lowercase()];
    while way.len() <= ALIASES {
        let last = rooted(way.last()?);
        let answer = in_time(cx, resolver.lookup(last, RecordType::CNAME)).await.ok()?.ok()?;
        let next = answer.answers().iter().find_map(|record| match &record.data {
            RData::CNAME(to) => Some(to.0.to_utf8().trim_end_matches('.').to_lowercase()),
            _ => None,
        })?;
        let is_back = way.contains(&next);
        way.push(next);
        if is_back {
            return Some(way);
        }
    }
    None
}

/// A service of a domain, from its SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The host; `.` says that the domain offers no such service.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Lower is asked first.
    pub priority: u16,
    /// Among equals the larger is likelier.
    pub weight: u16,
}

/// The SRV records of a name such as `_imaps._tcp.example.org`, best first.
///
/// # Errors
/// Why there are none.
// RFC 2782, RFC 6186 §3
pub async fn services(cx: &Cx, names: Names, name: &str) -> Result<Vec<Service>, Unresolved> {
    let resolver = match names {
        Names::System => of_this_system()?,
        Names::Server(server) => of_server(cx, server)?,
    };
    let answer = in_time(cx, resolver.srv_lookup(rooted(name))).await?.map_err(|e| of_dns(&e))?;
    let mut found: Vec<Service> = (answer.answers().iter())
        .filter_map(|record| match &record.data {
            RData::SRV(srv) => Some(Service {
                host: srv.target.to_utf8().trim_end_matches('.').to_owned(),
                port: srv.port,
                priority: srv.priority,
                weight: srv.weight,
            }),
            _ => None,
        })
        .collect();
    found.sort_by_key(|s| (s.priority, std::cmp::Reverse(s.weight)));
    Ok(found)
}

/// The hosts that take a domain's mail, best first.
///
/// # Errors
/// Why there are none.
// RFC 5321 §5.1
pub async fn mail_servers(cx: &Cx, names: Names, domain: &str) -> Result<Vec<String>, Unresolved> {
    let resolver = match names {
        Names::System => of_this_system()?,
        Names::Server(server) => of_server(cx, server)?,
    };
    let answer = in_time(cx, resolver.mx_lookup(rooted(domain))).await?.map_err(|e| of_dns(&e))?;
    let mut found: Vec<(u16, String)> = (answer.answers().iter())
        .filter_map(|record| match &record.data {
            RData::MX(mx) => {
                Some((mx.preference, mx.exchange.to_utf8().trim_end_matches('.').to_lowercase()))
            }
            _ => None,
        })
        .collect();
    found.sort();
    Ok(found.into_iter().map(|(_, host)| host).collect())
}

/// What is asked of a name beside its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who takes its mail.
    Mx,
    /// Its texts.
    Txt,
    /// The name that it stands for.
    Cname,
    /// Its addresses, those of IP version 4.
    Address,
    /// The service that it is.
    Srv,
}

impl Question {
    fn kind(self) -> RecordType {
        match self {
            Self::Mx => RecordType::MX,
            Self::Txt => RecordType::TXT,
            Self::Cname => RecordType::CNAME,
            Self::Address => RecordType::A,
            Self::Srv => RecordType::SRV,
        }
    }
}

/// The records of a name, as zone files write them, and the seconds that others may keep them.
///
/// # Errors
/// Why there are none.
pub async fn records(
    cx: &Cx,
    names: Names,
    question: Question,
    name: &str,
) -> Result<(Vec<String>, u32), Unresolved> {
    let resolver = match names {
        Names::System => of_this_system()?,
        Names::Server(server) => of_server(cx, server)?,
    };
    let answer =
        in_time(cx, resolver.lookup(rooted(name), question.kind())).await?.map_err(|e| of_dns(&e))?;
    let records = answer.answers().iter().filter(|record| record.data.record_type() == question.kind());
    let host = |name: &hickory_resolver::proto::rr::Name| name.to_utf8().trim_end_matches('.').to_lowercase();
    let found = records.map(|record| {
        let text = match &record.data {
            RData::MX(mx) => format!("{} {}", mx.preference, host(&mx.exchange)),
            RData::CNAME(to) => host(&to.0),
            // RFC 7208 §3.3: the strings of one record belong together, without a space.
            RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
            RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, host(&srv.target)),
            other => other.to_string(),
        };
        (text, record.ttl)
    });
    let found: Vec<(String, u32)> = found.collect();
    let ttl = found.iter().map(|(_, ttl)| *ttl).max().ok_or(Unresolved::NoAddress)?;
    let mut values: Vec<String> = found.into_iter().map(|(text, _)| text).collect();
    values.sort();
    Ok((values, ttl))
}

/// A name that no search list is added to.
fn rooted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

async fn in_time<T>(cx: &Cx, asking: impl Future<Output = T>) -> Result<T, Unresolved> {
    let answer = within(cx, "resolve name", RESOLVE, asking).await;
    answer.map_err(|_| if cx.cancel.is_cancelled() { Unresolved::Cancelled } else { Unresolved::Silent })
}

fn of_this_system() -> Result<TokioResolver, Unresolved> {
    let other = |e: NetError| Unresolved::Other(e.to_string());
    TokioResolver::builder_tokio().map_err(other)?.build().map_err(other)
}

fn of_server(cx: &Cx, server: SocketAddr) -> Result<TokioResolver, Unresolved> {
    cx.outward.check(server).map_err(Unresolved::NotAllowed)?;
    let at = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let both = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    let config =
        ResolverConfig::from_parts(None, Vec::new(), vec![NameServerConfig::new(server.ip(), true, both)]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    (builder.options_mut().timeout, builder.options_mut().attempts) = TRY;
    builder.build().map_err(|e| Unresolved::Other(e.to_string()))
}

fn of_dns(error: &NetError) -> Unresolved {
    match error {
        NetError::Timeout | NetError::NoConnections => Unresolved::Silent,
        NetError::Dns(DnsError::NoRecordsFound(none)) => of_code(none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => of_code(*code),
        // A server that is not there refuses the datagram.
        NetError::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => Unresolved::Silent,
        other => Unresolved::Other(other.to_string()),
    }
}

fn of_code(code: ResponseCode) -> Unresolved {
    match code {
        ResponseCode::NXDomain => Unresolved::NoSuchName,
        ResponseCode::NoError => Unresolved::NoAddress,
        ResponseCode::ServFail => Unresolved::ServerFailed,
        ResponseCode::Refused => Unresolved::Refused,
        other => Unresolved::Other(other.to_string()),
    }
}

/// What the system's resolver says is known by its words alone: `getaddrinfo` has numbers for it that are not
/// handed on.
fn of_system(error: io::Error) -> Unresolved {
    let words = error.to_string();
    match () {
        () if words.contains("not known") || words.contains("nodename nor servname") => {
            Unresolved::NoSuchName
        }
        () if words.contains("No address associated") => Unresolved::NoAddress,
        () if words.contains("Temporary failure") => Unresolved::Silent,
        () => Unresolved::Other(words),
    }
}
