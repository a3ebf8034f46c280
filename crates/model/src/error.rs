//! The one error of all rooms: what happened, on which side, how far it reaches, whether to try again.
//!
//! Connectors make it in one place each (`classify`); nothing else reads texts of servers. The engine's
//! reaction is [`Error::reaction`], a pure function of scope and retry.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::stall::StallCode;

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// No connection: name, route, port, or a connection that ended.
    Unreachable,
    /// The connection is not trustworthy or cannot be secured.
    Tls,
    /// The credentials were refused.
    Unauthenticated,
    /// Signed in, but not allowed to do this.
    Forbidden,
    /// The thing does not exist (any more).
    NotFound,
    /// The thing exists already, or would merge with another.
    AlreadyExists,
    /// Larger than the other side takes.
    TooLarge,
    /// The content or the answer is not what the standard allows.
    Malformed,
    /// The other side cannot do this at all.
    Unsupported,
    /// The other side asks us to slow down.
    Throttled,
    /// The other side is busy or temporarily out of order.
    Busy,
    /// Somebody else holds it.
    Locked,
    /// The mailbox is full.
    QuotaExceeded,
    /// The cursor is too old or the folder was made anew: list from nothing.
    CursorExpired,
    /// No answer in time.
    Timeout,
    /// The state changed underneath; read again.
    Conflict,
    /// We were asked to stop.
    Cancelled,
    /// A fault of ours.
    Bug,
}

/// Where it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The system we read from.
    Source,
    /// The system we write to.
    Target,
    /// Ourselves: store, disk, settings.
    Us,
}

/// How far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// One item.
    Item,
    /// One folder.
    Folder,
    /// One mailbox.
    Mailbox,
    /// Every mailbox of the endpoint.
    Endpoint,
}

/// Whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Retry {
    /// It will be refused again.
    Never,
    /// At once or within seconds.
    Soon,
    /// Not before this much time has passed.
    After(Duration),
    /// After a person has changed something.
    AfterFix,
}

/// What the engine does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// List the item as skipped, go on.
    SkipItem,
    /// Leave the item owed, go on; try it again in a later pass.
    OweItem,
    /// Leave the folder for this pass, go on with the others.
    PauseFolder,
    /// Stop this mailbox, try again later.
    StallMailbox,
    /// Stop all mailboxes of the endpoint until it is mended (`NeedsToConnect`).
    ParkEndpoint,
}

#[derive(Clone)]
struct Inner {
    kind: Kind,
    side: Side,
    scope: Scope,
    retry: Retry,
    op: Cow<'static, str>,
    context: String,
    code: Option<&'static str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The error. Small to pass, cheap to clone; `Display` is a sentence for people, without secrets.
#[derive(Clone)]
pub struct Error(Box<Inner>);

impl Error {
    /// An error with the defaults of its kind: [`Kind::scope`] and [`Kind::retry`].
    ///
    /// `op` names what was tried ("append", "sign in"), `context` is the other side's words or ours.
    pub fn new(kind: Kind, side: Side, op: impl Into<Cow<'static, str>>, context: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            side,
            scope: kind.scope(),
            retry: kind.retry(),
            op: op.into(),
            context: context.into(),
            code: None,
            source: None,
        }))
    }

    /// A fault of ours.
    pub fn bug(op: impl Into<Cow<'static, str>>, context: impl Into<String>) -> Self {
        Self::new(Kind::Bug, Side::Us, op, context)
    }

    /// The same with another reach.
    #[must_use]
    pub fn scope_of(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }

    /// The same with another advice.
    #[must_use]
    pub fn retry_of(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// The same, on that side: for rooms that serve both.
    #[must_use]
    pub fn side_of(mut self, side: Side) -> Self {
        self.0.side = side;
        self
    }

    /// The same with a code of its own, where the catalogue says more of it than of its kind.
    #[must_use]
    pub fn code_of(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// The same with the error underneath.
    #[must_use]
    pub fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What happened.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where.
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// How far it reaches.
    pub fn scope(&self) -> Scope {
        self.0.scope
    }

    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// What was tried.
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// The other side's words, or ours.
    pub fn context(&self) -> &str {
        &self.0.context
    }

    /// The stall code that people see while a mailbox waits because of this.
    pub fn stall(&self) -> StallCode {
        StallCode::of(self.0.side, self.0.kind)
    }

    /// The catalogue code, such as `TARGET_MALFORMED`.
    pub fn code(&self) -> String {
        if let Some(code) = self.0.code {
            return code.to_owned();
        }
        let side = match self.0.side {
            Side::Source => "SOURCE",
            Side::Target => "TARGET",
            Side::Us => "OWN",
        };
        format!("{side}_{}", self.0.kind.code())
    }

    /// Whether the other side wants to be left alone for a while, with the whole mailbox.
    pub fn wants_rest(&self) -> bool {
        self.0.scope >= Scope::Mailbox && matches!(self.0.retry, Retry::After(_))
    }

    /// What the engine does about it.
    pub fn reaction(&self) -> Reaction {
        match (self.0.scope, self.0.retry) {
            (Scope::Item, Retry::Never) => Reaction::SkipItem,
            (Scope::Item, _) => Reaction::OweItem,
            (Scope::Folder, _) => Reaction::PauseFolder,
            (Scope::Mailbox, _) => Reaction::StallMailbox,
            (Scope::Endpoint, Retry::AfterFix | Retry::Never) => Reaction::ParkEndpoint,
            (Scope::Endpoint, _) => Reaction::StallMailbox,
        }
    }
}

impl Kind {
    /// How far an error of this kind reaches unless its maker knows better.
    pub fn scope(self) -> Scope {
        match self {
            Kind::NotFound | Kind::TooLarge | Kind::Malformed => Scope::Item,
            Kind::AlreadyExists | Kind::CursorExpired | Kind::Conflict => Scope::Folder,
            Kind::Tls | Kind::Unauthenticated => Scope::Endpoint,
            _ => Scope::Mailbox,
        }
    }

    /// Whether an error of this kind is worth another try unless its maker knows better.
    pub fn retry(self) -> Retry {
        match self {
            Kind::Tls | Kind::Unauthenticated | Kind::Forbidden | Kind::QuotaExceeded => Retry::AfterFix,
            Kind::NotFound
            | Kind::AlreadyExists
            | Kind::TooLarge
            | Kind::Malformed
            | Kind::Unsupported
            | Kind::Cancelled
            | Kind::Bug => Retry::Never,
            Kind::Throttled | Kind::Busy => Retry::After(Duration::from_secs(30)),
            Kind::Unreachable | Kind::Locked | Kind::CursorExpired | Kind::Timeout | Kind::Conflict => {
                Retry::Soon
            }
        }
    }

    /// The kind in the form of the catalogue.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Unreachable => "UNREACHABLE",
            Kind::Tls => "TLS",
            Kind::Unauthenticated => "AUTH_FAILED",
            Kind::Forbidden => "FORBIDDEN",
            Kind::NotFound => "NOT_FOUND",
            Kind::AlreadyExists => "ALREADY_EXISTS",
            Kind::TooLarge => "TOO_LARGE",
            Kind::Malformed => "MALFORMED",
            Kind::Unsupported => "UNSUPPORTED",
            Kind::Throttled => "THROTTLED",
            Kind::Busy => "BUSY",
            Kind::Locked => "LOCKED",
            Kind::QuotaExceeded => "QUOTA_EXCEEDED",
            Kind::CursorExpired => "CURSOR_EXPIRED",
            Kind::Timeout => "TIMEOUT",
            Kind::Conflict => "CONFLICT",
            Kind::Cancelled => "CANCELLED",
            Kind::Bug => "BUG",
        }
    }

    /// Every kind, for tables and their tests.
    pub const ALL: [Kind; 18] = [
        Kind::Unreachable,
        Kind::Tls,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::AlreadyExists,
        Kind::TooLarge,
        Kind::Malformed,
        Kind::Unsupported,
        Kind::Throttled,
        Kind::Busy,
        Kind::Locked,
        Kind::QuotaExceeded,
        Kind::CursorExpired,
        Kind::Timeout,
        Kind::Conflict,
        Kind::Cancelled,
        Kind::Bug,
    ];
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.0.side {
            Side::Source => "source: ",
            Side::Target => "target: ",
            Side::Us => "",
        };
        write!(f, "{side}{}: {}", self.0.op, self.0.context)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {:?}, {:?}, {self})", self.0.kind, self.0.scope, self.0.retry)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}
