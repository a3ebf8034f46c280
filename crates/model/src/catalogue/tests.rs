//! Every code that the product can say has an entry, and every entry is whole.

use std::collections::HashSet;

use super::*;
use crate::{
    error::{Error, Kind, Side},
    mode::CREDENTIALS_VERIFIED,
    stall::StallCode,
    status::{BatchStatus, UserStatus},
};

fn has(code: &str) {
    let entry = find(code).unwrap_or_else(|| panic!("{code} has no entry in the catalogue"));
    assert_eq!(entry.code, code);
}

#[test]
fn every_error_and_stall_is_explained() {
    for side in [Side::Source, Side::Target, Side::Us] {
        for kind in Kind::ALL {
            has(&Error::new(kind, side, "op", "context").code());
            has(StallCode::of(side, kind).0);
        }
    }
    has(StallCode::ENDPOINT_CAPACITY.0);
}

#[test]
fn every_status_is_explained() {
    BatchStatus::ALL.iter().for_each(|s| has(&format!("{s:?}")));
    UserStatus::ALL.iter().for_each(|s| has(&format!("{s:?}")));
    let details = [
        "WaitingForUser",
        "WaitingForEndpoint",
        "WaitingForPilot",
        "NeedsApproval",
        "NeedsToConnect",
        CREDENTIALS_VERIFIED,
    ];
    details.into_iter().for_each(has);
}

/// Every code that stands as a string in the sources of engine, model, server and binary.
#[test]
fn every_code_in_the_sources_is_explained() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for room in ["connect", "engine", "model", "server", "mailferry"] {
        collect(&crates.join(room).join("src"), &mut files);
    }
    assert!(files.len() > 30);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in text.split('"').filter(|w| is_code(w)) {
            assert!(find(word).is_some(), "{word} of {} has no entry", file.display());
        }
    }
}

/// Codes of items, CSV and requests begin so.
fn is_code(word: &str) -> bool {
    const WHOLE: [&str; 15] = [
        "DOUBLED",
        "REPAIRED",
        "CHANGED_AT_TARGET",
        "DATE_REWRITTEN",
        "FLAGS_REWRITTEN",
        "FOLDER_LEFT_OUT",
        "FOLDER_NOT_AT_SOURCE",
        "FOLDER_UNSEEN",
        "SOURCE_EMPTY",
        "NOT_YET_PLACED",
        "WRONG_STATE",
        "NOT_SYNCED",
        "NOT_ENCRYPTED",
        "NOT_VERIFIED",
        "CONFIRMATION_MISSING",
    ];
    let begins = [
        "CSV_",
        "ITEM_",
        "ENDPOINT_",
        "REQUEST_",
        "LIMITS_",
        "SETTINGS_",
        "BATCH_",
        "USER_",
        "CERTIFICATE_",
        "STORE_",
        "SECRET_",
        "DNS_",
        "PROXY_",
        "TCP_",
        "TLS_",
        "STARTTLS_",
        "WRONG_KIND",
        "IMAP_",
        "ACCOUNT_",
        "PASSWORD_",
        "HTTP_",
        "WEB_",
        "EXCHANGE_",
        "AUTODISCOVER_",
        "OUTLOOK_ANYWHERE_",
        "KIND_",
        "NATIVE_",
        "SERVICE_",
        "SIGN_IN_",
        "SETUP_",
        "BACKUP_",
        "RESTORE_",
        "DOCTOR_",
        "BUNDLE_",
        "APPLY_",
        "CHANNEL_",
        "MAIL_",
    ];
    let shape =
        word.len() > 5 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    WHOLE.contains(&word)
        || (shape && begins.iter().any(|b| word.starts_with(b) && (word != *b || *b == "WRONG_KIND")))
}

fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        match entry.is_dir() {
            true => collect(&entry, files),
            false if entry.extension().is_some_and(|e| e == "rs") && !entry.ends_with("tests.rs") => {
                files.push(entry)
            }
            false => {}
        }
    }
}

#[test]
fn entries_are_whole_and_single() {
    let mut seen = HashSet::new();
    for entry in entries() {
        assert!(seen.insert(entry.code.to_lowercase()), "{} twice", entry.code);
        assert!(!entry.title.is_empty() && !entry.cause.is_empty(), "{}", entry.code);
        assert!(!entry.title.ends_with('.') && entry.cause.ends_with('.'), "{}", entry.code);
        assert!(!entry.cause.contains('{') && entry.fix.iter().all(|f| !f.contains('{')), "{}", entry.code);
    }
}

/// Statuses and scores are written in small letters; all other codes say that something is wrong.
#[test]
fn whatever_is_wrong_can_be_mended() {
    for entry in entries().iter().filter(|e| !e.code.contains(char::is_lowercase)) {
        assert!(!entry.fix.is_empty() && entry.fix.iter().all(|fix| fix.len() > 5), "{}", entry.code);
        let (_, fix) = entry.told(&[]);
        assert!(!fix.is_empty() && fix.iter().all(|fix| !fix.contains('{')), "{}", entry.code);
    }
}

/// What passes by itself may be tried again; a sign-in that is held must not be.
#[test]
fn what_passes_by_itself_is_retryable() {
    const PASSING: [&str; 9] = [
        "_THROTTLED",
        "_BUSY",
        "_TIMEOUT",
        "_MAILBOX_IN_USE",
        "_UNAVAILABLE",
        "_SILENT",
        "_NO_ANSWER",
        "_DRIPS",
        "_NO_END",
    ];
    for entry in entries() {
        if PASSING.iter().any(|end| entry.code.ends_with(end)) {
            assert!(entry.retryable, "{}", entry.code);
        }
        assert!(!(entry.code.ends_with("_HELD") && entry.retryable), "{}", entry.code);
    }
    for code in ["IMAP_THROTTLED", "SOURCE_TIMEOUT", "TARGET_TIMEOUT"] {
        assert!(find(code).unwrap().retryable, "{code}");
    }
}

/// Microsoft's own framework knows none of our flags.
#[test]
fn native_remedies_are_none_of_our_commands() {
    let findings: Vec<_> = read(include_str!("findings.txt"));
    for entry in findings.iter().chain(find("SOURCE_AUTH_FAILED")) {
        let native = entry.told_natively(&[]);
        assert!(!native.is_empty(), "{} has only fixes of ours", entry.code);
        assert!(native.iter().all(|fix| !fix.contains("mailferry ") && !fix.contains(" --")), "{native:?}");
        assert!(!native[0].starts_with("Or "), "{}: {native:?}", entry.code);
    }
}

#[test]
fn a_code_is_found_without_case_and_a_mistyped_one_has_neighbours() {
    assert_eq!(find("source_auth_failed").map(|e| e.code.as_str()), Some("SOURCE_AUTH_FAILED"));
    assert_eq!(find("nothing"), None);
    assert!(near("TARGET_QUOTA").contains(&"TARGET_QUOTA_EXCEEDED"));
}

#[test]
fn what_was_met_stands_in_the_text_and_what_was_not_is_left_out() {
    let entry = find("CERTIFICATE_WRONG_NAME").unwrap();
    assert!(entry.cause.contains("HOST") && entry.cause.contains("NAMES"));
    let (cause, fix) = entry.told(&[("host", "a.example".into()), ("names", "b.example".into())]);
    assert_eq!(cause, "The certificate does not name a.example; it names b.example.");
    assert_eq!(fix, ["Or have a certificate made that names a.example."]);
}

#[test]
fn sentences_of_other_tools_are_found_as_they_are_pasted() {
    for (pasted, code) in [
        ("hcw8078", "HCW8078"),
        ("Failed to connect to the remote server", "NATIVE_CONNECTION_FAILED"),
        (
            "The connection to the server 'mail.example.org' could not be completed.",
            "NATIVE_CONNECTION_FAILED",
        ),
        ("The credentials didn’t work.", "NATIVE_CREDENTIALS"),
        ("The certificate is not valid", "NATIVE_CERTIFICATE"),
        ("NeedsToConnect", "NeedsToConnect"),
        ("BAD User is authenticated but not connected.", "NATIVE_NOT_CONNECTED"),
    ] {
        assert_eq!(find(pasted).map(|e| e.code.as_str()), Some(code), "{pasted}");
    }
    assert_eq!(find("the"), None);
}
