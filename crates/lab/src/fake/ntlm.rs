//! The server's side of NTLM, by a library: one account, and a certificate that a sign-in may be bound to.

use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, CredentialUse, DataRepresentation, Ntlm, SecurityBuffer,
    SecurityStatus, ServerRequestFlags, Sspi, SspiImpl, Username,
};

/// Who may sign in, and what to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `DOMAIN\USER`.
    pub user: &'static str,
    /// The password.
    pub password: &'static str,
    /// What the server believes its front's certificate to be, where it looks at bindings (Extended Protection).
    pub bound_to: Option<Vec<u8>>,
}

/// What comes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The challenge.
    Challenge(Vec<u8>),
    /// Signed in.
    Known,
    /// Not him.
    Refused,
}

/// A sign-in in progress, on one connection.
pub struct Acceptor {
    ntlm: Ntlm,
    credentials: Option<AuthIdentityBuffers>,
}

impl Acceptor {
    /// Waits for this account.
    pub fn of(account: &Account) -> Option<Self> {
        let (domain, user) = account.user.split_once('\\')?;
        let username = Username::new(user, Some(domain)).ok()?;
        let identity = AuthIdentity { username, password: account.password.to_owned().into() };
        let mut ntlm = Ntlm::new();
        if let Some(token) = &account.bound_to {
            ntlm.set_channel_bindings(token);
        }
        let acquired = ntlm
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Inbound)
            .with_auth_data(&identity)
            .execute(&mut ntlm)
            .ok()?;
        Some(Self { ntlm, credentials: acquired.credentials_handle })
    }

    /// Takes a message of the client.
    pub fn take(&mut self, message: &[u8]) -> Step {
        let mut input = [SecurityBuffer::new(message.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let builder = self
            .ntlm
            .accept_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ServerRequestFlags::ALLOCATE_MEMORY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut input)
            .with_output(&mut output);
        let result =
            self.ntlm.accept_security_context_impl(builder).and_then(|mut step| step.resolve_to_result());
        let Ok(result) = result else { return Step::Refused };
        if matches!(result.status, SecurityStatus::CompleteAndContinue | SecurityStatus::CompleteNeeded)
            && self.ntlm.complete_auth_token(&mut output).is_err()
        {
            return Step::Refused;
        }
        match result.status {
            SecurityStatus::ContinueNeeded | SecurityStatus::CompleteAndContinue => {
                let [token] = output;
                Step::Challenge(token.buffer)
            }
            _ => Step::Known,
        }
    }
}
