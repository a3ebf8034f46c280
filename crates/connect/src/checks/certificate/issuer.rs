//! Whose certificate is missing where nobody vouches for one: a public authority's intermediate, one below the
//! authority that the settings name, or the authority itself.
//!
//! Which authorities there are in the world is not known here. What is known: public ones put marks into what they
//! issue that others do not, and names that belong together have words in common.

use std::collections::BTreeSet;

use mailferry_model::finding::Verdict;
use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    x509::X509Name,
};

use super::{ALSO, Fault};
use crate::net::{
    Trust,
    tls::{Shown, authorities_of, authorities_of_system},
};

/// Names of public authorities, as their intermediates have them.
const PUBLIC: [&str; 26] = [
    "let's encrypt",
    "digicert",
    "sectigo",
    "comodo",
    "globalsign",
    "godaddy",
    "go daddy",
    "entrust",
    "google trust services",
    "amazon",
    "microsoft azure",
    "zerossl",
    "buypass",
    "ssl.com",
    "certum",
    "swisssign",
    "quovadis",
    "actalis",
    "harica",
    "telesec",
    "d-trust",
    "identrust",
    "starfield",
    "thawte",
    "geotrust",
    "rapidssl",
];

/// What many names of authorities hold, and tells nothing of whose they are.
const EVERYBODYS: [&str; 34] = [
    "root",
    "intermediate",
    "issuing",
    "enterprise",
    "subordinate",
    "authority",
    "certificate",
    "certification",
    "authentication",
    "global",
    "internal",
    "company",
    "corporate",
    "corp",
    "local",
    "domain",
    "network",
    "security",
    "secure",
    "server",
    "services",
    "trust",
    "trusted",
    "policy",
    "tls",
    "ssl",
    "rsa",
    "ecc",
    "inc",
    "ltd",
    "gmbh",
    "com",
    "org",
    "net",
];

/// The fault of a certificate whose issuer is not known.
pub(super) fn missing(shown: &Shown, chain: &[X509Certificate<'_>], trust: &Trust) -> Fault {
    let last = last(chain);
    let fault = |code: &'static str| {
        let fault = Fault::fail(code).with("issuer", last.issuer().to_string());
        let fault = fault.with("last", last.subject().to_string());
        match issuer_url(last) {
            Some(url) => fault.with("fetch", url),
            None => fault,
        }
    };
    let is_whole = last.subject() == last.issuer();
    let is_public = shown.public.is_err() && (is_marked(&chain[0]) || has_public_name(last));
    if is_public && !is_whole {
        return fault("CERTIFICATE_CHAIN_INCOMPLETE");
    }
    let Trust::Ca(_) = trust else {
        let store = authorities_of_system();
        let kin = (!is_whole && *trust == Trust::System).then(|| kin_in(last.issuer(), &store)).flatten();
        let Some(kin) = kin else { return fault("CERTIFICATE_PRIVATE_CA") };
        let words = format!("Probably: its name is like that of {kin}, whom this machine trusts.");
        return fault("CERTIFICATE_CHAIN_INCOMPLETE").with(ALSO, words).with("trusted", kin);
    };
    let given = authorities_of(trust);
    let given: Vec<_> =
        given.iter().filter_map(|der| x509_parser::parse_x509_certificate(der).ok()).collect();
    let names: Vec<_> = given.iter().map(|(_, authority)| authority.subject()).collect();
    let held: Vec<String> = names.iter().map(ToString::to_string).collect();
    let told = |code| fault(code).with("held", held.join(" and "));
    let is_kin = names.iter().any(|name| !words(name).is_disjoint(&words(last.issuer())));
    match () {
        () if is_renewed(chain, trust) => told("CERTIFICATE_OTHER_CA_FILE").with(
            ALSO,
            "The file holds one of the same name and another key: the authority was made anew, or it is another.",
        ),
        () if is_kin && !is_whole => told("CERTIFICATE_CHAIN_INCOMPLETE"),
        () if shown.public.is_ok() => {
            let fault = told("CERTIFICATE_OTHER_CA_FILE").with("known", "a public authority");
            fault.natively(Verdict::Pass)
        }
        () => told("CERTIFICATE_OTHER_CA_FILE"),
    }
}

/// The authority of a store to which an issuer probably belongs: of the same organisation, or called alike but for words
/// that many have. A store holds many, so a single word in common says nothing.
fn kin_in(issuer: &X509Name<'_>, store: &[CertificateDer<'_>]) -> Option<String> {
    let of = |name: &X509Name<'_>| {
        let organisation =
            name.iter_organization().next().and_then(|o| o.as_str().ok()).map(str::to_lowercase);
        (organisation, words(name))
    };
    let (organisation, called) = of(issuer);
    store.iter().filter_map(|der| x509_parser::parse_x509_certificate(der).ok()).find_map(|(_, authority)| {
        let (its_organisation, its_words) = of(authority.subject());
        let is_same = organisation.is_some() && organisation == its_organisation;
        let is_alike = !called.is_empty() && called == its_words;
        // The same name and another key is another authority.
        let is_kin = (is_same || is_alike) && authority.subject() != issuer;
        is_kin.then(|| authority.subject().to_string())
    })
}

/// Whether the file of authorities holds one of the name that is wanted: if it did not sign, it was made anew.
pub(super) fn is_renewed(chain: &[X509Certificate<'_>], trust: &Trust) -> bool {
    let wanted = last(chain).issuer();
    let given = authorities_of(trust);
    let mut given = given.iter().filter_map(|der| x509_parser::parse_x509_certificate(der).ok());
    given.any(|(_, authority)| authority.subject() == wanted)
}

/// The last certificate that is shown on the way from the server's own to its authority.
fn last<'a, 'b>(chain: &'a [X509Certificate<'b>]) -> &'a X509Certificate<'b> {
    let mut last = &chain[0];
    for _ in 1..chain.len() {
        match chain.iter().find(|c| c.subject() == last.issuer() && last.subject() != last.issuer()) {
            Some(above) => last = above,
            None => break,
        }
    }
    last
}

/// Whether it has marks of a public authority: the proof that a public log holds it, or the policy that browsers ask for.
// RFC 6962 §3.3, RFC 5280 §4.2.1.4
fn is_marked(leaf: &X509Certificate<'_>) -> bool {
    const LOGGED: &str = "1.3.6.1.4.1.11129.2.4.2";
    const BASELINE: &str = "2.23.140.1.";
    leaf.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => {
            policies.iter().any(|policy| policy.policy_id.to_id_string().starts_with(BASELINE))
        }
        _ => extension.oid.to_id_string() == LOGGED,
    })
}

fn has_public_name(certificate: &X509Certificate<'_>) -> bool {
    let issuer = certificate.issuer().to_string().to_lowercase();
    PUBLIC.iter().any(|name| issuer.contains(name))
}

/// The words of a name that tell whose it is.
fn words(name: &X509Name<'_>) -> BTreeSet<String> {
    const SHORTEST: usize = 3;
    let values = name.iter_attributes().filter_map(|attribute| attribute.as_str().ok());
    let words = values.flat_map(|value| value.split(|c: char| !c.is_alphanumeric()));
    let words = words.map(str::to_lowercase).filter(|word| word.chars().count() >= SHORTEST);
    words.filter(|word| !EVERYBODYS.contains(&word.as_str())).collect()
}

/// Where everybody can fetch the issuer's certificate.
// RFC 5280 §4.2.2.1
fn issuer_url(leaf: &X509Certificate<'_>) -> Option<String> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    leaf.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().find_map(|described| match &described.access_location {
                GeneralName::URI(url)
                    if described.access_method.to_id_string() == CA_ISSUERS && url.starts_with("http") =>
                {
                    Some((*url).to_owned())
                }
                _ => None,
            })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use mailferry_lab::fake::Authority;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn store(names: &[&str]) -> Vec<CertificateDer<'static>> {
        let folder = tempfile::tempdir().unwrap();
        let held = |name: &&str| {
            let path = folder.path().join("root.pem");
            Authority::create(name, (-365, 365)).unwrap().write(&path).unwrap();
            CertificateDer::from_pem_file(&path).unwrap()
        };
        names.iter().map(held).collect()
    }

    #[test]
    fn an_issuer_called_like_a_trusted_root_probably_belongs_to_it() {
        let store = store(&["Other Root", "Northwind Root CA", "Government Root Certification Authority"]);
        let kin = |name: &str| {
            let issuer = self::store(&[name]);
            let (_, issuer) = x509_parser::parse_x509_certificate(&issuer[0]).unwrap();
            kin_in(issuer.subject(), &store)
        };
        assert_eq!(kin("Northwind Issuing CA 2").as_deref(), Some("CN=Northwind Root CA"));
        // One word in common is not enough, no words at all neither, and the same name is another key.
        for name in ["Contoso Government CA", "Issuing CA", "Root CA 1", "Northwind Root CA", "Fabrikam CA"] {
            assert_eq!(kin(name), None, "{name}");
        }
    }
}
