//! Files as administrators bring them, and any text at all.

use proptest::prelude::*;

use super::*;

const ALL: Needs = Needs { source: Passwords::Each, target: Passwords::Each };
const ADMIN: Needs = Needs { source: Passwords::None, target: Passwords::None };

fn read(bytes: &[u8], needs: Needs) -> Result<Parsed, Refusal> {
    parse(bytes, &Reading::of(needs))
}

fn told(text: &str, needs: Needs) -> String {
    match read(text.as_bytes(), needs) {
        Err(refusal) => format!("refused {}", refusal.code),
        Ok(parsed) => {
            let good = parsed.rows.iter().map(|r| {
                let user = |m: &crate::settings::MailboxAddress| {
                    let secret = m.password.as_ref().map_or("", |p| p.expose());
                    format!("{}/{}/{secret}", m.address, m.user.as_deref().unwrap_or(""))
                };
                format!("{} {} -> {}", r.number, user(&r.source), user(&r.target))
            });
            let bad = parsed.rejected.iter().map(|r| format!("{} {}", r.number, r.code));
            good.chain(bad).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn files_as_people_bring_them() {
    for (text, needs, expected) in [
        ("EmailAddress\na@x\n", ADMIN, "2 a@x// -> a@x//"),
        ("\u{feff}emailaddress;USERNAME\r\na@x;adm\r\n", ADMIN, "2 a@x/adm/ -> a@x//"),
        ("EmailAddress\tPassword\na@x\t p \n", ADMIN, "2 a@x// p  -> a@x//"),
        (
            "EmailAddress,UserName,Password,TargetAddress,TargetUserName,TargetPassword\n\
             a@x,u,\"p,\"\"q\",b@y,v,r\n",
            ALL,
            "2 a@x/u/p,\"q -> b@y/v/r",
        ),
        ("EmailAddress,Password\n\na@x,\n ,\n b@x ,p\n", ADMIN, "3 a@x// -> a@x//\n5 b@x//p -> b@x//"),
        ("EmailAddress,Password\na@x,p\n", ALL, "2 CSV_NO_PASSWORD"),
        ("EmailAddress,TargetPassword\na@x,p\n", ALL, "2 CSV_NO_PASSWORD"),
        ("EmailAddress\na@x\nA@X\n", ADMIN, "2 a@x// -> a@x//\n3 CSV_DUPLICATE"),
        ("EmailAddress\nanna\n", ADMIN, "2 CSV_BAD_ADDRESS"),
        ("EmailAddress,UserName\n,u\n", ADMIN, "2 CSV_NO_ADDRESS"),
        ("EmailAddress,UserName\na@x\nb@x,c,d\n", ADMIN, "2 CSV_WRONG_CELL_COUNT\n3 CSV_WRONG_CELL_COUNT"),
        ("EmailAddress,UserName\na@x,\"b\nc\"\n", ADMIN, "2 CSV_BAD_CHARACTER"),
        ("EmailAddress,Color\na@x,red\n", ADMIN, "2 a@x// -> a@x//"),
        ("EmailAddress,Pasword\na@x,red\n", ADMIN, "refused CSV_UNKNOWN_COLUMN"),
        ("E-Mail Address;User_Name\na@x;u\n", ADMIN, "2 a@x/u/ -> a@x//"),
        ("EmailAddress;Notes\na@x;\"two\nlines\"\nb@x;\n", ADMIN, "2 a@x// -> a@x//\n4 b@x// -> b@x//"),
        (
            "EmailAddress,MailboxType\na@x,ArchiveOnly\nb@x,primaryonly\nc@x,Both\n",
            ADMIN,
            "3 b@x// -> b@x//\n2 CSV_BAD_MAILBOX_TYPE\n4 CSV_BAD_MAILBOX_TYPE",
        ),
        ("EmailAddress,BadItemLimit\na@x,-1\nb@x,unlimited\n", ADMIN, "3 b@x// -> b@x//\n2 CSV_BAD_LIMIT"),
        ("EmailAddress,UserRoot\na@x,//\nb@x,\n", ADMIN, "3 b@x// -> b@x//\n2 CSV_BAD_ROOT"),
        ("EmailAddress,EmailAddress\na@x,b@x\n", ADMIN, "refused CSV_COLUMN_TWICE"),
        ("UserName\nu\n", ADMIN, "refused CSV_NO_ADDRESS_COLUMN"),
        ("anna@x,anna,secret\nb@x,b,s\n", ALL, "refused CSV_NO_HEADER"),
        ("PK\u{3}\u{4}abc", ADMIN, "refused CSV_WORKBOOK"),
        ("EmailAddress,Password\na@x,\"p\nb@x,q\n", ALL, "refused CSV_OPEN_QUOTE"),
        (
            "EmailAddress,Password\na@x,\"p\"\"q\"\nb@x,q\"r\n",
            ADMIN,
            "2 a@x//p\"q -> a@x//\n3 b@x//q\"r -> b@x//",
        ),
        ("", ADMIN, "refused CSV_EMPTY"),
        ("EmailAddress\n", ADMIN, "refused CSV_EMPTY"),
    ] {
        assert_eq!(told(text, needs), expected, "{text:?}");
    }
    assert_eq!(read(b"EmailAddress\n\x81@x\n", ADMIN).unwrap_err().code, "CSV_NOT_UTF8");
    assert_eq!(read(&vec![b'a'; MAX_BYTES + 1], ADMIN).unwrap_err().code, "CSV_TOO_LARGE");
    let many: String = ["EmailAddress\n".to_owned()]
        .into_iter()
        .chain((0..=MAX_ROWS).map(|n| format!("u{n}@x\n")))
        .collect();
    assert_eq!(read(many.as_bytes(), ADMIN).unwrap_err().code, "CSV_TOO_MANY_ROWS");
}

#[test]
fn spreadsheets_utf16_is_read_and_what_is_cut_is_refused() {
    let text = "EmailAddress\tPassword\r\na@x\tpäss\u{1f600}\r\n";
    let units = |mark: &[u8], octets: fn(u16) -> [u8; 2]| {
        [mark, &text.encode_utf16().flat_map(octets).collect::<Vec<u8>>()].concat()
    };
    for file in [units(b"\xff\xfe", u16::to_le_bytes), units(b"\xfe\xff", u16::to_be_bytes)] {
        let parsed = read(&file, ADMIN).unwrap();
        assert_eq!(parsed.rows[0].source.password, Some("päss\u{1f600}".into()));
        for cut in [file.len() - 1, file.len() - 7] {
            assert_eq!(read(&file[..cut], ADMIN).map_err(|e| e.code).is_ok(), cut % 2 == 0, "{cut}");
        }
    }
    let lone = read(b"\xff\xfea\0\n\0\x00\xd8", ADMIN).unwrap_err();
    assert_eq!((lone.code, lone.message.as_str()), ("CSV_NOT_UTF8", "The file is not UTF-16 (line 2)."));
    let ansi = read(b"\xef\xbb\xbfEmailAddress,Password\na@x,p\xe4ss\n", ADMIN).unwrap_err();
    assert_eq!((ansi.code, ansi.message.as_str()), ("CSV_NOT_UTF8", "The file is not UTF-8 (line 2)."));
}

#[test]
fn what_spreadsheets_call_ansi_is_guessed_but_for_passwords() {
    let ansi = b"EmailAddress;UserName;Password\r\na@x;M\xfcller;secret\r\n";
    let parsed = read(ansi, ADMIN).unwrap();
    assert_eq!(parsed.rows[0].source.user.as_deref(), Some("M\u{fc}ller"));
    assert!(parsed.notices[0].contains("Windows-1252"), "{:?}", parsed.notices);
    let secret = b"EmailAddress;Password\r\na@x;ok\r\nb@x;p\xe4ss\r\n";
    let refused = read(secret, ADMIN).unwrap_err();
    assert_eq!(refused.code, "CSV_NOT_UTF8");
    assert!(refused.message.contains("line 3") && !refused.message.contains("ss\r"), "{refused}");
    let said = Reading { encoding: Encoding::Windows1252, ..Reading::of(ADMIN) };
    let parsed = parse(secret, &said).unwrap();
    assert_eq!(parsed.rows[1].source.password, Some("p\u{e4}ss".into()));
    assert!(parsed.notices.is_empty(), "nothing was guessed");
    let strict = Reading { encoding: Encoding::Utf8, ..Reading::of(ADMIN) };
    assert_eq!(parse(ansi, &strict).unwrap_err().code, "CSV_NOT_UTF8");
    let bare: Vec<u8> = "EmailAddress\r\na@x\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&bare, ADMIN).unwrap().rows.len(), 1, "UTF-16 without a mark");
}

#[test]
fn columns_that_mean_nothing_are_told_and_come_back_in_rejected_rows() {
    let parsed =
        read(b"EmailAddress,Floor,TargetDatabase,department\nanna,3,DB1,IT\nb@x,4,,IT\n", ADMIN).unwrap();
    assert_eq!(parsed.notices.len(), 2, "planning reads the department: {:?}", parsed.notices);
    assert!(parsed.notices[0].contains("\"Floor\"") && parsed.notices[1].contains("TargetDatabase"));
    let file = String::from_utf8(parsed.rejected_csv()).unwrap();
    assert!(file.starts_with("EmailAddress,Floor,TargetDatabase,department,RowNumber,"), "{file}");
    assert!(file.contains("\r\nanna,3,DB1,IT,2,CSV_BAD_ADDRESS,"), "{file}");
    let near = read(b"EmailAddress,Passwort\na@x,p\n", ADMIN).unwrap_err().message;
    assert_eq!(near, "There is no column \"Passwort\"; Password is probably meant.");
    let allowed = Reading { unknown: Unknown::Allowed, ..Reading::of(ADMIN) };
    assert_eq!(parse(b"EmailAddress,Passwort\na@x,p\n", &allowed).unwrap().rows.len(), 1);
}

#[test]
fn addresses_get_another_domain_where_a_row_names_none() {
    let domains = vec!["OLD.example=new.example".parse().unwrap(), "@b.example=c.example".parse().unwrap()];
    let reading = Reading { domains, ..Reading::of(ADMIN) };
    let text = "EmailAddress,TargetAddress\na@old.example,\nb@Old.Example,x@y\nc@other.example,\n";
    let parsed = parse(text.as_bytes(), &reading).unwrap();
    let there: Vec<&str> = parsed.rows.iter().map(|row| row.target.address.as_str()).collect();
    assert_eq!(there, ["a@new.example", "x@y", "c@other.example"]);
    assert!("old.example".parse::<DomainRule>().is_err() && "a b=c".parse::<DomainRule>().is_err());
    let domains = vec!["a.x=b.x".parse().unwrap(), "A.x=c.x".parse().unwrap()];
    let twice = parse(text.as_bytes(), &Reading { domains, ..Reading::of(ADMIN) }).unwrap_err();
    assert_eq!(twice.code, "CSV_DOMAIN_TWICE");
}

#[test]
fn a_row_says_where_in_the_source_its_mailbox_lies() {
    let text = "EmailAddress,UserRoot,BadItemLimit\na@x,/users/anna,10\nb@x,,\n";
    let parsed = read(text.as_bytes(), ADMIN).unwrap();
    let own = &parsed.rows[0].overrides;
    assert!(parsed.notices[0].contains("BadItemLimit"), "{:?}", parsed.notices);
    assert_eq!(parsed.rows[1].overrides, Overrides::default());
    let mut options = crate::mapping::RunOptions::default();
    assert_eq!(parsed.rows[1].overrides.applied(&options), options);
    options.filter.exclude = vec!["Junk/*".parse().unwrap()];
    options.map = vec!["Sent=Sent Items".parse().unwrap()];
    let options = own.applied(&options);
    let at = |path: &str| crate::mapping::mapped(&options.map, &path.parse().unwrap()).map(|p| p.to_string());
    assert_eq!(at("users/anna").as_deref(), Some("INBOX"));
    assert_eq!(at("users/anna/Work/2020").as_deref(), Some("Work/2020"));
    assert_eq!(at("users/anna/Sent").as_deref(), Some("Sent Items"));
    assert_eq!(at("users/bert"), None);
    let shown =
        |patterns: &[crate::filter::Pattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&options.filter.include), ["users/anna/*"]);
    assert_eq!(shown(&options.filter.exclude), ["users/anna/Junk/*"]);
}

#[test]
fn rejected_rows_import_again_once_corrected() {
    let text = "EmailAddress,Password\nanna,p1\na@x,p2\nb@x,\"p3\"\"\",extra\n";
    let parsed = read(text.as_bytes(), ADMIN).unwrap();
    let file = String::from_utf8(parsed.rejected_csv()).unwrap();
    assert!(
        file.starts_with("EmailAddress,Password,Surplus1,RowNumber,ErrorCode,ErrorMessage,Suggestion\r\n"),
        "{file}"
    );
    assert!(file.contains("\r\nanna,p1,,2,CSV_BAD_ADDRESS,"), "{file}");
    let again = read(file.as_bytes(), ADMIN).unwrap();
    assert_eq!(again.rejected.len(), 2, "nothing is good before it is corrected: {file}");
    let file = file.replace("anna,", "anna@x,").replace("\"p3\"\"\",extra,", "\"p3\"\",extra\",,");
    let corrected = read(file.as_bytes(), ADMIN).unwrap();
    assert_eq!((corrected.rows.len(), corrected.rejected.len()), (2, 0), "{file}");
    assert_eq!(corrected.rows[0].source.password, Some("p1".into()));
    assert_eq!(corrected.rows[1].source.password, Some("p3\",extra".into()));
}

#[test]
fn surplus_cells_stay_what_they_were() {
    let text = "EmailAddress;Password\na@x;p;q;;r\nanna;s\nb@x;t;u\n";
    let mut file = read(text.as_bytes(), ADMIN).unwrap().rejected_csv();
    // Imported again and again without a correction, nothing is lost and nothing becomes good.
    for _ in 0..3 {
        let told = String::from_utf8(file.clone()).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert!(
            lines[0].starts_with("EmailAddress,Password,Surplus1,Surplus2,Surplus3,RowNumber,"),
            "{told}"
        );
        assert!(lines[1].starts_with("a@x,p,q,,r,2,CSV_WRONG_CELL_COUNT,"), "{told}");
        assert!(lines[2].starts_with("anna,s,,,,3,CSV_BAD_ADDRESS,"), "{told}");
        assert!(lines[3].starts_with("b@x,t,u,,,4,CSV_WRONG_CELL_COUNT,"), "{told}");
        let parsed = read(&file, ADMIN).unwrap();
        assert_eq!((parsed.rows.len(), parsed.rejected.len()), (0, 3), "{told}");
        file = parsed.rejected_csv();
    }
}

#[test]
fn rows_that_others_reject_go_the_same_way() {
    let mut parsed = read(b"EmailAddress,Password\na@x,p\nanna,q\nb@x,r\n", ADMIN).unwrap();
    let fault = ("CSV_IN_ANOTHER_BATCH", "It is in w.".to_owned(), "Leave it there.".to_owned());
    parsed.reject([(2, fault.clone()), (99, fault)].into());
    let numbers: Vec<u64> = parsed.rejected.iter().map(|r| r.number).collect();
    assert_eq!((parsed.rows.len(), parsed.rows[0].number, numbers), (1, 4, vec![2, 3]));
    let file = String::from_utf8(parsed.rejected_csv()).unwrap();
    assert!(
        file.contains("\r\na@x,p,2,CSV_IN_ANOTHER_BATCH,It is in w.,Leave it there.\r\nanna,q,3,"),
        "{file}"
    );
}

#[test]
fn no_message_holds_a_password() {
    let parsed =
        read(b"EmailAddress,Password\nanna,canary-4711\n,canary-4711\nx@y,canary-4711,z\n", ALL).unwrap();
    assert!(!format!("{parsed:?}").contains("canary-4711"));
    assert_eq!(parsed.rejected.len(), 3);
}

#[test]
fn marks_of_direction_belong_to_passwords_alone() {
    let parsed = read("EmailAddress,Password\na@x,p\u{202E}q\nb\u{202E}@x,p\n".as_bytes(), ADMIN).unwrap();
    let codes: Vec<&str> = parsed.rejected.iter().map(|row| row.code).collect();
    assert_eq!((parsed.rows.len(), codes), (1, vec!["CSV_BAD_CHARACTER"]));
}

proptest! {
    #[test]
    fn any_text_is_judged_and_what_is_rejected_stays_rejected(text in "\\PC{0,200}") {
        let text = format!("EmailAddress,Password\n{text}");
        if let Ok(parsed) = read(text.as_bytes(), ADMIN) && !parsed.rejected.is_empty() {
            let cells: Vec<_> = parsed.rejected.iter().map(|r| r.cells.clone()).collect();
            prop_assert!(cells.iter().all(|c| c.expose().len() >= parsed.columns.len()));
            let again = read(&parsed.rejected_csv(), ADMIN);
            prop_assert!(again.is_ok_and(|again| again.rows.len() + again.rejected.len() == cells.len()));
        }
    }

    #[test]
    fn good_rows_survive_quoting(name in "[a-z]{1,8}", password in "[^\\p{Cc}]{1,20}") {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["EmailAddress", "Password"]).unwrap();
        writer.write_record([&format!("{name}@x"), &password]).unwrap();
        let parsed = read(&writer.into_inner().unwrap(), ADMIN).unwrap();
        prop_assert_eq!(parsed.rows[0].source.password.clone(), Some(password.as_str().into()));
    }
}
