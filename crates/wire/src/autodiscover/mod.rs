//! Autodiscover: where a mailbox's services are. Three dialects: JSON without a sign-in, SOAP, and the old XML.
//!
//! Candidates are an ordered list; who asks follows redirects and ends loops.

use crate::xml::{self, escaped};

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GET of a JSON document, without a sign-in (Exchange 2016 and later, Microsoft 365).
    Json,
    /// SOAP (Exchange 2010 and later).
    Soap,
    /// The old XML (Exchange 2007 and later).
    Pox,
}

/// One place to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How.
    pub dialect: Dialect,
    /// Where.
    pub url: String,
}

/// Where to ask for an address, best first. The redirect of `http://autodiscover.DOMAIN` and the SRV record
/// `_autodiscover._tcp.DOMAIN` come after these, if none answers.
// MS-OXDISCO 3.1.5
pub fn candidates(address: &str) -> Vec<Candidate> {
    let Some((_, domain)) = address.rsplit_once('@') else { return Vec::new() };
    let hosts = [domain.to_owned(), format!("autodiscover.{domain}")];
    let of = |dialect| hosts.iter().map(move |host| at(dialect, host, address)).collect::<Vec<_>>();
    [Dialect::Json, Dialect::Soap, Dialect::Pox].into_iter().flat_map(of).collect()
}

/// The place on one host.
pub fn at(dialect: Dialect, host: &str, address: &str) -> Candidate {
    let url = match dialect {
        Dialect::Json => format!("https://{host}/autodiscover/autodiscover.json/v1.0/{address}?Protocol=Ews"),
        Dialect::Soap => format!("https://{host}/autodiscover/autodiscover.svc"),
        Dialect::Pox => format!("https://{host}/autodiscover/autodiscover.xml"),
    };
    Candidate { dialect, url }
}

/// The body of a question; of [`Dialect::Json`] there is none.
pub fn question(dialect: Dialect, url: &str, address: &str) -> Option<String> {
    let address = escaped(address);
    match dialect {
        Dialect::Json => None,
        // MS-OXWSADISC 3.1.4.3
        Dialect::Soap => Some(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\" \
             xmlns:w=\"http://www.w3.org/2005/08/addressing\"><s:Header>\
             <a:RequestedServerVersion>Exchange2010</a:RequestedServerVersion>\
             <w:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</w:Action>\
             <w:To>{}</w:To></s:Header><s:Body><a:GetUserSettingsRequestMessage><a:Request>\
             <a:Users><a:User><a:Mailbox>{address}</a:Mailbox></a:User></a:Users><a:RequestedSettings>\
             <a:Setting>ExternalEwsUrl</a:Setting><a:Setting>InternalEwsUrl</a:Setting>\
             <a:Setting>CasVersion</a:Setting></a:RequestedSettings></a:Request>\
             </a:GetUserSettingsRequestMessage></s:Body></s:Envelope>",
            escaped(url)
        )),
        // MS-OXDSCLI 2.2.3
        Dialect::Pox => Some(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
             <Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>\
             http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\
             </AcceptableResponseSchema></Request></Autodiscover>"
        )),
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The URL of the web services.
    Ews(String),
    /// Ask for another address.
    RedirectAddress(String),
    /// Ask there.
    RedirectUrl(String),
    /// An error of its own.
    Error(String),
    /// Understood, and the web services are not among the settings.
    NoEws,
    /// Not an answer of Autodiscover: a web page, mostly.
    Foreign,
}

/// Reads an answer.
pub fn answer(dialect: Dialect, body: &str) -> Answer {
    match dialect {
        Dialect::Json => json(body),
        Dialect::Soap => soap(body),
        Dialect::Pox => pox(body),
    }
}

fn json(body: &str) -> Answer {
    let Ok(serde_json::Value::Object(document)) = serde_json::from_str(body) else { return Answer::Foreign };
    let field = |name: &str| document.get(name).and_then(|v| v.as_str()).map(str::to_owned);
    match (field("Url"), field("ErrorCode")) {
        (Some(url), _) => Answer::Ews(url),
        (None, Some(code)) => Answer::Error(format!("{code}: {}", field("ErrorMessage").unwrap_or_default())),
        (None, None) => Answer::NoEws,
    }
}

fn soap(body: &str) -> Answer {
    let Some(leaves) = xml::leaves(body).filter(|l| l.iter().any(|l| l.path.starts_with("Envelope/"))) else {
        return Answer::Foreign;
    };
    let text = |end: &str| leaves.iter().find(|l| l.path.ends_with(end)).map(|l| l.text.clone());
    let code = text("UserResponse/ErrorCode").or_else(|| text("Response/ErrorCode"));
    let target = text("UserResponse/RedirectTarget").filter(|t| !t.is_empty());
    match (code.as_deref(), target) {
        (Some("RedirectAddress"), Some(target)) => return Answer::RedirectAddress(target),
        (Some("RedirectUrl"), Some(target)) => return Answer::RedirectUrl(target),
        (Some("NoError") | None, _) => {}
        (Some(code), _) => {
            return Answer::Error(format!("{code}: {}", text("ErrorMessage").unwrap_or_default()));
        }
    }
    let mut settings = Vec::new();
    let mut name = String::new();
    for leaf in leaves.iter().filter(|l| l.path.contains("UserSettings/UserSetting/")) {
        match leaf.name() {
            "Name" => name.clone_from(&leaf.text),
            "Value" => settings.push((std::mem::take(&mut name), leaf.text.clone())),
            _ => {}
        }
    }
    let setting =
        |wanted: &str| settings.iter().find(|(n, v)| n == wanted && !v.is_empty()).map(|(_, v)| v.clone());
    match setting("ExternalEwsUrl").or_else(|| setting("InternalEwsUrl")) {
        Some(url) => Answer::Ews(url),
        None => match text("faultstring") {
            Some(fault) => Answer::Error(fault),
            None => Answer::NoEws,
        },
    }
}

fn pox(body: &str) -> Answer {
    let Some(leaves) = xml::leaves(body).filter(|l| l.iter().any(|l| l.path.starts_with("Autodiscover/")))
    else {
        return Answer::Foreign;
    };
    let text = |end: &str| leaves.iter().find(|l| l.path.ends_with(end)).map(|l| l.text.clone());
    match text("Account/Action").as_deref() {
        Some("redirectAddr") => {
            return text("Account/RedirectAddr").map_or(Answer::NoEws, Answer::RedirectAddress);
        }
        Some("redirectUrl") => return text("Account/RedirectUrl").map_or(Answer::NoEws, Answer::RedirectUrl),
        _ => {}
    }
    if let Some(code) = text("Error/ErrorCode") {
        return Answer::Error(format!("{code}: {}", text("Error/Message").unwrap_or_default()));
    }
    // The protocol that is published to the outside comes first: EXPR, then EXCH.
    let mut kind = String::new();
    let (mut outside, mut inside) = (None, None);
    for leaf in leaves.iter().filter(|l| l.path.contains("Account/Protocol/")) {
        match leaf.name() {
            "Type" => kind.clone_from(&leaf.text),
            "EwsUrl" | "ASUrl" if kind == "EXCH" => inside = inside.or_else(|| Some(leaf.text.clone())),
            "EwsUrl" | "ASUrl" => outside = outside.or_else(|| Some(leaf.text.clone())),
            _ => {}
        }
    }
    outside.or(inside).map_or(Answer::NoEws, Answer::Ews)
}

#[cfg(test)]
mod tests;
