//! A verifier that also notes what was shown, so that a refusal can name the certificate that might be pinned.

use std::sync::{Arc, OnceLock};

use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// Judges as another does, and notes the fingerprint.
#[derive(Debug)]
pub(super) struct Noting {
    judge: Arc<dyn ServerCertVerifier>,
    shown: OnceLock<String>,
}

impl Noting {
    /// Over that judge.
    pub fn over(judge: Arc<dyn ServerCertVerifier>) -> Arc<Self> {
        Arc::new(Self { judge, shown: OnceLock::new() })
    }

    /// The SHA-256 of the certificate that was shown, in hex.
    pub fn shown(&self) -> Option<&str> {
        self.shown.get().map(String::as_str)
    }
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.shown.get_or_init(|| super::sha256_of(leaf));
        self.judge.verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
