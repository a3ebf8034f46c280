//! What an error does to a mailbox of a batch: fail, wait, or park its endpoint. A pure function.

use std::time::Duration;

use mailferry_model::{Error, Kind, Retry, Side};

/// Who signs in for a mailbox on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// One for all mailboxes of the endpoint.
    Endpoint,
    /// The mailbox's own.
    Own,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The mailbox has failed.
    Fail,
    /// It waits so long and is tried again by itself.
    Stall(Duration),
    /// The endpoint on this side waits for a person, and its mailboxes with it.
    Park(Side),
}

/// Tries in a row that moved nothing after which a mailbox that cannot be reached counts as failed.
const TRIES: u32 = 10;
/// Tries after which one that is held back counts as failed.
const PATIENT_TRIES: u32 = 200;
/// Our own disk is looked at again after so long at most: whoever makes room waits for that.
const OWN: Duration = Duration::from_secs(30);

/// Judges the error that ended a try, the `tries`th in a row that moved nothing.
pub(super) fn verdict(error: &Error, source: SignIn, target: SignIn, tries: u32) -> Verdict {
    let sign_in = match error.side() {
        Side::Source => source,
        Side::Target => target,
        Side::Us => SignIn::Own,
    };
    let growing = Duration::from_secs(5) * 2u32.pow(tries.min(7));
    match (error.kind(), error.retry()) {
        (Kind::Unauthenticated, _) if sign_in == SignIn::Endpoint => Verdict::Park(error.side()),
        (Kind::Tls, _) if error.side() != Side::Us => Verdict::Park(error.side()),
        // Our own disk: it takes more when somebody has made room, and then it goes on by itself.
        (Kind::QuotaExceeded, _) if error.side() == Side::Us && tries < PATIENT_TRIES => {
            Verdict::Stall(growing.min(OWN))
        }
        (Kind::Throttled | Kind::Busy | Kind::Locked, retry) if tries < PATIENT_TRIES => {
            Verdict::Stall(match retry {
                Retry::After(wait) => wait,
                _ => growing,
            })
        }
        (_, Retry::After(wait)) if tries < PATIENT_TRIES => Verdict::Stall(wait),
        (_, Retry::Soon) if tries < TRIES => Verdict::Stall(growing),
        _ => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let error = |kind, side| Error::new(kind, side, "op", "words");
        let seconds = Duration::from_secs;
        for (error, tries, expected) in [
            (error(Kind::Unauthenticated, Side::Source), 1, Verdict::Park(Side::Source)),
            (error(Kind::Unauthenticated, Side::Target), 1, Verdict::Fail),
            (error(Kind::Tls, Side::Target), 1, Verdict::Park(Side::Target)),
            (error(Kind::Unreachable, Side::Source), 1, Verdict::Stall(seconds(10))),
            (error(Kind::Unreachable, Side::Source), 10, Verdict::Fail),
            (error(Kind::Throttled, Side::Target), 10, Verdict::Stall(seconds(30))),
            (error(Kind::QuotaExceeded, Side::Target), 1, Verdict::Fail),
            (error(Kind::QuotaExceeded, Side::Us), 3, Verdict::Stall(seconds(30))),
            (error(Kind::QuotaExceeded, Side::Us), 200, Verdict::Fail),
            (error(Kind::Forbidden, Side::Source), 1, Verdict::Fail),
            (error(Kind::Bug, Side::Us), 1, Verdict::Fail),
        ] {
            assert_eq!(verdict(&error, SignIn::Endpoint, SignIn::Own, tries), expected, "{error:?}");
        }
    }
}
