//! Native commands as guides print them: what the real binary makes of them, over its own router.

use super::ferry::{Ferry, Ran, closed_port};

/// A password that must not be seen anywhere.
const CANARY: &str = "canary-4711";

/// The commands as they are printed.
const PRINTED: [&str; 9] = [
    r#"New-MigrationEndpoint -Name "Hybrid-Endpoint-Primary" -ExchangeRemoteMove -RemoteServer "mail.yourcompany.com" -Credentials $credentials -MaxConcurrentMigrations 20 -MaxConcurrentIncrementalSyncs 10"#,
    r#"New-MigrationEndpoint -Name "IMAP-Endpoint" -IMAP -RemoteServer "mail.yourprovider.com" -Port 993 -Security Ssl -MaxConcurrentMigrations 20 -MaxConcurrentIncrementalSyncs 10"#,
    r#"Get-MigrationEndpoint | Format-List Identity, EndpointType, RemoteServer, MaxConcurrentMigrations, MaxConcurrentIncrementalSyncs"#,
    r#"Test-MigrationServerAvailability -Endpoint "Hybrid-Endpoint-Primary""#,
    r#"Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -Credentials $newCredentials"#,
    r#"Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentIncrementalSyncs 50"#,
    r#"Get-MigrationBatch | Where-Object {$_.SourceEndpoint -like "*Hybrid-Endpoint-Primary*"} | Select Identity, Status"#,
    r#"Remove-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary""#,
    r#"Get-MoveRequest | Where-Object {$_.Status -eq 'InProgress'} | Get-MoveRequestStatistics | Where-Object {$_.StatusDetail -like 'Stalled*'} | Select DisplayName, StatusDetail, PercentComplete"#,
];

/// Runs a script with credentials in the environment; how it ended.
fn shell(ferry: &Ferry, script: &str, more: &[&str]) -> Ran {
    let file = ferry.file("script.ps1", script);
    let mut command = ferry.command(&[&["shell", &file][..], more].concat());
    command.env("MAILFERRY_USERNAME", "svc@contoso.com").env("MAILFERRY_PASSWORD", CANARY);
    let ended = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) };
    assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "{}\n{}", ran.out, ran.err);
    ran
}

/// Output and standard error, one below the other.
fn told(ran: &Ran) -> String {
    format!("{}--- {}\n{}", ran.out, ran.code, ran.err)
}

/// An endpoint of another kind under the name that the guides use, for as long as it does not matter.
fn hybrid(ferry: &Ferry) {
    let port = closed_port().to_string();
    let words =
        ["endpoint", "new", "Hybrid-Endpoint-Primary", "--type", "imap", "--remote-server", "127.0.0.1"];
    ferry.ends(0, &[&words[..], &["--port", &port, "--security", "none"]].concat());
}

#[test]
fn printed_commands_make_show_change_and_remove_endpoints() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[1], &[])), @r#"

    Identity      EndpointType RemoteServer
    --------      ------------ ------------
    IMAP-Endpoint IMAP         mail.yourprovider.com

    --- 0
    The endpoint IMAP-Endpoint is made; nothing has been connected yet: Test-MigrationServerAvailability -Endpoint "IMAP-Endpoint"
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[2], &[])), @r#"

    Identity                      : Hybrid-Endpoint-Primary
    EndpointType                  : IMAP
    RemoteServer                  : 127.0.0.1
    MaxConcurrentMigrations       : 20
    MaxConcurrentIncrementalSyncs : 10

    Identity                      : IMAP-Endpoint
    EndpointType                  : IMAP
    RemoteServer                  : mail.yourprovider.com
    MaxConcurrentMigrations       : 20
    MaxConcurrentIncrementalSyncs : 10

    --- 0
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[4], &[])), @r#"
    --- 0
    line 1: $newCredentials is not set; its credential is asked for, as by Get-Credential
    The endpoint Hybrid-Endpoint-Primary is changed.
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[5], &[])), @r#"
    --- 2
    mailferry: MaxConcurrentIncrementalSyncs (50) must not exceed MaxConcurrentMigrations (20): no more mailboxes can be in incremental and final syncs than may be in migration at all. [LIMITS_REFUSED]
      cause: MaxConcurrentIncrementalSyncs must not exceed MaxConcurrentMigrations, and MaxConcurrentMigrations not the tenant ceiling.
      fix:   Raise both at once: Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 50
      fix:   Or lower the second: Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentMigrations 20 -MaxConcurrentIncrementalSyncs 20
    "#);
    let shown = ferry.ends(0, &["endpoint", "show", "Hybrid-Endpoint-Primary", "-o", "json"]).json();
    assert_eq!(shown["secrets"][0], "password");
    assert_eq!(shown["settings"]["username"], "svc@contoso.com");
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[6], &[])), @r#"
    --- 0
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[7], &[])), @r#"
    --- 6
    mailferry: Remove-MigrationEndpoint on Hybrid-Endpoint-Primary is not done without a yes. [CONFIRMATION_MISSING]
      cause: Removing asks first, and with --confirm every change does; nobody was there to answer.
      fix:   Add -Confirm:$false to Remove-MigrationEndpoint, or --yes to mailferry.
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[7], &["--yes"])), @r#"
    --- 0
    The endpoint Hybrid-Endpoint-Primary is removed.
    "#);
    insta::assert_snapshot!(told(&shell(&ferry, PRINTED[8], &[])), @r#"
    --- 0
    "#);
}

#[test]
fn a_kind_that_there_is_not_yet_is_the_routers_to_refuse() {
    let ferry = Ferry::new();
    let ran = shell(&ferry, PRINTED[0], &[]);
    let note = "line 1: $credentials is not set; its credential is asked for, as by Get-Credential\n";
    assert!(ran.err.starts_with(note), "{}", ran.err);
    match ran.err.contains("[SETTINGS_UNKNOWN_KIND]") {
        true => {
            assert!(ran.code == 2 && ran.err.contains("\"exchange-remote\" is none of "), "{}", told(&ran))
        }
        false => {
            assert_eq!(ran.code, 0, "{}", told(&ran));
            let shown = ferry.ends(0, &["endpoint", "show", "Hybrid-Endpoint-Primary", "-o", "json"]).json();
            assert_eq!(shown["settings"]["remote-server"], "mail.yourcompany.com");
        }
    }
}

/// Settings are known, and the text says that nothing is asked yet.
#[test]
fn a_kind_that_is_not_tested_yet_says_so() {
    let ferry = Ferry::new();
    let key = ferry.file("key.json", "{}");
    let said = "This version knows the settings of this kind and does not test it yet";
    let test = ["endpoint", "test", "--type", "google", "--admin-email", "a@example.org"];
    let shown = ferry.ends(7, &[&test[..], &["--service-account-key-file", &key]].concat()).out;
    assert!(shown.contains(&format!("\nFailed.\n      cause: {said}")), "{shown}");
    let line = format!(
        "Test-MigrationServerAvailability -Gmail -EmailAddress a@example.org \
         -ServiceAccountKeyFileData $([System.IO.File]::ReadAllBytes('{key}')) | fl Result,Message"
    );
    let native = ferry.ends(7, &["shell", "-c", &line]).out;
    assert!(native.contains("Result  : Failed\nMessage : ") && native.contains(said), "{native}");
}

#[test]
fn a_test_ends_with_the_code_of_the_step_that_fails() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let ran = shell(&ferry, PRINTED[3], &[]);
    assert_eq!(ran.code, 21, "{}", told(&ran));
    assert!(ran.out.contains("\nResult          : Failed\nMessage         : Failed at tcp: "), "{}", ran.out);
    assert!(ran.out.contains("{dns ok, tcp FAIL, tls not run,"), "{}", ran.out);
    let port = closed_port().to_string();
    let words = ["Test-MigrationServerAvailability", "-IMAP", "-RemoteServer", "127.0.0.1", "-Port", &port];
    ferry.ends(21, &[&words[..], &["-Security", "None"]].concat());
    ferry.ends(4, &["Test-MigrationServerAvailability", "-Endpoint", "nobody"]);
}

/// As typed into a shell of the system, with the name of the program before it.
#[test]
fn printed_commands_run_as_arguments_too() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let by_shell = |line: &str| {
        let mut command = std::process::Command::new("sh");
        let line = format!("\"$0\" {line} --data-dir data --yes");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_mailferry")]).current_dir(ferry.path(""));
        command.env("MAILFERRY_USERNAME", "svc@contoso.com").env("MAILFERRY_PASSWORD", CANARY);
        let ended = command.stdin(std::process::Stdio::null()).output().unwrap();
        (ended.status.code().unwrap(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
    };
    // What a shell would spoil is given in our form: quoted, or a user instead of a variable.
    let credentials = PRINTED[4].replace("$newCredentials", "svc@contoso.com");
    let quoted = PRINTED[4].replace("$newCredentials", "'$newCredentials'");
    let listed = PRINTED[2].replace('|', "'|'").replace(", ", ",");
    for (line, code) in [
        (PRINTED[1], 0),
        (&listed, 0),
        (PRINTED[3], 21),
        (&credentials, 0),
        (&quoted, 0),
        (PRINTED[5], 2),
        (PRINTED[7], 0),
    ] {
        let (ended, told) = by_shell(line);
        assert_eq!(ended, code, "{line}\n{told}");
        assert!(!told.contains(CANARY), "{told}");
    }
    assert!(by_shell(&listed).1.contains("MaxConcurrentIncrementalSyncs : 10"));
}

#[test]
fn all_flaws_of_printed_commands_are_understood() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let script = "\u{feff}PS C:\\> Connect-ExchangeOnline -UserPrincipalName admin@contoso.com\r\n\
        # Step 1: the credential of the service account\r\n\
        $credentials = Get-Credential\r\n\
        <# Step 2:\r\n  the endpoint #>\r\n\
        New-MigrationEndpoint -Name “IMAP–1” `\r\n    -IMAP `  \r\n  &-RemoteServer\u{a0}‘mail.x’ –Port 993\r\n\
        -MaxConcurrentMigrations 60\r\n\
        Set-WebServicesVirtualDirectory -Identity \"EWS (Default Web Site)\"\r\n-MRSProxyEnabled $true\r\n\
        $newCredentials = Get-Credential -Message \"The new one\"\r\n\
        Set-MigrationEndpoint -Identity \"Hybrid-Endpoint-Primary\" -Credentials\r\n$newCredentials\r\n\
        Set-MigrationEndpoint -Identity \"Hybrid-Endpoint-Primary\"\r\n-MaxConcurrentIncrementalSyncs 50\r\n\
        Get-MigrationEndpoint | ft Identity, MaxC*Migrations, Username\r\n";
    insta::assert_snapshot!(told(&shell(&ferry, script, &[])), @r#"

    Identity EndpointType RemoteServer
    -------- ------------ ------------
    IMAP–1   IMAP         mail.x


    Identity                MaxConcurrentMigrations Username
    --------                ----------------------- --------
    Hybrid-Endpoint-Primary                      20 svc@contoso.com
    IMAP–1                                       60

    --- 7
    line 1: prompts at the beginning of lines are left out
    line 6: typographic quotes are read as "
    line 7: a backtick with spaces behind it continues its line all the same
    line 8: the & before -RemoteServer is left out
    line 8: spaces of web pages (such as no-break spaces) are read as spaces
    line 8: typographic quotes are read as '
    line 8: typographic dashes are read as -
    line 9: -MaxConcurrentMigrations belongs to New-MigrationEndpoint of line 6; a backtick (`) is missing at the end of the line before it
    line 11: -MRSProxyEnabled belongs to Set-WebServicesVirtualDirectory of line 10; a backtick (`) is missing at the end of the line before it
    line 14: $newCredentials belongs to Set-MigrationEndpoint of line 13 as the value of -Credentials; a backtick (`) is missing at the end of the line before it
    line 16: -MaxConcurrentIncrementalSyncs belongs to Set-MigrationEndpoint of line 15; a backtick (`) is missing at the end of the line before it
    Connect-ExchangeOnline connects a PowerShell to Exchange Online; no connection is needed here: mailferry signs in to each endpoint by itself.
    The endpoint IMAP–1 is made; nothing has been connected yet: Test-MigrationServerAvailability -Endpoint "IMAP–1"
    line 10: Set-WebServicesVirtualDirectory failed
    mailferry: Set-WebServicesVirtualDirectory changes how Exchange Web Services are published; -MRSProxyEnabled $true turns MRS Proxy on, which mailferry itself does without. It is not run here. [NATIVE_ELSEWHERE]
      cause: It belongs to the Exchange server, to Exchange Online or to Windows; mailferry cannot run it for you.
      fix:   Run it in the Exchange Management Shell of the server: Set-WebServicesVirtualDirectory -Identity "EWS (Default Web Site)" -MRSProxyEnabled $true
    The endpoint Hybrid-Endpoint-Primary is changed.
    line 15: Set-MigrationEndpoint failed
    mailferry: MaxConcurrentIncrementalSyncs (50) must not exceed MaxConcurrentMigrations (20): no more mailboxes can be in incremental and final syncs than may be in migration at all. [LIMITS_REFUSED]
      cause: MaxConcurrentIncrementalSyncs must not exceed MaxConcurrentMigrations, and MaxConcurrentMigrations not the tenant ceiling.
      fix:   Raise both at once: Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 50
      fix:   Or lower the second: Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentMigrations 20 -MaxConcurrentIncrementalSyncs 20
    "#);
}

#[test]
fn pipelines_filter_sort_choose_and_count() {
    let ferry = Ferry::new();
    let make = |name: &str, port: u16| {
        let port = port.to_string();
        ferry.ends(
            0,
            &["New-MigrationEndpoint", "-Name", name, "-IMAP", "-RemoteServer", "h", "-Port", &port],
        );
    };
    [("one", 993), ("two", 143), ("three", 1143)].iter().for_each(|(name, port)| make(name, *port));
    let script = "Get-MigrationEndpoint | Where-Object {$_.Port -gt 500 -and $_.Identity -ne 'ONE'} | Select Identity, Port\n\
        Get-MigrationEndpoint | where Port -lt 1000 | sort Port | fl Identity\n\
        Get-MigrationEndpoint | Sort-Object Port -Descending | Select-Object -First 1 -ExpandProperty Identity\n\
        Get-MigrationEndpoint | ? {$_.Identity -match '^t.*e$' -or !($_.RemoteServer -like 'h*')} | measure Port -Sum\n\
        $all = Get-MigrationEndpoint\n\"$all\"; $all.Count; (Get-MigrationEndpoint two).Port\n\
        Get-MigrationEndpoint | Where-Object {$_.Port -in 143, 993} | Remove-MigrationEndpoint -Confirm:$false\n\
        Get-MigrationEndpoint\n";
    insta::assert_snapshot!(told(&shell(&ferry, script, &[])), @r#"

    Identity Port
    -------- ----
    three    1143


    Identity : two

    Identity : one

    three

    Count    : 1
    Average  :
    Sum      : 1143
    Maximum  :
    Minimum  :
    Property : Port

    one
    3
    143

    Identity EndpointType RemoteServer
    -------- ------------ ------------
    three    IMAP         h

    --- 0
    The endpoint one is removed.
    The endpoint two is removed.
    "#);
}

#[test]
fn what_cannot_be_used_is_named_with_its_code() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let refused: Vec<String> = [
        "New-MigrationEndpoint -Name x -IMAP -Foo 1 -Remoteserver h -PSTImport -MaxConcurrent 3 -Port many -Port 3",
        "New-MigrationEndpoint -Name x -RemoteServer h",
        "New-MigrationEndpoint -Name x -IMAP -Gmail",
        "New-MigrationEndpoint -Name x -IMAP -Security Full",
        "Set-MigrationEndpoint -MaxConcurrentMigrations 3",
        "Get-MigrationEndpoint Nobody",
        "Get-MigrationEndpoint | Where-Object {$_.Sttus -ne 'x'} | Remove-MigrationEndpoint -Confirm:$false",
        "Get-MigrationEndpoint | Select-Object @{Name='x'; Expression={$_.Port}}",
        "Get-MigrationEndpoint | Select-Object Identity, @{n='x';e={$_.Port}}",
        "Get-MigrationEndpoint | ForEach-Object { Remove-MigrationEndpoint $_.Identity }",
        "Get-MigrationEndpoint | Export-Csv file.csv",
        "Get-MigrationEndpoint | New-MigrationEndpoint -Name x -IMAP -RemoteServer h",
        "Get-MigrationEndpoint | Remove-MigrationBatch -Confirm:$false",
        "Get-MigrationEndpoint | Remove-MigrationEndpoint Hybrid-Endpoint-Primary -Confirm:$false",
        "Get-MigrationEndpoint | Select Port | Remove-MigrationEndpoint -Confirm:$false",
        "Get-MigrationEndpoints",
        "Get-MigrationEndpoint $name",
        "New-MoveRequest anna@x -WhatIf",
        "Set-MigrationUser anna@x -ApproveAll",
        "Get-WebServicesVirtualDirectory | Format-List Identity, MRSProxyEnabled",
        "Get-MigrationEndpoint -Type Pigeon",
    ]
    .iter()
    .map(|line| {
        let ran = shell(&ferry, line, &[]);
        let first = ran.err.lines().find(|l| l.starts_with("mailferry: ")).unwrap_or_default();
        format!("{} {}", ran.code, first.trim_start_matches("mailferry: "))
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    2 New-MigrationEndpoint (line 1): -Foo is no parameter; -PSTImport is not supported: PST files are not read yet; -MaxConcurrent may be -MaxConcurrentIncrementalSyncs or -MaxConcurrentMigrations; -Port takes a whole number; -Port is given twice [NATIVE_PARAMETERS]
    2 New-MigrationEndpoint: the kind of system is missing, one of -IMAP, -ExchangeRemoteMove, -ExchangeOutlookAnywhere, -Gmail [NATIVE_PARAMETERS]
    2 New-MigrationEndpoint: -IMAP and -Gmail exclude each other [NATIVE_PARAMETERS]
    2 New-MigrationEndpoint (line 1): -Security is one of None, Ssl, Tls [NATIVE_PARAMETERS]
    2 Set-MigrationEndpoint: -Identity is missing [NATIVE_PARAMETERS]
    4 there is no endpoint "Nobody" [OWN_NOT_FOUND]
    2 Where-Object: there is no property Sttus here; there are Identity, EndpointType, RemoteServer, Port, Security, Authentication, Username, EmailAddress, TestMailbox, AcceptUntrustedCertificates, MaxConcurrentMigrations, MaxConcurrentIncrementalSyncs, Status, StatusDetail, Batches, CreationTime, LastModifiedTime [USAGE]
    2 Select-Object (line 1): -Property: calculated properties, @{…}, are not read [NATIVE_PARAMETERS]
    2 Select-Object (line 1): -Property: calculated properties, @{…}, are not read [NATIVE_PARAMETERS]
    2 line 1: ForEach-Object is not read: pipe into the command itself: Get-MigrationBatch | Start-MigrationBatch [NATIVE_UNREAD]
    2 line 1: Export-Csv is not read: --output csv before the command writes CSV [NATIVE_UNREAD]
    2 New-MigrationEndpoint takes nothing of what comes through the | [USAGE]
    2 Remove-MigrationBatch takes nothing of what comes through the | [USAGE]
    2 Remove-MigrationEndpoint has its -Identity already, and more comes through the | [USAGE]
    2 what comes through the | has no Identity any more [USAGE]
    2 line 1: there is no command Get-MigrationEndpoints. Perhaps Get-MigrationEndpoint, New-MigrationEndpoint, Remove-MigrationEndpoint, Set-MigrationEndpoint? [NATIVE_UNKNOWN]
    2 $name is not set [USAGE]
    7 New-MoveRequest was read and its parameters are right, but it does nothing yet. [NATIVE_NOT_YET]
    2 Set-MigrationUser (line 1): -ApproveAll is no parameter [NATIVE_PARAMETERS]
    7 Get-WebServicesVirtualDirectory shows how Exchange Web Services are published: URLs, authentication, and whether MRS Proxy is on (MRSProxyEnabled). It is not run here. [NATIVE_ELSEWHERE]
    2 Get-MigrationEndpoint (line 1): -Type is one of ExchangeOutlookAnywhere, ExchangeRemoteMove, IMAP, PublicFolder [NATIVE_PARAMETERS]
    "#);
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "name"]).out, "Hybrid-Endpoint-Primary\n");
}

#[test]
fn the_first_failing_command_gives_the_code_and_the_next_one_runs() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let line =
        "Get-MigrationEndpoint nobody; Get-Nothing; Get-MigrationEndpoint | Select -ExpandProperty Identity";
    let ran = ferry.ends(4, &["shell", "-c", line]);
    assert_eq!(ran.out, "Hybrid-Endpoint-Primary\n");
    let ran = ferry.ends(4, &["shell", "-c", &line.replace("nobody", "nobody -ErrorAction Stop")]);
    assert_eq!(ran.out, "");
    let ran = ferry.ends(
        2,
        &["shell", "-c", "Remove-MigrationEndpoint Hybrid-Endpoint-Primary -Confirm:$false; if ($x) {}"],
    );
    assert!(ran.err.contains("line 1: if is not read"), "{}", ran.err);
    assert_eq!(ferry.ends(0, &["endpoint", "list", "-o", "name"]).out, "Hybrid-Endpoint-Primary\n");
    assert!(ferry.ends(2, &["shell", "nowhere.ps1"]).err.contains("nowhere.ps1: "));
}

#[test]
fn scripts_come_from_standard_input_too() {
    use std::{io::Write, process::Stdio};
    let ferry = Ferry::new();
    hybrid(&ferry);
    for words in [&["shell", "-"][..], &["shell"]] {
        let mut command = ferry.command(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let utf16: Vec<u8> = "\u{feff}Get-MigrationEndpoint |\n Select Identity"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        child.stdin.take().unwrap().write_all(&utf16).unwrap();
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(told, "\nIdentity\n--------\nHybrid-Endpoint-Primary\n\n");
    }
}

#[test]
fn arguments_of_the_program_are_a_command() {
    let ferry = Ferry::new();
    let new = [
        "New-MigrationEndpoint",
        "-Name",
        "A, b & c",
        "-IMAP",
        "-RemoteServer",
        "h",
        "-Port:143",
        "-Security",
        "tls",
    ];
    ferry.ends(0, &new);
    let ran = ferry.ends(
        0,
        &["get-migrationendpoint", "-Type", "IMAP", "|", "select", "Identity,Security", "--output", "json"],
    );
    assert_eq!(ran.json(), serde_json::json!([{ "Identity": "A, b & c", "Security": "Tls" }]));
    let ran = ferry.ends(0, &["Get-MigrationEndpoint", "--output=csv", "|", "Select-Object", "Identity"]);
    assert_eq!(ran.out, "Identity\r\n\"A, b & c\"\r\n");
    let ran =
        ferry.ends(2, &["Set-MigrationEndpoint", "-Identity", "A, b & c", "-Credentials", "-Port", "1"]);
    assert!(ran.err.contains("quote it: '$credentials'"), "{}", ran.err);
    ferry.ends(4, &["Get-MigrationEndpoint", "nobody", "--output", "json"]).json();
}

#[test]
fn a_missing_password_fails_at_once_and_a_reference_gives_one() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let set = "Set-MigrationEndpoint Hybrid-Endpoint-Primary -Credentials";
    for line in
        ["Get-Credential", &format!("{set} $x"), &format!("{set} svc@x"), &format!("{set} ref:source")]
    {
        let ran = ferry.ends(2, &["shell", "-c", line]);
        assert!(ran.err.contains("There is no "), "{line}: {}", ran.err);
    }
    std::fs::create_dir(ferry.path("credentials")).unwrap();
    ferry.file("credentials/source", &format!("{CANARY}\n"));
    ferry.file("credentials/source.username", "svc@y\n");
    let mut command = ferry.command(&[
        "shell",
        "-c",
        &format!("{set} ref:source; $c = Get-Credential ref:source; $c; $c.Password"),
    ]);
    let ended = command.env("CREDENTIALS_DIRECTORY", ferry.path("credentials")).output().unwrap();
    let told = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert!(ended.status.success() && !told.contains(CANARY), "{told}");
    assert!(told.contains("svc@y    System.Security.SecureString"), "{told}");
    let shown = ferry.ends(0, &["endpoint", "show", "Hybrid-Endpoint-Primary", "-o", "json"]).json();
    assert_eq!((&shown["settings"]["username"], &shown["secrets"][0]), (&"svc@y".into(), &"password".into()));
}

#[test]
fn a_password_is_never_seen() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    for script in [
        "$c = Get-Credential; $c; $c | Format-List; $c.Password; \"$c\"; $c | Where-Object {$_.Password -like 'c*'}",
        "$c = Get-Credential; Get-MigrationEndpoint $c; New-MigrationEndpoint -Name $c -IMAP -RemoteServer $c",
        "$c = Get-Credential; Get-MigrationBatch -Status $c; Set-MigrationEndpoint Hybrid-Endpoint-Primary -Port $c",
        "Set-MigrationEndpoint Hybrid-Endpoint-Primary -Credentials (Get-Credential); Get-MigrationEndpoint | fl",
        "$p = ConvertTo-SecureString \"canary-4711\" -AsPlainText -Force",
        "$c = New-Object PSCredential(\"u\", (ConvertTo-SecureString 'canary-4711' -AsPlainText))",
        "Set-Mailbox anna -Password 'canary-4711'",
        "New-MigrationEndpoint -Name x -Gmail -OAuthCode 'canary-4711' -Secret canary-4711",
        "Get-MigrationEndpoint -Name 'canary-4711' 'canary-4711",
    ] {
        for more in [&[][..], &["-o", "json"], &["-o", "csv"], &["-vv"], &["--log-format", "json"]] {
            shell(&ferry, script, more);
        }
    }
    for file in ["data/mailferry.db", "data/mailferry.db-wal"] {
        let bytes = std::fs::read(ferry.path(file)).unwrap_or_default();
        assert!(!bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()), "{file}");
    }
}

#[test]
fn limits_are_mended_by_the_native_command_with_the_name_that_was_given() {
    let ferry = Ferry::new();
    let new =
        "New-MigrationEndpoint -Name \"Wave One\" -IMAP -RemoteServer a.example -Port 993 -Security Ssl";
    let set = "Set-MigrationEndpoint -Identity \"Wave One\"";
    let script = format!(
        "{new} -MaxConcurrentMigrations 400\n{new}\n{set} -MaxConcurrentMigrations 2000\n\
         {set} -MaxConcurrentIncrementalSyncs 500\n"
    );
    let err = shell(&ferry, &script, &[]).err;
    let fixes: Vec<&str> = err.lines().filter_map(|line| line.trim().strip_prefix("fix:   ")).collect();
    let limits = |migrations: u32, incremental: u32| {
        format!("-MaxConcurrentMigrations {migrations} -MaxConcurrentIncrementalSyncs {incremental}")
    };
    let named = "New-MigrationEndpoint -Name \"Wave One\"";
    assert_eq!(
        fixes,
        [
            format!("Stay below the ceiling: {named} {}", limits(300, 10)),
            "Or raise the ceiling first: Set-MigrationConfig -MaxConcurrentMigrations 400".to_owned(),
            format!("Stay below the ceiling: {set} {}", limits(300, 10)),
            format!("Lower the second: {set} {}", limits(20, 20)),
            "Or raise the ceiling first: Set-MigrationConfig -MaxConcurrentMigrations 500".to_owned(),
        ],
        "{err}"
    );
}

#[test]
fn the_configuration_is_shown_and_changed() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let script = "Get-MigrationConfig | fl\n\
        Set-MigrationConfig -MaxConcurrentMigrations 250 -WhatIf\n\
        Set-MigrationConfig -MaxConcurrentMigrations 250 -Features None\n\
        (Get-MigrationConfig).MaxConcurrentMigrations\n\
        Set-MigrationConfig -MaxConcurrentMigrations Unlimited\n\
        Get-MigrationConfig | Select MaxConcurrentMigrations, EndpointCount\n";
    insta::assert_snapshot!(told(&shell(&ferry, script, &[])), @r#"

    Identity                : Tenant
    MaxConcurrentMigrations : 300
    EndpointCount           : 1
    HasBatches              : False

    What if: Performing the operation "Set-MigrationConfig" on target "Tenant".
    250

    MaxConcurrentMigrations EndpointCount
    ----------------------- -------------
                       1000             1

    --- 0
    line 3: Set-MigrationConfig -Features is accepted without effect: there are no features to switch on or off
    MaxConcurrentMigrations of all endpoints together is 250 now.
    Unlimited is read as the highest tenant ceiling, 1000
    MaxConcurrentMigrations of all endpoints together is 1000 now.
    "#);
    let refused = "Set-MigrationConfig -MaxConcurrentMigrations 5\n\
        Set-MigrationConfig -MaxConcurrentMigrations 5000\n\
        Set-MigrationConfig\n\
        Set-MigrationConfig -MaxNumberOfBatches 3\n";
    insta::assert_snapshot!(told(&shell(&ferry, refused, &[])), @r#"
    --- 6
    line 1: Set-MigrationConfig failed
    mailferry: MaxConcurrentMigrations of endpoints is above 5. [LIMITS_ABOVE_CEILING]
      Hybrid-Endpoint-Primary
      cause: The tenant ceiling would be below MaxConcurrentMigrations of the endpoints that are listed.
      fix:   Lower it first: Set-MigrationEndpoint -Identity "Hybrid-Endpoint-Primary" -MaxConcurrentMigrations 5
    line 2: Set-MigrationConfig failed
    mailferry: The tenant ceiling is a number from 1 to 1000, not 5000. [LIMITS_REFUSED]
      cause: MaxConcurrentIncrementalSyncs must not exceed MaxConcurrentMigrations, and MaxConcurrentMigrations not the tenant ceiling.
      fix:   Give the nearest that is possible: Set-MigrationConfig -MaxConcurrentMigrations 1000
    line 3: Set-MigrationConfig failed
    mailferry: Set-MigrationConfig: -MaxConcurrentMigrations is missing [NATIVE_PARAMETERS]
      cause: One is unknown, missing, not supported, or was given what it does not take.
      fix:   See the message for each parameter.
    line 4: Set-MigrationConfig failed
    mailferry: Set-MigrationConfig (line 4): -MaxNumberOfBatches is not supported: the number of batches is not limited [NATIVE_PARAMETERS]
      cause: One is unknown, missing, not supported, or was given what it does not take.
      fix:   See the message for each parameter.
    "#);
    assert_eq!(ferry.ends(0, &["config", "get", "tenant-ceiling"]).out, "1000\n");
}

#[test]
fn what_if_writes_nothing() {
    let ferry = Ferry::new();
    hybrid(&ferry);
    let users = ferry.file("users.csv", "EmailAddress,Password,TargetAddress,TargetPassword\na@x,p,b@x,q\n");
    let all = || {
        let list = |noun| ferry.ends(0, &[noun, "list", "-o", "json"]).out;
        [list("endpoint"), list("batch"), list("user")]
    };
    let before = all();
    let script = format!(
        "New-MigrationEndpoint -Name x -IMAP -RemoteServer h -Credentials $c -WhatIf\n\
         Set-MigrationEndpoint Hybrid-Endpoint-Primary -MaxConcurrentMigrations 60 -WhatIf\n\
         Remove-MigrationEndpoint Hybrid-Endpoint-Primary -WhatIf\n\
         Test-MigrationServerAvailability -Endpoint Hybrid-Endpoint-Primary -WhatIf\n\
         New-MigrationBatch -Name w -SourceEndpoint Hybrid-Endpoint-Primary -TargetEndpoint Hybrid-Endpoint-Primary \
         -CSVData ([System.IO.File]::ReadAllBytes(\"{users}\")) -AutoStart -WhatIf\n"
    );
    let ran = shell(&ferry, &script, &[]);
    assert_eq!(ran.code, 0, "{}", told(&ran));
    assert_eq!(ran.out.matches("What if: Performing the operation ").count(), 5, "{}", ran.out);
    assert_eq!(all(), before);
}

#[test]
fn a_batch_runs_from_its_csv_to_its_completion() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 2);
    ferry.maildir("from/ben@x", 1);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        ferry.ends(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    let script = "New-MigrationBatch -Name w1 -SourceEndpoint Old -TargetEndpoint New `\n\
        -CSVData ([System.IO.File]::ReadAllBytes(\"users.csv\")) -TargetDeliveryDomain x.mail.onmicrosoft.com\n\
        Get-MigrationBatch | Where-Object {$_.SourceEndpoint -like \"*Old*\"} | Select Identity, Status\n\
        Start-MigrationBatch -Identity w1\n\
        Get-MigrationUser -BatchId w1 | Get-MigrationUserStatistics | ft Identity, Status, SyncedItemCount, Error\n\
        Get-MoveRequest | Where-Object {$_.Status -eq 'Synced'} | Get-MoveRequestStatistics | Select DisplayName, StatusDetail, PercentComplete\n\
        Get-MigrationBatch w1 | Complete-MigrationBatch\n\
        Get-MigrationStatistics | fl TotalCount, FinalizedCount\n\
        Remove-MigrationEndpoint Old -Confirm:$false\n\
        Remove-MigrationBatch w1 -Confirm:$false\n";
    let ran = shell(&ferry, script, &[]);
    insta::assert_snapshot!(ran.out, @r#"
    The batch w1 has 2 mailboxes; mailferry batch start w1 begins.

    Identity Status
    -------- ------
    w1       Created

    NAME  STATUS  SYNCED%  TOTAL  SYNCED  FINALIZED  FAILED  SCORE
    w1    Synced    100.0      2       2          0       0  Perfect
    The migration looks good: all 3 identified items of the source are on the target.

    Identity Status SyncedItemCount Error
    -------- ------ --------------- -----
    anna@x   Synced               2
    ben@x    Synced               1


    DisplayName StatusDetail PercentComplete
    ----------- ------------ ---------------
    anna@x      Synced                   100
    ben@x       Synced                   100

    NAME  STATUS     SYNCED%  TOTAL  SYNCED  FINALIZED  FAILED  SCORE
    w1    Completed    100.0      2       0          2       0  Perfect
    The migration looks good: all 3 identified items of the source are on the target.

    TotalCount     : 2
    FinalizedCount : 2
    "#);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.err.contains("line 9: Remove-MigrationEndpoint failed\nmailferry: Batches refer to the endpoint Old. [ENDPOINT_IN_USE]\n  w1\n"), "{}", ran.err);
    for told in [
        "-TargetDeliveryDomain is accepted without effect: mail flow",
        "No service is named: w1 is worked on here",
        "The batch w1 is removed",
    ] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}
