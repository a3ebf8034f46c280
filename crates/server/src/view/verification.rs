//! A verification as it is shown.

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    verification::{Ended, Outcome, Subject, Verification, VerificationDepth, VerificationState, Verified},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, shape};

/// A verification that was ordered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Verification)]
pub(crate) struct VerificationView {
    id: String,
    /// `Ordered`, `Running`, `Done`, or `Interrupted` where its worker ended before it did.
    state: &'static str,
    /// The batch; none where only a user was named, or where it is gone.
    batch: Option<String>,
    /// The address, where one was named.
    user: Option<String>,
    /// Whether bodies are compared.
    deep: bool,
    /// Mailboxes that were looked at so far.
    looked_at: u64,
    /// What it found, once it is done: the object of `verify -o json`. Lists leave it out.
    #[schema(value_type = Option<shape::Verified>)]
    result: Option<Box<Verified>>,
    /// Why it ended early, if it did.
    #[schema(value_type = Option<shape::Ended>)]
    error: Option<Ended>,
    asked_by: String,
    asked: Timestamp,
}

impl VerificationView {
    pub(crate) async fn of(context: &Context, verification: Verification) -> Result<Self> {
        let (batch, user) = match verification.subject {
            Subject::Batch(batch) => (Some(batch), None),
            Subject::User(user) => (None, Some(user)),
            Subject::Member(batch, user) => (Some(batch), Some(user)),
        };
        let batch = match batch {
            None => None,
            Some(id) => match context.store.batch_by_id(id).await {
                Err(error) if error.kind() == Kind::NotFound => None,
                other => Some(other?.name),
            },
        };
        let (result, error) = match verification.outcome {
            None => (None, None),
            Some(Outcome::Verified(verified)) => (Some(verified), None),
            Some(Outcome::Ended(ended)) => (None, Some(ended)),
        };
        Ok(Self {
            id: verification.id.to_string(),
            state: match verification.state {
                VerificationState::Ordered => "Ordered",
                VerificationState::Running => "Running",
                VerificationState::Done => "Done",
                VerificationState::Interrupted => "Interrupted",
            },
            batch,
            user,
            deep: verification.depth == VerificationDepth::Deep,
            looked_at: verification.looked_at,
            result,
            error,
            asked_by: verification.asked_by,
            asked: verification.asked,
        })
    }
}
