//! Files as administrators bring them, and any text at all.

use proptest::prelude::*;

use super::*;

const ALL: Needs = Needs { source: Passwords::Each, target: Passwords::Each };
const ADMIN: Needs = Needs { source: Passwords::None, target: Passwords::None };

fn told(text: &str, needs: Needs) -> String {
    match parse(text.as_bytes(), needs) {
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
        ("EmailAddress,Color\na@x,red\n", ADMIN, "refused CSV_UNKNOWN_COLUMN"),
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
    assert_eq!(parse(b"EmailAddress\n\xff@x\n", ADMIN).unwrap_err().code, "CSV_NOT_UTF8");
    assert_eq!(parse(&vec![b'a'; MAX_BYTES + 1], ADMIN).unwrap_err().code, "CSV_TOO_LARGE");
    let many: String = ["EmailAddress\n".to_owned()]
        .into_iter()
        .chain((0..=MAX_ROWS).map(|n| format!("u{n}@x\n")))
        .collect();
    assert_eq!(parse(many.as_bytes(), ADMIN).unwrap_err().code, "CSV_TOO_MANY_ROWS");
    let unknown = parse(b"EmailAddress,Color,Shape\n", ADMIN).unwrap_err().message;
    assert!(unknown.contains("\"Color\", \"Shape\""), "{unknown}");
}

#[test]
fn spreadsheets_utf16_is_read_and_nothing_is_guessed() {
    let text = "EmailAddress\tPassword\r\na@x\tpäss\u{1f600}\r\n";
    let units = |mark: &[u8], octets: fn(u16) -> [u8; 2]| {
        [mark, &text.encode_utf16().flat_map(octets).collect::<Vec<u8>>()].concat()
    };
    for file in [units(b"\xff\xfe", u16::to_le_bytes), units(b"\xfe\xff", u16::to_be_bytes)] {
        let parsed = parse(&file, ADMIN).unwrap();
        assert_eq!(parsed.rows[0].source.password, Some("päss\u{1f600}".into()));
        for cut in [file.len() - 1, file.len() - 7] {
            assert_eq!(parse(&file[..cut], ADMIN).map_err(|e| e.code).is_ok(), cut % 2 == 0, "{cut}");
        }
    }
    let lone = parse(b"\xff\xfea\0\n\0\x00\xd8", ADMIN).unwrap_err();
    assert_eq!((lone.code, lone.message.as_str()), ("CSV_NOT_UTF8", "The file is not UTF-16 (line 2)."));
    let ansi = parse(b"\xef\xbb\xbfEmailAddress,Password\na@x,p\xe4ss\n", ADMIN).unwrap_err();
    assert_eq!((ansi.code, ansi.message.as_str()), ("CSV_NOT_UTF8", "The file is not UTF-8 (line 2)."));
}

#[test]
fn rejected_rows_import_again_once_corrected() {
    let text = "EmailAddress,Password\nanna,p1\na@x,p2\nb@x,\"p3\"\"\",extra\n";
    let parsed = parse(text.as_bytes(), ADMIN).unwrap();
    let file = String::from_utf8(parsed.rejected_csv()).unwrap();
    assert!(
        file.starts_with("EmailAddress,Password,Surplus1,RowNumber,ErrorCode,ErrorMessage,Suggestion\r\n"),
        "{file}"
    );
    assert!(file.contains("\r\nanna,p1,,2,CSV_BAD_ADDRESS,"), "{file}");
    let again = parse(file.as_bytes(), ADMIN).unwrap();
    assert_eq!(again.rejected.len(), 2, "nothing is good before it is corrected: {file}");
    let file = file.replace("anna,", "anna@x,").replace("\"p3\"\"\",extra,", "\"p3\"\",extra\",,");
    let corrected = parse(file.as_bytes(), ADMIN).unwrap();
    assert_eq!((corrected.rows.len(), corrected.rejected.len()), (2, 0), "{file}");
    assert_eq!(corrected.rows[0].source.password, Some("p1".into()));
    assert_eq!(corrected.rows[1].source.password, Some("p3\",extra".into()));
}

#[test]
fn surplus_cells_stay_what_they_were() {
    let text = "EmailAddress;Password\na@x;p;q;;r\nanna;s\nb@x;t;u\n";
    let mut file = parse(text.as_bytes(), ADMIN).unwrap().rejected_csv();
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
        let parsed = parse(&file, ADMIN).unwrap();
        assert_eq!((parsed.rows.len(), parsed.rejected.len()), (0, 3), "{told}");
        file = parsed.rejected_csv();
    }
}

#[test]
fn rows_that_others_reject_go_the_same_way() {
    let mut parsed = parse(b"EmailAddress,Password\na@x,p\nanna,q\nb@x,r\n", ADMIN).unwrap();
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
        parse(b"EmailAddress,Password\nanna,canary-4711\n,canary-4711\nx@y,canary-4711,z\n", ALL).unwrap();
    assert!(!format!("{parsed:?}").contains("canary-4711"));
    assert_eq!(parsed.rejected.len(), 3);
}

#[test]
fn marks_of_direction_belong_to_passwords_alone() {
    let parsed = parse("EmailAddress,Password\na@x,p\u{202E}q\nb\u{202E}@x,p\n".as_bytes(), ADMIN).unwrap();
    let codes: Vec<&str> = parsed.rejected.iter().map(|row| row.code).collect();
    assert_eq!((parsed.rows.len(), codes), (1, vec!["CSV_BAD_CHARACTER"]));
}

proptest! {
    #[test]
    fn any_text_is_judged_and_what_is_rejected_stays_rejected(text in "\\PC{0,200}") {
        let text = format!("EmailAddress,Password\n{text}");
        if let Ok(parsed) = parse(text.as_bytes(), ADMIN) && !parsed.rejected.is_empty() {
            let cells: Vec<_> = parsed.rejected.iter().map(|r| r.cells.clone()).collect();
            prop_assert!(cells.iter().all(|c| c.expose().len() >= parsed.columns.len()));
            let again = parse(&parsed.rejected_csv(), ADMIN);
            prop_assert!(again.is_ok_and(|again| again.rows.len() + again.rejected.len() == cells.len()));
        }
    }

    #[test]
    fn good_rows_survive_quoting(name in "[a-z]{1,8}", password in "[^\\p{Cc}]{1,20}") {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["EmailAddress", "Password"]).unwrap();
        writer.write_record([&format!("{name}@x"), &password]).unwrap();
        let parsed = parse(&writer.into_inner().unwrap(), ADMIN).unwrap();
        prop_assert_eq!(parsed.rows[0].source.password.clone(), Some(password.as_str().into()));
    }
}
