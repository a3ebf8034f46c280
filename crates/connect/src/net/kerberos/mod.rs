//! Kerberos as a client, by a library: tickets from a KDC, one message to the server, and the server's proof.
//!
//! Knows nothing of HTTP, and judges nothing: what a refusal means is said by the checks. Each sign-in asks the KDC
//! anew; no ticket is kept. Nothing is bound to the server's certificate: what the library writes for it is refused by
//! others than Windows (decision 20). The library reads `krb5.conf` for its `domain_realm` alone: which KDC is asked is decided
//! here.

use jiff::SignedDuration;
use mailferry_model::{port::Cx, secret::Secret};
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, Credentials, CredentialsBuffers, DataRepresentation,
    KerberosConfig, Negotiate, NegotiateConfig, SecurityBuffer, Sspi, SspiImpl, Username,
    generator::GeneratorState,
};

pub mod answer;
mod kdc;

pub use answer::Refusal;
pub use kdc::{Kdc, Place};

use answer::{Answer, Asked};

/// Where the library believes the KDC to be: what it asks elsewhere is of another realm.
const KDC: &str = "tcp://kdc.invalid:88";
/// AES with 256 bits, the only key with which the library proves that it knows a password.
// RFC 3962 §7
const AES_256: u32 = 18;

/// An account in a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name there; one with `@` is asked for as it is (an enterprise name).
    pub name: String,
    /// The realm, in capitals.
    pub realm: String,
}

impl Principal {
    /// Of an account named `DOMAIN\USER`, `USER@DOMAIN` or, where the realm is given, `USER`.
    // RFC 6806 §5
    pub fn of(user: &str, realm: Option<&str>) -> Option<Self> {
        let (name, domain) = match (user.split_once('\\'), user.rsplit_once('@')) {
            (Some((domain, name)), _) => (name, Some(domain)),
            // The end of a UPN may be another than the realm: then the directory knows whose it is.
            (None, Some((_, suffix))) if realm.is_some_and(|r| !r.eq_ignore_ascii_case(suffix)) => {
                (user, None)
            }
            (None, Some((name, suffix))) => (name, Some(suffix)),
            (None, None) => (user, None),
        };
        let realm = realm.or(domain).filter(|realm| !realm.is_empty())?;
        Some(Self { name: name.to_owned(), realm: realm.to_uppercase() })
    }
}

/// Why there is no message to the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing says which realm the account is of.
    NoRealm,
    /// Nobody names a KDC of the realm; what DNS said.
    NotFound(String),
    /// The KDC is not reached; what the last address said.
    Unreachable(String),
    /// It was asked, and what came is no answer.
    NoAnswer(String),
    /// It says no.
    Refused(Refusal),
    /// It knows the server in this realm alone, whose KDC nobody named.
    OtherRealm(String),
    /// It gives tickets without asking who we are, which the library does not take.
    NoProof,
    /// It has other keys of the account than AES-256: these encryption types.
    NoKey(Vec<u32>),
    /// The library's words.
    Library(String),
}

/// A sign-in in progress.
pub struct Handshake {
    negotiate: Negotiate,
    credentials: Option<CredentialsBuffers>,
    target: String,
    /// How far the KDC's clock is ahead of ours, as far as it was told.
    pub ahead: SignedDuration,
}

impl Handshake {
    /// Begins, for the service with this principal name.
    ///
    /// # Errors
    /// The library's words.
    pub fn begin(principal: &Principal, password: &Secret<String>, service: &str) -> Result<Self, Failure> {
        let username = Username::new_down_level_logon_name(&principal.name, &principal.realm);
        let username = username.map_err(|e| Failure::Library(e.to_string()))?;
        let identity = AuthIdentity { username, password: password.expose().clone().into() };
        let config = KerberosConfig::new_with_kdc_url(KDC, String::new());
        // Without NTLM: whether to fall back is decided by whoever asked, once and aloud.
        let config = NegotiateConfig::new(Box::new(config), Some("kerberos,!ntlm".to_owned()), String::new());
        let negotiate = Negotiate::new_client(config).map_err(library)?;
        let credentials =
            CredentialsBuffers::try_from(Credentials::AuthIdentity(identity)).map_err(library)?;
        Ok(Self {
            negotiate,
            credentials: Some(credentials),
            target: service.to_owned(),
            ahead: SignedDuration::ZERO,
        })
    }

    /// Gets the tickets, and writes the message to the server. The KDC is shown one proof of the password, and a
    /// second one only where it said that our clock is wrong, which it does before it looks at the password.
    ///
    /// # Errors
    /// Why there is none.
    // RFC 4120 §3.1, RFC 4178 §4.2.1
    pub async fn first(&mut self, cx: &Cx, kdc: &mut Kdc) -> Result<Vec<u8>, Failure> {
        let mut input = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        {
            let flags = ClientRequestFlags::MUTUAL_AUTH | ClientRequestFlags::INTEGRITY;
            let mut builder = self
                .negotiate
                .initialize_security_context()
                .with_credentials_handle(&mut self.credentials)
                .with_context_requirements(flags)
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.target)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut step = self.negotiate.initialize_security_context_impl(&mut builder).map_err(library)?;
            let mut state = step.start();
            let mut corrected = false;
            loop {
                match state {
                    GeneratorState::Completed(result) => break result.map(drop).map_err(library)?,
                    GeneratorState::Suspended(request) => {
                        if request.url.as_str() != KDC {
                            return Err(Failure::OtherRealm(request.url.to_string()));
                        }
                        let asked = Asked::of(&request.data);
                        let reply = kdc.ask(cx, &request.data).await?;
                        let answer = Answer::read(&reply, asked, cx.clock.now());
                        if let Answer::Refusal(refusal) = &answer {
                            self.ahead = refusal.ahead;
                        }
                        check(answer, corrected)?;
                        corrected = asked == Asked::Proven;
                        state = step.resume(Ok(reply));
                    }
                }
            }
        }
        let [token] = output;
        Ok(token.buffer)
    }

    /// Holds what the server sent with its answer against what only the owner of the service's key can know.
    ///
    /// # Errors
    /// It is not the proof.
    // RFC 4120 §3.2.4
    pub fn prove(&mut self, token: &[u8]) -> Result<(), String> {
        let words = |e: sspi::Error| e.to_string();
        let mut input = [SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = self
            .negotiate
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ClientRequestFlags::MUTUAL_AUTH | ClientRequestFlags::INTEGRITY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name(&self.target)
            .with_input(&mut input)
            .with_output(&mut output);
        let mut step = self.negotiate.initialize_security_context_impl(&mut builder).map_err(words)?;
        step.resolve_to_result().map(drop).map_err(words)
    }
}

/// Whether the library may go on with an answer, after a proof of the password was shown, or not yet.
fn check(answer: Answer, after_proof: bool) -> Result<(), Failure> {
    match answer {
        // Where it names no key, it has none that it might use with us: what we would prove counted as wrong.
        Answer::Refusal(refusal) if refusal.wants_proof() => match refusal.keys.contains(&AES_256) {
            true => Ok(()),
            false => Err(Failure::NoKey(refusal.keys)),
        },
        // The library tries again with the KDC's clock, once.
        Answer::Refusal(refusal) if refusal.is_skew() && refusal.asked == Asked::Proven && !after_proof => {
            Ok(())
        }
        Answer::Refusal(refusal) => Err(Failure::Refused(refusal)),
        Answer::Unasked => Err(Failure::NoProof),
        Answer::Elsewhere(realm) => Err(Failure::OtherRealm(realm)),
        Answer::Ticket => Ok(()),
    }
}

fn library(error: sspi::Error) -> Failure {
    Failure::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_realm_is_the_one_of_the_settings_or_of_its_name() {
        let of = |user, realm| Principal::of(user, realm).map(|p| (p.name, p.realm));
        let is = |name: &str, realm: &str| Some((name.to_owned(), realm.to_owned()));
        assert_eq!(of("svc@example.org", None), is("svc", "EXAMPLE.ORG"));
        assert_eq!(of("svc@example.org", Some("EXAMPLE.ORG")), is("svc", "EXAMPLE.ORG"));
        assert_eq!(of("svc@example.org", Some("ad.example.org")), is("svc@example.org", "AD.EXAMPLE.ORG"));
        assert_eq!(of("CORP\\svc", None), is("svc", "CORP"));
        assert_eq!(of("CORP\\svc", Some("ad.example.org")), is("svc", "AD.EXAMPLE.ORG"));
        assert_eq!(of("svc", Some("EXAMPLE.ORG")), is("svc", "EXAMPLE.ORG"));
        assert_eq!(of("svc", None), None);
        assert_eq!(of("svc@", None), None);
    }
}
