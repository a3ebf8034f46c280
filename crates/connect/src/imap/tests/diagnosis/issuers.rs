//! A certificate for which nobody vouches: whether the company's own authority issued it, or one whose certificate in
//! between is not sent, and what the file of authorities has to do with it.

use mailferry_lab::fake::{
    Authority, Paper,
    paper::{Mark, SignedBy},
};
use mailferry_model::finding::{Finding, Step};

use super::Case;

/// The entry of an authority inside a company, as Active Directory's puts it in.
const DIRECTORY: &str =
    "ldap:///CN=Example%20CA,CN=AIA,CN=Public%20Key%20Services,DC=example,DC=org?cACertificate";

fn authority(name: &str) -> Authority {
    Authority::create(name, (-365, 365)).unwrap()
}

/// Signed by what lies below the root, which is not sent.
fn alone() -> Paper {
    Paper { signed_by: SignedBy::Between, shows_chain: false, ..Paper::default() }
}

/// The row that fails so.
async fn row(case: Case, code: &str) -> Finding {
    case.fails(Step::Tls, code).await.steps[2].clone()
}

fn fixes(row: &Finding) -> String {
    row.fix.join("\n")
}

#[tokio::test]
async fn a_private_root_that_is_not_sent_is_a_private_authority() {
    let inside = authority("Example Root");
    for fetch in [None, Some(DIRECTORY), Some("http://pki.example.org/CertEnroll/root.crt")] {
        for signed_by in [SignedBy::Root, SignedBy::Between] {
            for shows_chain in [true, false] {
                let paper = Paper { signed_by, shows_chain, fetch, ..Paper::default() };
                let row = row(Case::of_system(&inside, &paper).await, "CERTIFICATE_PRIVATE_CA").await;
                let is_web = fetch.is_some_and(|url| url.starts_with("http:"));
                let shows_leaf_alone = !(shows_chain && signed_by == SignedBy::Between);
                assert_eq!(fixes(&row).contains("http://pki"), is_web && shows_leaf_alone, "{row:?}");
                assert!(fixes(&row).contains("--ca-file FILE"), "{row:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_public_authoritys_intermediate_is_missing() {
    for (name, mark) in [
        ("DigiCert Test", None),
        ("Unheard-of Authority", Some(Mark::Logged)),
        ("Unheard-of Authority", Some(Mark::Baseline)),
    ] {
        let paper = Paper { mark, fetch: Some("http://ca.example.org/between.cer"), ..alone() };
        let case = Case::of_system(&authority(name), &paper).await;
        let row = row(case, "CERTIFICATE_CHAIN_INCOMPLETE").await;
        assert!(row.cause.as_ref().unwrap().contains(&format!("CN={name} intermediate")), "{row:?}");
        assert!(fixes(&row).contains("http://ca.example.org/between.cer"), "{row:?}");
        assert!(!fixes(&row).contains("authorities that you gave"), "{row:?}");
    }
}

#[tokio::test]
async fn an_intermediate_below_the_authority_that_was_given_is_missing() {
    let known = authority("Example Root");
    for fetch in [None, Some(DIRECTORY), Some("http://pki.example.org/CertEnroll/between.crt")] {
        let row =
            row(Case::of(&known, &Paper { fetch, ..alone() }, true).await, "CERTIFICATE_CHAIN_INCOMPLETE")
                .await;
        assert!(fixes(&row).contains("add it to the file of authorities that you gave"), "{row:?}");
    }
}

#[tokio::test]
async fn the_file_holds_another_authority() {
    // Nothing of these names is the same: what is missing cannot be told from another authority's.
    for paper in [Paper::default(), alone(), Paper { signed_by: SignedBy::Between, ..Paper::default() }] {
        let case = Case::of(&authority("Example Issuer"), &paper, false).await;
        let row = row(case, "CERTIFICATE_OTHER_CA_FILE").await;
        let cause = row.cause.as_ref().unwrap();
        assert!(cause.contains("CN=Another Root") && cause.contains("CN=Example Issuer"), "{row:?}");
    }
}

#[tokio::test]
async fn an_authority_that_was_made_anew_under_its_name() {
    let (old, new) = (authority("Example Root"), authority("Example Root"));
    let case = Case::of_file(&new, &Paper::default(), &old).await;
    let row = row(case, "CERTIFICATE_OTHER_CA_FILE").await;
    assert!(row.cause.as_ref().unwrap().contains("the same name and another key"), "{row:?}");
}
