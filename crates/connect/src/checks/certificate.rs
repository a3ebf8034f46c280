//! What is wrong with a certificate, by name: judged from what was shown and from what the verifier of the settings
//! says, which is the one that a copy would meet.

use std::net::IpAddr;

use jiff::Timestamp;
use mailferry_model::finding::Verdict;
use rustls::{
    CertificateError, client::verify_server_name, pki_types::ServerName, server::ParsedCertificate,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, public_key::PublicKey};

use super::{ALSO, Fault, Told, inspected};
use crate::net::{
    Trust,
    tls::{self, NotPinned, Shown, sha256_of},
};

mod issuer;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Certificates that end sooner are warned about.
const WARN_DAYS: i64 = 30;
/// The least that is taken today.
const LEAST_RSA_BITS: usize = 2048;

/// Where and when the certificate was shown.
pub struct Place<'a> {
    /// The name that was asked for.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Whom the settings trust.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
}

/// What the certificate of a handshake is worth.
///
/// # Errors
/// A copy would not accept it.
pub fn judge(shown: &Shown, at: &Place<'_>) -> Result<Told, Fault> {
    let parsed: Vec<X509Certificate<'_>> = shown
        .chain
        .iter()
        .filter_map(|der| x509_parser::parse_x509_certificate(der).ok().map(|p| p.1))
        .collect();
    let Some(leaf) = parsed.first() else {
        let words = "it cannot be read";
        return Err(Fault::fail("CERTIFICATE_UNACCEPTABLE").with("words", words).shown(words));
    };
    let card = Card::of(leaf, shown, at);
    let told = card.told(&parsed);
    match &shown.verdict {
        Err(error) => Err(card.dress(refused(error, shown, &parsed, &card, at), &parsed)),
        Ok(()) => {
            if let (Err(error), false) = (&shown.proof, matches!(at.trust, Trust::Nobody)) {
                let fault = weak(leaf).unwrap_or_else(|| unacceptable(error));
                return Err(card.dress(fault, &parsed));
            }
            Ok(told.but(worth_a_word(&parsed, &card, at).map(|fault| card.dress(fault, &parsed))))
        }
    }
}

/// What a verifier that knows the public authorities alone says: a row of its own.
pub fn judge_publicly(shown: &Shown, at: &Place<'_>) -> Told {
    match &shown.public {
        Ok(()) => Told::pass("a public authority vouches for it"),
        Err(error) => {
            let words = words_of(error);
            let fault = Fault::warn("CERTIFICATE_NOT_PUBLIC").with("words", words.clone()).shown(words);
            let (outcome, native) = (Verdict::Pass, Verdict::Fail);
            // An authority or a certificate that the administrator named is as good as any for us.
            Told::pass("").but(Some(Fault { outcome, ..fault.with("host", at.host) })).natively(native)
        }
    }
}

/// How long it lasts or has been over, in whole days: of what has ended, those that are over.
fn left(ends: Timestamp, now: Timestamp) -> String {
    match ends.as_second() - now.as_second() {
        over if over < 0 => format!("ended {} days ago", -over / DAY),
        left => format!("ends in {} days", left / DAY),
    }
}

/// What people want to know of a certificate.
struct Card {
    subject: String,
    issuer: String,
    names: Vec<String>,
    ends: Timestamp,
    begins: Timestamp,
    now: Timestamp,
    fingerprint: String,
    session: String,
    left_days: i64,
    /// It is not valid yet.
    is_early: bool,
    /// The host, where it is none of the names and the settings ask for that.
    unnamed: Option<String>,
    facts: Vec<(&'static str, String)>,
}

impl Card {
    fn of(leaf: &X509Certificate<'_>, shown: &Shown, at: &Place<'_>) -> Self {
        let time = |t: i64| Timestamp::from_second(t).unwrap_or(Timestamp::UNIX_EPOCH);
        let ends = time(leaf.validity().not_after.timestamp());
        let mut card = Self {
            subject: leaf.subject().to_string(),
            issuer: leaf.issuer().to_string(),
            names: names(leaf),
            ends,
            begins: time(leaf.validity().not_before.timestamp()),
            now: at.now,
            fingerprint: sha256_of(&shown.chain[0]),
            session: shown.session.clone(),
            is_early: leaf.validity().not_before.timestamp() > at.now.as_second(),
            unnamed: unnamed(shown, at),
            left_days: (ends.as_second() - at.now.as_second()).div_euclid(DAY),
            facts: Vec::new(),
        };
        card.facts = vec![
            ("host", at.host.to_owned()),
            ("port", at.port.to_string()),
            ("subject", card.subject.clone()),
            ("fingerprint", card.fingerprint.clone()),
            ("begins", day(card.begins)),
            ("now", day(at.now)),
            ("days", card.left_days.to_string()),
        ];
        card
    }

    fn evidence(&self, chain: &[X509Certificate<'_>]) -> String {
        let above: Vec<String> = chain.iter().skip(1).map(|c| c.subject().to_string()).collect();
        let above = if above.is_empty() { String::new() } else { format!("; chain: {}", above.join(" < ")) };
        format!(
            "{}; {} issued by {}; names {}; {} ({}); sha256 {}{above}",
            self.session,
            self.subject,
            self.issuer,
            if self.names.is_empty() { "none".to_owned() } else { self.names.join(", ") },
            left(self.ends, self.now),
            day(self.ends),
            self.fingerprint,
        )
    }

    fn told(&self, chain: &[X509Certificate<'_>]) -> Told {
        let told = Told::pass(self.evidence(chain));
        Told { seen: self.seen(), ..told }
    }

    fn seen(&self) -> std::collections::BTreeMap<String, serde_json::Value> {
        Told::default()
            .seen("certificateEnds", self.ends.to_string())
            .seen("certificateNames", self.names.clone())
            .seen("certificateIssuer", self.issuer.clone())
            .seen("certificateFingerprint", self.fingerprint.clone())
            .seen
    }

    /// What else is wrong with it: a verifier names the first fault alone.
    fn also(&self, code: &str) -> Vec<String> {
        let mut also = Vec::new();
        if self.left_days < 0 && code != "CERTIFICATE_EXPIRED" {
            also.push(format!("It has also expired, on {}: have it renewed.", day(self.ends)));
        }
        if self.is_early && code != "CERTIFICATE_NOT_YET_VALID" {
            also.push(format!("It is also not valid before {}.", day(self.begins)));
        }
        let of_names = ["CERTIFICATE_WRONG_NAME", "CERTIFICATE_NO_NAMES"].contains(&code);
        if let Some(host) = self.unnamed.as_ref().filter(|_| !of_names) {
            also.push(format!("It also does not name {host}."));
        }
        also
    }

    /// A fault with all that its text may speak of.
    fn dress(&self, mut fault: Fault, chain: &[X509Certificate<'_>]) -> Fault {
        fault.facts.extend(self.facts.iter().cloned());
        for (name, value) in [("issuer", self.issuer.clone()), ("ends", day(self.ends))] {
            if !fault.facts.iter().any(|(known, _)| *known == name) {
                fault.facts.push((name, value));
            }
        }
        if fault.outcome == Verdict::Fail {
            let also = self.also(&fault.code);
            fault.facts.extend(also.into_iter().map(|sentence| (ALSO, sentence)));
        }
        fault.seen = self.seen();
        fault.shown(self.evidence(chain))
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// The host, where the certificate does not name it; of a pinned one that is not asked.
fn unnamed(shown: &Shown, at: &Place<'_>) -> Option<String> {
    if matches!(at.trust, Trust::Fingerprint(_) | Trust::Nobody) {
        return None;
    }
    let leaf = ParsedCertificate::try_from(&shown.chain[0]).ok()?;
    let name = ServerName::try_from(at.host.trim_matches(['[', ']'])).ok()?;
    verify_server_name(&leaf, &name).is_err().then(|| at.host.to_owned())
}

/// Host names and addresses of the SAN.
fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(san)) = leaf.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    };
    san.value.general_names.iter().filter_map(name).collect()
}

/// The verifier said no: why, in our words.
fn refused(
    error: &rustls::Error,
    shown: &Shown,
    chain: &[X509Certificate<'_>],
    card: &Card,
    at: &Place<'_>,
) -> Fault {
    let rustls::Error::InvalidCertificate(reason) = error else { return unacceptable(error) };
    use CertificateError as E;
    match reason {
        E::Expired | E::ExpiredContext { .. } => expired(chain, card, at),
        E::NotValidYet | E::NotValidYetContext { .. } => Fault::fail("CERTIFICATE_NOT_YET_VALID"),
        E::NotValidForName | E::NotValidForNameContext { .. } => other_name(card, at),
        E::UnknownIssuer => unknown(shown, chain, at),
        E::BadSignature if issuer::is_renewed(chain, at.trust) => unknown(shown, chain, at),
        E::Revoked => Fault::fail("CERTIFICATE_REVOKED"),
        other if NotPinned::of(other).is_some() => Fault::fail("CERTIFICATE_NOT_PINNED"),
        other if tls::is_about_purpose(other) => {
            Fault::fail("CERTIFICATE_WRONG_PURPOSE").with("words", words_of(error))
        }
        _ if is_self_signed(&chain[0]) => Fault::fail("CERTIFICATE_SELF_SIGNED"),
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            let words = "it is the certificate of an authority";
            Fault::fail("CERTIFICATE_WRONG_PURPOSE").with("words", words)
        }
        _ => weak_in(chain).unwrap_or_else(|| unacceptable(error)),
    }
}

fn expired(chain: &[X509Certificate<'_>], card: &Card, at: &Place<'_>) -> Fault {
    if card.ends <= at.now {
        return Fault::fail("CERTIFICATE_EXPIRED");
    }
    let over = chain.iter().skip(1).find(|c| c.validity().not_after.timestamp() <= at.now.as_second());
    let fault = Fault::fail("CERTIFICATE_CHAIN_EXPIRED");
    match over {
        Some(over) => {
            let ends = Timestamp::from_second(over.validity().not_after.timestamp());
            fault.with("issuer", over.subject().to_string()).with("ends", ends.map(day).unwrap_or_default())
        }
        None => fault,
    }
}

fn other_name(card: &Card, at: &Place<'_>) -> Fault {
    if card.names.is_empty() {
        return Fault::fail("CERTIFICATE_NO_NAMES");
    }
    let fault = Fault::fail("CERTIFICATE_WRONG_NAME").with("names", card.names.join(", "));
    let domain = at.host.split_once('.').map_or("", |(_, domain)| domain);
    let usable = |name: &&String| !name.contains('*');
    let near = card.names.iter().filter(usable).find(|name| !domain.is_empty() && name.ends_with(domain));
    match near.or_else(|| card.names.iter().find(usable)) {
        Some(better) => fault.with("better", better.clone()),
        None => fault,
    }
}

/// Nobody that is trusted vouches for it.
fn unknown(shown: &Shown, chain: &[X509Certificate<'_>], at: &Place<'_>) -> Fault {
    if let Some(product) = chain.iter().find_map(|c| inspected::product(&c.issuer().to_string())) {
        return Fault::fail("CERTIFICATE_INSPECTED").with("product", product);
    }
    if is_self_signed(&chain[0]) {
        return Fault::fail("CERTIFICATE_SELF_SIGNED");
    }
    weak_in(chain).unwrap_or_else(|| issuer::missing(shown, chain, at.trust))
}

fn is_self_signed(leaf: &X509Certificate<'_>) -> bool {
    leaf.subject() == leaf.issuer() && leaf.verify_signature(None).is_ok()
}

/// A key or a signature that nobody takes any more, in the server's own certificate or above it.
fn weak_in(chain: &[X509Certificate<'_>]) -> Option<Fault> {
    chain.iter().filter(|c| c.subject() != c.issuer()).find_map(weak)
}

fn weak(certificate: &X509Certificate<'_>) -> Option<Fault> {
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
        && key.key_size() < LEAST_RSA_BITS
    {
        return Some(Fault::fail("CERTIFICATE_WEAK_KEY").with("bits", key.key_size().to_string()));
    }
    let method = match &*certificate.signature_algorithm.algorithm.to_id_string() {
        "1.2.840.113549.1.1.4" => "MD5",
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => "SHA-1",
        _ => return None,
    };
    Some(Fault::fail("CERTIFICATE_WEAK_SIGNATURE").with("method", method))
}

/// It is accepted; what should somebody know?
fn worth_a_word(chain: &[X509Certificate<'_>], card: &Card, at: &Place<'_>) -> Option<Fault> {
    if let Some(product) = inspected::product(&card.issuer) {
        let fault = Fault::warn("CERTIFICATE_INSPECTED").with("product", product);
        return Some(fault.natively(Verdict::Fail));
    }
    if *at.trust == Trust::Nobody {
        return Some(Fault::warn("NOT_VERIFIED").natively(Verdict::Fail));
    }
    // A pinned certificate is taken whatever its age; nobody else would take it.
    let stale = |code: &'static str| Some(Fault { outcome: Verdict::Warn, ..Fault::fail(code) });
    if card.ends <= card.now {
        return stale("CERTIFICATE_EXPIRED");
    }
    if card.is_early {
        return stale("CERTIFICATE_NOT_YET_VALID");
    }
    if card.left_days < WARN_DAYS {
        return Some(Fault::warn("CERTIFICATE_ENDS"));
    }
    if let Some(fault) = chain_ends(chain, at) {
        return Some(fault);
    }
    weak(chain.first()?).map(|fault| Fault { outcome: Verdict::Warn, ..fault })
}

/// What is above the server's own certificate and ends soon, as the server shows it.
fn chain_ends(chain: &[X509Certificate<'_>], at: &Place<'_>) -> Option<Fault> {
    let end = |c: &&X509Certificate<'_>| c.validity().not_after.timestamp();
    let first = chain.iter().skip(1).min_by_key(end)?;
    let days = (end(&first) - at.now.as_second()).div_euclid(DAY);
    (0..WARN_DAYS).contains(&days).then(|| {
        let ends = Timestamp::from_second(end(&first)).map(day).unwrap_or_default();
        let fault = Fault::warn("CERTIFICATE_CHAIN_ENDS").with("issuer", first.subject().to_string());
        fault.with("days", days.to_string()).with("ends", ends)
    })
}

fn unacceptable(error: &rustls::Error) -> Fault {
    Fault::fail("CERTIFICATE_UNACCEPTABLE").with("words", words_of(error))
}

fn words_of(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else { return error.to_string() };
    match reason {
        CertificateError::UnknownIssuer => "no public authority vouches for it".to_owned(),
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => "it is self-signed".to_owned(),
        other if tls::is_about_purpose(other) => tls::NOT_FOR_SERVERS.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_do_not_change_with_the_second() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (ends, told) in [
            (-3 * DAY, "ended 3 days ago"),
            (-3 * DAY - 1, "ended 3 days ago"),
            (-1, "ended 0 days ago"),
            (0, "ends in 0 days"),
            (19 * DAY - 1, "ends in 18 days"),
            (19 * DAY, "ends in 19 days"),
        ] {
            assert_eq!(left(at(1_000_000_000 + ends), at(1_000_000_000)), told);
        }
    }
}
