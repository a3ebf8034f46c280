//! Answers in the three dialects, and what is none.

use super::*;

const URL: &str = "https://mail.example.org/EWS/Exchange.asmx";

#[test]
fn candidates_go_from_new_to_old_and_from_domain_to_subdomain() {
    let urls: Vec<String> = candidates("a@example.org").into_iter().map(|c| c.url).collect();
    assert_eq!(
        urls,
        [
            "https://example.org/autodiscover/autodiscover.json/v1.0/a@example.org?Protocol=Ews",
            "https://autodiscover.example.org/autodiscover/autodiscover.json/v1.0/a@example.org?Protocol=Ews",
            "https://example.org/autodiscover/autodiscover.svc",
            "https://autodiscover.example.org/autodiscover/autodiscover.svc",
            "https://example.org/autodiscover/autodiscover.xml",
            "https://autodiscover.example.org/autodiscover/autodiscover.xml",
        ]
    );
    assert!(candidates("nobody").is_empty());
}

#[test]
fn questions_are_well_formed_and_escaped() {
    for dialect in [Dialect::Soap, Dialect::Pox] {
        let question = question(dialect, "https://x/?a&b", "a&b@example.org").unwrap();
        let leaves = xml::leaves(&question).unwrap();
        assert!(leaves.iter().any(|l| l.text == "a&b@example.org"), "{question}");
    }
    assert_eq!(question(Dialect::Json, "x", "a@b"), None);
}

#[test]
fn json_answers() {
    assert_eq!(
        answer(Dialect::Json, &format!("{{\"Protocol\":\"Ews\",\"Url\":\"{URL}\"}}")),
        Answer::Ews(URL.into())
    );
    let refused =
        "{\"ErrorCode\":\"ProtocolNotSupported\",\"ErrorMessage\":\"The given \\\"x\\\" is invalid\"}";
    assert_eq!(
        answer(Dialect::Json, refused),
        Answer::Error("ProtocolNotSupported: The given \"x\" is invalid".into())
    );
    assert_eq!(answer(Dialect::Json, "<html>"), Answer::Foreign);
    assert_eq!(answer(Dialect::Json, "{}"), Answer::NoEws);
    assert_eq!(answer(Dialect::Json, "{\"Url\":\"https://"), Answer::Foreign);
}

fn soaped(code: &str, target: &str, settings: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"x\"><s:Body><R><Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>told</ErrorMessage><RedirectTarget>{target}</RedirectTarget><UserSettings>{settings}</UserSettings></UserResponse></UserResponses></Response></R></s:Body></s:Envelope>"
    )
}

#[test]
fn soap_answers() {
    let setting = |name: &str, value: &str| {
        format!("<UserSetting><Name>{name}</Name><Value>{value}</Value></UserSetting>")
    };
    let both = setting("InternalEwsUrl", "https://inside/") + &setting("ExternalEwsUrl", URL);
    assert_eq!(answer(Dialect::Soap, &soaped("NoError", "", &both)), Answer::Ews(URL.into()));
    let inside = setting("InternalEwsUrl", "https://inside/");
    assert_eq!(answer(Dialect::Soap, &soaped("NoError", "", &inside)), Answer::Ews("https://inside/".into()));
    assert_eq!(
        answer(Dialect::Soap, &soaped("RedirectUrl", "https://other/", "")),
        Answer::RedirectUrl("https://other/".into())
    );
    assert_eq!(
        answer(Dialect::Soap, &soaped("RedirectAddress", "a@other", "")),
        Answer::RedirectAddress("a@other".into())
    );
    assert_eq!(
        answer(Dialect::Soap, &soaped("InvalidUser", "", "")),
        Answer::Error("InvalidUser: told".into())
    );
    assert_eq!(answer(Dialect::Soap, &soaped("NoError", "", "")), Answer::NoEws);
    assert_eq!(answer(Dialect::Soap, "<html><body>hello</body></html>"), Answer::Foreign);
}

#[test]
fn pox_answers() {
    let account = |inner: &str| {
        format!(
            "<Autodiscover xmlns=\"x\"><Response><Account><AccountType>email</AccountType>{inner}</Account></Response></Autodiscover>"
        )
    };
    let protocol =
        |kind: &str, url: &str| format!("<Protocol><Type>{kind}</Type><ASUrl>{url}</ASUrl></Protocol>");
    let both = protocol("EXCH", "https://inside/") + &protocol("EXPR", URL);
    assert_eq!(answer(Dialect::Pox, &account(&both)), Answer::Ews(URL.into()));
    assert_eq!(
        answer(Dialect::Pox, &account(&protocol("EXCH", "https://inside/"))),
        Answer::Ews("https://inside/".into())
    );
    assert_eq!(
        answer(Dialect::Pox, &account("<Action>redirectAddr</Action><RedirectAddr>a@other</RedirectAddr>")),
        Answer::RedirectAddress("a@other".into())
    );
    assert_eq!(
        answer(Dialect::Pox, &account("<Action>redirectUrl</Action><RedirectUrl>https://o/</RedirectUrl>")),
        Answer::RedirectUrl("https://o/".into())
    );
    let refused = "<Autodiscover><Response><Error Time=\"1\" Id=\"2\"><ErrorCode>600</ErrorCode><Message>Invalid Request</Message></Error></Response></Autodiscover>";
    assert_eq!(answer(Dialect::Pox, refused), Answer::Error("600: Invalid Request".into()));
    assert_eq!(answer(Dialect::Pox, "<html/>"), Answer::Foreign);
}
