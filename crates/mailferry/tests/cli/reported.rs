//! `report new` and `user show --stats`: what they write, here and where a service is.

use super::{
    ferry::{Ferry, Ran, wave},
    service::Service,
};

fn scene(ferry: &Ferry, client: &dyn Fn(i32, &[&str]) -> Ran) {
    wave(ferry, client);
    client(3, &["batch", "start", "w", "--wait"]);
}

fn lines(ferry: &Ferry, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(ferry.path(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    text.lines().map(str::to_owned).collect()
}

fn files_are_written(ferry: &Ferry, client: &dyn Fn(i32, &[&str]) -> Ran) {
    scene(ferry, client);
    let at = |name: &str| ferry.path(name).to_string_lossy().into_owned();
    let (here, out, book) = (at(""), at("out/"), at("w.xlsx"));
    let told = client(0, &["report", "new", "w", "--into", &here]).out;
    assert!(told.starts_with("Report of w: ") && told.contains("/w-report.html, "), "{told}");
    assert!(lines(ferry, "w-report.html").last().unwrap().starts_with("<!-- SHA-256 of all bytes"));

    let told = client(0, &["report", "new", "w", "--format", "csv", "--into", &out, "-o", "json"]).json();
    assert_eq!(told.as_array().map(Vec::len), Some(3), "{told}");
    let users = lines(ferry, "out/w-users.csv");
    assert!(users[0].starts_with("Batch,EmailAddress,SourceIdentity,Status,"), "{}", users[0]);
    assert!(users[1].starts_with("w,anna@x,anna@x,Synced,Synced,Synced,Perfect,2,2,0,"), "{}", users[1]);
    assert!(users[2].starts_with("w,ben@x,ben@x,Failed,Failed,InitialSync,,"), "{}", users[2]);
    let reconciled = lines(ferry, "out/w-reconciliation.csv");
    assert_eq!(reconciled.len(), 2, "{reconciled:?}");
    let cells: Vec<&str> = reconciled[1].split(',').collect();
    assert_eq!((cells[4], cells[6], cells[8], cells[10]), ("2", "2", "0", "Equal"), "{cells:?}");
    assert_eq!(cells[5], cells[7], "bytes");
    assert_ne!(cells[5], "0", "bytes");

    client(0, &["report", "new", "w", "--format", "xlsx", "--into", &book]);
    assert!(std::fs::read(ferry.path("w.xlsx")).unwrap().starts_with(b"PK"));
    let told =
        client(0, &["report", "new", "w", "--format", "csv", "--excel", "--separator", ";", "--into", &here]);
    assert!(told.out.contains("w-skipped.csv"), "{}", told.out);
    assert!(lines(ferry, "w-users.csv")[0].starts_with("\u{feff}Batch;EmailAddress;"));

    client(4, &["report", "new", "none", "--into", &here]);
    let left =
        std::fs::read_dir(ferry.path("")).unwrap().filter_map(|f| f.ok()?.file_name().into_string().ok());
    assert!(!left.into_iter().any(|name| name.contains("none-")), "nothing is left behind");
    client(2, &["report", "new", "w", "--excel"]);
    client(2, &["report", "new", "w", "--format", "csv", "--separator", "|"]);
    client(2, &["report", "new", "w", "--format", "csv", "--into", &book]);
    assert!(client(1, &["report", "new", "w", "--into", "/no/such/x"]).err.contains("[REPORT_UNWRITABLE]"));

    let told = client(0, &["user", "show", "anna@x", "-o", "json"]).json();
    let statistics = &told["statistics"];
    assert!(statistics["syncedSeconds"].is_u64() && statistics["etaSeconds"].is_null(), "{told}");
    let told = client(0, &["user", "show", "anna@x", "--stats"]).out;
    assert!(told.contains("inProgressSeconds") && told.contains("dataConsistencyScore  Perfect"), "{told}");
}

#[test]
fn reports_are_written_here() {
    let ferry = Ferry::new();
    files_are_written(&ferry, &|code, words| ferry.ends(code, words));
    ferry.ends(0, &["report", "new", "w", "--title", "For <the board>"]);
    assert!(lines(&ferry, "w-report.html")[1].contains("<title>For &lt;the board&gt;</title>"));
}

#[test]
fn reports_are_written_from_a_service() {
    let ferry = Ferry::new();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    files_are_written(&service.ferry, &|code, words| service.client(code, words));
    service.stop();
}
