//! Exchange Web Services: requests as SOAP, answers as values. No transport, no sign-in.
//!
//! As far as a test of an endpoint needs it: a folder, and one marked item. All others come with the mover.

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
    let body = "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>\
         <m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder>";
    envelope(acting, body)
}

/// CreateItem of a message that is kept among the drafts and sent to nobody.
// MS-OXWSCORE 3.1.4.2
pub fn create_draft(acting: Acting<'_>, subject: &str, text: &str) -> String {
    let (subject, text) = (escaped(subject), escaped(text));
    let body = format!(
        "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"drafts\"/>\
         </m:SavedItemFolderId><m:Items><t:Message><t:ItemClass>IPM.Note</t:ItemClass><t:Subject>{subject}</t:Subject>\
         <t:Body BodyType=\"Text\">{text}</t:Body></t:Message></m:Items></m:CreateItem>"
    );
    envelope(acting, &body)
}

/// GetItem: what an item is called.
// MS-OXWSCORE 3.1.4.4
pub fn get_subject(acting: Acting<'_>, item: &str) -> String {
    let body = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>\
         <t:FieldURI FieldURI=\"item:Subject\"/></t:AdditionalProperties></m:ItemShape>\
         <m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:GetItem>",
        escaped(item)
    );
    envelope(acting, &body)
}

/// DeleteItem, past all bins.
// MS-OXWSCORE 3.1.4.3
pub fn delete_item(acting: Acting<'_>, item: &str) -> String {
    let body = format!(
        "<m:DeleteItem DeleteType=\"HardDelete\"><m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:DeleteItem>",
        escaped(item)
    );
    envelope(acting, &body)
}

fn envelope(acting: Acting<'_>, body: &str) -> String {
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
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn an_item_is_made_read_and_removed_by_its_id() {
        let made = xml::leaves(&create_draft(Acting::Oneself, "a & b", "<text>")).unwrap();
        let find =
            |leaves: &[xml::Leaf], name: &str| leaves.iter().find(|l| l.name() == name).unwrap().clone();
        assert_eq!(
            ["ItemClass", "Subject", "Body"].map(|name| find(&made, name).text),
            ["IPM.Note", "a & b", "<text>"]
        );
        for request in [get_subject(Acting::Oneself, "A+\"b="), delete_item(Acting::Oneself, "A+\"b=")] {
            let leaves = xml::leaves(&request).unwrap();
            assert_eq!(find(&leaves, "ItemId").attribute("Id"), Some("A+\"b="));
        }
        assert!(create_draft(Acting::Oneself, "", "").contains("\"SaveOnly\""));
        assert!(delete_item(Acting::Oneself, "").contains("\"HardDelete\""));
    }

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
