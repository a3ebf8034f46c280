//! TLS: whom to trust, the handshake, and why it failed in words that help.
//!
//! Uses rustls with ring everywhere. Turning verification off is possible only on request and is logged loudly.

use std::{fmt, path::PathBuf, sync::Arc};

use mailferry_model::{
    Error, Kind, Result, Side,
    port::Cx,
    settings::{SettingSpec, Takes},
};
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::{noting::Noting, pinned::Pinned};
use super::{once, tcp::within};

mod noting;
mod pinned;
mod shown;

pub use pinned::NotPinned;
pub use shown::{Broken, Shown, shake};

/// The setting that names authorities, for manifests.
pub const CA_FILE: SettingSpec = SettingSpec::optional(
    "ca-file",
    Takes::Path,
    None,
    "Certificate authorities to trust instead of the system's (PEM).",
)
.aiming();
/// The same by value: what a command line reads that is on another machine than the worker.
pub const CA: SettingSpec = SettingSpec::optional(
    "ca",
    Takes::Certificates,
    None,
    "The same as text, where the file lies elsewhere: --ca-file sends it to a service.",
)
.aiming();
/// The setting that pins a certificate.
pub const FINGERPRINT: SettingSpec =
    SettingSpec::optional("fingerprint", Takes::Text, None, "SHA-256 of the one certificate to trust.")
        .aiming();
/// The setting that gives trust away.
pub const VERIFY: SettingSpec = SettingSpec::optional(
    "verify",
    Takes::OneOf(&["on", "off"]),
    Some("on"),
    "off: trust any certificate. Not for production.",
)
.aiming();

/// How long a handshake may take.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(20);

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The roots of this system.
    System,
    /// These authorities, and no other.
    Ca(Authorities),
    /// Exactly the certificate with this SHA-256 fingerprint, whatever its name and age.
    Fingerprint([u8; 32]),
    /// Anybody: the administrator said so.
    Nobody,
}

/// Authorities in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// In this file, which is read each time.
    File(PathBuf),
    /// In this text.
    Text(Arc<str>),
}

impl Authorities {
    /// The certificates.
    ///
    /// # Errors
    /// One sentence.
    fn read(&self) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
        let read = match self {
            Self::File(path) => CertificateDer::pem_file_iter(path).and_then(Iterator::collect),
            Self::Text(text) => CertificateDer::pem_slice_iter(text.as_bytes()).collect(),
        };
        read.map_err(|e| self.unusable(&e))
    }

    fn unusable(&self, why: &dyn fmt::Display) -> String {
        match self {
            Self::File(path) => format!("CA file {}: {why}", path.display()),
            Self::Text(_) => format!("the given certificate authorities: {why}"),
        }
    }

    fn roots(&self) -> std::result::Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        for certificate in self.read()? {
            store.add(certificate).map_err(|e| self.unusable(&e))?;
        }
        match store.is_empty() {
            true => Err(self.unusable(&"there is no certificate in it")),
            false => Ok(store),
        }
    }
}

/// What a server showed.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// TLS version and cipher suite.
    pub session: String,
    /// Whom it names.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// When it ends, seconds since 1970.
    pub ends: i64,
    /// SHA-256 in hex.
    pub fingerprint: String,
}

/// Secures a connection.
///
/// # Errors
/// `Tls` with the reason: expired, wrong name, unknown issuer … or that the other side speaks no TLS.
pub async fn secure(cx: &Cx, trust: &Trust, host: &str, tcp: TcpStream) -> Result<TlsStream<TcpStream>> {
    let refused = |text: String| Error::new(Kind::Tls, cx.side, "secure connection", text);
    let (config, noted) = config(trust).map_err(refused)?;
    if *trust == Trust::Nobody && once::is_first(cx.side, host, "not verified") {
        tracing::warn!(side = ?cx.side, "the server's certificate is NOT verified, as the settings say");
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(|e| refused(format!("{host}: {e}")))?;
    let connector = TlsConnector::from(Arc::new(config));
    let answer = within(cx, "secure connection", HANDSHAKE, connector.connect(name, tcp)).await?;
    answer.map_err(|e| {
        let reason = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let text = reason.map_or_else(|| e.to_string(), |r| explain(r, host));
        let is_target = cx.side == Side::Target;
        match reason {
            Some(rustls::Error::InvalidCertificate(r)) if NotPinned::of(r).is_some() => {
                let codes = ["SOURCE_FINGERPRINT_DIFFERS", "TARGET_FINGERPRINT_DIFFERS"];
                refused(text).because(e).code_of(codes[usize::from(is_target)])
            }
            Some(rustls::Error::InvalidCertificate(_)) => {
                let shown = noted.shown().map(|shown| format!("; the server shows SHA-256 {shown}"));
                refused(text + &shown.unwrap_or_default()).because(e)
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                let codes = ["SOURCE_TLS_PLAIN_TEXT", "TARGET_TLS_PLAIN_TEXT"];
                refused(text).because(e).code_of(codes[usize::from(is_target)])
            }
            _ => refused(text).because(e),
        }
    })
}

/// What the server showed in a handshake.
pub fn certificate(stream: &TlsStream<TcpStream>) -> Option<Certificate> {
    let (_, session) = stream.get_ref();
    let der = session.peer_certificates()?.first()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(Certificate {
        session: session_of(stream),
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        ends: parsed.validity().not_after.timestamp(),
        fingerprint: sha256_of(der),
    })
}

/// By which a certificate is pinned: its SHA-256, in hex.
pub fn sha256_of(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|b| format!("{b:02x}")).collect()
}

/// TLS version and cipher suite.
fn session_of(stream: &TlsStream<TcpStream>) -> String {
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().and_then(|v| v.as_str()).unwrap_or("TLS");
    let suite = session.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("?");
    format!("{version} {suite}")
}

fn config(trust: &Trust) -> std::result::Result<(ClientConfig, Arc<Noting>), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let noting = Noting::over(verifier(trust, provider)?);
    Ok((builder.dangerous().with_custom_certificate_verifier(noting.clone()).with_no_client_auth(), noting))
}

/// Who judges certificates: the same for copies and for tests.
fn verifier(
    trust: &Trust,
    provider: Arc<CryptoProvider>,
) -> std::result::Result<Arc<dyn ServerCertVerifier>, String> {
    Ok(match trust {
        Trust::System => {
            Arc::new(Verifier::new(provider).map_err(|e| unfound().unwrap_or_else(|| e.to_string()))?)
        }
        Trust::Ca(authorities) => {
            let roots = Arc::new(authorities.roots()?);
            WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(|e| e.to_string())?
        }
        Trust::Fingerprint(pinned) => Arc::new(Pinned { pinned: Some(*pinned), provider }),
        Trust::Nobody => Arc::new(Pinned { pinned: None, provider }),
    })
}

/// Whether these can be trusted at all: a file of authorities is there and holds one.
///
/// # Errors
/// One sentence.
pub fn check(trust: &Trust) -> std::result::Result<(), String> {
    match trust {
        Trust::Ca(authorities) => authorities.roots().map(drop),
        Trust::System | Trust::Fingerprint(_) | Trust::Nobody => Ok(()),
    }
}

/// Why this system has no authorities, where it tells: a file that it was told to read is not there.
fn unfound() -> Option<String> {
    let found = rustls_native_certs::load_native_certs();
    let words = found.errors.first().filter(|_| found.certs.is_empty())?;
    Some(format!("No certificate authority can be read: {words}"))
}

/// Said of a certificate without the purpose that servers need.
// RFC 5280 §4.2.1.12
pub const NOT_FOR_SERVERS: &str = "serverAuth is not among its extended key usages";

/// Whether a certificate was refused for its purpose; the platform's verifier has a word of its own for that.
pub fn is_about_purpose(reason: &CertificateError) -> bool {
    matches!(reason, CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. })
        || format!("{reason:?}").contains("EkuError")
}

/// 64 hexadecimal digits, with or without colons.
pub fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let text = text.get(..7).filter(|p| p.eq_ignore_ascii_case("sha256:")).map_or(text, |_| &text[7..]);
    let digits: Vec<u8> =
        text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok())?
}

/// The certificates of the authorities that were given, where some were.
pub fn authorities_of(trust: &Trust) -> Vec<CertificateDer<'static>> {
    let Trust::Ca(authorities) = trust else { return Vec::new() };
    authorities.read().unwrap_or_default()
}

/// The certificates that this system trusts; `SSL_CERT_FILE` stands before its own.
pub fn authorities_of_system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Why a handshake failed, for people.
fn explain(error: &rustls::Error, host: &str) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => {
                "the server answers in plain text where TLS is expected".to_owned()
            }
            other => other.to_string(),
        };
    };
    if let Some(differs) = NotPinned::of(reason) {
        return differs.to_string();
    }
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = match reason {
                CertificateError::NotValidForNameContext { presented, .. } => presented.join(", "),
                _ => String::new(),
            };
            format!("the certificate is for another name than {host} ({names})")
        }
        CertificateError::UnknownIssuer => {
            "the certificate's issuer is not known; give its CA file or the certificate's fingerprint"
                .to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        other if is_about_purpose(other) => {
            format!("the certificate is not one for servers: {NOT_FOR_SERVERS}")
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the certificate is self-signed; give its fingerprint".to_owned()
        }
        other => format!("the certificate is not acceptable: {other}"),
    }
}
