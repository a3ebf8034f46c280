//! Items named in reports, as they are shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mailferry_model::{
    approval::Approvals,
    report::{Findings, Kept, Named, Score},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::shape;

/// An item that a person should know about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
pub(crate) struct ItemView {
    pub(crate) user: String,
    /// `skipped`, `missing`, `doubled`, `changedAtTarget`, `rewritten` or `notMigratable`.
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    #[schema(value_type = shape::Named)]
    item: Named,
    found: Timestamp,
    /// Whether somebody said that it may stay behind; of skipped and missing ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<bool>,
    /// Who did.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_comment: Option<String>,
}

impl ItemView {
    pub(crate) fn all(kept: Kept, approvals: &Approvals) -> Vec<Self> {
        let of = |kind: &'static str, item: &Named| {
            let is_approvable = matches!(kind, "skipped" | "missing");
            let approval = approvals.find(item).filter(|_| is_approvable);
            Self {
                user: kept.user.clone(),
                kind,
                item: item.clone(),
                found: kept.at,
                approved: is_approvable.then_some(approval.is_some()),
                approved_by: approval.map(|approval| approval.by.clone()),
                approved_at: approval.map(|approval| approval.at),
                approval_comment: approval.map(|approval| approval.comment.clone()),
            }
        };
        kinds(&kept.findings)
            .into_iter()
            .flat_map(|(kind, items)| items.iter().map(move |i| of(kind, i)))
            .collect()
    }
}

/// What the last pass of a mailbox found, in numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Report)]
pub(crate) struct ReportView {
    pub(crate) user: String,
    /// When the pass ended.
    at: Timestamp,
    #[schema(value_type = String)]
    score: Score,
    identified: u64,
    placed: u64,
    bytes: u64,
    /// How many of each kind of item are named; `/items` lists them.
    named: BTreeMap<&'static str, usize>,
    /// The verdict in one sentence.
    sentence: String,
}

impl ReportView {
    pub(crate) fn of(kept: &Kept) -> Self {
        let found = &kept.findings;
        Self {
            user: kept.user.clone(),
            at: kept.at,
            score: found.score(),
            identified: found.identified,
            placed: found.placed,
            bytes: found.bytes,
            named: kinds(found).into_iter().map(|(kind, items)| (kind, items.len())).collect(),
            sentence: found.sentence(),
        }
    }
}

/// The lists of a report by their names, in the order of the documentation.
pub(crate) fn kinds(findings: &Findings) -> [(&'static str, &[Named]); 6] {
    [
        ("skipped", &findings.skipped),
        ("missing", &findings.missing),
        ("doubled", &findings.doubled),
        ("changedAtTarget", &findings.changed_at_target),
        ("rewritten", &findings.rewritten),
        ("notMigratable", &findings.not_migratable),
    ]
}

/// An item of a mailbox among those of many.
pub(super) fn named(user: &str, item: &Named) -> Value {
    let mut value = serde_json::to_value(item).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("user".to_owned(), user.into());
    }
    value
}
