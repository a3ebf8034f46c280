//! A text with placeholders: a first line `Subject: …`, an empty line, then paragraphs and lists. Read once, filled for
//! each mailbox, as plain text and as HTML.
//!
//! HTML is made of words alone: what stands for a placeholder is escaped, and nothing is fetched from anywhere.

use std::fmt::Write as _;

use super::{Facts, Kind, Lang, Placeholder};
use crate::{
    user::User,
    words::{escaped, unshown},
};

/// The longest text, in bytes.
pub const LARGEST: usize = 64 << 10;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Value(Placeholder),
}

type Line = Vec<Piece>;

/// A text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    subject: Line,
    /// Paragraphs, each of at least one line.
    paragraphs: Vec<Vec<Line>>,
}

/// A message to one person, or about one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its subject, one line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As a page.
    pub html: String,
}

impl Template {
    /// Reads one; what is in it must be known for this kind of message.
    ///
    /// # Errors
    /// A sentence with the line.
    pub fn read(text: &str, kind: Kind) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("A text has at most {} KB.", LARGEST >> 10));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate();
        let subject = lines.next().and_then(|(_, line)| line.strip_prefix("Subject:")).map(str::trim);
        let subject = subject.filter(|subject| !subject.is_empty());
        let subject = subject.ok_or("Line 1: a text begins with its subject: Subject: …")?;
        let subject = read_line(subject, 1, kind)?;
        let mut paragraphs: Vec<Vec<Line>> = vec![Vec::new()];
        for (at, line) in lines {
            let line = line.trim_end();
            match paragraphs.last_mut() {
                _ if line.is_empty() => paragraphs.push(Vec::new()),
                Some(last) => last.push(read_line(line, at + 1, kind)?),
                None => {}
            }
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        if paragraphs.is_empty() {
            return Err("Below its subject the text is empty.".to_owned());
        }
        Ok(Self { subject, paragraphs })
    }

    /// Filled for one mailbox, or for the batch.
    pub fn fill(&self, facts: &Facts<'_>, user: Option<&User>) -> Written {
        let filled = |line: &Line, form: Form| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Words(words) => form.words(words),
                Piece::Value(placeholder) => form.value(&facts.value(*placeholder, user), facts.lang),
            };
            line.iter().map(piece).collect()
        };
        let subject = filled(&self.subject, Form::Line);
        let paragraph = |lines: &Vec<Line>| -> String {
            lines.iter().map(|line| filled(line, Form::Text) + "\n").collect()
        };
        let text = self.paragraphs.iter().map(paragraph).collect::<Vec<_>>().join("\n");
        let mut body = String::new();
        for lines in &self.paragraphs {
            let lines: Vec<String> = lines.iter().map(|line| filled(line, Form::Html)).collect();
            match lines.iter().all(|line| line.starts_with("- ")) {
                true => {
                    let items = lines.iter().map(|line| format!("<li>{}</li>\n", &line[2..]));
                    let _ = write!(body, "<ul>\n{}</ul>\n", items.collect::<String>());
                }
                false => {
                    let _ = writeln!(body, "<p>{}</p>", lines.join("<br>\n"));
                }
            }
        }
        let html = page(facts.lang, &subject, &body);
        Written { subject, text, html }
    }
}

fn page(lang: Lang, subject: &str, body: &str) -> String {
    let (word, dir) = (lang.word(), lang.dir());
    format!(
        "<!doctype html>\n<html lang=\"{word}\" dir=\"{dir}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body lang=\"{word}\" dir=\"{dir}\" style=\"font:15px/1.7 'Segoe UI','Noto Sans Arabic',system-ui,sans-serif;\
         max-width:40rem;margin:1rem auto;padding:0 1rem\">\n{body}</body></html>\n",
        title = escaped(subject),
    )
}

fn read_line(line: &str, at: usize, kind: Kind) -> Result<Line, String> {
    // A tab in a text is no trick.
    if let Some(letter) = unshown(&line.replace('\t', " ")) {
        return Err(format!("Line {at}: the character {letter:?} cannot be shown."));
    }
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let known = || format!("a message of the kind {} knows {}", kind.word(), Placeholder::words(kind));
        let (word, after) =
            behind.split_once('}').ok_or_else(|| format!("Line {at}: a {{ without its }}; {}.", known()))?;
        let found = Placeholder::ALL.into_iter().find(|one| one.word() == word);
        let found = found.filter(|one| kind.is_of_mailboxes() || !one.is_of_mailboxes());
        let placeholder = found.ok_or_else(|| format!("Line {at}: {{{word}}} is not known; {}.", known()))?;
        if !before.is_empty() {
            pieces.push(Piece::Words(before.to_owned()));
        }
        pieces.push(Piece::Value(placeholder));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest.to_owned()));
    }
    Ok(pieces)
}

/// As what a line is written.
#[derive(Clone, Copy)]
enum Form {
    /// One line, for a subject and a title.
    Line,
    /// Plain text.
    Text,
    /// HTML.
    Html,
}

impl Form {
    fn words(self, words: &str) -> String {
        match self {
            Self::Line | Self::Text => words.to_owned(),
            Self::Html => escaped(words),
        }
    }

    /// A value keeps its own direction among words of another: by marks in plain text, by an element in HTML.
    fn value(self, value: &str, lang: Lang) -> String {
        match self {
            Self::Html => format!("<bdi>{}</bdi>", escaped(value)),
            Self::Text if lang.dir() == "rtl" => format!("\u{2068}{value}\u{2069}"),
            Self::Line | Self::Text => value.to_owned(),
        }
    }
}
