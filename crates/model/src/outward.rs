//! Which addresses this process may connect to.
//!
//! A command connects to whatever the person at the machine names, but never to link-local addresses nor to those that
//! clouds give their machines' secrets at: a name may lead there. A service connects where somebody says who may sit
//! elsewhere, and must not lend its place in the network to him. The rule is judged for each address, right before
//! connecting: a name may have another address by then.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outward {
    /// To every address but link-local ones: whoever asks may do that without us.
    #[default]
    Anywhere,
    /// To what a service may reach.
    Guarded(Guard),
}

/// What a service may reach beside public addresses. Link-local addresses, those that clouds give their machines'
/// secrets at, and the service's own are never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// This machine.
    pub loopback: bool,
    /// The networks of RFC 1918 and RFC 4193.
    pub private: bool,
    /// Where the service itself listens.
    pub listeners: Vec<SocketAddr>,
}

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Of this network segment alone, or where clouds tell their machines' secrets.
    LinkLocal,
    /// No address of one machine.
    NoHost,
    /// The service itself.
    Ourselves,
    /// This machine.
    Loopback,
    /// Of a private network.
    Private,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLocal => "link-local and metadata addresses are never connected to",
            Self::NoHost => "it is no address of a single machine",
            Self::Ourselves => "it is where this service listens",
            Self::Loopback => {
                "it is the service's own machine, which it connects to only with serve --allow-loopback"
            }
            Self::Private => "it is in a private network, which serve --deny-private keeps this service from",
        })
    }
}

impl Outward {
    /// Judges an address.
    ///
    /// # Errors
    /// Why it is not connected to.
    pub fn check(&self, address: SocketAddr) -> Result<(), Forbidden> {
        let ip = plain(address.ip());
        if is_link_local(ip) {
            return Err(Forbidden::LinkLocal);
        }
        let Self::Guarded(guard) = self else { return Ok(()) };
        let ours = |l: &SocketAddr| l.port() == address.port() && (plain(l.ip()) == ip || is_any_of(*l, ip));
        match () {
            () if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                Err(Forbidden::NoHost)
            }
            () if guard.listeners.iter().any(ours) => Err(Forbidden::Ourselves),
            () if ip.is_loopback() && !guard.loopback => Err(Forbidden::Loopback),
            () if is_private(ip) && !guard.private => Err(Forbidden::Private),
            () => Ok(()),
        }
    }

    /// Where this process listens on all its addresses: which these are, is the network's to say.
    pub fn listens_everywhere(&self, port: u16) -> bool {
        let Self::Guarded(guard) = self else { return false };
        guard.listeners.iter().any(|l| l.port() == port && l.ip().is_unspecified())
    }
}

/// A listener on all addresses is met at this machine's own.
fn is_any_of(listener: SocketAddr, ip: IpAddr) -> bool {
    listener.ip().is_unspecified() && ip.is_loopback()
}

/// The IPv4 address that stands in an IPv6 address, where the network takes it for that.
// RFC 4291 §2.5.5.2, RFC 6052 §2.1, RFC 3056 §2
fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => ip,
    }
}

/// Also where clouds answer their machines: most within 169.254/16, three elsewhere.
// RFC 3927 §2.1, RFC 4291 §2.5.6
fn is_link_local(ip: IpAddr) -> bool {
    const METADATA: [IpAddr; 3] = [
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    ];
    METADATA.contains(&ip)
        || match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        }
}

// RFC 1918 §3, RFC 4193 §3.1, RFC 6598 §7
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(guard: &Guard, text: &str) -> Option<Forbidden> {
        Outward::Guarded(guard.clone()).check(text.parse().unwrap()).err()
    }

    #[test]
    fn a_command_reaches_all_but_link_local_and_metadata() {
        for refused in ["169.254.1.1:993", "169.254.169.254:80", "[fe80::1]:993", "[fd00:ec2::254]:80"] {
            let told = Outward::Anywhere.check(refused.parse().unwrap());
            assert_eq!(told, Err(Forbidden::LinkLocal), "{refused}");
        }
        for allowed in ["127.0.0.1:993", "10.1.2.3:993", "[::1]:993", "192.0.2.1:993"] {
            assert_eq!(Outward::Anywhere.check(allowed.parse().unwrap()), Ok(()), "{allowed}");
        }
    }

    #[test]
    fn a_service_reaches_what_it_may() {
        use Forbidden::*;
        let listeners = vec!["192.0.2.9:8443".parse().unwrap()];
        let far = Guard { loopback: false, private: false, listeners };
        let near = Guard { loopback: true, private: true, listeners: vec!["0.0.0.0:8443".parse().unwrap()] };
        for (address, from_far, from_near) in [
            ("192.0.2.1:993", None, None),
            ("[2001:db8::1]:993", None, None),
            ("192.0.2.9:993", None, None),
            ("192.0.2.9:8443", Some(Ourselves), None),
            ("127.0.0.1:993", Some(Loopback), None),
            ("127.9.9.9:8443", Some(Loopback), Some(Ourselves)),
            ("[::1]:993", Some(Loopback), None),
            ("[::ffff:127.0.0.1]:993", Some(Loopback), None),
            ("10.1.2.3:993", Some(Private), None),
            ("172.31.0.1:993", Some(Private), None),
            ("172.32.0.1:993", None, None),
            ("192.168.0.1:993", Some(Private), None),
            ("100.64.0.1:993", Some(Private), None),
            ("[fd12::1]:993", Some(Private), None),
            ("[64:ff9b::a00:1]:993", Some(Private), None),
            ("[2002:a00:1::]:993", Some(Private), None),
            ("169.254.169.254:80", Some(LinkLocal), Some(LinkLocal)),
            ("[::ffff:169.254.169.254]:80", Some(LinkLocal), Some(LinkLocal)),
            ("[fd00:ec2::254]:80", Some(LinkLocal), Some(LinkLocal)),
            ("100.100.100.200:80", Some(LinkLocal), Some(LinkLocal)),
            ("192.0.0.192:80", Some(LinkLocal), Some(LinkLocal)),
            ("[fe80::1]:993", Some(LinkLocal), Some(LinkLocal)),
            ("0.0.0.0:993", Some(NoHost), Some(NoHost)),
            ("[::]:993", Some(NoHost), Some(NoHost)),
            ("224.0.0.1:993", Some(NoHost), Some(NoHost)),
            ("255.255.255.255:993", Some(NoHost), Some(NoHost)),
        ] {
            assert_eq!((judged(&far, address), judged(&near, address)), (from_far, from_near), "{address}");
            let anywhere = Outward::Anywhere.check(address.parse().unwrap()).err();
            assert_eq!(anywhere, from_near.filter(|why| *why == LinkLocal), "{address}");
        }
    }
}
