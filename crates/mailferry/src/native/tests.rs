//! The tables: whole, and no parameter of the native reference is missing.
//!
//! The reference is a file of facts that does not belong to this repository: `MAILFERRY_REFERENCE` names the folder
//! that holds `cmdlets.json`. Where it is not named, that comparison is skipped, loudly.

use std::io::Write;

use super::table::{
    Doing, Elsewhere, Fate, cmdlet, cmdlets, elsewhere, kind_of_switch, kind_of_type, type_of_kind,
    word_to_native, word_to_ours,
};

#[test]
fn every_parameter_is_judged_and_says_why() {
    for cmdlet in cmdlets() {
        let mut seen = Vec::new();
        for parameter in &cmdlet.parameters {
            let name = format!("{} -{}", cmdlet.name, parameter.name);
            assert!(!seen.contains(&parameter.name.to_lowercase()), "{name} twice");
            seen.push(parameter.name.to_lowercase());
            assert!(!parameter.takes.is_empty(), "{name} takes nothing");
            match parameter.fate {
                Fate::Ours(words) | Fate::Ignored(words) | Fate::Refused(words) => {
                    assert!(!words.is_empty(), "{name}")
                }
                Fate::Unjudged => assert_eq!(cmdlet.doing, Doing::Later, "{name} is not judged"),
            }
        }
    }
    assert!(cmdlets().len() > 60);
}

#[test]
fn what_is_run_elsewhere_says_what_and_where() {
    for name in
        ["Get-WebServicesVirtualDirectory", "set-webservicesvirtualdirectory", "New-ManagementRoleAssignment"]
    {
        let (_, what, words) = elsewhere(name).unwrap();
        assert!(matches!(what, Elsewhere::Copied(place) if !place.is_empty()) && !words.is_empty(), "{name}");
    }
    assert!(matches!(elsewhere("Connect-ExchangeOnline"), Some((_, Elsewhere::Needless, _))));
    assert_eq!(elsewhere("Get-MigrationBatch"), None);
}

#[test]
fn every_switch_of_a_kind_names_one() {
    let chooses = |p: &&super::table::Parameter| p.fate == Fate::Ours("kind");
    let switches: Vec<&str> =
        cmdlets().iter().flat_map(|c| c.parameters.iter().filter(chooses)).map(|p| p.name).collect();
    assert_eq!(switches.len(), 8, "{switches:?}");
    switches.iter().for_each(|switch| assert!(kind_of_switch(switch).is_some(), "{switch}"));
    assert_eq!(kind_of_switch("exchangeremotemove"), Some("exchange-remote"));
    assert_eq!(
        (kind_of_type("exchangeRemoteMove"), type_of_kind("exchange-remote")),
        ("exchange-remote".to_owned(), "ExchangeRemoteMove".to_owned())
    );
    assert_eq!(type_of_kind("something-new"), "something-new");
    for (kind, setting, native, ours) in [
        ("imap", "security", "Ssl", "ssl"),
        ("imap", "auth", "Basic", "auto"),
        ("exchange-remote", "auth", "Ntlm", "ntlm"),
        ("imap", "verify", "True", "off"),
    ] {
        assert_eq!(
            (word_to_ours(kind, setting, native).as_str(), word_to_native(kind, setting, ours).as_str()),
            (ours, native)
        );
    }
}

#[test]
fn no_parameter_of_the_reference_is_missing() {
    let Some(folder) = std::env::var_os("MAILFERRY_REFERENCE") else {
        let mut loud = std::io::stderr();
        let _ = writeln!(
            loud,
            "SKIPPED: MAILFERRY_REFERENCE names no folder with cmdlets.json, so the table was not compared"
        );
        return;
    };
    let file = std::path::Path::new(&folder).join("cmdlets.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for (name, facts) in reference["cmdlets"].as_object().unwrap() {
        let known = cmdlet(name).unwrap_or_else(|| panic!("{name} is missing"));
        for parameter in facts["parameters"].as_array().unwrap() {
            let parameter_name = parameter["name"].as_str().unwrap();
            let found = known.parameters.iter().find(|p| p.name == parameter_name);
            let found = found.unwrap_or_else(|| panic!("{name} -{parameter_name} is missing"));
            assert_eq!(
                found.takes == "switch",
                parameter["type"] == "SwitchParameter",
                "{name} -{parameter_name}"
            );
            compared += 1;
        }
        assert_eq!(
            known.parameters.len(),
            facts["parameters"].as_array().unwrap().len(),
            "{name} has others, too"
        );
    }
    assert!(compared > 700, "{compared}");
}
