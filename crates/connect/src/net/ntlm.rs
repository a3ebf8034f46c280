//! NTLM as a client, by a library: three messages on one connection, bound to the server's certificate.
//!
//! Knows nothing of HTTP. Kerberos has a place of its own: it needs a realm and somebody to ask.

use mailferry_model::secret::Secret;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation,
    Ntlm, SecurityBuffer, Sspi, SspiImpl, Username,
};

/// A sign-in in progress.
pub struct Handshake {
    ntlm: Ntlm,
    credentials: Option<AuthIdentityBuffers>,
    target: String,
}

/// What is bound into the sign-in, so that nobody in between can pass it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding(Vec<u8>);

impl Binding {
    /// To the certificate that the server shows.
    // RFC 5929 §4
    pub fn to(certificate: &CertificateDer<'_>) -> Self {
        let signed_with = x509_parser::parse_x509_certificate(certificate)
            .map(|(_, parsed)| parsed.signature_algorithm.algorithm.to_id_string())
            .unwrap_or_default();
        let hash = match signed_with.as_str() {
            "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
            "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
            // Of MD5 and SHA-1 it is SHA-256 as well.
            _ => Sha256::digest(certificate).to_vec(),
        };
        Self([b"tls-server-end-point:", hash.as_slice()].concat())
    }
}

impl Handshake {
    /// Begins for an account named `DOMAIN\USER` or `USER@DOMAIN`.
    ///
    /// # Errors
    /// The library's words.
    pub fn begin(
        user: &str,
        password: &Secret<String>,
        host: &str,
        binding: Option<&Binding>,
    ) -> Result<Self, String> {
        let words = |e: sspi::Error| e.to_string();
        let username = match user.split_once('\\') {
            Some((domain, user)) => Username::new(user, Some(domain)),
            None => Username::parse(user),
        };
        let username = username.map_err(|e| e.to_string())?;
        let identity = AuthIdentity { username, password: password.expose().clone().into() };
        let mut ntlm = Ntlm::new();
        if let Some(Binding(token)) = binding {
            ntlm.set_channel_bindings(token);
        }
        let acquired = ntlm
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(&identity)
            .execute(&mut ntlm)
            .map_err(words)?;
        Ok(Self { ntlm, credentials: acquired.credentials_handle, target: format!("HTTP/{host}") })
    }

    /// The next message: the first to nothing, the last to the server's challenge.
    ///
    /// # Errors
    /// The challenge makes no sense.
    // MS-NLMP 2.2.1
    pub fn next(&mut self, challenge: &[u8]) -> Result<Vec<u8>, String> {
        let words = |e: sspi::Error| e.to_string();
        let mut input = [SecurityBuffer::new(challenge.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        {
            let mut builder = self
                .ntlm
                .initialize_security_context()
                .with_credentials_handle(&mut self.credentials)
                .with_context_requirements(ClientRequestFlags::ALLOCATE_MEMORY)
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.target)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut step = self.ntlm.initialize_security_context_impl(&mut builder).map_err(words)?;
            step.resolve_to_result().map_err(words)?;
        }
        let [token] = output;
        Ok(token.buffer)
    }
}
