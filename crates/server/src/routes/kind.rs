//! The kinds of systems, as their manifests describe them.

use axum::{
    Json,
    extract::Path,
    http::{StatusCode, header},
    response::IntoResponse,
};
use mailferry_model::settings::{Manifest, SettingSpec, Takes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, problem::Problem};

/// A kind of system.
#[derive(Serialize, ToSchema)]
pub(crate) struct Kind {
    /// The word for `type`.
    kind: &'static str,
    title: &'static str,
    /// Whether it can be read from.
    source: bool,
    /// Whether it can be written to.
    target: bool,
    /// Whether its mailboxes move in this version; other kinds are tested alone.
    moves: bool,
    /// What it must or may be told, in the order in which people are asked.
    settings: Vec<Setting>,
}

/// One setting of a kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct Setting {
    name: &'static str,
    /// `text`, `host`, `port`, `url`, `number`, `word`, `path`, `switch` or `secret`.
    takes: &'static str,
    /// The words, where it takes one of some.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    words: &'static [&'static str],
    required: bool,
    /// Whether it says where secrets go, or how far that place is trusted: whoever changes it over the network gives
    /// the kept secrets again.
    aims: bool,
    default: Option<&'static str>,
    help: &'static str,
}

impl Kind {
    fn of(manifest: &Manifest) -> Self {
        Self {
            kind: manifest.kind,
            title: manifest.title,
            source: manifest.source,
            target: manifest.target,
            moves: manifest.moves,
            settings: manifest.settings.iter().map(Setting::of).collect(),
        }
    }
}

impl Setting {
    fn of(spec: &SettingSpec) -> Self {
        let (takes, words): (_, &[_]) = match spec.takes {
            Takes::Text | Takes::Proxy => ("text", &[]),
            Takes::Host => ("host", &[]),
            Takes::Port => ("port", &[]),
            Takes::Url => ("url", &[]),
            Takes::Number => ("number", &[]),
            Takes::OneOf(words) => ("word", words),
            Takes::Path => ("path", &[]),
            Takes::Certificates => ("certificates", &[]),
            Takes::Switch => ("switch", &[]),
            Takes::Secret => ("secret", &[]),
        };
        Self {
            name: spec.name,
            takes,
            words,
            required: spec.required,
            aims: spec.aims,
            default: spec.default,
            help: spec.help,
        }
    }
}

/// The kinds of systems that there are
#[utoipa::path(get, path = "/kinds", operation_id = "listKinds", tag = "kinds", responses((status = 200, description = "All kinds", body = Vec<Kind>)))]
pub(crate) async fn list(context: Context) -> Json<Vec<Kind>> {
    Json(context.manifests.iter().map(|m| Kind::of(m)).collect())
}

/// One kind of system with its settings
#[utoipa::path(get, path = "/kinds/{kind}", operation_id = "getKind", tag = "kinds", params(("kind" = String, Path, description = "Its word")), responses((status = 200, description = "The kind", body = Kind)))]
pub(crate) async fn show(context: Context, Path(kind): Path<String>) -> Result<Json<Kind>, Problem> {
    Ok(Json(Kind::of(find(&context, &kind)?)))
}

/// How a system of this kind is prepared, for administrators
#[utoipa::path(get, path = "/kinds/{kind}/guide", operation_id = "getKindGuide", tag = "kinds", params(("kind" = String, Path, description = "Its word")), responses((status = 200, description = "Markdown", body = String, content_type = "text/markdown")))]
pub(crate) async fn guide(context: Context, Path(kind): Path<String>) -> Result<impl IntoResponse, Problem> {
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], find(&context, &kind)?.guide))
}

fn find(context: &Context, kind: &str) -> Result<&'static Manifest, Problem> {
    let known = context.manifests.iter().find(|m| m.kind.eq_ignore_ascii_case(kind)).copied();
    known.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "SETTINGS_UNKNOWN_KIND", format!("There is no kind {kind:?}."))
    })
}
