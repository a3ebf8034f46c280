//! `message list|show|export`: texts to the people whose mailboxes move, and those of a batch as files: one of each mailbox,
//! and a table for a mail merge. Nothing is sent.

use std::{
    collections::HashSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use mailferry_model::report::{
    delimited::{Reader, Separator, head, lines},
    sheet::{Cell, Row},
};
use serde_json::{Value, json};

use super::{Asked, report::file::unwritable};
use crate::{
    api::segment,
    archive::Draft,
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with messages.
#[derive(Subcommand)]
pub enum MessageCommand {
    /// The texts that there are
    List,
    /// One of them, as --template takes it back; its language by --lang
    Show {
        /// Which: before, on-the-day, after, help-desk
        kind: String,
    },
    /// Those of a batch with its dates, a file for each mailbox, and merge.csv for a mail merge
    Export(Export),
}

/// As what messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// Drafts of letters, for mail programs: text and page, without a sender
    Eml,
    /// Plain text
    Txt,
    /// Pages
    Html,
}

impl As {
    fn ending(self) -> &'static str {
        match self {
            Self::Eml => "eml",
            Self::Txt => "txt",
            Self::Html => "html",
        }
    }

    /// The field of the answer.
    fn field(self) -> &'static str {
        match self {
            Self::Eml => "eml",
            Self::Txt => "text",
            Self::Html => "html",
        }
    }
}

/// The flags of `message export`.
#[derive(Args)]
pub struct Export {
    /// The batch
    pub batch: String,
    /// Which: before, on-the-day, after, help-desk (one of the batch)
    #[arg(long, value_name = "KIND")]
    pub kind: String,
    /// The folder to write into; older files of the same names are replaced
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// As what
    #[arg(long, value_enum, default_value = "eml")]
    pub format: As,
    /// An own text instead of ours, as `message show` prints one
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// The new server, as people write it; the target's where its endpoint names one
    #[arg(long, value_name = "HOST")]
    pub new_server: Option<String>,
    /// Whom to ask: words, a number, an address
    #[arg(long, value_name = "TEXT")]
    pub help_desk: Option<String>,
}

const TEXTS: [Column; 4] = [
    Column::of("KIND", "/kind"),
    Column::of("LANG", "/lang"),
    Column::of("SUBJECT", "/subject"),
    Column::wide("DIR", "/dir"),
];

const FILES: [Column; 2] = [Column::of("FILE", "/file"), Column::of("TO", "/to")];

/// The columns of merge.csv, each with the placeholder that it holds.
const MERGE: [(&str, &str); 8] = [
    ("EmailAddress", "address"),
    ("NewAddress", "new-address"),
    ("Batch", "batch"),
    ("Mailboxes", "mailboxes"),
    ("Starts", "starts"),
    ("Completes", "completes"),
    ("NewServer", "new-server"),
    ("HelpDesk", "help-desk"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: MessageCommand) -> Result<u8, Failure> {
    let lang = asked.global.lang.word();
    match command {
        MessageCommand::List => {
            let texts = Reach::of(&asked).await?.api().get("/messages").await?;
            asked.out.list(&texts, &TEXTS)?;
        }
        MessageCommand::Show { kind } => {
            let path = format!("/messages/{}?lang={lang}", segment(&kind));
            let text = Reach::of(&asked).await?.api().get(&path).await?;
            match asked.out.is_for_people() {
                true => asked.out.say(text["template"].as_str().unwrap_or_default().trim_end()),
                false => asked.out.show(&text, &TEXTS),
            }
        }
        MessageCommand::Export(args) => return export(&asked, &args, lang).await,
    }
    Ok(exit::OK)
}

async fn export(asked: &Asked<'_>, args: &Export, lang: &str) -> Result<u8, Failure> {
    let template = match &args.template {
        Some(file) => Some(fs::read_to_string(file).map_err(|e| {
            Failure::usage(format!("--template: {}: {e}; a text is written in UTF-8", file.display()))
        })?),
        None => None,
    };
    let api = Reach::of(asked).await?.api();
    let mut body = json!({
        "kind": args.kind, "lang": lang, "template": template, "newServer": args.new_server, "helpDesk": args.help_desk,
    });
    let path = format!("/batches/{}/messages", segment(&args.batch));
    let mut files = Files::default();
    loop {
        let part = api.post(&path, body.clone()).await?;
        // The first answer says that all is well: nothing is written before.
        fs::create_dir_all(&args.into).map_err(|e| unwritable(&args.into, &e))?;
        for message in part["messages"].as_array().into_iter().flatten() {
            files.write(args, message)?;
        }
        match &part["next"] {
            Value::String(address) => body["behind"] = json!(address),
            _ => break,
        }
    }
    if !files.rows.is_empty() {
        let columns = MERGE.map(|(column, _)| column);
        let mut table = head(&[&columns[..], &["Subject"]].concat(), Separator::Comma, Reader::Spreadsheet);
        table.extend(lines(&files.rows, Separator::Comma));
        whole(&args.into.join("merge.csv"), &table)?;
    }
    match asked.out.is_for_people() {
        true => {
            let (n, into) = (files.written.len(), args.into.display());
            let merge = if files.rows.is_empty() { "" } else { " and merge.csv" };
            let are = if n == 1 { "1 message" } else { &*format!("{n} messages") };
            asked.out.say(&format!("{are} of the kind {}{merge}: {into}. Nothing was sent.", args.kind));
        }
        false => asked.out.list(&Value::Array(files.written), &FILES)?,
    }
    Ok(exit::OK)
}

/// What was written so far.
#[derive(Default)]
struct Files {
    names: HashSet<String>,
    written: Vec<Value>,
    rows: Vec<Row>,
}

impl Files {
    fn write(&mut self, args: &Export, message: &Value) -> Result<(), Failure> {
        let to = message["to"].as_str();
        let name = self.free(to.unwrap_or(&args.kind), args.format.ending());
        let path = args.into.join(name);
        let text = message[args.format.field()].as_str().unwrap_or_default();
        whole(&path, text.as_bytes())?;
        self.written.push(json!({ "file": path, "to": to }));
        if to.is_some() {
            let cell =
                |(_, field): (&str, &str)| Cell::text(message["fields"][field].as_str().unwrap_or_default());
            let mut row: Row = MERGE.map(cell).into();
            row.push(Cell::text(message["subject"].as_str().unwrap_or_default()));
            self.rows.push(row);
        }
        Ok(())
    }

    /// A name that every system takes for a file, and that no other message has, in whatever case.
    fn free(&mut self, wanted: &str, ending: &str) -> String {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '+');
        let plain = |(at, c): (usize, char)| if fits(c) || (c == '.' && at > 0) { c } else { '_' };
        let plain: String = wanted.chars().take(120).enumerate().map(plain).collect();
        let names = (1..).map(|n| match n {
            1 => format!("{plain}.{ending}"),
            n => format!("{plain}-{n}.{ending}"),
        });
        let mut free = names.filter(|name| !self.names.contains(&name.to_lowercase()));
        let name = free.next().unwrap_or_default();
        self.names.insert(name.to_lowercase());
        name
    }
}

/// Writes a file whole or not at all.
fn whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut draft = Draft::of(path)?;
        draft.write_all(bytes)?;
        draft.keep()
    };
    write().map(drop).map_err(|e| unwritable(path, &e))
}
