//! What a server answers: a version, and success, an error, or a fault.

use crate::xml::{self, Leaf};

/// The version that a server tells with each answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// 8 for 2007, 14 for 2010, 15 from 2013 on.
    pub major: u32,
    /// 0 for 2013, 1 for 2016, 2 for 2019 and Subscription Edition, 20 for Exchange Online.
    pub minor: u32,
    /// The build.
    pub build: u32,
    /// Its revision.
    pub revision: u32,
}

impl Version {
    /// The product that has this version.
    pub fn product(&self) -> &'static str {
        match (self.major, self.minor) {
            (8, _) => "Exchange 2007",
            (14, 0) => "Exchange 2010",
            (14, minor) if minor < 3 => "Exchange 2010 SP1 or SP2",
            (14, _) => "Exchange 2010 SP3",
            (15, 0) => "Exchange 2013",
            (15, 1) => "Exchange 2016",
            // Build numbers of Subscription Edition go on from those of 2019.
            (15, 2) if self.build >= 2562 => "Exchange Subscription Edition",
            (15, 2) => "Exchange 2019",
            (15, _) => "Exchange Online",
            _ => "an unknown Exchange",
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.major, self.minor, self.build, self.revision)
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It worked; of a folder, how many items it holds.
    Success {
        /// `TotalCount`, where told.
        items: Option<u64>,
    },
    /// A response code of the operation, or of a fault's detail.
    Error {
        /// Such as `ErrorImpersonateUserDenied`.
        code: String,
        /// For people.
        text: String,
        /// How long to wait, where told.
        back_off_ms: Option<u64>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub version: Option<Version>,
    /// What became of it.
    pub outcome: Outcome,
    /// The item that it speaks of, by its id.
    pub item: Option<String>,
    /// What that is called, where asked for.
    pub subject: Option<String>,
}

impl Answer {
    /// Reads a SOAP answer; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let leaves = xml::leaves(text)?;
        if leaves.first().is_none_or(|leaf| !leaf.path.starts_with("Envelope/")) {
            return None;
        }
        let find = |name: &str| leaves.iter().find(|l| l.name() == name);
        let version = find("ServerVersionInfo").map(version);
        let number = |leaf: &Leaf| leaf.text.parse().ok();
        let back_off_ms =
            leaves.iter().find(|l| l.attribute("Name") == Some("BackOffMilliseconds")).and_then(number);
        let code = find("ResponseCode").map(|l| l.text.clone());
        let told =
            |names: &[&str]| names.iter().find_map(|n| find(n)).map(|l| l.text.clone()).unwrap_or_default();
        let outcome = match code.as_deref() {
            Some("NoError") => Outcome::Success { items: find("TotalCount").and_then(number) },
            Some(code) => {
                let text = told(&["MessageText", "Message", "faultstring"]);
                Outcome::Error { code: code.to_owned(), text, back_off_ms }
            }
            // A fault without a detail has its code in front: `a:ErrorInvalidRequest`.
            None => {
                let code = find("faultcode")?.text.clone();
                let code = code.rsplit(':').next().unwrap_or_default().to_owned();
                Outcome::Error { code, text: told(&["faultstring"]), back_off_ms }
            }
        };
        let item = find("ItemId").and_then(|l| l.attribute("Id")).map(str::to_owned);
        let subject = find("Subject").map(|l| l.text.clone());
        Some(Self { version, outcome, item, subject })
    }
}

fn version(leaf: &Leaf) -> Version {
    let part = |name| leaf.attribute(name).and_then(|v| v.parse().ok()).unwrap_or(0);
    Version {
        major: part("MajorVersion"),
        minor: part("MinorVersion"),
        build: part("MajorBuildNumber"),
        revision: part("MinorBuildNumber"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"x\"><s:Header><h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" \
             MajorBuildNumber=\"2507\" MinorBuildNumber=\"37\"/></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    #[test]
    fn a_folder_an_error_and_a_fault() {
        let good =
            envelope("<m:R><m:ResponseCode>NoError</m:ResponseCode><t:TotalCount>7</t:TotalCount></m:R>");
        let answer = Answer::parse(&good).unwrap();
        assert_eq!(
            answer.version.as_ref().map(|v| (v.product(), v.to_string())),
            Some(("Exchange 2016", "15.1.2507.37".into()))
        );
        assert_eq!(answer.outcome, Outcome::Success { items: Some(7) });
        let bad = envelope(
            "<m:R><m:MessageText>no</m:MessageText><m:ResponseCode>ErrorNonExistentMailbox</m:ResponseCode></m:R>",
        );
        let Outcome::Error { code, text, .. } = Answer::parse(&bad).unwrap().outcome else { panic!() };
        assert_eq!((code.as_str(), text.as_str()), ("ErrorNonExistentMailbox", "no"));
        let busy = envelope(
            "<s:Fault><faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring><detail><e:ResponseCode>ErrorServerBusy</e:ResponseCode><t:MessageXml><t:Value Name=\"BackOffMilliseconds\">4000</t:Value></t:MessageXml></detail></s:Fault>",
        );
        let Outcome::Error { code, back_off_ms, .. } = Answer::parse(&busy).unwrap().outcome else {
            panic!()
        };
        assert_eq!((code.as_str(), back_off_ms), ("ErrorServerBusy", Some(4000)));
        let bare = envelope(
            "<s:Fault><faultcode>a:ErrorSchemaValidation</faultcode><faultstring>x</faultstring></s:Fault>",
        );
        assert!(
            matches!(Answer::parse(&bare).unwrap().outcome, Outcome::Error { code, .. } if code == "ErrorSchemaValidation")
        );
    }

    #[test]
    fn an_item_that_was_made_is_known_by_its_id() {
        let made = envelope(
            "<m:R><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:ItemId Id=\"AAk=\" ChangeKey=\"x\"/>\
             <t:Subject>a</t:Subject></t:Message></m:Items></m:R>",
        );
        let answer = Answer::parse(&made).unwrap();
        assert_eq!((answer.item.as_deref(), answer.subject.as_deref()), (Some("AAk="), Some("a")));
    }

    #[test]
    fn a_web_page_is_no_answer() {
        assert_eq!(Answer::parse("<html><body>sign in</body></html>"), None);
        assert_eq!(Answer::parse("not found"), None);
    }
}
