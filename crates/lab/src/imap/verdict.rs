//! How a command ends: the tagged answer, or the end of the connection.

use mailferry_wire::imap::Condition;

/// A tagged answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) condition: Condition,
    pub(super) code: String,
    pub(super) text: String,
    pub(super) then: Then,
}

/// What follows a tagged answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Then {
    #[default]
    NextCommand,
    TlsHandshake,
    Close,
}

impl Verdict {
    pub(super) fn create(condition: Condition, code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { condition, code: code.into(), text: text.into(), then: Then::NextCommand }
    }

    pub(super) fn and_then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self::create(Condition::Ok, "", text)
    }

    pub(super) fn ok_with(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::create(Condition::Ok, code, text)
    }

    pub(super) fn no(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::create(Condition::No, code, text)
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::create(Condition::Bad, "", text)
    }
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client is gone.
    Gone,
    /// We end it, after what was written.
    Closed,
    /// We end it, and what is not yet written is lost.
    Cut,
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        End::Gone
    }
}
