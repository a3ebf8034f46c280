//! How a command ends: the published exit codes, and a failure with what to do about it.

use mailferry_model::{Error, Kind, Side, catalogue};
use mailferry_server::Problem;

/// Success.
pub const OK: u8 = 0;
/// An error that has no code of its own.
pub const OTHER: u8 = 1;
/// The command line cannot be used.
pub const USAGE: u8 = 2;
/// Finished, but something failed, was skipped, is missing or doubled.
pub const PARTIAL: u8 = 3;
/// There is no such thing.
pub const NOT_FOUND: u8 = 4;
/// May succeed later.
pub const TEMPORARY: u8 = 5;
/// Wrong state, in use, or not confirmed.
pub const REFUSED: u8 = 6;
/// Will not succeed later either.
pub const PERMANENT: u8 = 7;
/// A limit that was asked for is reached.
pub const LIMIT: u8 = 8;
/// The service cannot be reached.
pub const UNREACHABLE: u8 = 10;
/// There was nothing to do, and that was asked for.
pub const NOTHING: u8 = 9;
/// The store is locked or from a newer program.
pub const STORE: u8 = 11;
/// Not signed in at the service, or not allowed.
pub const DENIED: u8 = 12;
/// Stopped by a signal.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do what was asked.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The command line cannot be used: code of the catalogue, and one sentence.
    Usage(&'static str, String),
    /// What the router answered.
    Problem(Box<Problem>),
    /// What a room says.
    Error(Error),
    /// The same, where more can be said of what to do than the catalogue knows.
    Advised(Error, Vec<String>),
    /// An endpoint fails its test: the exit code of that test, one sentence, and what to do.
    Tested {
        /// The code.
        exit: u8,
        /// One sentence.
        sentence: String,
        /// What to do.
        fix: Vec<String>,
    },
    /// Something of this machine, in one sentence.
    Own(String),
    /// The data folder cannot be used, in one sentence.
    Store(String),
    /// The service cannot be reached: code of the catalogue, and one sentence.
    Unreachable(&'static str, String),
    /// A limit that was asked for is reached.
    Limit(String),
    /// Stopped by a signal, with what there is to say.
    Interrupted(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Cancelled => Self::Interrupted("Stopped in order; run it again to go on.".to_owned()),
            // No folder is named by --include.
            Kind::NotFound if error.side() == Side::Us && error.op() == "plan" => {
                let fix = [
                    "Check how the folder is written: capitals count, and / stands between a folder and the one below it.",
                    "To take what lies below it too: --include 'FOLDER/*'; by its role: --include '#SentItems#'.",
                ];
                Self::Advised(error, fix.map(str::to_owned).into())
            }
            _ => Self::Error(error),
        }
    }
}

impl Failure {
    /// The command line cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage("USAGE", message.into())
    }

    /// The same, with the option that was given what cannot be used.
    #[must_use]
    pub fn of_option(self, option: &str) -> Self {
        match self {
            Self::Usage(code, text) => Self::Usage(code, format!("{option} {text}")),
            other => other,
        }
    }

    /// Something of this machine.
    pub fn own(message: impl Into<String>) -> Self {
        Self::Own(message.into())
    }

    /// The published exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(..) => USAGE,
            Self::Problem(problem) => of_problem(problem),
            Self::Error(error) | Self::Advised(error, _) => of_error(error),
            Self::Tested { exit, .. } => *exit,
            Self::Own(_) | Self::Store(_) => OTHER,
            Self::Unreachable(..) => UNREACHABLE,
            Self::Limit(_) => LIMIT,
            Self::Interrupted(_) => INTERRUPTED,
        }
    }

    /// Whether nothing was begun: the sentence is about the request, not about a migration.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Usage(..) | Self::Problem(_) | Self::Store(_) | Self::Unreachable(..))
            || self.exit_code() == NOT_FOUND
    }

    /// The code of the catalogue.
    pub fn code(&self) -> String {
        match self {
            Self::Usage(code, _) | Self::Unreachable(code, _) => (*code).to_owned(),
            Self::Problem(problem) => problem.code.clone(),
            Self::Error(error) if is_newer(error) => "STORE_NEWER".to_owned(),
            Self::Error(error) if is_locked_store(error) => "STORE_LOCKED".to_owned(),
            Self::Error(error) if error.code() == "STORE_URL" => error.code(),
            Self::Error(error) if error.op() == mailferry_store::OPEN => "STORE_UNUSABLE".to_owned(),
            Self::Error(error) | Self::Advised(error, _) => error.code(),
            Self::Tested { .. } => "WaitingForEndpoint".to_owned(),
            Self::Own(_) => "OWN_BUG".to_owned(),
            Self::Store(_) => "STORE_UNUSABLE".to_owned(),
            Self::Limit(_) => "OWN_TIMEOUT".to_owned(),
            Self::Interrupted(_) => "OWN_CANCELLED".to_owned(),
        }
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Usage(_, text)
            | Self::Unreachable(_, text)
            | Self::Own(text)
            | Self::Tested { sentence: text, .. }
            | Self::Store(text)
            | Self::Limit(text)
            | Self::Interrupted(text) => text.clone(),
            Self::Problem(problem) => problem.detail.clone(),
            Self::Error(error) | Self::Advised(error, _) => error.to_string(),
        }
    }

    /// Why, and what to do; nothing where the sentence says it all.
    pub fn advice(&self) -> (Option<String>, Vec<String>) {
        match self {
            Self::Own(_) | Self::Limit(_) | Self::Interrupted(_) | Self::Usage("USAGE", _) => {
                (None, Vec::new())
            }
            Self::Problem(problem) => {
                let cause = catalogue::find(&problem.code).map(|e| e.cause.clone());
                (cause, problem.fix.clone())
            }
            Self::Advised(error, fix) => {
                let cause = catalogue::find(&error.code()).map(|e| e.cause.clone());
                (cause, fix.clone())
            }
            Self::Tested { fix, .. } => (None, fix.clone()),
            Self::Usage(..) | Self::Error(_) | Self::Store(_) | Self::Unreachable(..) => {
                // What speaks of something that nobody met is left out.
                let told = catalogue::find(&self.code()).map(|entry| entry.told(&[]));
                told.map_or_else(Default::default, |(cause, fix)| (Some(cause), fix))
            }
        }
    }
}

fn is_newer(error: &Error) -> bool {
    error.op() == mailferry_store::OPEN && error.kind() == Kind::Conflict
}

fn is_locked_store(error: &Error) -> bool {
    error.op() == mailferry_store::OPEN && matches!(error.kind(), Kind::Locked | Kind::Busy)
}

/// The exit code of a problem.
fn of_problem(problem: &Problem) -> u8 {
    match problem.status {
        404 => NOT_FOUND,
        401 | 403 => DENIED,
        409 | 412 => REFUSED,
        501 => PERMANENT,
        408 | 429 | 503 => TEMPORARY,
        400 | 413 | 422 => USAGE,
        _ => OTHER,
    }
}

/// The exit code of an error: ours, or by side and step.
pub fn of_error(error: &Error) -> u8 {
    let offset = match error.side() {
        Side::Us => return of_own(error),
        Side::Source => 0,
        Side::Target => 10,
    };
    let step = match error.kind() {
        Kind::Throttled | Kind::Busy | Kind::Locked => return TEMPORARY,
        Kind::Cancelled => return INTERRUPTED,
        Kind::Bug => return OTHER,
        Kind::Unreachable if error.op().starts_with("resolve") => 20,
        // The step that `endpoint test` names: connected, and then nothing.
        Kind::Unreachable | Kind::Timeout if error.op() == "greeting" => 25,
        Kind::Timeout if error.op() == "secure connection" => 22,
        Kind::Unreachable | Kind::Timeout => 21,
        Kind::Tls => 22,
        Kind::Unauthenticated => 23,
        Kind::Forbidden => 24,
        Kind::QuotaExceeded => 26,
        Kind::NotFound => 27,
        Kind::Malformed
        | Kind::Unsupported
        | Kind::TooLarge
        | Kind::AlreadyExists
        | Kind::CursorExpired
        | Kind::Conflict => 25,
    };
    step + offset
}

fn of_own(error: &Error) -> u8 {
    match error.kind() {
        _ if is_newer(error) || is_locked_store(error) => STORE,
        _ if error.op() == mailferry_store::OPEN => OTHER,
        Kind::Cancelled => INTERRUPTED,
        Kind::NotFound => NOT_FOUND,
        Kind::Locked | Kind::Conflict | Kind::AlreadyExists => REFUSED,
        Kind::Busy | Kind::Timeout | Kind::Throttled | Kind::Unreachable => TEMPORARY,
        Kind::Unsupported | Kind::TooLarge => PERMANENT,
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table() {
        let error = |kind, side, op: &'static str| of_error(&Error::new(kind, side, op, "words"));
        for (kind, op, source) in [
            (Kind::Unreachable, "resolve", 20),
            (Kind::Unreachable, "resolve name", 20),
            (Kind::Unreachable, "connect", 21),
            (Kind::Timeout, "connect", 21),
            (Kind::Timeout, "greeting", 25),
            (Kind::Unreachable, "greeting", 25),
            (Kind::Timeout, "secure connection", 22),
            (Kind::Tls, "x", 22),
            (Kind::Unauthenticated, "x", 23),
            (Kind::Forbidden, "x", 24),
            (Kind::Malformed, "x", 25),
            (Kind::Unsupported, "x", 25),
            (Kind::QuotaExceeded, "x", 26),
            (Kind::NotFound, "x", 27),
        ] {
            assert_eq!((error(kind, Side::Source, op), error(kind, Side::Target, op)), (source, source + 10));
        }
        for (kind, side, op, expected) in [
            (Kind::Throttled, Side::Target, "x", 5),
            (Kind::Locked, Side::Us, "lease", 6),
            (Kind::Conflict, Side::Us, mailferry_store::OPEN, 11),
            (Kind::Locked, Side::Us, mailferry_store::OPEN, 11),
            (Kind::Forbidden, Side::Us, mailferry_store::OPEN, 1),
            (Kind::NotFound, Side::Us, "x", 4),
            (Kind::Cancelled, Side::Us, "x", 130),
            (Kind::Bug, Side::Us, "x", 1),
        ] {
            assert_eq!(error(kind, side, op), expected, "{kind:?} {op}");
        }
    }
}
