//! Reports as files: their columns, what no name can do in them, and that they are whole however many mailboxes there are.

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use calamine::{Data, Reader, Xlsx};
use mailferry_model::{
    port::{Clock, Reports},
    report::{Findings, Kept, Named, Score, Totals, sheet::Sheet},
    status::UserStatus,
    user::{Detail, User},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    batch::{with_endpoints, with_wave},
    house::House,
};

/// What somebody may write into a folder's name or a server's answer.
const HOSTILE: &str = "=cmd|'\"<img src=x onerror=alert(1)>&";

fn named(uid: &str, code: &str) -> Named {
    Named {
        folder: HOSTILE.into(),
        uid: uid.into(),
        message_id: None,
        size: 2048,
        code: code.into(),
        reason: HOSTILE.into(),
        items: None,
        date: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        tries: Some(3),
    }
}

/// A wave whose first mailbox failed with hostile words and left items behind.
async fn with_trouble() -> House {
    let house = with_wave().await;
    let wave = house.store.batch("wave").await.unwrap();
    let mut user = house.store.users(wave.id).await.unwrap().remove(0);
    let mailbox = house.store.mailbox(&user.address).await.unwrap();
    let findings = Findings {
        identified: 100,
        placed: 97,
        skipped: vec![named("+1", "TARGET_TOO_LARGE"), named("2", "TARGET_MALFORMED")],
        missing: vec![named("3", "NOT_SYNCED")],
        ..Findings::default()
    };
    let kept = Kept { mailbox, user: user.address.clone(), at: house.clock.now(), findings };
    house.reports.keep_report(&kept).await.unwrap();
    user.mailbox = Some(mailbox);
    (user.status, user.score) = (UserStatus::Failed, Some(Score::Poor));
    user.totals = Totals { identified: 100, placed: 97, bytes: 5_000, bytes_identified: 9_000, skipped: 2 };
    let since = house.clock.now();
    let detail = Detail::fresh("SOURCE_UNREACHABLE", HOSTILE.into(), since);
    user.detail = Some(detail);
    user.last_synced = Some(house.clock.now());
    house.store.set_user(&user).await.unwrap();
    house
}

async fn text(house: &House, file: &str) -> String {
    let (status, bytes) = house.file(&format!("/batches/wave/reports/{file}")).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(status, 200, "{file}: {text}");
    text
}

#[tokio::test]
async fn tables_have_the_published_columns_and_run_nothing() {
    let house = with_trouble().await;
    for sheet in Sheet::ALL {
        let table = text(&house, &format!("{}.csv", sheet.name())).await;
        assert_eq!(table.lines().next(), Some(&*sheet.columns().join(",")), "{}", sheet.name());
        assert!(table.ends_with("\r\n"));
        assert!(!table.contains(",=") && !table.contains("\"=") && !table.contains(",+"), "{table}");
    }
    let users = text(&house, "users.csv").await;
    assert_eq!(users.lines().count(), 3);
    assert!(users.contains(",Failed,Failed,InitialSync,Poor,100,97,2,9000,5000,"), "{users}");
    assert!(users.contains(",SOURCE_UNREACHABLE,\"'=cmd|'\"\"<img"), "{users}");
    let skipped = text(&house, "skipped.csv").await;
    assert_eq!(skipped.lines().count(), 4);
    assert!(skipped.contains(",large,2026-01-02T03:04:05Z,,2048,TARGET_TOO_LARGE,"), "{skipped}");
    assert!(skipped.contains(",3,no,,'+1\r\n"), "{skipped}");
    let reconciled = text(&house, "reconciliation.csv").await;
    assert_eq!(reconciled.lines().count(), 2);
    assert!(reconciled.contains(",Missing\r\n"), "{reconciled}");
}

#[tokio::test]
async fn spreadsheets_get_a_mark_and_a_separator() {
    let house = with_trouble().await;
    let table = text(&house, "users.csv?excel=true&separator=semicolon").await;
    assert!(table.starts_with("\u{feff}Batch;EmailAddress;"), "{table}");
    assert!(text(&house, "users.csv?separator=tab").await.starts_with("Batch\tEmailAddress\t"));
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let house = with_wave().await;
    let problem = async |path: &str| house.send("GET", &format!("/api/v1{path}"), &[], "").await.problem();
    let wave = "/batches/wave/reports";
    for file in ["passwords.csv", "..%2F..%2Fetc%2Fpasswd", "users.CSV", "report.pdf"] {
        assert_eq!(problem(&format!("{wave}/{file}")).await, (404, "REQUEST_NOT_FOUND".to_owned()), "{file}");
    }
    assert_eq!(problem("/batches/none/reports/users.csv").await.0, 404);
    for query in ["separator=x".to_owned(), "excel=maybe".to_owned(), format!("title={}", "x".repeat(201))] {
        let (status, code) = problem(&format!("{wave}/report.html?{query}")).await;
        assert!([400, 422].contains(&status), "{query}: {status}");
        assert_eq!(code, "REQUEST_MALFORMED", "{query}");
    }
    let answer = house.send("GET", "/api/v1/batches/wave/reports/users.csv", &[], "").await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"wave-users.csv\"");
}

/// What stands between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("no {to}")).0
}

#[tokio::test]
async fn the_page_stands_alone_and_no_name_becomes_markup() {
    let house = with_trouble().await;
    let page = text(&house, "report.html?title=%3Cb%3EWave%20%26%20more").await;
    assert!(page.contains("<title>&lt;b&gt;Wave &amp; more</title>"));
    for foreign in
        ["<script", "<img", "<link", "<b>", "http://", "https://", " src=\"", "url(", "@import", "onerror=\""]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let style = between(&page, "<style>", "</style>");
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'")), "{policy}");
    assert!(page.contains("<html lang=\"en\">") && page.contains("<main>") && page.contains("<header>"));
    let headings: Vec<&str> = page.split("<h").skip(1).filter_map(|part| part.get(..1)).collect();
    assert_eq!(headings.iter().filter(|level| **level == "1").count(), 1);
    let failures = page.find("id=\"failures\"").unwrap();
    assert!(failures < page.find("id=\"mailboxes\"").unwrap(), "failures come first");
    assert_eq!(page.matches("<th>").count(), 0, "each says of what it is the head");
    assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    assert_eq!(page.matches("<tr>").count(), page.matches("</tr>").count());
    assert!(page.contains("does NOT look good: 0 of 2 mailboxes are synced or completed and 1 failed"));
    assert!(page.contains("(TARGET_TOO_LARGE)") && page.contains("entry 3, "), "{page}");
    let (before, comment) = page.rsplit_once("<!-- SHA-256 of all bytes before this comment: ").unwrap();
    let sum: String = Sha256::digest(before).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(comment, format!("{sum} -->\n"));
}

#[tokio::test]
async fn the_workbook_has_numbers_times_and_text_that_stays_text() {
    let house = with_trouble().await;
    let (status, bytes) = house.file("/batches/wave/reports/report.xlsx").await;
    assert_eq!(status, 200);
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(book.sheet_names(), Sheet::ALL.map(Sheet::name));
    for sheet in Sheet::ALL {
        let range = book.worksheet_range(sheet.name()).unwrap();
        let head: Vec<String> = range.rows().next().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(head, sheet.columns());
        assert!(book.worksheet_formula(sheet.name()).unwrap().is_empty(), "a formula in {}", sheet.name());
    }
    let skipped = book.worksheet_range("skipped").unwrap();
    let cell = |column: &str| {
        let at = Sheet::Skipped.columns().iter().position(|c| *c == column).unwrap();
        skipped.get((1, at)).unwrap().clone()
    };
    assert_eq!(cell("FolderPath"), Data::String(HOSTILE.into()));
    assert_eq!(cell("SizeBytes"), Data::Float(2048.0));
    let Data::DateTime(at) = cell("DateUtc") else { panic!("{:?}", cell("DateUtc")) };
    let seconds = at.as_f64().fract() * 86_400.0;
    assert!((seconds - (3.0 * 3600.0 + 4.0 * 60.0 + 5.0)).abs() < 0.01, "{seconds}");
}

#[tokio::test]
async fn a_report_of_many_is_whole() {
    let house = with_endpoints().await;
    let rows: String =
        (0..1201).map(|n| format!("u{n:04}@x,u{n},p,u{n:04}@new.example,u{n},p\r\n")).collect();
    let csv = format!("EmailAddress,UserName,Password,TargetAddress,TargetUserName,TargetPassword\r\n{rows}");
    let wave = json!({ "name": "wave", "source": "Old", "target": "New", "csv": csv });
    let (status, told) = house.post("/batches", wave).await;
    assert_eq!(status, 201, "{told}");
    let users = text(&house, "users.csv").await;
    let addresses: Vec<&str> = users.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(addresses.len(), 1201);
    assert!(addresses.is_sorted() && addresses.ends_with(&["u1200@x"]));
    let (_, bytes) = house.file("/batches/wave/reports/report.xlsx").await;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(book.worksheet_range("users").unwrap().height(), 1202);
    let page = text(&house, "report.html").await;
    assert_eq!(page.matches("@x</th>").count(), 1201);
}

#[tokio::test]
async fn one_mailbox_tells_its_rate_and_its_durations() {
    let house = with_wave().await;
    let wave = house.store.batch("wave").await.unwrap();
    house.clock.forward(30);
    let user = house.store.users(wave.id).await.unwrap().remove(0);
    let mut user = User { status: UserStatus::Syncing, ..user }.timed(house.clock.now());
    user.totals = Totals { identified: 4, placed: 1, bytes: 1_000, bytes_identified: 4_000, skipped: 0 };
    house.store.set_user(&user).await.unwrap();
    house.clock.forward(60);
    let told = house.get(&format!("/batches/wave/users/{}", user.address)).await.1["statistics"].clone();
    assert_eq!(
        told,
        json!({
            "rateBytesPerMinute": 1000, "queuedSeconds": 30, "inProgressSeconds": 60, "syncedSeconds": 0,
            "stalledSeconds": 0, "etaSeconds": { "from": 180, "to": 420 },
        })
    );
    assert!(house.get("/users").await.1[0].get("statistics").is_none(), "lists stay short");
}
