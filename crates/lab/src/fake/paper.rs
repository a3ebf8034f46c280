//! Certificates with exactly one flaw, and authorities to sign them.

use std::{io, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

const DAY: i64 = 86_400;

/// A root with an intermediate below it.
pub struct Authority {
    root: CertificateDer<'static>,
    root_pem: String,
    root_issuer: Issuer<'static, KeyPair>,
    between: CertificateDer<'static>,
    between_issuer: Issuer<'static, KeyPair>,
}

/// What a certificate says, and how it is shown.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Host names and addresses in the SAN.
    pub names: Vec<&'static str>,
    /// Begins and ends so many days from now.
    pub days: (i64, i64),
    /// Who signs it.
    pub signed_by: SignedBy,
    /// Whether what lies between it and the root is shown.
    pub shows_chain: bool,
    /// Where its issuer's certificate can be fetched.
    pub fetch: Option<&'static str>,
    /// What public authorities alone put in.
    pub mark: Option<Mark>,
    /// Whether it is one for servers.
    pub for_servers: bool,
    /// Whether the server wants a certificate of the client.
    pub asks_client: bool,
}

/// What tells a certificate of a public authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A proof that a public log holds it.
    Logged,
    /// The policy of the authorities that browsers know.
    Baseline,
}

/// Who signs a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// The authority's root.
    Root,
    /// The authority's intermediate.
    Between,
    /// Itself.
    Itself,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            names: vec!["localhost", "127.0.0.1"],
            days: (-30, 90),
            signed_by: SignedBy::Root,
            shows_chain: true,
            fetch: None,
            mark: None,
            for_servers: true,
            asks_client: false,
        }
    }
}

impl Authority {
    /// An authority of this name, whose intermediate begins and ends so many days from now.
    ///
    /// # Errors
    /// No key could be made.
    pub fn create(name: &str, between: (i64, i64)) -> io::Result<Self> {
        let root = ca(name, (-3650, 3650))?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = root.self_signed(&key).map_err(io::Error::other)?;
        let root_issuer = Issuer::new(root, key);
        let below = ca(&format!("{name} intermediate"), between)?;
        let below_key = KeyPair::generate().map_err(io::Error::other)?;
        let below_signed = below.signed_by(&below_key, &root_issuer).map_err(io::Error::other)?;
        Ok(Self {
            root: signed.der().clone(),
            root_pem: signed.pem(),
            root_issuer,
            between: below_signed.der().clone(),
            between_issuer: Issuer::new(below, below_key),
        })
    }

    /// Writes the root where clients can read it.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.root_pem)
    }

    /// A server's side of TLS with such a certificate.
    ///
    /// # Errors
    /// No certificate could be made.
    pub fn acceptor(&self, paper: &Paper) -> io::Result<TlsAcceptor> {
        let mut leaf = params(paper.names.first().copied().unwrap_or("nameless"), paper.days)?;
        for name in &paper.names {
            let name = (*name).to_owned();
            let more = CertificateParams::new(vec![name]).map_err(io::Error::other)?;
            leaf.subject_alt_names.extend(more.subject_alt_names);
        }
        let purpose = match paper.for_servers {
            true => ExtendedKeyUsagePurpose::ServerAuth,
            false => ExtendedKeyUsagePurpose::EmailProtection,
        };
        leaf.extended_key_usages = vec![purpose];
        leaf.use_authority_key_identifier_extension = true;
        leaf.custom_extensions.extend(paper.fetch.map(issuer_at));
        leaf.custom_extensions.extend(paper.mark.map(marked));
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = match paper.signed_by {
            SignedBy::Root => leaf.signed_by(&key, &self.root_issuer),
            SignedBy::Between => leaf.signed_by(&key, &self.between_issuer),
            SignedBy::Itself => leaf.self_signed(&key),
        };
        let mut chain = vec![signed.map_err(io::Error::other)?.der().clone()];
        if paper.shows_chain && paper.signed_by == SignedBy::Between {
            chain.push(self.between.clone());
        }
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match paper.asks_client {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(self.root.clone()).map_err(io::Error::other)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn params(name: &str, days: (i64, i64)) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = std::time::SystemTime::now();
    let at = |days: i64| {
        let seconds = std::time::Duration::from_secs((days.abs() * DAY).unsigned_abs());
        if days < 0 { now - seconds } else { now + seconds }
    };
    params.not_before = at(days.0).into();
    params.not_after = at(days.1).into();
    Ok(params)
}

fn ca(name: &str, days: (i64, i64)) -> io::Result<CertificateParams> {
    let mut ca = params(name, days)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(ca)
}

/// Authority Information Access with one place for the issuer's certificate.
// RFC 5280 §4.2.2.1
fn issuer_at(url: &str) -> CustomExtension {
    let location = tagged(0x86, url.as_bytes());
    let method = [&[0x06, 8][..], &[0x2b, 6, 1, 5, 5, 7, 0x30, 2]].concat();
    let described = tagged(0x30, &[method, location].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tagged(0x30, &described))
}

/// What public authorities alone put in; the proof itself is none.
// RFC 6962 §3.3, RFC 5280 §4.2.1.4
fn marked(mark: Mark) -> CustomExtension {
    match mark {
        Mark::Logged => {
            let oid = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
            CustomExtension::from_oid_content(&oid, tagged(0x04, &[0, 0]))
        }
        Mark::Baseline => {
            let policy = tagged(0x06, &[0x67, 0x81, 0x0c, 1, 2, 1]);
            CustomExtension::from_oid_content(&[2, 5, 29, 32], tagged(0x30, &tagged(0x30, &policy)))
        }
    }
}

/// Octets under a tag of DER; shorter than 128.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, content.len() as u8][..], content].concat()
}
