//! Bodies of requests: read within a time and a size, and refused without a word of what was in them.

use std::time::Duration;

use axum::{
    Json,
    body::{Body as Sent, Bytes, to_bytes},
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Deserializer};

use crate::{
    Context,
    door::{Caller, Door},
    problem::Problem,
    routes::LARGEST,
};

/// The largest body that is read of somebody who is not signed in.
const OF_STRANGERS: usize = 16 << 10;
/// So many times longer than a stranger's may the body of somebody known take: a list of mailboxes is large.
const KNOWN: u32 = 10;

/// All of a body.
pub(crate) async fn read(context: &Context, caller: Option<&Caller>, body: Sent) -> Result<Bytes, Problem> {
    let limit = if caller.is_some() { LARGEST } else { OF_STRANGERS };
    let arrived = to_bytes(body, limit);
    let arrived = match &context.door {
        Door::Inside => arrived.await,
        Door::Listening(keeper) => {
            let patience = if caller.is_some() { keeper.patience * KNOWN } else { keeper.patience };
            tokio::time::timeout(patience, arrived).await.map_err(|_| too_slow(patience))?
        }
    };
    arrived.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "REQUEST_TOO_LARGE",
            "The body is too large, or ended early.",
        )
    })
}

fn too_slow(patience: Duration) -> Problem {
    let detail = format!("The body did not arrive within {} seconds.", patience.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_SLOW", detail)
}

/// A JSON body whose faults are problems.
pub(crate) struct Body<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromRequest<Context> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(context, parts.extensions.get::<Caller>(), body).await?;
        match Json::from_request(Request::from_parts(parts, bytes.into()), context).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                let detail = "The body is not marked as application/json.";
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "REQUEST_TYPE", detail))
            }
            Err(fault) => Err(Problem::refused("REQUEST_MALFORMED", without_values(&fault.body_text()))),
        }
    }
}

/// What a parser says, without the values that it repeats: a secret may stand at the wrong place. Names of fields stay.
fn without_values(said: &str) -> String {
    const REPEATS: [&str; 4] = ["invalid type", "invalid value", "invalid length", "unknown variant"];
    const NAMES: [&str; 3] = ["missing field", "unknown field", "duplicate field"];
    let Some((begin, said)) = said.split_once(" into the target type: ") else { return said.to_owned() };
    let begin = format!("{begin} into the target type: ");
    // The first of them is the parser's own: values come behind it.
    let first = |words: &[&'static str]| words.iter().filter_map(|w| Some((said.find(w)?, *w))).min();
    let place = said.rfind(" at line ").map_or("", |at| &said[at..]);
    match (first(&REPEATS), first(&NAMES)) {
        (Some((at, word)), names) if names.is_none_or(|(other, _)| at < other) => {
            // What is expected is said last, and by us.
            let expected = said.rfind(", expected ").filter(|e| *e > at).map_or(place, |e| &said[e..]);
            format!("{begin}{}{word}{expected}", &said[..at])
        }
        (_, Some(_)) => format!("{begin}{said}"),
        _ => {
            let path = said.split_once(": ").map_or("", |(path, _)| path);
            let sep = if path.is_empty() { "" } else { ": " };
            format!("{begin}{path}{sep}it is not of the right form{place}")
        }
    }
}

/// Tells a field that is named with `null`, and so taken away, from one that is not named and stays.
pub(crate) fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_says_is_told_without_values() {
        const BEGIN: &str = "Failed to deserialize the JSON body into the target type: ";
        for (said, told) in [
            (
                "secrets.password: invalid type: integer `987654321`, expected a string at line 1 column 9",
                "secrets.password: invalid type, expected a string at line 1 column 9",
            ),
            (
                "code: invalid type: string \", expected x at line 9 canary\", expected a sequence at line 1 column 2",
                "code: invalid type, expected a sequence at line 1 column 2",
            ),
            (
                "role: unknown variant `canary`, expected one of `viewer`, `operator` at line 1 column 3",
                "role: unknown variant, expected one of `viewer`, `operator` at line 1 column 3",
            ),
            ("missing field `name` at line 1 column 2", "missing field `name` at line 1 column 2"),
            (
                "unknown field `colour`, expected `name` at line 1 column 2",
                "unknown field `colour`, expected `name` at line 1 column 2",
            ),
            (
                "tested: UUID parsing failed: canary at line 1 column 2",
                "tested: it is not of the right form at line 1 column 2",
            ),
            ("canary at line 1 column 2", "it is not of the right form at line 1 column 2"),
        ] {
            assert_eq!(without_values(&format!("{BEGIN}{said}")), format!("{BEGIN}{told}"));
        }
        let syntax = "Failed to parse the request body as JSON: EOF while parsing at line 1 column 1";
        assert_eq!(without_values(syntax), syntax);
    }
}
