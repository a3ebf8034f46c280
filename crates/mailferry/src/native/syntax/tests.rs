//! What is read, and as what: a line for each command, notes and faults below.

use super::{parser::Takes, *};

/// Switches and parameters with values, as the real table would say.
fn known(command: &str, parameter: &str) -> Takes {
    match (command, parameter.to_lowercase().as_str()) {
        ("Foreign-Command", _) => Takes::Unknown,
        (_, "imap" | "whatif" | "autostart") => Takes::Nothing,
        _ => Takes::Value,
    }
}

fn text(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Plain(plain) => plain.clone(),
        Part::Variable(name, members) => {
            format!("<{}>", [std::slice::from_ref(name), members.as_slice()].concat().join("."))
        }
    };
    text.iter().map(part).collect()
}

fn value(v: &Value) -> String {
    match v {
        Value::Text(t) => format!("'{}'", text(t)),
        Value::Variable(name, members) => {
            format!("${}", [std::slice::from_ref(name), members.as_slice()].concat().join("."))
        }
        Value::List(all) => format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(" ")),
        Value::Block(tokens) => format!("{{{:?}}}", expression(tokens).map_err(|u| u.text)),
        Value::Group(inner, members) => format!("({}){}", pipeline(inner), members.join(".")),
        Value::Bytes(path) => format!("bytes of {}", value(path)),
        Value::Table => "table".to_owned(),
    }
}

fn command(c: &Command) -> String {
    let argument = |a: &Argument| match a {
        Argument::Parameter(name, None) => format!(" -{name}"),
        Argument::Parameter(name, Some(v)) => format!(" -{name}:{}", value(v)),
        Argument::Value(v) => format!(" {}", value(v)),
    };
    format!("{}{}", c.name, c.arguments.iter().map(argument).collect::<String>())
}

fn pipeline(p: &Pipeline) -> String {
    let first = match &p.first {
        Source::Command(c) => command(c),
        Source::Value(v) => value(v),
    };
    let stages: String = p.stages.iter().map(|c| format!(" | {}", command(c))).collect();
    first + &stages
}

fn read(script: &str) -> String {
    told(parse(script, &known))
}

fn told(script: Result<Script, Unread>) -> String {
    let script = match script {
        Ok(script) => script,
        Err(u) => {
            return format!(
                "line {}: {}{}",
                u.line,
                u.text,
                if u.is_unfinished { " (unfinished)" } else { "" }
            );
        }
    };
    let statement = |s: &Statement| match &s.variable {
        Some(name) => format!("${name} = {}", pipeline(&s.pipeline)),
        None => pipeline(&s.pipeline),
    };
    let mut lines: Vec<String> = script.statements.iter().map(statement).collect();
    lines.extend(script.notes.iter().map(|n| format!("# {}: {}", n.line, n.text)));
    lines.join("\n")
}

#[test]
fn commands_variables_and_pipelines() {
    insta::assert_snapshot!(read(
        "$c = Get-Credential; New-X -Name \"a $c.UserName `\"b`\"\" -IMAP -Port:993 `\r\n  -Confirm:$false # end\n\
         <# over\nlines #> Get-X | Where-Object {$_.A -like \"*x*\" -and -not ($_.B -eq 'y')} |\n  Select A, B\n\
         & Get-Y -CSVData ([System.IO.File]::ReadAllBytes('u.csv')) -Users @('a', 'b') (Get-X z).Port\n\
         $c.UserName\n'it''s' | Get-X"
    ), @r#"
    $c = Get-Credential
    New-X -Name 'a <c>.UserName "b"' -IMAP -Port:'993' -Confirm:$false
    Get-X | Where-Object {Ok(And(Compare(Operator { name: "like", by_case: false }, Variable("_", ["A"]), Text([Plain("*x*")])), Not(Compare(Operator { name: "eq", by_case: false }, Variable("_", ["B"]), Text([Plain("y")])))))} | Select ['A' 'B']
    Get-Y -CSVData (bytes of 'u.csv') -Users ['a' 'b'] (Get-X 'z')Port
    $c.UserName
    'it's' | Get-X
    "#);
}

#[test]
fn flaws_of_printed_commands_are_understood() {
    insta::assert_snapshot!(read(
        "PS C:\\Windows> New-X –Name “a b” &-IMAP\n-Security Ssl\n>> -Port\u{a0}993\n\n\
         Set-X -Identity 'a' -Credentials\n$new\n\
         Foreign-Command -Identity \"EWS (Default Web Site)\"\n-MRSProxyEnabled\n$true\n\
         Set-X -Name `  \n 'b'\n[PS] C:\\>Get‐X | fl\nGet-X -Name\n$x = Get-Y\n"
    ), @r#"
    New-X -Name 'a b' -IMAP -Security 'Ssl' -Port '993'
    Set-X -Identity 'a' -Credentials $new
    Foreign-Command -Identity 'EWS (Default Web Site)' -MRSProxyEnabled $true
    Set-X -Name 'b'
    Get-X | fl
    Get-X -Name
    $x = Get-Y
    # 1: prompts at the beginning of lines are left out
    # 1: typographic dashes are read as -
    # 1: typographic quotes are read as "
    # 1: the & before -IMAP is left out
    # 2: -Security belongs to New-X of line 1; a backtick (`) is missing at the end of the line before it
    # 3: spaces of web pages (such as no-break spaces) are read as spaces
    # 3: -Port belongs to New-X of line 1; a backtick (`) is missing at the end of the line before it
    # 6: $new belongs to Set-X of line 5 as the value of -Credentials; a backtick (`) is missing at the end of the line before it
    # 8: -MRSProxyEnabled belongs to Foreign-Command of line 7; a backtick (`) is missing at the end of the line before it
    # 9: $true belongs to Foreign-Command of line 7 as the value of -MRSProxyEnabled; a backtick (`) is missing at the end of the line before it
    # 10: a backtick with spaces behind it continues its line all the same
    "#);
}

#[test]
fn what_is_no_command_is_refused_by_its_name() {
    let faults: Vec<String> = [
        "foreach ($x in $y) { Get-X }",
        "if ($x) { Get-X }",
        "$x.Trim()",
        "Get-X -Name $x[0]",
        "[int]\"5\"",
        "[System.IO.File]::WriteAllText(\"a\", \"b\")",
        "Get-X > file",
        "Get-X -Name \"$(Get-Y)\"",
        "Get-X @splat",
        "-Name x",
        "Get-X |",
        "Get-X | Where-Object {$_.A -eq 1",
        "Get-X -Name 'open",
        "Get-X `",
        "$x =",
        "Get-X &",
        "Get-X )",
        "$env:A = 5",
        "Get-X -Name (Get-Y",
        "<# open",
    ]
    .iter()
    .map(|script| format!("{script} -> {}", read(script)))
    .collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    foreach ($x in $y) { Get-X } -> line 1: foreach is not read: this reads commands, it is no PowerShell
    if ($x) { Get-X } -> line 1: if is not read: this reads commands, it is no PowerShell
    $x.Trim() -> line 1: methods are not called (Trim(…)): this reads commands, it is no PowerShell
    Get-X -Name $x[0] -> line 1: a place in a list ($x[…]) is not read
    [int]"5" -> line 1: values are not made into others ([int])
    [System.IO.File]::WriteAllText("a", "b") -> line 1: [System.IO.File]::WriteAllText is not read; only [System.IO.File]::ReadAllBytes(FILE) is
    Get-X > file -> line 1: redirections (< and >) are not read; use the ones of the shell around mailferry
    Get-X -Name "$(Get-Y)" -> line 1: commands within a text, $(…), are not read
    Get-X @splat -> line 1: parameters from a table (@name) are not read; write them out
    -Name x -> line 1: -Name follows no command that it could belong to
    Get-X | -> line 1: nothing stands behind the | (unfinished)
    Get-X | Where-Object {$_.A -eq 1 -> line 1: a { has no } (unfinished)
    Get-X -Name 'open -> line 1: a quoted text has no end (unfinished)
    Get-X ` -> line 1: the last line ends with a backtick, and nothing follows (unfinished)
    $x = -> line 1: nothing stands behind the = (unfinished)
    Get-X & -> line 1: & runs nothing in the background here; leave it out
    Get-X ) -> line 1: a ) does not belong here
    $env:A = 5 -> line 1: $env:A cannot be set here, only variables can
    Get-X -Name (Get-Y -> line 1: a ) is missing at the end (unfinished)
    <# open -> line 1: a comment that begins with <# has no #> (unfinished)
    "#);
}

#[test]
fn conditions_are_read_from_the_left() {
    let of = |text: &str| {
        let script = parse(&format!("? {{{text}}}"), &known).unwrap();
        match &script.statements[0].pipeline.first {
            Source::Command(c) => match &c.arguments[0] {
                Argument::Value(Value::Block(tokens)) => expression(tokens),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(of("$_.A -eq 1 -or $_.B -eq 2 -and !$_.C").unwrap(), Expression::And(..)));
    assert!(matches!(of("-not $_.A -and ($_.B -in 'x','y')").unwrap(), Expression::And(..)));
    for (text, fault) in [
        ("", "a condition is missing"),
        ("$_.A -is 5", "the operator -is is not read"),
        ("Status -eq 'x'", "write $_.Name"),
        ("$_.A; $_.B", "is not read"),
        ("$_.A -eq", "a value is missing"),
        ("($_.A -eq 1", "a ) is missing"),
    ] {
        let told = of(text).unwrap_err().text;
        assert!(told.contains(fault), "{text}: {told}");
    }
}

#[test]
fn arguments_of_the_program_are_values_whatever_is_in_them() {
    let of =
        |words: &[&str]| told(of_words(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), &known));
    insta::assert_snapshot!(
        [
            of(&["New-X", "-Name", "a b; c", "&-IMAP", "-Port:993", "-Confirm:$false", "-Name", "$c", ""]),
            of(&["Get-X", "|", "Where-Object", "{$_.A -eq 'b'}", "|", "select", "A,B"]),
            of(&["Get-X", "-CSVData", "([System.IO.File]::ReadAllBytes('u.csv'))"]),
        ]
        .join("\n"),
        @r#"
    New-X -Name 'a b; c' -IMAP -Port:'993' -Confirm:$false -Name $c ''
    Get-X | Where-Object {Ok(Compare(Operator { name: "eq", by_case: false }, Variable("_", ["A"]), Text([Plain("b")])))} | select ['A' 'B']
    Get-X -CSVData (bytes of 'u.csv')
    "#
    );
    for (word, native) in [
        ("Get-MigrationBatch", true),
        ("get-migrationbatch", true),
        ("endpoint", false),
        ("-c", false),
        ("a-b-c", false),
    ] {
        assert_eq!(is_native(word), native, "{word}");
    }
}

#[test]
fn nothing_makes_the_reader_panic_or_hang() {
    let pieces = [
        "Get-X", " ", "-Name", "`", "\n", "\"", "'", "{", "}", "(", ")", "|", "&", "$", "$x", "=", ",", "#",
        "<#", "@", "[a]", "::", "“", "–", ">", ";", ".",
    ];
    let mut seed = 7u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        let _ = parse(&text, &known);
    }
}
