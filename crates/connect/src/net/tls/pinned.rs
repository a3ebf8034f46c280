//! The one certificate to trust, known by its fingerprint, or any. Judges neither name nor age.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest, Sha256};

/// Another certificate than the pinned one.
#[derive(Debug)]
pub struct NotPinned {
    shown: [u8; 32],
    wanted: [u8; 32],
}

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |digest: &[u8; 32]| digest.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (shown, wanted) = (hex(&self.shown), hex(&self.wanted));
        write!(
            f,
            "the certificate is not the pinned one: the server shows SHA-256 {shown}, wanted is {wanted}"
        )
    }
}

impl std::error::Error for NotPinned {}

impl NotPinned {
    /// Whether that is why a certificate was refused.
    pub fn of(reason: &CertificateError) -> Option<&Self> {
        match reason {
            CertificateError::Other(other) => other.0.downcast_ref(),
            _ => None,
        }
    }
}

/// Accepts one certificate, or any; still checks that the server holds its key.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Its SHA-256; `None`: any.
    pub pinned: Option<[u8; 32]>,
    /// What checks signatures.
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown: [u8; 32] = Sha256::digest(end_entity).into();
        match self.pinned {
            Some(pinned) if pinned != shown => {
                let differs = OtherError(Arc::new(NotPinned { shown, wanted: pinned }));
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(differs)))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
