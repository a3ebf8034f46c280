//! Items named in reports, as they are shown.

use jiff::Timestamp;
use mailferry_model::report::{Findings, Kept, Named};
use serde::Serialize;
use serde_json::Value;

/// An item that a person should know about.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemView {
    pub(crate) user: String,
    /// `skipped`, `missing`, `doubled`, `changedAtTarget`, `rewritten` or `notMigratable`.
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    item: Named,
    found: Timestamp,
}

impl ItemView {
    pub(crate) fn all(kept: Kept) -> Vec<Self> {
        let of = |kind: &'static str, item: &Named| Self {
            user: kept.user.clone(),
            kind,
            item: item.clone(),
            found: kept.at,
        };
        kinds(&kept.findings)
            .into_iter()
            .flat_map(|(kind, items)| items.iter().map(move |i| of(kind, i)))
            .collect()
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
