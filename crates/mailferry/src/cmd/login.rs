//! `login`, `logout`, `whoami`: signing in at a service, and who that is.

use std::path::PathBuf;

use axum::http::Method;
use clap::Args;
use mailferry_model::secret::Secret;
use serde_json::json;

use super::Asked;
use crate::{
    api::Api,
    contexts::{Context, Contexts},
    exit::{self, Failure},
    reach::Reach,
    remote::{self, Remote},
    secrets,
};

/// The flags of `login`.
#[derive(Args)]
pub struct LoginArgs {
    /// The service: https://HOST:PORT
    pub url: String,
    /// The account's name
    #[arg(long, value_name = "NAME", required_unless_present = "token_file")]
    pub username: Option<String>,
    /// Its password, in a file; without it it is asked for
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// The authenticator's code, where the account has a second factor
    #[arg(long, value_name = "CODE", requires = "username")]
    pub code: Option<String>,
    /// A token for programs instead of name and password, in a file
    #[arg(long, value_name = "FILE", conflicts_with = "username")]
    pub token_file: Option<PathBuf>,
    /// Make the first administrator, with the code that the service printed, in a file
    #[arg(long, value_name = "FILE", requires = "username")]
    pub setup_code_file: Option<PathBuf>,
    /// Certificate authorities to trust (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub ca_file: Option<PathBuf>,
    /// The one certificate to trust, as the service printed it
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<String>,
    /// What to call it
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub name: String,
}

/// Signs in and remembers it.
pub async fn run(asked: Asked<'_>, args: LoginArgs) -> Result<u8, Failure> {
    let ca_file = args.ca_file.as_ref().map(std::path::absolute).transpose();
    let ca_file = ca_file.map_err(|e| Failure::usage(format!("--ca-file: {e}")))?;
    let trust = remote::trust(args.fingerprint.as_deref(), ca_file.as_deref())?;
    if args.name == crate::contexts::LOCAL {
        return Err(Failure::usage("--name: local means this machine's data folder"));
    }
    let token = match (&args.token_file, &args.username) {
        (Some(file), _) => secrets::from_file(file)?,
        (None, Some(name)) => {
            let nobody = Api::at(Remote::of(&args.url, trust.clone(), None)?);
            sign_in(&nobody, name, &args).await?
        }
        (None, None) => return Err(Failure::usage("--username or --token-file is needed")),
    };
    let remote = Remote::of(&args.url, trust, Some(token.clone()))?;
    let me = Api::at(remote.clone()).get("/me").await?;
    let account = me["actor"].as_str().unwrap_or_default().to_owned();
    let mut context = Context::of(&args.name, remote.url(), account.clone(), &token);
    context.fingerprint = args.fingerprint;
    context.ca_file = ca_file;
    let mut known = Contexts::read()?;
    known.set(context);
    known.write()?;
    match asked.out.is_for_people() {
        true => {
            let role = me["role"].as_str().unwrap_or_default();
            asked.out.say(&format!("Signed in at {} as {account} ({role}).", remote.url()));
        }
        false => asked.out.show(&me, &[]),
    }
    Ok(exit::OK)
}

async fn sign_in(api: &Api, name: &str, args: &LoginArgs) -> Result<Secret<String>, Failure> {
    let password = match &args.password_file {
        Some(file) => secrets::from_file(file)?,
        None => match secrets::from_environment("MAILFERRY_PASSWORD") {
            Some(password) => password,
            None => secrets::ask(name, "password-file FILE")?,
        },
    };
    let password = password.expose();
    if let Some(file) = &args.setup_code_file {
        let code = secrets::from_file(file)?;
        let body = json!({ "code": code.expose(), "name": name, "password": password });
        api.post("/setup", body).await?;
    }
    let body = json!({ "name": name, "password": password, "code": args.code, "as": "token" });
    let begun = api.post("/sessions", body).await?;
    let token = begun["token"].as_str().ok_or_else(|| Failure::own("the service gave no token"))?;
    Ok(Secret::from(token))
}

/// Ends the session and forgets the context.
pub async fn logout(asked: Asked<'_>) -> Result<u8, Failure> {
    let mut known = Contexts::read()?;
    let named = asked.global.context.clone().or_else(|| known.current.clone());
    let Some(name) = named.filter(|name| known.find(name).is_some()) else {
        asked.out.say("Nobody is signed in anywhere.");
        return Ok(exit::OK);
    };
    let ended = match Reach::of(&asked).await {
        Ok(reach) => reach.api().call(Method::DELETE, "/sessions/current", None).await.err(),
        Err(failure) => Some(failure),
    };
    known.contexts.retain(|c| c.name != name);
    known.current = known.current.filter(|current| *current != name);
    known.write()?;
    match ended {
        // A token for programs stays good, and a session may have ended before.
        Some(Failure::Problem(problem)) if matches!(problem.status, 401 | 409) => {}
        Some(failure) => asked.out.note(&format!("The service was not told: {}", failure.sentence())),
        None => {}
    }
    asked.out.say(&format!("Signed out of {name}."));
    Ok(exit::OK)
}

/// Who asks, and where.
pub async fn whoami(asked: Asked<'_>) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let mut me = reach.api().get("/me").await?;
    let place = match &reach {
        Reach::Here(_) => None,
        Reach::There(remote) => Some(remote.url()),
    };
    me["server"] = place.clone().into();
    match asked.out.is_for_people() {
        true => {
            let text = |name: &str| me[name].as_str().unwrap_or_default().to_owned();
            let place = place.unwrap_or_else(|| "this machine".to_owned());
            asked.out.say(&format!("{} ({}) at {place}", text("actor"), text("role")));
        }
        false => asked.out.show(&me, &[]),
    }
    Ok(exit::OK)
}
