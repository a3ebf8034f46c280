//! The real binary before servers that fail in one way: each step has its exit code, on both sides.

use mailferry_lab::fake::{Dialogue, Door, Fake};

use super::ferry::Ferry;

/// How a server fails, and the code of a source.
fn failing() -> [(&'static str, Door, Dialogue, i32); 7] {
    let refuses = |verb: &str, words: &str| Dialogue::default().says(verb, &format!("{{tag}} {words}\r\n"));
    let open = || Door::Open(None);
    let busy = "* BYE too many connections from your IP\r\n";
    [
        ("it ends the connection before TLS", Door::Shut, Dialogue::default(), 22),
        ("the password is refused", open(), refuses("LOGIN", "NO [AUTHENTICATIONFAILED] no"), 23),
        ("there is no right to list", open(), refuses("LIST", "NO [NOPERM] you may not"), 24),
        ("it speaks something else", open(), Dialogue::greeting("SSH-2.0-OpenSSH_9.2\r\n"), 25),
        ("it has too many connections", open(), Dialogue::greeting(busy), 26),
        ("there is no such mailbox", open(), no_mailbox(), 27),
        ("all is well", open(), Dialogue::default(), 0),
    ]
}

/// A source examines, a target selects.
fn no_mailbox() -> Dialogue {
    let words = "{tag} NO [NONEXISTENT] no such mailbox\r\n";
    Dialogue::default().says("EXAMINE", words).says("SELECT", words)
}

#[test]
fn each_step_that_fails_has_its_code_at_the_source_and_ten_more_at_the_target() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ferry = Ferry::new();
    let password = ferry.file("pw", "canary-pw\n");
    for (what, door, dialogue, code) in failing() {
        let security = if code == 22 { "ssl" } else { "none" };
        let server = runtime.block_on(Fake::start(door, dialogue)).unwrap();
        let port = server.address.port().to_string();
        let way = ["--type", "imap", "--remote-server", "127.0.0.1", "--port", &port, "--security", security];
        let who = ["--username", "anna@example.org", "--password-file", &password];
        for (side, more) in [("source", 0), ("target", 10)] {
            let code = if code == 0 { 0 } else { code + more };
            let ran = ferry.run(&[&["endpoint", "test", "--as", side][..], &way, &who].concat());
            assert_eq!(ran.code, code, "{what}, {side}: {}\n{}", ran.out, ran.err);
            assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.out);
        }
    }
}
