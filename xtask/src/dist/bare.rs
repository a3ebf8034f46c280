//! Whether the program runs on a bare Debian: the libraries it asks for, the glibc it needs, and a trial in a folder
//! that holds nothing else.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{peers::process, run};

/// What every Debian has: glibc, and the support library of the compiler.
const THERE: [&str; 8] =
    ["linux-vdso", "ld-linux", "libc", "libm", "libgcc_s", "libpthread", "libdl", "librt"];

/// Checks it; what it needs, in words.
pub fn check(program: &Path) -> Result<String> {
    let told = run::text(Command::new("ldd").arg(program))?;
    let mut libraries = BTreeMap::new();
    for line in told.lines() {
        let Some(first) = line.split_whitespace().next() else { continue };
        let name = first.rsplit('/').next().unwrap_or(first);
        let stem = name.split(['.', '-']).next().unwrap_or(name);
        if !THERE.iter().any(|there| stem == *there || name.starts_with(&format!("{there}.")))
            && !is_loader(name)
        {
            bail!("it needs {name}, which is not on every Debian");
        }
        if let Some(path) = line.split_whitespace().find(|word| word.starts_with('/')) {
            libraries.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    let glibc = newest_glibc(&fs::read(program)?);
    let mut needs = format!("glibc {glibc}: {}", libraries.keys().cloned().collect::<Vec<_>>().join(", "));
    match process::is_root() {
        true => {
            try_alone(program, libraries.values())?;
            needs.push_str("; runs with nothing else in its root");
        }
        false => needs.push_str("; not tried with nothing else in its root (that takes the administrator)"),
    }
    Ok(needs)
}

fn is_loader(name: &str) -> bool {
    name.starts_with("linux-vdso") || name.starts_with("ld-linux")
}

/// The newest version of glibc whose symbols it asks for.
fn newest_glibc(program: &[u8]) -> String {
    const MARK: &[u8] = b"GLIBC_2.";
    let minor = |at: usize| {
        let digits = program[at + MARK.len()..].iter().take_while(|b| b.is_ascii_digit());
        digits.fold(0_u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')))
    };
    let found = program.windows(MARK.len()).enumerate().filter(|(_, w)| *w == MARK).map(|(at, _)| minor(at));
    format!("2.{}", found.max().unwrap_or(0))
}

/// Runs it in a root of its own that holds the libraries and nothing else.
fn try_alone<'a>(program: &Path, libraries: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let root = tempfile::tempdir()?;
    let lay = |from: &Path, to: &Path| -> Result<()> {
        let to = root.path().join(to.strip_prefix("/").unwrap_or(to));
        fs::create_dir_all(to.parent().context("a path without a folder")?)?;
        fs::copy(from, to).with_context(|| from.display().to_string())?;
        Ok(())
    };
    lay(program, Path::new("/mailferry"))?;
    for library in libraries {
        lay(library, library)?;
    }
    for words in
        [&["version"][..], &["setup", "--data-dir", "/data"], &["endpoint", "list", "--data-dir", "/data"]]
    {
        let mut alone = Command::new("chroot");
        alone
            .arg(root.path())
            .arg("/mailferry")
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        run::text(&mut alone).context("in a root with nothing else")?;
    }
    Ok(())
}
