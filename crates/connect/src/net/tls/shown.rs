//! A handshake that looks at everything: what the server shows, what the verifier says of it, and what a public one
//! would. It accepts whatever comes, so what is learned on it must be judged before a secret is sent.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mailferry_model::{Kind, port::Cx};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Trust, verifier};
use crate::net::tcp::within;

/// What was shown in a handshake, and what verifiers say of it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The certificates, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The verifier of the settings: what a copy would meet.
    pub verdict: Result<(), rustls::Error>,
    /// A verifier that knows the public authorities alone, as Microsoft 365 does.
    pub public: Result<(), rustls::Error>,
    /// Whether the server holds the key of its certificate.
    pub proof: Result<(), rustls::Error>,
    /// TLS version and cipher suite.
    pub session: String,
}

/// Why no handshake came about.
#[derive(Debug)]
pub enum Broken {
    /// TLS itself.
    Tls(rustls::Error),
    /// The connection.
    Io(io::Error),
    /// No answer in time.
    Silent,
    /// The run was cancelled.
    Cancelled,
    /// Whom to trust cannot be read, or the name is none.
    Settings(String),
}

/// Shakes hands and accepts any certificate; what came is told.
///
/// # Errors
/// What broke.
pub async fn shake(
    cx: &Cx,
    trust: &Trust,
    host: &str,
    limit: Duration,
    tcp: TcpStream,
) -> Result<(TlsStream<TcpStream>, Shown), Broken> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder {
        trusted: verifier(trust, provider.clone()).map_err(Broken::Settings)?,
        public: public(provider.clone()).map_err(Broken::Settings)?,
        seen: Mutex::default(),
    });
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(|e| Broken::Settings(format!("{host}: {e}")))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Broken::Settings(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone())
        .with_no_client_auth();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let answer = within(cx, "secure connection", limit, connecting).await.map_err(|e| match e.kind() {
        Kind::Cancelled => Broken::Cancelled,
        _ => Broken::Silent,
    })?;
    let stream = answer.map_err(|e| {
        let reason = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        reason.map_or_else(|| Broken::Io(e), Broken::Tls)
    })?;
    tracing::debug!(side = ?cx.side, session = super::session_of(&stream), "a handshake came about");
    let seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    let shown = Shown {
        chain: seen.chain,
        verdict: seen.verdict,
        public: seen.public,
        proof: seen.proof,
        session: super::session_of(&stream),
    };
    Ok((stream, shown))
}

fn public(provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    Ok(verifier.map_err(|e| e.to_string())?)
}

#[derive(Debug)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    verdict: Result<(), rustls::Error>,
    public: Result<(), rustls::Error>,
    proof: Result<(), rustls::Error>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { chain: Vec::new(), verdict: Ok(()), public: Ok(()), proof: Ok(()) }
    }
}

/// Remembers, and accepts.
#[derive(Debug)]
struct Recorder {
    trusted: Arc<dyn ServerCertVerifier>,
    public: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<Seen>>,
}

impl Recorder {
    fn proven(
        &self,
        answer: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get_or_insert_default().proof = answer.map(drop);
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.trusted.verify_server_cert(leaf, others, name, ocsp, now).map(drop);
        let public = self.public.verify_server_cert(leaf, others, name, ocsp, now).map(drop);
        let chain = std::iter::once(leaf).chain(others).map(|c| c.clone().into_owned()).collect();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Seen { chain, verdict, public, proof: Ok(()) });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.proven(self.trusted.verify_tls12_signature(message, leaf, signed))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.proven(self.trusted.verify_tls13_signature(message, leaf, signed))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trusted.supported_verify_schemes()
    }
}
