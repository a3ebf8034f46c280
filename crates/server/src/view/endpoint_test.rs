//! A test of an endpoint as it is shown.

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result, Side,
    endpoint_test::{EndpointTest, TestState},
    finding::TestResult,
    settings::Settings,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, shape};

/// A test that was ordered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointTest)]
pub(crate) struct EndpointTestView {
    id: String,
    /// `Ordered`, `Running`, `Done`, or `Interrupted` where its worker ended before it did.
    state: &'static str,
    /// The endpoint; none where only settings were given, or where it is gone.
    endpoint: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    /// `source` or `target`.
    #[serde(rename = "as")]
    role: &'static str,
    /// What was tested; with what was found out where discovery was asked for.
    #[schema(value_type = shape::Settings)]
    settings: Settings,
    /// The mailbox that was named.
    mailbox: Option<String>,
    /// What it found, once it is done.
    #[schema(value_type = Option<shape::TestResult>)]
    result: Option<TestResult>,
    asked_by: String,
    asked: Timestamp,
}

impl EndpointTestView {
    pub(crate) async fn of(context: &Context, test: EndpointTest) -> Result<Self> {
        let endpoint = match test.endpoint {
            None => None,
            Some(id) => match context.store.endpoint_by_id(id).await {
                Err(error) if error.kind() == Kind::NotFound => None,
                other => Some(other?.name),
            },
        };
        Ok(Self {
            id: test.id.to_string(),
            state: match test.state {
                TestState::Ordered => "Ordered",
                TestState::Running => "Running",
                TestState::Done => "Done",
                TestState::Interrupted => "Interrupted",
            },
            endpoint,
            kind: test.kind,
            role: if test.side == Side::Target { "target" } else { "source" },
            settings: test.settings,
            mailbox: test.mailbox.map(|m| m.address),
            result: test.result,
            asked_by: test.asked_by,
            asked: test.asked,
        })
    }
}
