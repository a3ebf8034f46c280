//! A domain as it is shown: what its DNS says, beside what it shall say.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    domain::{Domain, Row, Verdict, Wanted, judge},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, door::known, shape};

/// A domain.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Domain)]
pub(crate) struct DomainView {
    name: String,
    /// What its DNS shall say.
    #[schema(value_type = shape::DomainWanted)]
    wanted: Wanted,
    /// When the switch is planned: as it was said, else when its batch completes.
    at: Option<Timestamp>,
    batch: Option<String>,
    /// The DNS server that is asked; the system's otherwise.
    resolver: Option<String>,
    /// Since when a look at it is wanted; none once it was made.
    asked: Option<Timestamp>,
    asked_by: String,
    /// When it was last looked at.
    looked: Option<Timestamp>,
    /// All of it in one sentence.
    sentence: String,
    /// Each record, now and wanted, and what people should know of it.
    #[schema(value_type = Vec<shape::DomainRow>)]
    records: Vec<Row>,
}

impl DomainView {
    pub(crate) async fn of(context: &Context, domain: Domain) -> Result<Self> {
        let batch = match &domain.batch {
            Some(name) => known(context.store.batch(name).await)?,
            None => None,
        };
        let at = domain.at.or(batch.and_then(|batch| batch.schedule.complete_after));
        let records = judge(&domain, at, context.clock.now());
        Ok(Self {
            sentence: sentence(&domain, &records),
            name: domain.name,
            wanted: domain.wanted,
            at,
            batch: domain.batch,
            resolver: domain.resolver,
            asked: domain.asked,
            asked_by: domain.asked_by,
            looked: domain.looked,
            records,
        })
    }
}

fn sentence(domain: &Domain, rows: &[Row]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (wrong, unknown) = (count(Verdict::Differs) + count(Verdict::Missing), count(Verdict::Unknown));
    let name = &domain.name;
    match (domain.looked, wrong, unknown) {
        (None, ..) => format!("Nobody has looked at {name} yet."),
        (_, 0, 0) if count(Verdict::AsWanted) == 0 => {
            format!("Nothing is wanted of {name}: this is what is there.")
        }
        (_, 0, 0) => format!("{name} is as wanted."),
        (_, wrong, 0) => format!("Of {name} {wrong} of {} records are not as wanted yet.", rows.len()),
        (_, 0, unknown) => format!("Of {name} {unknown} of {} records could not be asked for.", rows.len()),
        (_, wrong, unknown) => {
            format!("Of {name} {wrong} records are not as wanted yet, and {unknown} could not be asked for.")
        }
    }
}
