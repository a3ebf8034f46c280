//! A notice as a mail: subject, text and page, tables as files. Opens no connection.
//!
//! Names of batches and endpoints are people's: they begin no header, and no element of the page.

use std::{fmt::Write as _, time::SystemTime};

use lettre::{
    Address, Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use mailferry_model::{
    catalogue,
    channel::{Delivery, mail::MailRoute},
    notice::Notice,
    port::courier::{Parcel, Tables},
    words::unshown,
};
use serde_json::Value;

use super::super::facts;

/// The longest subject, in characters.
const LONGEST: usize = 200;

/// The mail. It says the same at each try, under the same Message-ID; tables are those of the try.
pub(super) fn written(route: &MailRoute, parcel: Parcel<'_>) -> Result<Vec<u8>, String> {
    let Parcel { delivery, tables, .. } = parcel;
    let mailbox = |text: &str| {
        let address = text.parse::<Address>().map_err(|_| format!("{text} is no address"))?;
        Ok::<_, String>(Mailbox::new(None, address))
    };
    let mut builder = Message::builder()
        .from(mailbox(&route.from)?)
        .subject(subject(&delivery.notice))
        .message_id(Some(message_id(route, delivery)))
        .date(SystemTime::from(delivery.made))
        .raw_header(raw("Auto-Submitted", "auto-generated"));
    for text in &delivery.to {
        builder = builder.to(mailbox(text)?);
    }
    let parts = Parts::of(&delivery.notice, tables);
    let body = MultiPart::alternative_plain_html(parts.text(), parts.page());
    let body = match tables {
        Tables::With(all) if !all.is_empty() => {
            let mut mixed = MultiPart::mixed().multipart(body);
            for table in all {
                let kind = ContentType::parse("text/csv; charset=utf-8").map_err(|e| e.to_string())?;
                let file: SinglePart = Attachment::new(shown(&table.name)).body(table.body.clone(), kind);
                mixed = mixed.singlepart(file);
            }
            mixed
        }
        _ => body,
    };
    Ok(builder.multipart(body).map_err(|e| e.to_string())?.formatted())
}

/// So that programs do not answer it.
// RFC 3834 §5
fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The same at each try: whoever has seen it has seen the notice.
fn message_id(route: &MailRoute, delivery: &Delivery) -> String {
    let host = route.from.rsplit('@').next().unwrap_or_default();
    format!("<{}@{host}>", delivery.id)
}

fn subject(notice: &Notice) -> String {
    let title = shown(&notice.title);
    let cut: String = title.chars().take(LONGEST).collect();
    let dots = if cut.len() < title.len() { "…" } else { "" };
    format!("[mailferry] {cut}{dots}")
}

/// Without what is not shown as what it is: a line end would begin a header.
fn shown(text: &str) -> String {
    text.chars().map(|c| if unshown(c.encode_utf8(&mut [0; 4])).is_some() { ' ' } else { c }).collect()
}

/// What is said, before it is written as text or as a page.
struct Parts {
    title: String,
    sentences: Vec<String>,
    facts: Vec<(String, String)>,
    /// What of a code people have to know, and do.
    codes: Vec<(String, Vec<String>)>,
    batches: Vec<[String; 3]>,
}

impl Parts {
    fn of(notice: &Notice, tables: &Tables) -> Self {
        let clean = |(name, value): (String, String)| (words(&name), shown(&value));
        let told = |code: &str| {
            let entry = catalogue::find(code)?;
            Some((format!("{code}: {}. {}", entry.title, entry.cause), entry.fix.clone()))
        };
        let causes = notice.data["failures"].as_object().into_iter().flatten().map(|(code, _)| code.as_str());
        let codes = notice.data["code"].as_str().into_iter().chain(causes).filter_map(told).collect();
        let listed = notice.data["batches"].as_array().into_iter().flatten();
        let cell = |row: &Value, name: &str| shown(row[name].as_str().unwrap_or_default());
        let batches = listed.map(|row| ["name", "state", "changed"].map(|name| cell(row, name))).collect();
        let batch = shown(notice.batch().unwrap_or_default());
        let sentences = match tables {
            Tables::Without => Vec::new(),
            Tables::Apart => vec![format!(
                "The tables are too large for a mail. They are written by: mailferry report new {batch} --format csv"
            )],
            Tables::With(_) => {
                vec!["Which mailboxes are how far, and what was left behind, is attached.".to_owned()]
            }
        };
        let facts = facts::of(notice).into_iter().map(clean).collect();
        Self { title: shown(&notice.title), sentences, facts, codes, batches }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for [name, state, changed] in &self.batches {
            let _ = write!(text, "\n{name}: {state}");
            let _ = if changed.is_empty() { Ok(()) } else { write!(text, " ({changed})") };
        }
        text.push_str(if self.batches.is_empty() { "" } else { "\n" });
        for sentence in &self.sentences {
            let _ = write!(text, "\n{sentence}\n");
        }
        for (cause, fixes) in &self.codes {
            let _ = writeln!(text, "\n{cause}");
            fixes.iter().for_each(|fix| {
                let _ = writeln!(text, "- {fix}");
            });
        }
        text.push('\n');
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }

    fn page(&self) -> String {
        let mut page = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title></head>\
             <body><h1 style=\"font-size:1.2em\">{0}</h1>",
            escaped(&self.title)
        );
        if !self.batches.is_empty() {
            page.push_str("<table><tr><th align=\"left\">Batch</th><th align=\"left\">State</th><th align=\"left\">Changes</th></tr>");
            for row in &self.batches {
                let [name, state, changed] = row.each_ref().map(|cell| escaped(cell));
                let _ = write!(page, "<tr><td>{name}</td><td>{state}</td><td>{changed}</td></tr>");
            }
            page.push_str("</table>");
        }
        for sentence in &self.sentences {
            let _ = write!(page, "<p>{}</p>", escaped(sentence));
        }
        for (cause, fixes) in &self.codes {
            let _ = write!(page, "<p>{}</p><ul>", escaped(cause));
            fixes.iter().for_each(|fix| {
                let _ = write!(page, "<li>{}</li>", escaped(fix));
            });
            page.push_str("</ul>");
        }
        page.push_str("<table>");
        for (name, value) in &self.facts {
            let _ =
                write!(page, "<tr><th align=\"left\">{}</th><td>{}</td></tr>", escaped(name), escaped(value));
        }
        page.push_str("</table></body></html>\n");
        page
    }
}

/// A field's name as people write it: `needApproval` is "need approval".
fn words(name: &str) -> String {
    let apart =
        |c: char| if c.is_ascii_uppercase() { format!(" {}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(apart).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
