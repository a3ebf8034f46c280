//! `verify BATCH` where a service is: its worker looks, and what the command tells is what it tells without a service.

use super::{ferry::Ferry, service::Service};

#[test]
fn the_services_verdict_is_the_local_one() {
    let ferry = Ferry::new();
    ferry.maildir("from/anna@x", 3);
    ferry.maildir("from/ben@x", 0);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    let folder = ferry.path("").to_string_lossy().into_owned();
    let service = Service::start(ferry, &["--allow-folder", &folder]);
    service.sign_in();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = service.ferry.path(folder).join("{user}");
        service.client(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = service.ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\nnobody@x\n");
    service.client(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
    service.client(3, &["batch", "start", "w", "--wait"]);
    // A message that came after the sync: it is missing.
    let one = std::fs::read_dir(service.ferry.path("from/anna@x/cur")).unwrap().next().unwrap().unwrap();
    std::fs::copy(one.path(), one.path().with_file_name("1800000000.M1.h:2,S")).unwrap();

    for (code, words) in [
        (3, &["verify", "w"][..]),
        (3, &["verify", "w", "--deep"]),
        (3, &["verify", "anna@x"]),
        (0, &["verify", "ben@x"]),
    ] {
        for form in ["json", "jsonl", "yaml", "csv", "name", "table"] {
            let words = [words, &["-o", form]].concat();
            let (here, there) = (service.ferry.ends(code, &words), service.client(code, &words));
            assert_eq!((&here.out, &here.err), (&there.out, &there.err), "{words:?}");
            assert!(!there.out.is_empty(), "{words:?}");
        }
    }
    let told = service.client(3, &["verify", "w", "-o", "json"]).json();
    assert_eq!((&told["exitCode"], &told["failed"][0]["user"]), (&3.into(), &"nobody@x".into()), "{told}");
    assert_eq!((&told["missing"][0]["user"], &told["mailboxes"]), (&"anna@x".into(), &3.into()), "{told}");
    let missing = service.client(4, &["verify", "nothing-of-that-name"]).err;
    assert!(missing.contains("no batch and no user is called nothing-of-that-name"), "{missing}");
    let paced = service.client(2, &["verify", "w", "--bwlimit", "1M"]).err;
    assert!(paced.contains("are the service's to say"), "{paced}");

    let account = format!("maildir:{}", service.ferry.path("from/anna@x").display());
    let refused = service.client(2, &["verify", &account, &account, "--server", &service.url]).err;
    assert!(
        refused.contains("[SERVICE_LOCAL_ONLY]") && refused.contains("mailferry verify BATCH"),
        "{refused}"
    );
    let audit = service.client(0, &["audit", "list", "-o", "json"]).out;
    assert!(audit.contains("verification.new") && audit.contains("user ben@x"), "{audit}");
    service.stop();
}
