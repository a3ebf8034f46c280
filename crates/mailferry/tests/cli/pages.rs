//! Completions and manual pages, judged by who reads them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::ferry::Ferry;

/// Runs a checker, which must be content; loudly nothing where it is not installed.
pub fn content(checker: &str, arguments: &[&str]) {
    let Ok(ended) = Command::new(checker).args(arguments).output() else {
        let required = std::env::var("MAILFERRY_REQUIRE_PEERS").unwrap_or_default();
        assert!(!required.split([',', ' ']).any(|p| p == checker), "{checker} is not installed");
        // Not eprintln: that is not shown for tests that pass.
        let _ = std::io::stderr().write_all(format!("SKIPPED: {checker} is not installed\n").as_bytes());
        return;
    };
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{checker} {arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let ferry = Ferry::new();
    for (shell, checker) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish"), ("powershell", "")] {
        let script = ferry.ends(0, &["completions", shell]).out;
        assert!(script.contains("max-concurrent-migrations") && script.contains("remote-server"), "{shell}");
        let file = ferry.file(shell, &script);
        if !checker.is_empty() {
            content(checker, &["-n", &file]);
        }
    }
    ferry.ends(2, &["completions", "tcsh"]);
}

#[test]
fn the_manual_is_one() {
    let ferry = Ferry::new();
    let page = ferry.ends(0, &["man"]).out;
    for part in [".TH", ".SH \"EXIT STATUS\"", "MAILFERRY_DATA_DIR", "130"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let dir = ferry.path("man");
    ferry.ends(0, &["man", "--dir", dir.to_str().unwrap()]);
    let pages: Vec<String> =
        dir.read_dir().unwrap().map(|f| f.unwrap().path().to_string_lossy().into_owned()).collect();
    for page in ["mailferry.1", "mailferry-endpoint-new.1", "mailferry-backup.1"] {
        assert!(pages.iter().any(|p| p.ends_with(&format!("/{page}"))), "{page}: {pages:?}");
    }
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    content("mandoc", &[&["-Tlint", "-Wwarning"], &pages[..]].concat());
}

#[test]
fn whoever_stops_reading_is_no_fault() {
    let ferry = Ferry::new();
    for words in [&["man"][..], &["completions", "zsh"], &["explain"], &["copy", "--help"]] {
        let mut command = ferry.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{words:?}: {ended:?}");
    }
}
