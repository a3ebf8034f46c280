//! What a copy says of a port that is not as the settings say: the same as a test, and as soon.

use mailferry_lab::fake::{Authority, Dialogue, Paper};
use mailferry_model::{
    Error, Kind, Side,
    finding::Step,
    port::{Connector, Cx},
};

use super::{Case, Pace};
use crate::{imap::Imap, testing};

impl Case {
    /// Why a copy does not begin, and after how many seconds.
    async fn refuses_a_copy(&self) -> (Error, u64) {
        let cx = Cx { put_timeout: self.put_timeout, ..testing::cx_of_today(self.side) };
        let cx = if self.pace == Pace::Hastened { testing::hastened(cx) } else { cx };
        let began = cx.clock.elapsed();
        let opened: Option<Error> = match self.side {
            Side::Target => Imap.target(&cx, &self.settings, &self.mailbox).await.err(),
            _ => Imap.source(&cx, &self.settings, &self.mailbox).await.err(),
        };
        (opened.unwrap(), (cx.clock.elapsed() - began).as_secs())
    }
}

#[tokio::test]
async fn a_copy_names_a_port_that_wants_tls_from_the_start_within_seconds() {
    for security in ["tls", "none"] {
        let case = Case::certified(&Paper::default()).await.with("security", security).at(Pace::Hastened);
        let (error, seconds) = case.refuses_a_copy().await;
        assert_eq!((error.kind(), &*error.code()), (Kind::Tls, "SOURCE_TLS_EXPECTED"), "{error}");
        assert!(seconds < 15, "{security}: {seconds}");
        // And so does a test, in a row.
        let result = case.fails(Step::Tls, "STARTTLS_ON_TLS_PORT").await;
        let row = result.steps.iter().find(|r| r.code.as_deref() == Some("STARTTLS_ON_TLS_PORT")).unwrap();
        assert!(row.elapsed_ms < 15_000, "{row:?}");
    }
}

#[tokio::test]
async fn a_copy_names_a_port_that_speaks_without_tls() {
    let case = Case::says(Dialogue::default()).await.with("security", "ssl").at_target();
    let (error, _) = case.refuses_a_copy().await;
    assert_eq!((error.kind(), &*error.code()), (Kind::Tls, "TARGET_TLS_PLAIN_TEXT"), "{error}");
}

#[tokio::test]
async fn a_copy_names_the_certificate_that_it_does_not_trust() {
    let authority = Authority::create("Example Root", (-365, 365)).unwrap();
    for (paper, known) in [
        (Paper::default(), false),
        (Paper { days: (-90, -3), ..Paper::default() }, true),
        (Paper { names: vec!["other.example"], ..Paper::default() }, true),
    ] {
        let case = Case::of(&authority, &paper, known).await;
        let (error, _) = case.refuses_a_copy().await;
        assert_eq!(&*error.code(), "SOURCE_TLS", "{error}");
        let (_, shown) = error.context().split_once("; the server shows SHA-256 ").unwrap();
        assert_eq!(shown.len(), 64, "{error}");
        // It is the one that can be pinned.
        let pinned = case.with("fingerprint", shown).passes().await;
        assert!(!pinned.values().any(|code| code == "CERTIFICATE_NOT_PINNED"), "{pinned:?}");
    }
}
