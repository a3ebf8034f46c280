//! What is said: explanations, help, versions.

use super::ferry::Ferry;

#[test]
fn codes_and_states_are_explained() {
    let ferry = Ferry::new();
    insta::assert_snapshot!(ferry.ends(0, &["explain", "target_quota_exceeded"]).out, @r"
    TARGET_QUOTA_EXCEEDED: The mailbox at the target is full
    cause: The server takes no more into this mailbox. Nothing is lost: what is still owed moves when there is room.
    fix:   Raise the mailbox's quota and run again: only what is missing moves.
    ");
    assert!(ferry.ends(0, &["explain", "SyncedWithErrors"]).out.contains("some mailboxes failed"));
    for score in ["perfect", "Good", "Investigate", "Poor"] {
        assert!(ferry.ends(0, &["explain", score]).out.to_lowercase().contains("score"));
    }
    assert!(ferry.ends(4, &["explain", "TARGET_QUOTA"]).err.contains("Perhaps TARGET_QUOTA_EXCEEDED"));
    let all = ferry.ends(0, &["explain", "-o", "json"]).json();
    assert!(all.as_array().is_some_and(|a| a.len() > 100));
}

#[test]
fn no_password_flag_exists_and_unknown_commands_are_usage() {
    let ferry = Ferry::new();
    for words in [&["copy", "--help"][..], &["endpoint", "new", "--help"]] {
        let help = ferry.ends(0, words).out;
        assert!(help.contains("password-file") && !help.contains("--password "), "{help}");
    }
    ferry.ends(2, &["dance"]);
    ferry.ends(2, &["copy"]);
    assert!(ferry.ends(0, &["version"]).out.starts_with("mailferry "));
}

#[test]
fn a_store_of_a_newer_program_and_an_open_key_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let ferry = Ferry::new();
    ferry.ends(0, &["endpoint", "list"]);
    let key = ferry.path("data/mailferry-master-key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ferry.ends(1, &["endpoint", "list"]).err.contains("chmod 600"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    from_the_future(&ferry.path("data/mailferry.db"));
    assert!(ferry.ends(11, &["endpoint", "list"]).err.contains("[STORE_NEWER]"));
}

/// What a newer program leaves behind.
#[tokio::main(flavor = "current_thread")]
pub async fn from_the_future(database: &std::path::Path) {
    use sqlx::Connection;
    let url = format!("sqlite://{}", database.display());
    let mut open = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let row = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               VALUES (9999, 'later', TRUE, x'00', 1)";
    sqlx::raw_sql(row).execute(&mut open).await.unwrap();
    open.close().await.unwrap();
}
