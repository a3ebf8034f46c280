//! A test of an endpoint that somebody ordered: a worker makes it, and whoever ordered it reads what came of it.
//!
//! Its secrets lie apart, sealed under its id, and are forgotten when it has ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Side,
    finding::TestResult,
    id::{EndpointId, EndpointTestId},
    settings::Settings,
};

/// The secret under which the password of the mailbox that is opened is sealed.
pub const MAILBOX_SECRET: &str = "mailbox password";

/// A test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointTest {
    /// Its id.
    pub id: EndpointTestId,
    /// The endpoint whose settings these are; none for settings that are stored nowhere else.
    pub endpoint: Option<EndpointId>,
    /// The connector's kind.
    pub kind: String,
    /// What is tested, without secrets; with what was found out, where that was asked for.
    pub settings: Settings,
    /// The side that it will play.
    pub side: Side,
    /// The side that it will play as well: asked where nothing failed before.
    #[serde(default)]
    pub also: Option<Side>,
    /// A mailbox to open, instead of the settings' own.
    pub mailbox: Option<Mailbox>,
    /// Whether the endpoint keeps what is found.
    pub keeps: bool,
    /// How much is asked.
    pub scope: TestScope,
    /// How far it is.
    pub state: TestState,
    /// What it found, once it is done.
    pub result: Option<TestResult>,
    /// Who ordered it.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
}

/// The mailbox that a test opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its address.
    pub address: String,
    /// The name to sign in with, where it differs.
    #[serde(default)]
    pub user: Option<String>,
}

/// How much a test asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestScope {
    /// Only what the settings leave open is found out by the address (Autodiscover).
    Discovery,
    /// All steps.
    Steps,
    /// All steps, and nothing is written there: no person ordered it.
    ReadOnly,
    /// All steps, then so many seconds of connecting again and again.
    Repeated(u32),
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestState {
    /// Nobody has begun.
    Ordered,
    /// A worker is at it.
    Running,
    /// It has a result.
    Done,
    /// Its worker ended before it did. It is not made again by itself: a sign-in may have been tried.
    Interrupted,
}

impl TestState {
    /// Whether something may still come of it.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Ordered | Self::Running)
    }
}
