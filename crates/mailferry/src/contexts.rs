//! Contexts: which service is asked by which token, remembered in the user's configuration folder.

use std::{
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

use mailferry_model::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// The context that means: no service, the data folder of this machine.
pub const LOCAL: &str = "local";

/// All contexts of a user.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contexts {
    /// The one that is asked unless another is named.
    pub current: Option<String>,
    /// All of them.
    pub contexts: Vec<Context>,
}

/// A service and how it is reached.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub server: String,
    /// Who is signed in.
    pub account: String,
    /// The token of the session, or one for programs.
    token: String,
    /// The one certificate to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Context {
    /// A fresh one.
    pub fn of(name: &str, server: String, account: String, token: &Secret<String>) -> Self {
        let token = token.expose().clone();
        Self { name: name.to_owned(), server, account, token, fingerprint: None, ca_file: None }
    }

    /// Its token.
    pub fn token(&self) -> Secret<String> {
        Secret::new(self.token.clone())
    }
}

impl Contexts {
    /// What is remembered; nothing at first.
    pub fn read() -> Result<Self, Failure> {
        let Some(path) = path() else { return Ok(Self::default()) };
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| Failure::usage(format!("{}: {e}; remove it and sign in again", path.display()))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Self::default())
            }
            Err(e) => Err(Failure::own(format!("{}: {e}", path.display()))),
        }
    }

    /// Remembers it, for this user alone.
    pub fn write(&self) -> Result<(), Failure> {
        let path =
            path().ok_or_else(|| Failure::usage("there is no home folder to remember a sign-in in"))?;
        let failed = |e: std::io::Error| Failure::own(format!("{}: {e}", path.display()));
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(self).map_err(|e| Failure::own(e.to_string()))?;
        let draft = path.with_extension("new");
        // Whatever the modes of an older draft: it was removed.
        _ = std::fs::remove_file(&draft);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let written = file.and_then(|mut file| file.write_all(&text));
        written.and_then(|()| std::fs::rename(&draft, &path)).map_err(failed)
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|c| c.name == name)
    }

    /// Adds one, in place of an older one of that name, and makes it the current one.
    pub fn set(&mut self, context: Context) {
        self.current = Some(context.name.clone());
        self.contexts.retain(|c| c.name != context.name);
        self.contexts.push(context);
    }
}

fn path() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let folder = given("XDG_CONFIG_HOME").or_else(|| Some(given("HOME")?.join(".config")))?;
    Some(folder.join("mailferry/contexts.json"))
}
