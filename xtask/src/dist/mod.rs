//! `cargo xtask dist`: what is given to others, as one tarball with checksums and a bill of materials.
//!
//! It builds, gathers and looks; it signs and sends nothing.

mod bare;
mod materials;
mod pack;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{root, run};

/// Files of the tarball, by their path in it: contents and mode.
pub type Files = BTreeMap<String, (Vec<u8>, u32)>;

/// Builds the tarball, around a program that is there already if one is named.
pub fn make(program: Option<PathBuf>) -> Result<()> {
    let program = program.map_or_else(build, Ok)?;
    let needs = bare::check(&program)?;
    let materials = materials::Materials::ask()?;
    let mut files = gathered(&program)?;
    files.insert("sbom.cdx.json".to_owned(), (materials.bill()?.into_bytes(), 0o644));
    files.insert("THIRD-PARTY-LICENSES.txt".to_owned(), (materials.licences()?.into_bytes(), 0o644));
    let name = format!("mailferry-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let folder = root::target().join("dist");
    let tarball = pack::write(&folder, &name, files, written()?)?;
    println!("{}: {} KB", tarball.display(), tarball.metadata()?.len() / 1024);
    println!("  needs {needs}");
    println!("  parts from others: {}", materials.parts.len());
    println!("  check it: (cd {} && sha256sum --check {name}.tar.gz.sha256)", folder.display());
    Ok(())
}

/// A release build in which no path of this machine stands.
fn build() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let flags = format!(
        "--remap-path-prefix={}=/cargo --remap-path-prefix={}=/mailferry",
        home.display(),
        root::root().display()
    );
    println!("building for release: a few minutes the first time");
    let mut cargo = Command::new(root::cargo());
    cargo.args(["build", "--release", "--locked", "--package", "mailferry"]).current_dir(root::root());
    run::quiet(cargo.env("RUSTFLAGS", flags))?;
    Ok(root::target().join("release/mailferry"))
}

/// The time of the last commit, so that the same sources make the same tarball.
fn written() -> Result<u64> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return epoch.parse().context("SOURCE_DATE_EPOCH");
    }
    let mut git = Command::new("git");
    let told = run::text(git.args(["log", "-1", "--format=%ct"]).current_dir(root::root()))?;
    told.trim().parse().context("the time of the last commit")
}

fn gathered(program: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut add = |name: String, bytes: Vec<u8>, mode: u32| files.insert(name, (bytes, mode));
    add("bin/mailferry".to_owned(), std::fs::read(program)?, 0o755);
    for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        add(name.to_owned(), std::fs::read(root::root().join(name))?, 0o644);
    }
    let say = |arguments: &[&str]| run::text(Command::new(program).args(arguments));
    for (shell, file) in [
        ("bash", "bash/mailferry"),
        ("zsh", "zsh/_mailferry"),
        ("fish", "fish/mailferry.fish"),
        ("powershell", "powershell/mailferry.ps1"),
    ] {
        add(format!("share/completions/{file}"), say(&["completions", shell])?.into_bytes(), 0o644);
    }
    let unit = say(&["setup", "--systemd-unit", "--exec", "/usr/bin/mailferry"])?;
    add("lib/systemd/system/mailferry.service".to_owned(), unit.into_bytes(), 0o644);
    let manual = tempfile::tempdir()?;
    let dir = manual.path().to_str().context("a path that is not UTF-8")?;
    say(&["man", "--dir", dir])?;
    for page in manual.path().read_dir()? {
        let page = page?;
        let name = page.file_name().to_string_lossy().into_owned();
        add(format!("share/man/man1/{name}"), std::fs::read(page.path())?, 0o644);
    }
    check_paths(&files)?;
    Ok(files)
}

/// Nobody learns where this was built.
fn check_paths(files: &Files) -> Result<()> {
    let root = root::root();
    let here = root.to_str().context("a path that is not UTF-8")?.as_bytes();
    for (name, (bytes, _)) in files {
        if bytes.windows(here.len()).any(|window| window == here) {
            bail!("{name} names the folder in which it was built");
        }
    }
    Ok(())
}
