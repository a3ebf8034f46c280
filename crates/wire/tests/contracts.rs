//! What we send against the vendor's schema, and the vendor's samples against what we read. The files are not ours and
//! lie elsewhere: `MAILFERRY_CONTRACTS`, by default beside the project; without them this says so and tests nothing.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot set its scene has failed")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mailferry_wire::{
    autodiscover::{self, Dialect},
    ews::{self, Acting, Outcome},
};

/// The folder of the contracts, or a loud word.
fn contracts() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    let folder = std::env::var_os("MAILFERRY_CONTRACTS").map_or(root, PathBuf::from);
    if !folder.join("ews-full/messages.xsd").exists() {
        eprintln!("SKIPPED: the vendors' schemas are not here (MAILFERRY_CONTRACTS)");
        return None;
    }
    Some(folder)
}

/// The element of a request's body as a document of its own.
fn alone(request: &str, from: &str, to: &str) -> String {
    let body = request.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let name = body.trim_start_matches('<').split([' ', '>', '/']).next().unwrap();
    let spaces = "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"";
    body.replacen(name, &format!("{name} {spaces}"), 1)
}

#[test]
fn requests_are_valid_by_the_schema() {
    let Some(folder) = contracts() else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        eprintln!("SKIPPED: xmllint is not installed (Debian: libxml2-utils)");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for acting in [Acting::Oneself, Acting::For("anna@example.org")] {
        let request = ews::get_inbox(acting);
        let file = scratch.path().join("request.xml");
        std::fs::write(&file, alone(&request, "<s:Body>", "</s:Body>")).unwrap();
        let schema = folder.join("ews-full/messages.xsd");
        let ran =
            Command::new("xmllint").args(["--nonet", "--noout", "--schema"]).arg(schema).arg(&file).output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "{request}\n{}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn the_vendors_samples_are_understood() {
    let Some(folder) = contracts() else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mut folders = 0;
    for entry in std::fs::read_dir(folder.join("ews-samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains("GetFolderResponse") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("Envelope") {
            continue;
        }
        folders += 1;
        let answer = ews::Answer::parse(&text).unwrap_or_else(|| panic!("{name}"));
        assert!(matches!(answer.outcome, Outcome::Success { .. } | Outcome::Error { .. }), "{name}");
    }
    assert!(folders > 0);
    let soap = read("autodiscover-samples/getusersettings-operation-soap.02.xml");
    assert_eq!(autodiscover::answer(Dialect::Soap, &soap), autodiscover::Answer::NoEws);
    let pox = read("autodiscover-samples/pox-autodiscover-response-for-exchange.01.xml");
    let ews = "https://mail.contoso.com/ews/exchange.asmx".to_owned();
    assert_eq!(autodiscover::answer(Dialect::Pox, &pox), autodiscover::Answer::Ews(ews));
    let refused = read("autodiscover-samples/pox-autodiscover-response-for-exchange.02.xml");
    assert_eq!(
        autodiscover::answer(Dialect::Pox, &refused),
        autodiscover::Answer::Error("600: Invalid Request".into())
    );
}
