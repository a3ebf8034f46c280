//! Messages to people: the texts that there are, and those of a batch with its dates, to be sent or merged by whoever asks.
//! Nothing is sent from here, and no text is kept.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    batch::Batch,
    message::{Facts, Kind, LARGEST, Lang, Placeholder, Template, text},
    rollback::check_words,
    settings::Takes,
    user::User,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Context, body::Body, problem::Problem, render::letter};

/// A text that comes with mailferry.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Message)]
pub(crate) struct TextView {
    /// `before`, `on-the-day`, `after` or `help-desk`.
    kind: &'static str,
    /// `en`, `de` or `ur`.
    lang: &'static str,
    /// `ltr` or `rtl`.
    dir: &'static str,
    /// Its first line.
    subject: &'static str,
    /// The whole, as `template` takes it.
    template: &'static str,
    /// What it may name.
    placeholders: Vec<&'static str>,
}

impl TextView {
    fn of(kind: Kind, lang: Lang) -> Self {
        let template = text(kind, lang);
        let subject = template.lines().next().and_then(|line| line.strip_prefix("Subject: "));
        let fits = |one: &Placeholder| kind.is_of_mailboxes() || !one.is_of_mailboxes();
        Self {
            kind: kind.word(),
            lang: lang.word(),
            dir: lang.dir(),
            subject: subject.unwrap_or_default(),
            template,
            placeholders: Placeholder::ALL.into_iter().filter(fits).map(Placeholder::word).collect(),
        }
    }
}

/// The texts that there are
#[utoipa::path(get, path = "/messages", operation_id = "listMessages", tag = "messages", responses((status = 200, description = "By kind and language", body = Vec<TextView>)))]
pub(crate) async fn list() -> Json<Vec<TextView>> {
    let of = |kind| Lang::ALL.into_iter().map(move |lang| TextView::of(kind, lang));
    Json(Kind::ALL.into_iter().flat_map(of).collect())
}

/// In which language.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct In {
    /// `en`, `de` or `ur`; English without it.
    lang: Option<String>,
}

/// One of them
#[utoipa::path(get, path = "/messages/{kind}", operation_id = "getMessage", tag = "messages", params(("kind" = String, Path, description = "`before`, `on-the-day`, `after` or `help-desk`"), In), responses((status = 200, description = "The text", body = TextView)))]
pub(crate) async fn show(Path(kind): Path<String>, Query(of): Query<In>) -> Result<Json<TextView>, Problem> {
    let kind = Kind::named(&kind).map_err(|why| Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", why))?;
    Ok(Json(TextView::of(kind, lang(of.lang.as_deref())?)))
}

fn lang(word: Option<&str>) -> Result<Lang, Problem> {
    let lang = word.map_or(Ok(Lang::default()), Lang::named);
    lang.map_err(|why| Problem::refused("REQUEST_MALFORMED", why))
}

/// Which messages are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MessageWriting)]
pub(crate) struct Writing {
    /// `before`, `on-the-day`, `after` or `help-desk`.
    kind: String,
    /// `en`, `de` or `ur`; English without it. Of an own text: how days are called, and its direction.
    lang: Option<String>,
    /// An own text instead: `Subject: …`, an empty line, then the text, with placeholders in braces.
    #[schema(max_length = 65536)]
    template: Option<String>,
    /// The new server, as people write it; the target's where it names one.
    #[schema(max_length = 200)]
    new_server: Option<String>,
    /// Whom to ask: words, a number, an address.
    #[schema(max_length = 200)]
    help_desk: Option<String>,
    /// Go on behind this address, as `next` of the answer before said it.
    behind: Option<String>,
}

/// Messages, at most 500.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Messages)]
pub(crate) struct MessagesView {
    messages: Vec<MessageView>,
    /// Ask again with this as `behind`; none: that was all.
    next: Option<String>,
}

/// A message to one person, or the sheet of a batch.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WrittenMessage)]
pub(crate) struct MessageView {
    /// Whom it is to; none of the sheet of a batch.
    to: Option<String>,
    subject: String,
    text: String,
    /// A page that stands alone.
    html: String,
    /// Both as a draft of a letter (RFC 5322), without a sender.
    eml: String,
    /// What stood for each placeholder, for a mail merge.
    #[schema(value_type = Object)]
    fields: BTreeMap<&'static str, String>,
}

/// Write the messages of a batch
///
/// One of each mailbox, by address; of the kind `help-desk` one of the batch. Nothing is sent and nothing is kept.
#[utoipa::path(post, path = "/batches/{name}/messages", operation_id = "writeMessages", tag = "messages", params(("name" = String, Path, description = "The batch")), request_body = Writing, responses((status = 200, description = "The messages", body = MessagesView)))]
pub(crate) async fn write(
    context: Context,
    Path(name): Path<String>,
    Body(wanted): Body<Writing>,
) -> Result<Json<MessagesView>, Problem> {
    let malformed = |why: String| Problem::refused("REQUEST_MALFORMED", why);
    let kind = Kind::named(&wanted.kind).map_err(malformed)?;
    let lang = lang(wanted.lang.as_deref())?;
    for (what, words) in [("newServer", &wanted.new_server), ("helpDesk", &wanted.help_desk)] {
        words.as_deref().map_or(Ok(()), |words| check_words(what, words)).map_err(malformed)?;
    }
    debug_assert!(text(kind, lang).len() < LARGEST);
    let template = wanted.template.as_deref().unwrap_or(text(kind, lang));
    let template = Template::read(template, kind).map_err(|why| Problem::refused("MESSAGE_TEMPLATE", why))?;
    let batch = context.store.batch(&name).await?;
    let census = context.store.census().await?;
    let count = census.into_iter().find(|(id, _)| *id == batch.id);
    let mailboxes = count.map_or(0, |(_, census)| census.users.iter().map(|(_, n)| *n).sum::<u64>());
    let server = match wanted.new_server {
        Some(server) => Some(server),
        None => host(&context, &batch).await?,
    };
    let facts = Facts {
        lang,
        batch: &batch,
        mailboxes: usize::try_from(mailboxes).unwrap_or(usize::MAX),
        new_server: server.as_deref(),
        help_desk: wanted.help_desk.as_deref(),
    };
    let one = |user: Option<&User>| {
        let written = template.fill(&facts, user);
        let to = user.map(|user| user.address.clone());
        let fits = |one: &Placeholder| user.is_some() || !one.is_of_mailboxes();
        let fields =
            Placeholder::ALL.into_iter().filter(fits).map(|one| (one.word(), facts.value(one, user)));
        let eml = letter(&written, to.as_deref(), context.clock.now());
        MessageView {
            to,
            eml,
            fields: fields.collect(),
            subject: written.subject,
            text: written.text,
            html: written.html,
        }
    };
    if !kind.is_of_mailboxes() {
        return Ok(Json(MessagesView { messages: vec![one(None)], next: None }));
    }
    let last = match &wanted.behind {
        Some(address) => Some(super::user::find(&context, &name, address).await?.1),
        None => None,
    };
    let users = context.store.users_behind(batch.id, last.as_ref()).await?;
    let next = users.last().map(|user| user.address.clone());
    Ok(Json(MessagesView { messages: users.iter().map(|user| one(Some(user))).collect(), next }))
}

/// The server that the target's endpoint names.
async fn host(context: &Context, batch: &Batch) -> mailferry_model::Result<Option<String>> {
    let endpoint = context.store.endpoint_by_id(batch.target).await?;
    let manifest = context.manifests.iter().find(|manifest| manifest.kind == endpoint.kind);
    let hosts = manifest.iter().flat_map(|manifest| manifest.settings);
    let mut hosts = hosts.filter(|setting| setting.takes == Takes::Host);
    Ok(hosts.find_map(|setting| endpoint.settings.get(setting.name)).map(str::to_owned))
}
