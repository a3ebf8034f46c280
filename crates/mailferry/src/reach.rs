//! Where commands reach the router: in this process over the data folder, or at a service over the network.

use std::sync::Arc;

use crate::{
    api::Api,
    cmd::Asked,
    contexts::{self, Context, Contexts},
    database,
    exit::Failure,
    instance::Instance,
    remote::{self, Remote},
    secrets,
};

/// Where the router is.
pub enum Reach {
    /// In this process.
    Here(Box<Instance>),
    /// At a service.
    There(Remote),
}

impl Reach {
    /// As the flags say: `--server`, `--context`, `--data-dir`; else the current context; else the data folder.
    pub async fn of(asked: &Asked<'_>) -> Result<Self, Failure> {
        match service(asked)? {
            Some(remote) => Ok(Self::There(remote)),
            None => {
                let instance = Instance::open(asked.global, asked.connectors.clone()).await?;
                Ok(Self::Here(Box::new(instance)))
            }
        }
    }

    /// The API.
    pub fn api(&self) -> Api {
        match self {
            Self::Here(instance) => instance.api(Arc::new(|| {})),
            Self::There(remote) => Api::at(remote.clone()),
        }
    }
}

/// For commands that work with the store alone: a service that was named in so many words is refused.
pub fn check_local(asked: &Asked<'_>, what: &str) -> Result<(), Failure> {
    match service(asked)? {
        Some(remote) => Err(local_only(what, &remote)),
        None => Ok(()),
    }
}

/// For commands of two accounts, which are no service's business unless one is named in so many words.
pub fn check_unnamed(asked: &Asked<'_>, what: &str) -> Result<(), Failure> {
    let flags = asked.global;
    let named = flags.server.is_some() || flags.context.as_deref().is_some_and(|c| c != contexts::LOCAL);
    if named { check_local(asked, what) } else { Ok(()) }
}

fn local_only(what: &str, remote: &Remote) -> Failure {
    let text = format!("{what} works on the service's own machine alone, not through {}.", remote.url());
    Failure::Usage("SERVICE_LOCAL_ONLY", text)
}

/// The service that is meant, if one is.
fn service(asked: &Asked<'_>) -> Result<Option<Remote>, Failure> {
    let flags = asked.global;
    let named = flags.context.as_deref();
    if flags.server.is_none() && named.is_none() && (flags.data_dir.is_some() || database::is_given(flags)) {
        return Ok(None);
    }
    let known = Contexts::read()?;
    let context = match named.or(known.current.as_deref().filter(|_| flags.server.is_none())) {
        None | Some(contexts::LOCAL) => None,
        Some(name) => Some(known.find(name).ok_or_else(|| {
            let names: Vec<&str> = known.contexts.iter().map(|c| c.name.as_str()).collect();
            Failure::usage(format!("there is no such context; there are {}", names.join(", ")))
        })?),
    };
    match (&flags.server, context) {
        (Some(server), _) => {
            // The same server as that of a context: it is trusted alike.
            let same = known.contexts.iter().find(|c| c.server == server.trim_end_matches('/'));
            Ok(Some(remote(asked, server, context.or(same))?))
        }
        (None, Some(context)) => Ok(Some(remote(asked, &context.server, Some(context))?)),
        (None, None) if named.is_none() => {
            let server = flags.defaults.server.as_deref();
            server.map(|server| remote(asked, server, None)).transpose()
        }
        (None, None) => Ok(None),
    }
}

fn remote(asked: &Asked<'_>, server: &str, context: Option<&Context>) -> Result<Remote, Failure> {
    let flags = asked.global;
    let defaults = Some(&flags.defaults).filter(|d| d.server.as_deref() == Some(server));
    let token = match &flags.service_token_file {
        Some(path) => Some(secrets::from_file(path)?),
        None => secrets::from_environment("MAILFERRY_TOKEN").or_else(|| context.map(Context::token)),
    };
    let token = match (token, defaults.and_then(|d| d.service_token_file.as_deref())) {
        (None, Some(path)) => Some(secrets::from_file(path)?),
        (token, _) => token,
    };
    // Authorities that are named in so many words go before a fingerprint that was remembered.
    let fingerprint = std::env::var("MAILFERRY_FINGERPRINT").ok().filter(|f| !f.is_empty());
    let remembered = context.and_then(|c| c.fingerprint.clone()).filter(|_| flags.service_ca_file.is_none());
    let ca_file = flags.service_ca_file.as_deref().or(context.and_then(|c| c.ca_file.as_deref()));
    let ca_file = ca_file.or(defaults.and_then(|d| d.service_ca_file.as_deref()));
    Remote::of(server, remote::trust(fingerprint.or(remembered).as_deref(), ca_file)?, token)
}
