//! The same command says the same here and where a service is asked: standard output, standard error, exit code.

use super::{
    ferry::{Ferry, Ran},
    service::Service,
};

/// Without what differs by nature: ids, times, and the flag for the data folder in the parser's usage.
fn told(ran: &Ran) -> String {
    // The order in which mailboxes come to their ends is nobody's.
    let mut err: Vec<&str> = ran.err.lines().collect();
    err.sort_unstable();
    // So are the moments at which numbers are told meanwhile.
    // And what is told of them in words: how long ago something moved.
    let tells = |l: &&str| {
        l.contains("\"type\":\"status\"") || l.trim_start().trim_start_matches('"').starts_with("why")
    };
    let mut lines: Vec<&str> = ran.out.lines().filter(|l| !tells(l)).collect();
    if lines.iter().any(|l| l.contains("\"type\":\"mailbox\"")) {
        lines.sort_unstable();
    }
    let text = format!("{}\n--- {}\n{}", lines.join("\n"), ran.code, err.join("\n"));
    let text = text.replace(" --data-dir <DIR>", "");
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let is_time = |word: &str| word.ends_with('Z') && word.matches(':').count() == 2;
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || "-:.".contains(c) {
            word.push(c);
            continue;
        }
        let shown = if is_id(&word) {
            "ID"
        } else if is_time(&word) {
            "TIME"
        } else {
            &word
        };
        out.push_str(shown);
        word.clear();
        // Columns are as wide as what stands in them.
        if c != ' ' || !out.ends_with("  ") {
            out.push(c);
        }
    }
    out
}

const CSV: &str = "EmailAddress\nanna@x\nben@x\n";
const BAD: &str = "EmailAddress\nanna@x\n,\nanna@x\n";

/// Commands in an order in which each has something to say.
const LINES: &[&str] = &[
    "endpoint list",
    "endpoint list -o json",
    "endpoint new Old --type maildir --path {dir}/from/{user} --max-concurrent-migrations 5",
    "endpoint new New --type maildir --path {dir}/to/{user} --reason because",
    "endpoint new New --type maildir --path {dir}/to/{user}",
    "endpoint new X --type post",
    "endpoint new X --type imap",
    "endpoint new X --type imap --remote-server h --port many",
    "endpoint new X --type imap --remote-server h --max-concurrent-migrations 1000",
    "endpoint new Mail --type imap --remote-server h.example --dry-run",
    "endpoint new Mail --type imap --remote-server h.example -o json",
    "endpoint show Mail",
    "endpoint show nobody",
    "endpoint set Mail --port 143 --security tls",
    "endpoint set Mail",
    "endpoint set Mail --unset nothing",
    "endpoint set Mail --max-concurrent-incremental-syncs 50",
    "endpoint set Mail --port 143",
    "endpoint list --filter type=maildir",
    "endpoint list -o name --sort -name",
    "endpoint list --columns name,nothing",
    "endpoint test Old --mailbox anna@x -o name",
    "endpoint test nobody",
    "endpoint remove nobody --yes",
    "endpoint remove Mail",
    "endpoint replace Old --with nobody",
    "endpoint replace Old --with Old",
    "batch list",
    "batch new w --source Old --target nobody --csv {dir}/users.csv",
    "batch new w --source Old --target New --csv {dir}/nothing.csv",
    "batch new w --source Old --target New --csv {dir}/bad.csv --rejected {dir}/rejected.csv",
    "batch new w --source Old --target New --csv {dir}/users.csv --dry-run",
    "batch new w --source Old --target New --csv {dir}/users.csv",
    "batch new w --source Old --target New --csv {dir}/users.csv",
    "batch show w",
    "batch show w -o csv",
    "batch show nothing",
    "batch set w --notes hello",
    "batch set w",
    "batch complete w",
    "batch stop w --dry-run",
    "batch start w --dry-run",
    "batch start w --wait",
    "batch show w",
    "batch start w --wait -o json",
    "batch sync w --wait",
    "batch sync w --wait -o jsonl",
    "batch sync w --dry-run -o json",
    "batch remove w",
    "user list",
    "user list --batch w --status Synced -o csv",
    "user list --status nothing",
    "user list --batch nothing",
    "user show anna@x",
    "user show nobody@x",
    "user set anna@x",
    "user set anna@x --password-file {dir}/nothing",
    "user start anna@x --wait",
    "user retry anna@x --wait",
    "user stop anna@x",
    "user sync anna@x --batch nothing --wait",
    "user sync anna@x --dry-run",
    "item list",
    "item list --kind nothing",
    "item list --batch nothing",
    "report list",
    "report list -o csv",
    "report get anna@x",
    "report get nobody@x",
    "verify w",
    "verify nothing",
    "batch complete w --wait",
    "user start anna@x --wait",
    "batch start w --wait",
    "endpoint remove Old --yes",
    "config get",
    "config get tenant-ceiling",
    "config set tenant-ceiling 5",
    "config set tenant-ceiling many",
    "config set tenant-ceiling 250",
    "account list --columns name,role",
    "account set nobody --role viewer",
    "account remove nobody --yes",
    "token list",
    "token new ci --account nobody",
    "token revoke nothing --yes",
    "export",
    "apply -f {dir}/ends.yaml --dry-run",
    "apply -f {dir}/ends.yaml",
    "apply -f {dir}/ends.yaml --error-on-no-change",
    "apply -f {dir}/nothing.yaml",
    "Get-MigrationEndpoint",
    "Get-MigrationBatch -Status Completed",
    "Get-MigrationUser",
    "Get-MigrationConfig",
    "Get-MigrationBatch nothing",
    "Remove-MigrationEndpoint Old -Confirm:$false",
    "batch remove w --yes",
];

const ENDS: &str =
    "endpoints:\n  - {name: F, type: maildir, settings: {path: /m}, limits: {maxConcurrentMigrations: 5}}\n";

fn filled() -> (Ferry, String) {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 2);
    ferry.maildir("from/ben@x", 1);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, text) in [("users.csv", CSV), ("bad.csv", BAD), ("ends.yaml", ENDS)] {
        ferry.file(name, text);
    }
    let folder = ferry.path("").to_string_lossy().trim_end_matches('/').to_owned();
    (ferry, folder)
}

#[test]
fn the_same_command_says_the_same_here_and_at_a_service() {
    let (here, at_home) = filled();
    let (there, away) = filled();
    let service = Service::start(there, &["--allow-folder", &away, "--allow-folder", "/m"]);
    service.sign_in();
    // The service has its administrator.
    let pw = here.file("pw", "canary horse battery");
    here.ends(0, &["account", "new", "anna", "--role", "administrator", "--password-file", &pw]);
    let mut differ = Vec::new();
    for line in LINES {
        let words = |dir: &str| line.split(' ').map(|w| w.replace("{dir}", dir)).collect::<Vec<_>>();
        let (ours, theirs) = (words(&at_home), words(&away));
        let one = here.run(&ours.iter().map(String::as_str).collect::<Vec<_>>());
        let two = service.ran(&theirs.iter().map(String::as_str).collect::<Vec<_>>());
        let (one, two) = (told(&one).replace(&at_home, "DIR"), told(&two).replace(&away, "DIR"));
        if one != two {
            differ.push(format!("$ {line}\n{one}======\n{two}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
}
