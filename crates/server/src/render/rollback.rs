//! The rollback page of a batch, as HTML that stands alone or as Markdown. What it says is `model::report::rollback`'s.
//!
//! It walks over the mailboxes twice, so that it keeps none, and ends as every report does: with the checksum of all before.

use std::fmt::Write as _;

use axum::body::Body;
use mailferry_model::{
    Result,
    acceptance::Unaccepted,
    id::EndpointId,
    report::{
        rollback::{Block, COLUMNS, End, Plan, row},
        summary::Summary,
    },
    rollback::{Covers, approved_for},
    settings::Takes,
};

use super::{
    Report,
    html::{END, Page, facts, head, line, table},
    lines::Mailboxes,
    stream,
};
use mailferry_model::words::escaped;

/// As what it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page for browsers and printers.
    Html,
    /// Text for a wiki.
    Markdown,
}

/// The page.
pub(crate) fn rollback(report: Report, form: Form) -> Body {
    stream::written(move |sink| async move {
        let mut page = Page::of(sink);
        let title = format!("Rollback: {}", report.batch.name);
        page.text.push_str(&form.title(&title));
        for block in blocks(&report).await? {
            page.text.push_str(&form.block(&block));
        }
        page.text.push_str(&form.columns());
        let mut mailboxes = Mailboxes::of(&report);
        while let Some(user) = mailboxes.next().await? {
            let found = mailboxes.found(&user).await?;
            page.text.push_str(&form.row(&row(&user, found.as_ref().map(|kept| &kept.findings))));
            page.part_of_many().await?;
        }
        let made = facts(&report).await?.map(|(name, value)| (name, Some(value)));
        page.text.push_str(form.columns_end());
        page.text.push_str(&form.block(&Block::Heading("Made")));
        page.text.push_str(&form.block(&Block::Facts(made.into())));
        if form == Form::Html {
            page.text.push_str("</section>");
            page.text.push_str(END);
        }
        page.end().await
    })
}

/// What stands before the list of mailboxes.
async fn blocks(report: &Report) -> Result<Vec<Block>> {
    let Report { context, batch, .. } = report;
    let (mut summary, mut covers) = (Summary::default(), Covers::without_users(batch));
    let (mut unaccepted, mut completed) = (Unaccepted::default(), None);
    let mut mailboxes = Mailboxes::of(report);
    while let Some(user) = mailboxes.next().await? {
        summary.add(&user);
        covers.add(&user);
        unaccepted.add(&user);
        completed = [completed, user.times.completed].into_iter().flatten().min();
    }
    let end = async |id: EndpointId| {
        let endpoint = context.store.endpoint_by_id(id).await?;
        let manifest = context.manifests.iter().find(|manifest| manifest.kind == endpoint.kind);
        let hosts = manifest.iter().flat_map(|manifest| manifest.settings);
        let hosts = hosts.filter(|setting| setting.takes == Takes::Host);
        let hosts = hosts.filter_map(|setting| endpoint.settings.get(setting.name)).map(str::to_owned);
        Ok::<_, mailferry_model::Error>(End {
            hosts: hosts.collect(),
            kind: manifest.map_or_else(|| endpoint.kind.clone(), |manifest| manifest.title.to_owned()),
            name: endpoint.name,
        })
    };
    let plan = Plan {
        batch: &batch.name,
        source: end(batch.source).await?,
        target: end(batch.target).await?,
        approved: approved_for(batch, &covers),
        summary: &summary,
        completed,
        source_kept: unaccepted.keeps_source(),
    };
    Ok(plan.before())
}

/// Room to write a value by hand.
const BLANK: &str = "______________________________";

impl Form {
    fn title(self, title: &str) -> String {
        match self {
            // The sections that blocks open are closed by the next one; the first is closed at once.
            Self::Html => {
                format!("{}<header><h1>{}</h1></header><main><section>", head(title), escaped(title))
            }
            Self::Markdown => format!("# {}\n\n", plain(title)),
        }
    }

    fn block(self, block: &Block) -> String {
        match self {
            Self::Html => as_html(block),
            Self::Markdown => as_markdown(block),
        }
    }

    fn columns(self) -> String {
        match self {
            Self::Html => {
                format!("</section>{}", table("mailboxes", "Mailboxes", &COLUMNS.map(|name| (name, ""))))
            }
            Self::Markdown => {
                format!("## Mailboxes\n\n| {} |\n|{}\n", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()))
            }
        }
    }

    fn row(self, cells: &[String; COLUMNS.len()]) -> String {
        match self {
            Self::Html => line(&cells.clone().map(|cell| (escaped(&cell), ""))),
            Self::Markdown => {
                let cells = cells.clone().map(|cell| plain(&cell).replace('|', "\\|"));
                format!("| {} |\n", cells.join(" | "))
            }
        }
    }

    fn columns_end(self) -> &'static str {
        match self {
            Self::Html => "</tbody></table></div></section><section>",
            Self::Markdown => "\n",
        }
    }
}

fn as_html(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("</section><section><h2>{}</h2>", escaped(text)),
        Block::Said(text) => format!("<p class=\"said\">{}</p>", escaped(text)),
        Block::Words(text) => format!("<p>{}</p>", escaped(text)),
        Block::Facts(facts) => {
            let mut text = "<dl class=\"facts\">".to_owned();
            for (name, value) in facts {
                let value = value.as_deref().map_or_else(|| BLANK.to_owned(), escaped);
                let _ = write!(text, "<dt>{}</dt><dd>{value}</dd>", escaped(name));
            }
            text + "</dl>"
        }
        Block::Steps(steps) => {
            let mut text = "<ol>".to_owned();
            for (step, commands) in steps {
                let _ = write!(text, "<li>{}", escaped(step));
                for command in commands {
                    let _ = write!(text, "<pre><code>{}</code></pre>", escaped(command));
                }
                text.push_str("</li>");
            }
            text + "</ol>"
        }
    }
}

fn as_markdown(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("## {text}\n\n"),
        Block::Said(text) => format!("**{}**\n\n", plain(text)),
        Block::Words(text) => format!("{}\n\n", plain(text)),
        Block::Facts(facts) => {
            let fact = |(name, value): &(&str, Option<String>)| {
                format!("- {name}: {}\n", value.as_deref().map_or_else(|| BLANK.to_owned(), plain))
            };
            facts.iter().map(fact).collect::<String>() + "\n"
        }
        Block::Steps(steps) => {
            let mut text = String::new();
            for (at, (step, commands)) in steps.iter().enumerate() {
                let _ = writeln!(text, "{}. {}", at + 1, plain(step));
                for command in commands {
                    let _ = write!(text, "\n   ```sh\n   {command}\n   ```\n\n");
                }
            }
            text + "\n"
        }
    }
}

/// What Markdown takes for nothing but text.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}
