//! `Get-` and `Set-MigrationConfig`: the tenant ceiling, natively `MaxConcurrentMigrations` of all endpoints together.

use axum::http::Method;
use mailferry_model::limits::CEILING_MAX;
use serde_json::{Value, json};

use super::{Answer, Desk, confirm, is_what_if, lacks};
use crate::{
    exit::Failure,
    native::{
        bind::Bound,
        datum::{Datum, Rows, What},
    },
};

const PROPERTIES: [&str; 4] = ["Identity", "MaxConcurrentMigrations", "EndpointCount", "HasBatches"];
/// Natively the name of the organization, which we do not know.
const IDENTITY: &str = "Tenant";

/// The configuration as an object.
pub(super) fn rows(values: Vec<Vec<Datum>>) -> Rows {
    Rows::new(What::Other, &PROPERTIES, &[], values)
}

/// Shows it.
pub(super) async fn get(desk: &Desk<'_>) -> Result<Rows, Failure> {
    let config = desk.api.get("/config").await?;
    let of = async |path: &str| Ok::<_, Failure>(desk.api.get(path).await?.as_array().map_or(0, Vec::len));
    let endpoints = i64::try_from(of("/endpoints").await?).unwrap_or(i64::MAX);
    Ok(rows(vec![vec![
        Datum::Text(IDENTITY.to_owned()),
        Datum::of(&config["tenantCeiling"]),
        Datum::Whole(endpoints),
        Datum::Bool(of("/batches").await? > 0),
    ]]))
}

/// A refusal because of endpoints, or of the number itself, with the native command that mends it.
fn of_ceiling(failure: Failure, ceiling: u32) -> Failure {
    match failure {
        Failure::Problem(mut problem) if problem.code == "LIMITS_ABOVE_CEILING" => {
            let lower = |name: &String| {
                format!(
                    "Lower it first: Set-MigrationEndpoint -Identity \"{name}\" -MaxConcurrentMigrations {ceiling}"
                )
            };
            problem.fix = problem.blockers.iter().map(lower).collect();
            Failure::Problem(problem)
        }
        Failure::Problem(mut problem) if problem.code == "LIMITS_REFUSED" => {
            let nearest = ceiling.clamp(1, CEILING_MAX);
            problem.fix = vec![format!(
                "Give the nearest that is possible: Set-MigrationConfig -MaxConcurrentMigrations {nearest}"
            )];
            Failure::Problem(problem)
        }
        other => other,
    }
}

/// Changes it; running batches follow within seconds.
pub(super) async fn change(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    const CMDLET: &str = "Set-MigrationConfig";
    let ceiling = match bound.get("tenant-ceiling") {
        None => return Err(lacks(CMDLET, "MaxConcurrentMigrations")),
        Some(Datum::Whole(n)) => u32::try_from(*n).unwrap_or(0),
        Some(_) => {
            desk.asked.out.note(&format!("Unlimited is read as the highest tenant ceiling, {CEILING_MAX}"));
            CEILING_MAX
        }
    };
    if is_what_if(desk, bound, CMDLET, IDENTITY) {
        return Ok(Answer::done());
    }
    confirm(desk, bound, CMDLET, IDENTITY)?;
    let changed = desk.api.call(Method::PATCH, "/config", Some(json!({ "tenantCeiling": ceiling }))).await;
    let changed: Value = changed.map_err(|failure| of_ceiling(failure, ceiling))?;
    let ceiling = &changed["tenantCeiling"];
    desk.asked.out.note(&format!("MaxConcurrentMigrations of all endpoints together is {ceiling} now."));
    Ok(Answer::done())
}
