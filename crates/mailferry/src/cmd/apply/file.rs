//! The file of `apply`: what it may say, and where the secrets that it refers to come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use mailferry_model::secret::Secret;
use serde::Deserialize;

use crate::{exit::Failure, secrets};

/// What variables that hold a referred secret begin with.
const VARIABLE: &str = "MAILFERRY_REFERENCE_";
/// The longest file that is read.
const LONGEST: u64 = 4 << 20;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// All endpoints.
    pub endpoints: Vec<WantedEndpoint>,
}

/// An endpoint as it shall be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedEndpoint {
    /// Its name.
    pub name: String,
    /// Its kind of system.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its settings: all of them.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Its limits, as far as they are said.
    #[serde(default)]
    pub limits: WantedLimits,
    /// The name of a reference to its password.
    pub password_from: Option<String>,
    /// Names of references to its other secrets.
    #[serde(default)]
    pub secrets_from: BTreeMap<String, String>,
}

/// Its limits.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedLimits {
    /// Initial syncs at once.
    pub max_concurrent_migrations: Option<u32>,
    /// Later syncs at once.
    pub max_concurrent_incremental_syncs: Option<u32>,
}

impl WantedEndpoint {
    /// Its secrets by name, each with the name of its reference.
    pub fn references(&self) -> BTreeMap<&str, &str> {
        let others = self.secrets_from.iter().map(|(secret, name)| (secret.as_str(), name.as_str()));
        others.chain(self.password_from.iter().map(|name| ("password", name.as_str()))).collect()
    }
}

/// Reads the file; `-` is standard input.
pub fn read(path: &Path) -> Result<Wanted, Failure> {
    use std::io::Read;
    let unusable = |why: String| Failure::Usage("APPLY_UNREAD", format!("{}: {why}", path.display()));
    let mut text = String::new();
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(
            std::fs::File::open(path)
                .map_err(|e| Failure::usage(format!("--file {}: {e}", path.display())))?,
        ),
    };
    source.take(LONGEST).read_to_string(&mut text).map_err(|e| unusable(e.to_string()))?;
    // Without the lines around a fault: somebody may have typed a password there.
    let options = serde_saphyr::options! { with_snippet: false };
    let wanted: Wanted =
        serde_saphyr::from_str_with_options(&text, options).map_err(|e| unusable(e.to_string()))?;
    let mut seen = BTreeSet::new();
    match wanted.endpoints.iter().find(|e| !seen.insert(e.name.to_lowercase())) {
        Some(twice) => Err(unusable(format!("the endpoint {} stands in it twice", twice.name))),
        None => Ok(wanted),
    }
}

/// The secret that a reference stands for: a credential of systemd, or the variable of that name.
/// Nothing, where it is not at hand.
pub fn referred(name: &str) -> Result<Option<Secret<String>>, Failure> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !fits {
        let text =
            "A reference is a name of letters, digits, dots and dashes: no path, no command, no password.";
        return Err(Failure::Usage("APPLY_REFERENCE", text.to_owned()));
    }
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| PathBuf::from(d).join(name));
    if let Some(path) = credential.filter(|path| path.exists()) {
        return secrets::from_file(&path).map(Some);
    }
    Ok(secrets::from_environment(&variable_of(name)))
}

/// The refusal of a reference that is not at hand.
pub fn absent(name: &str) -> Failure {
    let variable = variable_of(name);
    let text = format!("There is no reference {name}: neither a credential of systemd nor {variable}.");
    Failure::Usage("APPLY_REFERENCE", text)
}

fn variable_of(name: &str) -> String {
    let variable: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{VARIABLE}{variable}")
}
