//! Channels for notices: where somebody is told what happened. Addresses and keys are sealed; a key is shown once. What
//! mail needs is [`mail`]'s.

mod mail;

use axum::{Json, extract::Path, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use mailferry_model::{
    Error,
    channel::{
        Channel, ChannelKind, Delivery, SIGNING, SIGNING_BEFORE, URL, check_events,
        mail::{MailRoute, PASSWORD, Password},
        site_of,
    },
    id::{ChannelId, DeliveryId},
    notice::Notice,
    port::{Sealing, Write},
    secret::Secret,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use self::mail::{Fields, Sealed};
use super::{check_name, entry};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::{ChannelView, DeliveryView},
};

/// So many deliveries are looked at.
const SHOWN: usize = 500;

/// A new channel.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewChannel)]
pub(crate) struct Wanted {
    /// Its name, unique without case.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// How messages are written.
    #[schema(value_type = crate::shape::ChannelKind)]
    kind: ChannelKind,
    /// Where to, of a webhook or of Teams: kept sealed and never shown.
    url: Option<String>,
    /// By which server and to whom, of mail.
    mail: Option<Fields>,
    /// Which events: `batch.completed`, `batch.*`, `*`; what is usual for its kind without it.
    events: Option<Vec<String>>,
}

/// Changes: what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ChannelChanges)]
pub(crate) struct Changes {
    /// Another address.
    url: Option<String>,
    /// Of mail, field by field.
    mail: Option<Fields>,
    /// Other events.
    events: Option<Vec<String>>,
    /// Whether nothing new is told for now; it is not told later either.
    muted: Option<bool>,
}

/// What of a change of keys.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Rotation)]
pub(crate) struct Rotation {
    /// Make no key, but sign with the key before no longer: all receivers know the new one.
    end: bool,
}

/// All channels, by name
#[utoipa::path(get, path = "/channels", operation_id = "listChannels", tag = "channels", params(PageQuery), responses((status = 200, description = "By name", body = Vec<ChannelView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<ChannelView>, Problem> {
    let all = context.store.channels().await?;
    page.cut(all.into_iter().map(ChannelView::of).collect(), |view| view.name.clone())
}

/// Make a channel; the answer alone shows the key of a webhook
#[utoipa::path(post, path = "/channels", operation_id = "createChannel", tag = "channels", request_body = Wanted, responses((status = 201, description = "The channel", body = ChannelView)))]
pub(crate) async fn create(
    context: Context,
    Body(wanted): Body<Wanted>,
) -> Result<Versioned<ChannelView>, Problem> {
    check_name("CHANNEL_NAME", &wanted.name)?;
    let kind = wanted.kind;
    let way = way(kind, wanted.url, wanted.mail)?;
    let events = wanted.events.unwrap_or_else(|| kind.usual_events());
    check_events(&events).map_err(|why| Problem::refused("CHANNEL_EVENTS", why))?;
    let id = ChannelId(context.store.new_id());
    let Way { site, mail, secrets } = way;
    let channel = Channel { id, version: 1, name: wanted.name, kind, site, mail, events, muted: false };
    let key = fresh_key()?;
    let mut sealed: Vec<Sealing<'_>> = secrets.iter().map(|(name, secret)| (id.0, *name, secret)).collect();
    if kind == ChannelKind::Webhook {
        sealed.push((id.0, SIGNING, &key));
    }
    let change = json!({ "kind": kind, "site": channel.site, "events": channel.events }).to_string();
    let entry = entry(&context, "channel.new", format!("channel {}", channel.name), Some(change));
    let writes = [Write::AddChannel(&channel), Write::Seal(&sealed), Write::Record(&entry)];
    context.store.together(&writes).await?;
    let shown = (kind == ChannelKind::Webhook).then(|| key.expose().clone());
    let body = ChannelView::of(channel).with_key(shown);
    Ok(Versioned { status: StatusCode::CREATED, version: 1, body })
}

/// Where a channel leads.
struct Way {
    site: String,
    mail: Option<MailRoute>,
    secrets: Vec<(&'static str, Secret<String>)>,
}

/// Where a new one leads: an address of the web, or a mail server.
fn way(kind: ChannelKind, url: Option<String>, mail: Option<Fields>) -> Result<Way, Problem> {
    match (kind, url, mail) {
        (ChannelKind::Mail, None, Some(fields)) => {
            let (route, sealed) = mail::judged(fields, (None, Password::Missing))?;
            let secrets = match sealed {
                Sealed::Fresh(password) => vec![(PASSWORD, password)],
                Sealed::AsItIs | Sealed::Forgotten => Vec::new(),
            };
            Ok(Way { site: route.site(), mail: Some(route), secrets })
        }
        (ChannelKind::Webhook | ChannelKind::Teams, Some(url), None) => {
            let site = site_of(kind, &url).map_err(|why| Problem::refused("CHANNEL_ADDRESS", why))?;
            Ok(Way { site, mail: None, secrets: vec![(URL, Secret::new(url))] })
        }
        (ChannelKind::Mail, ..) => {
            Err(foreign("A channel of mail is told a server and recipients, no address."))
        }
        _ => Err(foreign("A webhook and Teams are told an address, and no mail server.")),
    }
}

fn foreign(detail: &str) -> Problem {
    Problem::refused("CHANNEL_NOT_MAIL", detail)
}

/// One channel
#[utoipa::path(get, path = "/channels/{name}", operation_id = "getChannel", tag = "channels", params(("name" = String, Path, description = "Its name")), responses((status = 200, description = "The channel", body = ChannelView)))]
pub(crate) async fn show(
    context: Context,
    Path(name): Path<String>,
) -> Result<Versioned<ChannelView>, Problem> {
    answer(context.store.channel(&name).await?, None)
}

/// Change a channel
#[utoipa::path(patch, path = "/channels/{name}", operation_id = "changeChannel", tag = "channels", params(("name" = String, Path, description = "Its name")), request_body = Changes, responses((status = 200, description = "As it is now", body = ChannelView)))]
pub(crate) async fn change(
    context: Context,
    Path(name): Path<String>,
    if_match: IfMatch,
    Body(changes): Body<Changes>,
) -> Result<Versioned<ChannelView>, Problem> {
    let mut channel = context.store.channel(&name).await?;
    if_match.check(channel.version)?;
    let mut told = json!({});
    if let Some(url) = &changes.url {
        if channel.kind == ChannelKind::Mail {
            return Err(foreign("A channel of mail has no address of the web."));
        }
        channel.site = site_of(channel.kind, url).map_err(|why| Problem::refused("CHANNEL_ADDRESS", why))?;
        told["site"] = json!(channel.site);
    }
    let mut sealed = Sealed::AsItIs;
    if let Some(fields) = changes.mail {
        let Some(before) = &channel.mail else {
            return Err(foreign("Only a channel of mail has a mail server."));
        };
        let known = context.store.unseal(channel.id.0).await?;
        let kept = known.iter().any(|(name, _)| name == PASSWORD);
        let kept = if kept { Password::Kept } else { Password::Missing };
        let (route, password) = mail::judged(fields, (Some(before), kept))?;
        sealed = password;
        channel.site = route.site();
        told["site"] = json!(channel.site);
        channel.mail = Some(route);
    }
    if let Some(events) = changes.events {
        check_events(&events).map_err(|why| Problem::refused("CHANNEL_EVENTS", why))?;
        told["events"] = json!(events);
        channel.events = events;
    }
    if let Some(muted) = changes.muted {
        told["muted"] = json!(muted);
        channel.muted = muted;
    }
    let url = changes.url.map(Secret::new);
    let mut secrets: Vec<Sealing<'_>> = url.iter().map(|url| (channel.id.0, URL, url)).collect();
    if let Sealed::Fresh(password) = &sealed {
        secrets.push((channel.id.0, PASSWORD, password));
    }
    let subject = format!("channel {}", channel.name);
    let entry = entry(&context, "channel.set", subject, Some(told.to_string()));
    let mut writes = vec![Write::SetChannel(&channel), Write::Seal(&secrets), Write::Record(&entry)];
    if matches!(sealed, Sealed::Forgotten) {
        writes.push(Write::ForgetSecret(channel.id.0, PASSWORD));
    }
    if_match.kept(context.store.together(&writes).await)?;
    channel.version += 1;
    answer(channel, None)
}

/// Remove a channel with its keys and what is on its way to it
#[utoipa::path(delete, path = "/channels/{name}", operation_id = "removeChannel", tag = "channels", params(("name" = String, Path, description = "Its name")), responses((status = 204, description = "Removed")))]
pub(crate) async fn remove(context: Context, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let channel = context.store.channel(&name).await?;
    let entry = entry(&context, "channel.remove", format!("channel {}", channel.name), None);
    context.store.together(&[Write::RemoveChannel(channel.id), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a service send a test to a channel; its deliveries tell what came of it
#[utoipa::path(post, path = "/channels/{name}/test", operation_id = "testChannel", tag = "channels", params(("name" = String, Path, description = "Its name")), responses((status = 202, description = "What is to be sent", body = DeliveryView)))]
pub(crate) async fn test(
    context: Context,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let channel = context.store.channel(&name).await?;
    let (id, now) = (DeliveryId(context.store.new_id()), context.clock.now());
    let to = channel.mail.as_ref().map(|mail| mail.recipients.all()).unwrap_or_default();
    let delivery = Delivery::of(id, channel.id, Notice::test(&channel.name, now), now).to(to);
    let entry = entry(&context, "channel.test", format!("channel {}", channel.name), None);
    context.store.together(&[Write::AddDelivery(&delivery), Write::Record(&entry)]).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(delivery))))
}

/// Make a new key for a webhook; until that is ended the key before signs too
#[utoipa::path(post, path = "/channels/{name}/rotate", operation_id = "rotateChannel", tag = "channels", params(("name" = String, Path, description = "Its name")), request_body = Rotation, responses((status = 200, description = "The channel with its new key", body = ChannelView)))]
pub(crate) async fn rotate(
    context: Context,
    Path(name): Path<String>,
    Body(rotation): Body<Rotation>,
) -> Result<Versioned<ChannelView>, Problem> {
    let channel = context.store.channel(&name).await?;
    let known = context.store.unseal(channel.id.0).await?;
    let of = |name: &str| known.iter().find(|(n, _)| n == name).map(|(_, secret)| secret);
    let Some(current) = of(SIGNING) else {
        let detail = format!("{} is no webhook: nothing is signed there.", channel.name);
        return Err(Problem::refused("CHANNEL_UNSIGNED", detail));
    };
    let (key, action) = (fresh_key()?, if rotation.end { "channel.rotated" } else { "channel.rotate" });
    let entry = entry(&context, action, format!("channel {}", channel.name), None);
    let secrets = [(channel.id.0, SIGNING, &key), (channel.id.0, SIGNING_BEFORE, current)];
    // The version counts, so that of two rotations at once one is refused: else both would print a key that one lost.
    let mut writes = vec![Write::SetChannel(&channel)];
    match rotation.end {
        false => writes.push(Write::Seal(&secrets)),
        true if of(SIGNING_BEFORE).is_some() => {
            writes.push(Write::ForgetSecret(channel.id.0, SIGNING_BEFORE));
        }
        true => {}
    }
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await?;
    let shown = (!rotation.end).then(|| key.expose().clone());
    let version = channel.version + 1;
    answer(Channel { version, ..channel }, shown)
}

/// What was and is on its way to a channel, newest first
#[utoipa::path(get, path = "/channels/{name}/deliveries", operation_id = "listDeliveries", tag = "channels", params(("name" = String, Path, description = "The channel's name")), responses((status = 200, description = "Newest first, at most 500", body = Vec<DeliveryView>)))]
pub(crate) async fn deliveries(
    context: Context,
    Path(name): Path<String>,
) -> Result<Json<Vec<DeliveryView>>, Problem> {
    let channel = context.store.channel(&name).await?;
    let all = context.store.deliveries(channel.id, SHOWN).await?;
    Ok(Json(all.into_iter().map(DeliveryView::of).collect()))
}

fn answer(channel: Channel, key: Option<String>) -> Result<Versioned<ChannelView>, Problem> {
    let version = channel.version;
    Ok(Versioned { status: StatusCode::OK, version, body: ChannelView::of(channel).with_key(key) })
}

/// A key as Standard Webhooks writes it.
fn fresh_key() -> Result<Secret<String>, Problem> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|e| Error::bug("make signing key", e.to_string()))?;
    Ok(Secret::new(format!("whsec_{}", STANDARD.encode(random))))
}
