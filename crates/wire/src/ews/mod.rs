//! Exchange Web Services: requests as SOAP, answers as values. No transport, no sign-in.
//!
//! As far as a test of an endpoint needs it; items come with the mover.

mod answer;

pub use answer::{Answer, Outcome, Version};

use crate::xml::escaped;

/// Where a server offers it.
pub const PATH: &str = "/EWS/Exchange.asmx";
/// The content type of requests.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";

/// For whom a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting<'a> {
    /// For the account that signs in.
    Oneself,
    /// For this mailbox, by the right of impersonation.
    For(&'a str),
}

/// GetFolder of the inbox: the smallest question that needs a mailbox.
// MS-OXWSFOLD 3.1.4.6
pub fn get_inbox(acting: Acting<'_>) -> String {
    let impersonation = match acting {
        Acting::Oneself => String::new(),
        // MS-OXWSCDATA 2.2.5: the first of the choices that every version knows.
        Acting::For(mailbox) => format!(
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{}</t:PrimarySmtpAddress>\
             </t:ConnectingSID></t:ExchangeImpersonation>",
            escaped(mailbox)
        ),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:t=\"{TYPES}\" xmlns:m=\"{MESSAGES}\">\
         <s:Header><t:RequestServerVersion Version=\"Exchange2007_SP1\"/>{impersonation}</s:Header>\
         <s:Body><m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>\
         <m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn a_mailbox_is_acted_for_in_the_head() {
        let leaves = xml::leaves(&get_inbox(Acting::For("a&b@example.org"))).unwrap();
        let whom = leaves.iter().find(|l| l.name() == "PrimarySmtpAddress").unwrap();
        assert_eq!(
            (whom.path.as_str(), whom.text.as_str()),
            ("Envelope/Header/ExchangeImpersonation/ConnectingSID/PrimarySmtpAddress", "a&b@example.org")
        );
        assert!(!get_inbox(Acting::Oneself).contains("Impersonation"));
    }
}
