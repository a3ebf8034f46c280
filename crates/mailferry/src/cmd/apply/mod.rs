//! `apply -f FILE` and `export`: endpoints as a file says. A plan first, then the routes that every command uses.

mod file;
mod plan;

use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, ValueEnum};
use mailferry_model::{
    id::EndpointId,
    secret::Secret,
    settings::{Settings, Takes},
};
use mailferry_server::Problem;
use serde_json::{Map, Value, json};

use self::{
    file::WantedEndpoint,
    plan::{Action, Fresh, Step},
};
use super::{Asked, endpoint::note, to_remove};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    out,
    reach::Reach,
};

/// The flags of `apply`.
#[derive(Args)]
pub struct ApplyArgs {
    /// The file (YAML); - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Only show what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
    /// Also remove the endpoints that the file does not name
    #[arg(long)]
    pub prune: bool,
    /// End with code 9 when there is nothing to do
    #[arg(long)]
    pub error_on_no_change: bool,
}

/// Makes the endpoints what a file says.
pub async fn apply(asked: Asked<'_>, args: ApplyArgs) -> Result<u8, Failure> {
    let mut wanted = file::read(&args.file)?.endpoints;
    let reach = Reach::of(&asked).await?;
    let api = reach.api();
    let there = api.get("/endpoints").await?;
    let there = there.as_array().map_or(&[][..], Vec::as_slice);
    let named = |name: &str| {
        let name = name.to_lowercase();
        there.iter().find(move |e| e["name"].as_str().is_some_and(|n| n.to_lowercase() == name))
    };
    let mut steps = Vec::new();
    for endpoint in &mut wanted {
        let before = named(&endpoint.name);
        let fresh = prepared((&asked, args.dry_run), &reach, endpoint, before).await?;
        steps.push(plan::compare(endpoint, before, &fresh));
    }
    if args.prune {
        let is_wanted =
            |e: &&Value| wanted.iter().any(|w| e["name"].as_str().is_some_and(|n| same(n, &w.name)));
        for surplus in there.iter().filter(|e| !is_wanted(e)) {
            check_unused(surplus)?;
            steps.push(plan::removal(surplus));
        }
    }
    for step in &steps {
        check_step(&asked, &api, step).await?;
    }
    let todo = steps.iter().filter(|step| step.action != Action::Keep).count();
    asked.out.say(&plan::shown(&steps));
    if todo > 0 && !args.dry_run {
        let gone: Vec<&str> =
            steps.iter().filter(|s| s.action == Action::Remove).map(|s| s.name.as_str()).collect();
        if !gone.is_empty() {
            to_remove(
                &asked,
                &format!("the endpoint{} {}", if gone.len() > 1 { "s" } else { "" }, gone.join(", ")),
            )?;
        }
        for step in &steps {
            done(&api, step).await?;
        }
    }
    let applied = todo > 0 && !args.dry_run;
    if !asked.out.is_for_people() {
        let columns = [out::Column::of("NAME", "/name"), out::Column::of("ACTION", "/action")];
        match asked.out.form {
            Form::Json | Form::Yaml => {
                asked.out.show(&json!({ "plan": steps, "applied": applied }), &columns)
            }
            _ => asked.out.list(&json!(steps), &columns)?,
        }
    }
    asked.out.say(match (todo, args.dry_run) {
        (0, _) => "Nothing to do.",
        (_, true) => "Nothing was done.",
        (_, false) => "Done.",
    });
    Ok(if todo == 0 && args.error_on_no_change { exit::NOTHING } else { exit::OK })
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Reads an endpoint of the file as its kind writes it; the secrets that are to be set for it. Its settings are judged
/// with the step that they make.
async fn prepared(
    (asked, is_plan): (&Asked<'_>, bool),
    reach: &Reach,
    endpoint: &mut WantedEndpoint,
    before: Option<&Value>,
) -> Result<Fresh, Failure> {
    let name = endpoint.name.clone();
    let Some(connector) = asked.connectors.iter().find(|c| c.manifest().kind == endpoint.kind) else {
        let known: Vec<&str> = asked.connectors.iter().map(|c| c.manifest().kind).collect();
        let text = format!("{name}: the type is none of {}.", known.join(", "));
        return Err(Failure::Usage("SETTINGS_UNKNOWN_KIND", text));
    };
    let manifest = connector.manifest();
    if let Some(kind) = before.and_then(|b| b["type"].as_str()).filter(|kind| *kind != endpoint.kind) {
        let text =
            format!("{name} is of the type {kind}, and that never changes: give the new one another name.");
        return Err(Failure::Problem(Box::new(Problem::conflict("APPLY_TYPE", text))));
    }
    // YAML says true and false where we say yes and nothing.
    endpoint.settings.retain(|setting, value| {
        let is_switch = manifest.setting(setting).is_some_and(|s| s.takes == Takes::Switch);
        if is_switch && value == "true" {
            *value = "yes".to_owned();
        }
        !(is_switch && ["false", "no"].contains(&value.as_str()))
    });
    let kept = kept(reach, before).await?;
    let values = std::mem::take(&mut endpoint.settings);
    endpoint.settings = manifest.tidied(Settings { values, ..Settings::default() }).values;
    let mut fresh = Fresh::new();
    for (secret, reference) in endpoint.references() {
        if manifest.setting(secret).is_none_or(|s| s.takes != Takes::Secret) {
            return Err(Failure::Usage(
                "SETTINGS_REFUSED",
                format!("{name}: {} has no secret {secret}", manifest.kind),
            ));
        }
        let value = match file::referred(reference)? {
            Some(value) => value,
            None if !is_plan => return Err(file::absent(reference)),
            // A plan sends nothing: whoever looks at it need not know the secrets.
            None => {
                let is_kept = kept.iter().any(|(kept, _)| kept == secret);
                let plan =
                    if is_kept { "that it changes cannot be told" } else { "the plan takes it as given" };
                asked.out.note(&format!("{name}: the reference {reference} is not at hand here; {plan}."));
                if !is_kept {
                    fresh.insert(secret.to_owned(), (reference.to_owned(), "not at hand".to_owned()));
                }
                continue;
            }
        };
        if kept.iter().find(|(kept, _)| kept == secret).is_none_or(|(_, kept)| *kept != value) {
            fresh.insert(secret.to_owned(), (reference.to_owned(), value.expose().clone()));
        }
    }
    Ok(fresh)
}

/// The secrets that are kept of an endpoint. A service shows none: those that the file refers to are set again there.
async fn kept(reach: &Reach, before: Option<&Value>) -> Result<Vec<(String, Secret<String>)>, Failure> {
    let Reach::Here(instance) = reach else {
        let names =
            before.and_then(|b| b["secrets"].as_array()).into_iter().flatten().filter_map(Value::as_str);
        return Ok(names.map(|name| (name.to_owned(), Secret::new(String::new()))).collect());
    };
    let id =
        before.and_then(|b| b["id"].as_str()).and_then(|id| uuid::Uuid::parse_str(id).ok()).map(EndpointId);
    match id {
        Some(id) => Ok(instance.store.unseal(id.0).await?),
        None => Ok(Vec::new()),
    }
}

/// An endpoint that batches refer to is not removed: said before anything is done.
fn check_unused(endpoint: &Value) -> Result<(), Failure> {
    let used = endpoint["batches"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let used: Vec<String> = used.map(str::to_owned).collect();
    let name = endpoint["name"].as_str().unwrap_or_default();
    match used.is_empty() {
        true => Ok(()),
        false => {
            let text = format!("Batches refer to the endpoint {name}, which the file does not name.");
            let problem = Problem::conflict("ENDPOINT_IN_USE", text).blocked_by(used);
            Err(Failure::Problem(Box::new(problem)))
        }
    }
}

async fn done(api: &Api, step: &Step) -> Result<(), Failure> {
    match step.action {
        Action::Keep => Ok(()),
        Action::Make | Action::Change => sent(api, step, step.body.clone()).await.map(drop),
        Action::Remove => {
            api.call(Method::DELETE, &format!("/endpoints/{}", segment(&step.name)), None).await.map(drop)
        }
    }
}

/// Has a step judged as if it were done, so that a plan that is shown can be carried out whole.
async fn check_step(asked: &Asked<'_>, api: &Api, step: &Step) -> Result<(), Failure> {
    if !matches!(step.action, Action::Make | Action::Change) {
        return Ok(());
    }
    let mut body = step.body.clone();
    body["dryRun"] = true.into();
    let mut judged = sent(api, step, body).await?;
    for notice in judged["notices"].as_array_mut().into_iter().flatten() {
        *notice = format!("{}: {}", step.name, notice.as_str().unwrap_or_default()).into();
    }
    note(asked.out, &judged);
    Ok(())
}

/// Sends a new endpoint, or what changes of one; a refusal names it.
async fn sent(api: &Api, step: &Step, body: Value) -> Result<Value, Failure> {
    let (method, path) = match step.action {
        Action::Make => (Method::POST, "/endpoints".to_owned()),
        _ => (Method::PATCH, format!("/endpoints/{}", segment(&step.name))),
    };
    api.call(method, &path, Some(body)).await.map_err(|failure| match failure {
        Failure::Problem(mut problem) => {
            problem.detail = format!("{}: {}", step.name, problem.detail);
            Failure::Problem(problem)
        }
        other => other,
    })
}

/// The flags of `export`.
#[derive(Args)]
pub struct ExportArgs {
    /// In which form; without it YAML, or what --output says
    #[arg(long = "as", value_name = "FORM")]
    form: Option<As>,
}

/// The forms that `apply` reads.
#[derive(Clone, Copy, ValueEnum)]
enum As {
    Yaml,
    Json,
}

/// Prints all endpoints as `apply` reads them, without secrets.
pub async fn export(asked: Asked<'_>, args: ExportArgs) -> Result<u8, Failure> {
    let there = Reach::of(&asked).await?.api().get("/endpoints").await?;
    let mut secret = Vec::new();
    let mut all = Vec::new();
    for endpoint in there.as_array().into_iter().flatten() {
        let name = endpoint["name"].as_str().unwrap_or_default();
        if endpoint["secrets"].as_array().is_some_and(|s| !s.is_empty()) {
            secret.push(name);
        }
        let mut told = Map::new();
        told.insert("name".to_owned(), name.into());
        told.insert("type".to_owned(), endpoint["type"].clone());
        told.insert("settings".to_owned(), endpoint["settings"].clone());
        let limits = json!({
            "maxConcurrentMigrations": endpoint["MaxConcurrentMigrations"],
            "maxConcurrentIncrementalSyncs": endpoint["MaxConcurrentIncrementalSyncs"],
        });
        told.insert("limits".to_owned(), limits);
        all.push(Value::Object(told));
    }
    let document = json!({ "endpoints": all });
    if !secret.is_empty() {
        let names = secret.join(", ");
        asked.out.note(&format!("Secrets are not exported; elsewhere these need passwordFrom: {names}."));
    }
    match (args.form, asked.out.form) {
        (Some(As::Json), _) | (None, Form::Json) => asked.out.document(&document),
        _ => out::print(&out::yaml(&document)),
    }
    Ok(exit::OK)
}
