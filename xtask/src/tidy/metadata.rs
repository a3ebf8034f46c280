//! The part of `cargo metadata` that tidy asks for: packages, their licences, their direct dependencies.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// All packages of the lock file.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// Ours and foreign ones.
    pub packages: Vec<Package>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// An SPDX expression.
    pub license: Option<String>,
    /// Where it comes from; none for our own.
    pub source: Option<String>,
    /// What its manifest names.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

/// One dependency in a manifest.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// None, `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks Cargo about a workspace.
    pub fn ask(root: &Path) -> Result<Self> {
        let out = Command::new(crate::root::cargo())
            .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
            .current_dir(root)
            .output()
            .context("cargo metadata")?;
        if !out.status.success() {
            bail!("cargo metadata: {}", String::from_utf8_lossy(&out.stderr).trim());
        }
        serde_json::from_slice(&out.stdout).context("cargo metadata: its answer")
    }

    /// Our own packages.
    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }

    /// What we depend on.
    pub fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_some())
    }
}

impl Package {
    /// The path of its manifest in the repository, good enough to open.
    pub fn manifest(&self) -> String {
        let room = room(&self.name);
        if room == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{room}/Cargo.toml") }
    }
}

/// The folder of one of our crates: its name without the family name.
pub fn room(package: &str) -> &str {
    package.strip_prefix("mailferry-").unwrap_or(package)
}
