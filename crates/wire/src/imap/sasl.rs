//! SASL exchanges that consist of what the client says: PLAIN, LOGIN, XOAUTH2, OAUTHBEARER.
//!
//! Challenge-response mechanisms are not built. Secrets never show in `Debug`.

use super::base64;
use bytes::Bytes;
use std::fmt;

/// A mechanism with what it needs to sign in.
#[derive(Clone, PartialEq, Eq)]
pub enum Sasl {
    /// RFC 4616
    Plain {
        /// Whose mailbox, where it is not the one who signs in; else empty.
        authorize_as: String,
        /// Who signs in.
        user: String,
        /// The password.
        password: String,
    },
    /// The older `LOGIN` mechanism: user and password, each after a prompt.
    Login {
        /// Who signs in.
        user: String,
        /// The password.
        password: String,
    },
    /// Google's and Microsoft's mechanism for OAuth tokens.
    XOAuth2 {
        /// Whose mailbox.
        user: String,
        /// The access token.
        token: String,
    },
    /// RFC 7628
    OAuthBearer {
        /// Whose mailbox.
        user: String,
        /// The host that was connected to.
        host: String,
        /// The port that was connected to.
        port: u16,
        /// The access token.
        token: String,
    },
}

impl Sasl {
    /// The mechanism's registered name.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Sasl::Plain { .. } => "PLAIN",
            Sasl::Login { .. } => "LOGIN",
            Sasl::XOAuth2 { .. } => "XOAUTH2",
            Sasl::OAuthBearer { .. } => "OAUTHBEARER",
        }
    }

    /// What the client says, in order, base64, without line ends. The first may go along with AUTHENTICATE where the
    /// server has SASL-IR, except for LOGIN, whose server speaks first. When a challenge comes after the last
    /// response, the server has refused a token: answer with [`Sasl::abort`] and wait for NO.
    pub fn responses(&self) -> Vec<Bytes> {
        let coded = |text: String| Bytes::from(base64::encode(text.as_bytes()));
        match self {
            Sasl::Plain { authorize_as, user, password } => {
                vec![coded(format!("{authorize_as}\0{user}\0{password}"))]
            }
            Sasl::Login { user, password } => vec![coded(user.clone()), coded(password.clone())],
            Sasl::XOAuth2 { user, token } => {
                vec![coded(format!("user={user}\x01auth=Bearer {token}\x01\x01"))]
            }
            // RFC 7628 §3.1; RFC 5801 §4 for `,` and `=` in the name.
            Sasl::OAuthBearer { user, host, port, token } => {
                let name = user.replace('=', "=3D").replace(',', "=2C");
                vec![coded(format!(
                    "n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
                ))]
            }
        }
    }

    /// Whether the client speaks first.
    pub fn client_first(&self) -> bool {
        !matches!(self, Sasl::Login { .. })
    }

    /// Ends an exchange after an error challenge. XOAUTH2 wants an empty line, OAUTHBEARER a single 0x01.
    // RFC 7628 §3.2.3
    pub fn abort(&self) -> Bytes {
        Bytes::from_static(match self {
            Sasl::XOAuth2 { .. } => b"",
            Sasl::OAuthBearer { .. } => b"AQ==",
            _ => b"*",
        })
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sasl({})", self.mechanism())
    }
}

/// What a server reads from a PLAIN response.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// Whose mailbox; empty means the user's own.
    pub authorize_as: String,
    /// Who signs in.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain")
            .field("authorize_as", &self.authorize_as)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A server's reading of a PLAIN response in base64.
// RFC 4616 §2
pub fn parse_plain(response: &[u8]) -> Option<Plain> {
    let text = String::from_utf8(base64::decode(response)?).ok()?;
    let mut parts = text.splitn(3, '\0').map(str::to_owned);
    Some(Plain { authorize_as: parts.next()?, user: parts.next()?, password: parts.next()? })
}

/// A server's reading of an XOAUTH2 or OAUTHBEARER response in base64: user and token.
pub fn parse_bearer(response: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(base64::decode(response)?).ok()?;
    let mut fields = text.split('\x01');
    let head = fields.next()?;
    let user = match head.strip_prefix("user=") {
        Some(user) => user.to_owned(),
        None => head.split(',').find_map(|f| f.strip_prefix("a="))?.replace("=2C", ",").replace("=3D", "="),
    };
    let token = fields.find_map(|field| {
        let (scheme, token) = field.strip_prefix("auth=")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.to_owned())
    })?;
    Some((user, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_back() {
        let plain =
            Sasl::Plain { authorize_as: "ann".into(), user: "admin".into(), password: "pä ss".into() };
        let read = parse_plain(&plain.responses()[0]).unwrap();
        assert_eq!(
            (read.authorize_as.as_str(), read.user.as_str(), read.password.as_str()),
            ("ann", "admin", "pä ss")
        );
        let bearer =
            Sasl::OAuthBearer { user: "a,b=c@x".into(), host: "h".into(), port: 993, token: "ya29.x".into() };
        assert_eq!(parse_bearer(&bearer.responses()[0]), Some(("a,b=c@x".into(), "ya29.x".into())));
        let google = Sasl::XOAuth2 {
            user: "someuser@example.com".into(),
            token: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg".into(),
        };
        assert_eq!(
            google.responses()[0],
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let sasl = Sasl::Login { user: "u".into(), password: "canary".into() };
        assert_eq!(format!("{sasl:?}"), "Sasl(LOGIN)");
        assert_eq!(sasl.responses().len(), 2);
        let plain = parse_plain(b"AHUAY2FuYXJ5").unwrap();
        assert!(!format!("{plain:?}").contains("canary"));
    }
}
