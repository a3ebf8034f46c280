//! What the program is made of: a bill of materials (CycloneDX) and the licences, from Cargo's metadata.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{root, run};

/// A part from somebody else.
pub struct Part {
    id: String,
    name: String,
    version: String,
    licence: String,
    folder: PathBuf,
    checksum: Option<String>,
}

/// All that goes into the program.
pub struct Materials {
    /// Parts from others, by name and version.
    pub parts: Vec<Part>,
    /// Which part needs which, by Cargo's ids.
    needs: BTreeMap<String, Vec<String>>,
    ours: String,
}

impl Materials {
    /// Asks Cargo what the program is built from on this platform: nothing that only tests need.
    pub fn ask() -> Result<Self> {
        let version = run::text(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc names no host")?;
        let mut cargo = Command::new(root::cargo());
        cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
        let told: Value = serde_json::from_str(&run::text(cargo.current_dir(root::root()))?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let packages: BTreeMap<String, Value> =
            list(&told["packages"]).into_iter().map(|p| (text(&p["id"]), p)).collect();
        let ours = packages.values().find(|p| p["name"] == "mailferry" && p["source"].is_null());
        let ours = text(&ours.context("there is no package mailferry")?["id"]);
        let mut needs = BTreeMap::new();
        for node in list(&told["resolve"]["nodes"]) {
            let is_built = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
            let deps =
                list(&node["deps"]).into_iter().filter(is_built).map(|dep| text(&dep["pkg"])).collect();
            needs.insert(text(&node["id"]), deps);
        }
        let reached = reached(&ours, &needs);
        let sums = checksums(&std::fs::read_to_string(root::root().join("Cargo.lock"))?);
        let mut parts = Vec::new();
        for package in reached.iter().filter_map(|id| packages.get(id)).filter(|p| !p["source"].is_null()) {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            parts.push(Part {
                id: text(&package["id"]),
                licence: text(&package["license"]),
                folder: manifest.parent().unwrap_or(Path::new("/")).to_owned(),
                checksum: sums.get(&(name.clone(), version.clone())).cloned(),
                name,
                version,
            });
        }
        parts.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        needs.retain(|id, _| reached.contains(id));
        Ok(Self { parts, needs, ours })
    }

    /// The bill of materials. It says nothing of when and where it was made: equal sources, equal bills.
    pub fn bill(&self) -> Result<String> {
        let names: BTreeMap<&str, String> = (self.parts.iter())
            .map(|part| (part.id.as_str(), purl(&part.name, &part.version)))
            .chain([(self.ours.as_str(), purl("mailferry", env!("CARGO_PKG_VERSION")))])
            .collect();
        let component = |part: &Part| {
            let hashes: Vec<Value> =
                part.checksum.iter().map(|sum| json!({ "alg": "SHA-256", "content": sum })).collect();
            let reference = purl(&part.name, &part.version);
            json!({
                "type": "library", "bom-ref": reference, "name": part.name, "version": part.version,
                "purl": reference, "hashes": hashes,
                "licenses": [{ "expression": part.licence.replace('/', " OR ") }],
            })
        };
        let below = |id: &String| {
            let mut found: BTreeSet<String> = BTreeSet::new();
            let mut open: Vec<&String> = self.needs.get(id).into_iter().flatten().collect();
            let mut seen = BTreeSet::new();
            // Our own crates are one program: what they need, the program needs.
            while let Some(next) = open.pop() {
                match names.get(next.as_str()) {
                    Some(name) => _ = found.insert(name.clone()),
                    None if seen.insert(next) => open.extend(self.needs.get(next).into_iter().flatten()),
                    None => {}
                }
            }
            found
        };
        let dependencies: Vec<Value> = (self.needs.keys())
            .filter_map(|id| Some(json!({ "ref": names.get(id.as_str())?, "dependsOn": below(id) })))
            .collect();
        let bill = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": { "component": {
                "type": "application", "bom-ref": names[self.ours.as_str()], "name": "mailferry",
                "version": env!("CARGO_PKG_VERSION"), "purl": names[self.ours.as_str()],
                "licenses": [{ "expression": env!("CARGO_PKG_LICENSE") }],
            }},
            "components": self.parts.iter().map(component).collect::<Vec<_>>(),
            "dependencies": dependencies,
        });
        Ok(serde_json::to_string_pretty(&bill)? + "\n")
    }

    /// The texts of the licences, each once, with the parts that come under it.
    pub fn licences(&self) -> Result<String> {
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for part in &self.parts {
            for file in part.folder.read_dir()? {
                let path = file?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
                let is_licence = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"]
                    .iter()
                    .any(|begin| name.starts_with(begin));
                if let Some(text) =
                    std::fs::read_to_string(&path).ok().filter(|_| is_licence && path.is_file())
                {
                    texts.entry(text).or_default().push(format!("{} {}", part.name, part.version));
                }
            }
        }
        let mut whole = String::from("mailferry contains these parts, under the licences that follow.\n\n");
        for part in &self.parts {
            whole.push_str(&format!("{} {}: {}\n", part.name, part.version, part.licence));
        }
        for (text, parts) in texts {
            let rule = "-".repeat(100);
            whole.push_str(&format!("\n{rule}\n{}\n{rule}\n\n{}\n", parts.join(", "), text.trim_end()));
        }
        Ok(whole)
    }
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn reached(from: &str, needs: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(next) = open.pop() {
        open.extend(needs.get(&next).into_iter().flatten().cloned());
        if !found.insert(next) {
            open.retain(|id| !found.contains(id));
        }
    }
    found
}

/// The checksums of the lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let of =
        |block: &str| Some(((field(block, "name")?, field(block, "version")?), field(block, "checksum")?));
    lock.split("[[package]]").filter_map(of).collect()
}
