//! Commands about the session: greeting, sign-in, extensions, end.
//!
//! When to send which, and that passwords need TLS, is decided by the connector.

use super::encode::Command;
use crate::imap::sasl::Sasl;
use bytes::Bytes;

/// Whether the first SASL response goes along with AUTHENTICATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Yes: the server has SASL-IR.
    Along,
    /// No: after the server's `+`.
    OnRequest,
}

impl Command {
    /// CAPABILITY. RFC 9051 §6.1.1
    pub fn capability() -> Self {
        Self::named("CAPABILITY")
    }

    /// NOOP. RFC 9051 §6.1.2
    pub fn noop() -> Self {
        Self::named("NOOP")
    }

    /// LOGOUT. RFC 9051 §6.1.3
    pub fn logout() -> Self {
        Self::named("LOGOUT")
    }

    /// STARTTLS. RFC 9051 §6.2.1
    pub fn starttls() -> Self {
        Self::named("STARTTLS")
    }

    /// LOGIN. RFC 9051 §6.2.3
    pub fn login(user: &str, password: &str) -> Self {
        Self::named("LOGIN").text(" ").quoted(user.as_bytes()).text(" ").quoted(password.as_bytes())
    }

    /// AUTHENTICATE, and the responses to send, each with CRLF, one for each `+`. RFC 9051 §6.2.2, RFC 4959
    pub fn authenticate(sasl: &Sasl, initial: Initial) -> (Self, Vec<Bytes>) {
        let command = Self::named("AUTHENTICATE").text(" ").text(sasl.mechanism());
        let mut responses = sasl.responses();
        if initial == Initial::OnRequest || !sasl.client_first() || responses.is_empty() {
            return (command, responses);
        }
        let first = responses.remove(0);
        // An empty initial response is written as `=`.
        let first = if first.is_empty() { "=".into() } else { String::from_utf8_lossy(&first).into_owned() };
        (command.text(" ").text(first), responses)
    }

    /// ID. RFC 2971 §3.1
    pub fn id(fields: &[(&str, &str)]) -> Self {
        let mut command = Self::named("ID");
        if fields.is_empty() {
            return command.text(" NIL");
        }
        for (i, (name, value)) in fields.iter().enumerate() {
            command = command.text(if i == 0 { " (" } else { " " });
            command = command.quoted(name.as_bytes()).text(" ").quoted(value.as_bytes());
        }
        command.text(")")
    }

    /// ENABLE. RFC 5161 §3.1
    pub fn enable(names: &[&str]) -> Self {
        Self::named("ENABLE").text(" ").text(names.join(" "))
    }

    /// COMPRESS DEFLATE. RFC 4978 §3
    pub fn compress() -> Self {
        Self::named("COMPRESS").text(" DEFLATE")
    }
}
