//! Checks that connectors share, one file each, and the two things that each may say: told, or a fault.
//!
//! A check knows what it saw; what that means and how to mend it stands in the catalogue. Nothing here signs in.

use std::{borrow::Cow, collections::BTreeMap};

use mailferry_model::{
    Error, catalogue,
    finding::{Check, Finding, Step, Verdict},
    secret::Secret,
};
use serde_json::Value;

use crate::net::mask;

pub mod account;
pub mod approach;
pub mod certificate;
pub mod dns_resolves;
pub mod guards;
pub mod inspected;
pub mod later;
pub mod legacy;
pub mod rows;
pub mod secures;
pub mod speaks;
pub mod stranger;
pub mod tcp_connects;
pub mod web;

/// The most evidence that a finding shows.
const EVIDENCE: usize = 4096;

/// The name of facts that are said behind the catalogue's text.
pub const ALSO: &str = "also";

/// Facts in our own words, from settings or measured: a gap in them would tell the secret. All others may quote the
/// other side and are masked like evidence.
const OURS: [&str; 39] = [
    ALSO,
    "account",
    "address",
    "at",
    "begins",
    "bits",
    "days",
    "dead",
    "directory",
    "domain",
    "ends",
    "host",
    "itself",
    "kdc",
    "mailbox",
    "methods",
    "milliseconds",
    "now",
    "otherPort",
    "path",
    "pool",
    "port",
    "product",
    "propose",
    "protocol",
    "provider",
    "proxy",
    "realm",
    "same",
    "security",
    "servers",
    "skew",
    "spn",
    "status",
    "username",
    "version",
    "wanted",
    "way",
    "what",
];

/// What is seen of settings or measured: not masked, for the same reason. All else may quote the other side.
const SEEN_OURS: [&str; 12] = [
    "addresses",
    "certificateEnds",
    "certificateFingerprint",
    "fromOutside",
    "kdc",
    "passwordExpires",
    "port",
    "provider",
    "providerNotes",
    "remoteServer",
    "security",
    "spn",
];

/// The same without a secret, texts and whatever holds them.
fn unseen(seen: BTreeMap<String, Value>, secret: &str) -> BTreeMap<String, Value> {
    fn without(value: Value, secret: &str) -> Value {
        match value {
            Value::String(text) => Value::String(mask::masked(&text, secret)),
            Value::Array(all) => all.into_iter().map(|one| without(one, secret)).collect(),
            Value::Object(all) => all.into_iter().map(|(name, one)| (name, without(one, secret))).collect(),
            other => other,
        }
    }
    let ours = |name: &String| SEEN_OURS.contains(&name.as_str());
    seen.into_iter()
        .map(|(name, value)| if ours(&name) { (name, value) } else { (name, without(value, secret)) })
        .collect()
}

/// What a check saw, where it is as it should be.
#[derive(Debug, Default)]
pub struct Told {
    /// The other side's words.
    pub evidence: String,
    /// What somebody should know all the same.
    pub warning: Option<Fault>,
    /// What it means for Microsoft's own framework, where that differs.
    pub native: Option<Verdict>,
    /// What else was seen, by name.
    pub seen: BTreeMap<String, Value>,
}

/// What a check found wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The catalogue's word for it.
    pub code: Cow<'static, str>,
    /// `Fail` or `Warn`.
    pub outcome: Verdict,
    /// What it means for Microsoft's own framework.
    pub native: Verdict,
    /// Where it belongs, if not to the step that met it.
    pub step: Option<Step>,
    /// The other side's words.
    pub evidence: String,
    /// What the catalogue's text speaks of; under [`ALSO`] what else is wrong, in whole sentences behind the text.
    pub facts: Vec<(&'static str, String)>,
    /// What else was seen, by name.
    pub seen: BTreeMap<String, Value>,
}

impl Told {
    /// As it should be.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), ..Self::default() }
    }

    /// The same with a warning.
    #[must_use]
    pub fn but(self, warning: Option<Fault>) -> Self {
        Self { warning: warning.or(self.warning), ..self }
    }

    /// The same with what it means natively.
    #[must_use]
    pub fn natively(self, native: Verdict) -> Self {
        Self { native: Some(native), ..self }
    }

    /// The same with something seen.
    #[must_use]
    pub fn seen(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.seen.insert(name.to_owned(), value.into());
        self
    }

    fn without(mut self, secret: &str) -> Self {
        self.evidence = mask::masked(&self.evidence, secret);
        self.seen = unseen(self.seen, secret);
        self.warning = self.warning.map(|fault| fault.without(secret));
        self
    }

    /// As a row.
    pub fn into_finding(self, check: &Check, elapsed_ms: u64) -> Finding {
        let mut finding = match self.warning {
            None => Finding::pass(check, cut(&self.evidence), elapsed_ms),
            Some(fault) => {
                let evidence = if fault.evidence.is_empty() { self.evidence } else { fault.evidence.clone() };
                Fault { evidence, ..fault }.into_finding(check, elapsed_ms)
            }
        };
        finding.native = self.native.unwrap_or(finding.native);
        if !matches!(finding.native, Verdict::Fail | Verdict::Warn) {
            finding.native_fix.clear();
        }
        finding.seen.extend(self.seen);
        finding
    }
}

impl Fault {
    /// Something that does not work, for us and natively.
    pub fn fail(code: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: code.into(),
            outcome: Verdict::Fail,
            native: Verdict::Fail,
            step: None,
            evidence: String::new(),
            facts: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Something that works, but somebody should know.
    pub fn warn(code: &'static str) -> Self {
        Self { outcome: Verdict::Warn, native: Verdict::Warn, ..Self::fail(code) }
    }

    /// Our own settings are at fault: nothing was asked.
    pub fn of_settings() -> Self {
        Self::fail("SETTINGS_REFUSED").natively(Verdict::Unknown)
    }

    /// An error that no check knows a better word for.
    pub fn of_error(error: &Error) -> Self {
        Self::fail(error.code()).with("words", error.context()).shown(error.context())
    }

    /// The same with a fact that the text speaks of.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// The same with evidence.
    #[must_use]
    pub fn shown(self, evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), ..self }
    }

    /// The same with what it means natively.
    #[must_use]
    pub fn natively(self, native: Verdict) -> Self {
        Self { native, ..self }
    }

    /// The same without a secret in what the other side said.
    fn without(mut self, secret: &str) -> Self {
        self.evidence = mask::masked(&self.evidence, secret);
        self.seen = unseen(self.seen, secret);
        for (name, value) in &mut self.facts {
            if !OURS.contains(name) {
                *value = mask::masked(value, secret);
            }
        }
        self
    }

    /// The same at another step.
    #[must_use]
    pub fn at(self, step: Step) -> Self {
        Self { step: Some(step), ..self }
    }

    /// As a row.
    pub fn into_finding(self, check: &Check, elapsed_ms: u64) -> Finding {
        let entry = catalogue::find(&self.code);
        let told = entry.map(|entry| entry.told(&self.facts));
        let (cause, fix) = told.unwrap_or_else(|| (self.evidence.clone(), Vec::new()));
        let also = self.facts.iter().filter(|(name, _)| *name == ALSO);
        let cause = also.fold(cause, |cause, (_, sentence)| cause + " " + sentence);
        Finding {
            step: self.step.unwrap_or(check.step),
            outcome: self.outcome,
            native: self.native,
            cause: Some(cause),
            docs: Some(format!("docs/reference/codes.md#{}", self.code.to_lowercase())),
            code: Some(self.code.into_owned()),
            fix,
            native_fix: entry.map(|entry| entry.told_natively(&self.facts)).unwrap_or_default(),
            seen: self.seen,
            ..Finding::pass(check, cut(&self.evidence), elapsed_ms)
        }
    }
}

/// A row from what a check said, with a secret taken out: servers echo what they were sent.
pub fn row(
    check: &Check,
    answer: Result<Option<Told>, Fault>,
    elapsed_ms: u64,
    secret: Option<&Secret<String>>,
) -> Finding {
    let secret = secret.map(|s| s.expose().as_str()).unwrap_or_default();
    match answer {
        Ok(Some(told)) => told.without(secret).into_finding(check, elapsed_ms),
        Ok(None) => Finding::not_run(check),
        Err(fault) => fault.without(secret).into_finding(check, elapsed_ms),
    }
}

/// At most so much evidence, whole characters.
fn cut(text: &str) -> String {
    let end = (0..=text.len().min(EVIDENCE)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}
