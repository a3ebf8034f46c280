//! The repository as tidy sees it: text files, facts of the Rust files, Cargo's metadata.
//!
//! A tree is read from disk, or from one file of test data that holds many (`-- path --` lines
//! between them). Rules see no difference.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::facts::Facts;
use super::metadata::Metadata;

/// Larger files are data, not text.
const LARGEST: u64 = 1 << 20;
/// Bad and good examples for tidy itself: not part of what it judges.
const EXAMPLES: &str = "xtask/fixtures/";
/// Folders that are never ours when git is not there to ask.
const NOT_OURS: [&str; 4] = ["target", ".git", "node_modules", "dist"];

/// One text file.
#[derive(Debug)]
pub struct File {
    /// Its path from the root, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// For Rust files.
    pub facts: Option<Facts>,
}

impl File {
    /// The crate whose folder holds the file (`crates/NAME/…`, or `xtask`).
    pub fn crate_name(&self) -> Option<&str> {
        if self.path.starts_with("xtask/") {
            return Some("xtask");
        }
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.rsplit('/');
        let name = parts.next().unwrap_or_default();
        name == "tests.rs" || parts.any(|folder| matches!(folder, "tests" | "benches" | "fuzz" | "examples"))
    }
}

/// All that tidy judges.
#[derive(Debug)]
pub struct Tree {
    /// Text files by path.
    pub files: BTreeMap<String, File>,
    /// What Cargo says of crates and dependencies.
    pub metadata: Metadata,
}

impl Tree {
    /// Reads the repository.
    pub fn open(root: &Path) -> Result<Self> {
        let metadata = std::thread::scope(|scope| {
            let metadata = scope.spawn(|| Metadata::ask(root));
            let files = read_all(root, &list(root)?)?;
            let metadata = metadata.join().map_err(|_| anyhow::anyhow!("reading metadata panicked"))??;
            anyhow::Ok((files, metadata))
        });
        let (files, metadata) = metadata?;
        Ok(Self { files, metadata })
    }

    /// Reads test data: files one after the other, each below a line `-- path --`.
    #[cfg(test)]
    pub fn parse(text: &str) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut current: Option<(String, String)> = None;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
                add(&mut files, current.replace((path.to_owned(), String::new())));
            } else if let Some((_, text)) = &mut current {
                text.push_str(line);
                text.push('\n');
            }
        }
        add(&mut files, current);
        let metadata = match files.remove("metadata.json") {
            Some(file) => serde_json::from_str(&file.text).context("metadata.json")?,
            None => Metadata::default(),
        };
        Ok(Self { files, metadata })
    }

    /// The Rust files with their facts.
    pub fn rust(&self) -> impl Iterator<Item = (&File, &Facts)> {
        self.files.values().filter_map(|file| Some((file, file.facts.as_ref()?)))
    }

    /// A file's text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|file| file.text.as_str())
    }

    /// The names directly below a folder (which ends with `/`): files and folders.
    pub fn below(&self, folder: &str) -> Vec<&str> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder));
        let mut names: Vec<&str> = inside.filter_map(|rest| rest.split('/').next()).collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
fn add(files: &mut BTreeMap<String, File>, file: Option<(String, String)>) {
    if let Some((path, text)) = file {
        let facts = path.ends_with(".rs").then(|| Facts::read(&text));
        files.insert(path.clone(), File { path, text, facts });
    }
}

/// Paths of the files that git knows or would add; without git, those on disk.
fn list(root: &Path) -> Result<Vec<String>> {
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    let mut paths = match git {
        Ok(out) if out.status.success() => {
            let names = out.stdout.split(|b| *b == 0).filter(|name| !name.is_empty());
            names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root, root, &mut found)?;
            found
        }
    };
    paths.retain(|path| !path.starts_with(EXAMPLES));
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if NOT_OURS.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, found)?;
        } else if let Ok(inside) = path.strip_prefix(root) {
            found.push(inside.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// Reads and parses on all processors; binary files, links and what is gone again are left out.
fn read_all(root: &Path, paths: &[String]) -> Result<BTreeMap<String, File>> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let share = paths.len().div_ceil(workers).max(1);
    let parts = std::thread::scope(|scope| {
        let read =
            |part: &[String]| part.iter().filter_map(|path| read_one(root, path)).collect::<Vec<File>>();
        let handles: Vec<_> = paths.chunks(share).map(|part| scope.spawn(move || read(part))).collect();
        handles.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut files = BTreeMap::new();
    for part in parts {
        let Ok(part) = part else { bail!("a reader panicked") };
        files.extend(part.into_iter().map(|file| (file.path.clone(), file)));
    }
    Ok(files)
}

fn read_one(root: &Path, path: &str) -> Option<File> {
    let full = root.join(path);
    let known = full.symlink_metadata().ok()?;
    if !known.is_file() || known.len() > LARGEST {
        return None;
    }
    let text = String::from_utf8(std::fs::read(full).ok()?).ok()?;
    let facts = path.ends_with(".rs").then(|| Facts::read(&text));
    Some(File { path: path.to_owned(), text, facts })
}
