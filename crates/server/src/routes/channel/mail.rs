//! What a channel of mail is told: by which server, as whom, to whom. The password is sealed beside it.

use mailferry_model::{
    channel::mail::{MailRoute, Password, Recipients, Security},
    secret::Secret,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{problem::Problem, shape};

/// Of mail: by which server and to whom. Of a change what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MailSettings)]
pub(crate) struct Fields {
    /// The server's name or address.
    server: Option<String>,
    /// Its port; 587 for `starttls`, 465 for `tls`, 25 for `none` without it.
    port: Option<u16>,
    /// How the way there is secured: `starttls` without it.
    #[schema(value_type = Option<shape::MailSecurity>)]
    security: Option<Security>,
    /// Who signs in; an empty text: nobody does.
    username: Option<String>,
    /// With which password: kept sealed and never shown.
    password: Option<String>,
    /// Who writes.
    from: Option<String>,
    /// Who is written to, of everything.
    to: Option<Vec<String>>,
    /// Who is written to of what went wrong; where there are some, they alone.
    failure_to: Option<Vec<String>>,
    /// By which name the server is greeted; an empty text: by our address.
    hello_name: Option<String>,
    /// Authorities to trust instead of the system's (PEM); an empty text: the system's.
    ca: Option<String>,
    /// Hours between two digests of all batches; 0, which is usual: none.
    #[schema(maximum = 744)]
    digest_every_hours: Option<u32>,
}

/// What becomes of the password.
pub(super) enum Sealed {
    /// It stays as it is.
    AsItIs,
    /// It is another one.
    Fresh(Secret<String>),
    /// There is none any more.
    Forgotten,
}

/// The route as it shall be, and its password.
pub(super) fn judged(
    fields: Fields,
    (before, kept): (Option<&MailRoute>, Password),
) -> Result<(MailRoute, Sealed), Problem> {
    let text = |new: Option<String>, old: Option<&String>| match new {
        Some(new) => Some(new).filter(|new| !new.is_empty()),
        None => old.cloned(),
    };
    let security = fields.security.or(before.map(|b| b.security)).unwrap_or_default();
    // The port that is usual goes along with another security.
    let usual = |b: &MailRoute| if b.port == b.security.port() { security.port() } else { b.port };
    let old = before.map(|b| &b.recipients);
    let route = MailRoute {
        server: text(fields.server, before.map(|b| &b.server)).unwrap_or_default(),
        port: fields.port.or(before.map(usual)).unwrap_or(security.port()),
        security,
        username: text(fields.username, before.and_then(|b| b.username.as_ref())),
        from: text(fields.from, before.map(|b| &b.from)).unwrap_or_default(),
        recipients: Recipients {
            to: fields.to.or(old.map(|old| old.to.clone())).unwrap_or_default(),
            failure_to: fields.failure_to.or(old.map(|old| old.failure_to.clone())).unwrap_or_default(),
        },
        hello: text(fields.hello_name, before.and_then(|b| b.hello.as_ref())),
        ca: text(fields.ca, before.and_then(|b| b.ca.as_ref())),
        digest_every_hours: fields
            .digest_every_hours
            .or(before.map(|b| b.digest_every_hours))
            .unwrap_or_default(),
    };
    let sealed = match fields.password {
        Some(new) if !new.is_empty() => Sealed::Fresh(Secret::new(new)),
        Some(_) => Sealed::Forgotten,
        None if route.username.is_none() => Sealed::Forgotten,
        None => Sealed::AsItIs,
    };
    let password = match &sealed {
        Sealed::Fresh(_) => Password::Kept,
        Sealed::Forgotten => Password::Missing,
        Sealed::AsItIs => kept,
    };
    let stays = matches!(sealed, Sealed::AsItIs) && kept == Password::Kept;
    if stays && before.is_some_and(|before| route.aims_elsewhere(before)) {
        let detail =
            "With another server, port, security, authorities or user name the password is needed again.";
        return Err(Problem::refused("CHANNEL_PASSWORD_AGAIN", detail));
    }
    route.check(password).map_err(|why| Problem::refused("CHANNEL_MAIL", why))?;
    Ok((route, sealed))
}
