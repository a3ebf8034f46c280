//! A batch's report as one page: nothing in it is fetched from elsewhere, it prints on A4, and is read in the dark.
//!
//! It walks over the mailboxes anew for each part, so that it keeps none. It ends with the checksum of all before.

use std::fmt::Write as _;

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use mailferry_model::{
    Result,
    approval::approvable,
    catalogue,
    report::{summary::Summary, users::fix},
    status::StatusSummary,
    user::User,
};
use sha2::{Digest, Sha256};

use super::{
    Report,
    lines::Mailboxes,
    stream::{self, Sink},
};
use mailferry_model::words::escaped;

const STYLE: &str = include_str!("report.css");

/// So many letters are written at once.
const TOGETHER: usize = 32 << 10;

/// The page of a report, under a title.
pub(crate) fn page(report: Report, title: String) -> Body {
    stream::written(move |sink| async move {
        let mut page = Page::of(sink);
        let summary = summed(&report).await?;
        page.text.push_str(&head(&title));
        page.text.push_str(&overview(&report, &title, &summary));
        page.part().await?;
        if summary.failed > 0 {
            page.text.push_str(&table("failures", "Failures", &FAILED));
            page.lines(&report, |user| user.status.is_failure().then(|| failed(user))).await?;
            page.text.push_str("</tbody></table></div></section>");
        }
        page.text.push_str(&reasons(&summary));
        page.text.push_str(&table("mailboxes", "Mailboxes", &LISTED));
        page.lines(&report, |user| Some(listed(user))).await?;
        page.text.push_str("</tbody></table></div></section>");
        page.text.push_str(&environment(&report).await?);
        page.text.push_str(END);
        page.end().await
    })
}

/// What closes a page.
pub(super) const END: &str = "</main></body></html>\n";

/// The page so far.
pub(super) struct Page {
    sink: Sink,
    pub text: String,
    sum: Sha256,
}

impl Page {
    /// An empty one.
    pub fn of(sink: Sink) -> Self {
        Self { sink, text: String::new(), sum: Sha256::new() }
    }

    /// Writes what there is once it is much.
    pub async fn part_of_many(&mut self) -> Result<()> {
        if self.text.len() > TOGETHER { self.part().await } else { Ok(()) }
    }

    /// Writes what there is.
    async fn part(&mut self) -> Result<()> {
        let part = std::mem::take(&mut self.text).into_bytes();
        self.sum.update(&part);
        self.sink.send(part).await
    }

    async fn lines(&mut self, report: &Report, line: impl Fn(&User) -> Option<String>) -> Result<()> {
        let mut mailboxes = Mailboxes::of(report);
        while let Some(user) = mailboxes.next().await? {
            self.text.push_str(&line(&user).unwrap_or_default());
            self.part_of_many().await?;
        }
        Ok(())
    }

    /// The end: what it was made of can be checked by what stands before the last comment.
    pub async fn end(mut self) -> Result<()> {
        self.part().await?;
        let sum: String = self.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.sink
            .send(format!("<!-- SHA-256 of all bytes before this comment: {sum} -->\n").into_bytes())
            .await
    }
}

async fn summed(report: &Report) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut mailboxes = Mailboxes::of(report);
    while let Some(user) = mailboxes.next().await? {
        summary.add(&user);
        if let Some(kept) = mailboxes.left(&user).await? {
            summary.add_left(approvable(&kept.findings));
        }
    }
    Ok(summary)
}

pub(super) fn head(title: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\"><style>{STYLE}</style></head><body>",
        escaped(title)
    )
}

fn overview(report: &Report, title: &str, summary: &Summary) -> String {
    let score = summary.verdict().map_or_else(|| "none yet".to_owned(), |score| format!("{score:?}"));
    let tiles = [
        ("Mailboxes", summary.total.to_string()),
        ("Completed", summary.completed.to_string()),
        ("Synced", summary.synced.to_string()),
        ("Syncing", summary.syncing.to_string()),
        ("Queued", summary.queued.to_string()),
        ("Stopped", summary.stopped.to_string()),
        ("Failed", summary.failed.to_string()),
        ("Items on the target", format!("{} of {}", summary.placed, summary.identified)),
        ("Items skipped", summary.skipped.to_string()),
        ("Data", format!("{} of {}", size(summary.bytes), size(summary.bytes_identified))),
        ("Data consistency", score.clone()),
    ];
    let mut text = format!(
        "<header><h1>{}</h1><p>Batch {}, {}</p></header><main><section aria-labelledby=\"summary\">\
         <h2 id=\"summary\">Summary</h2><p class=\"said\">{}</p>{}<dl class=\"tiles\">",
        escaped(title),
        escaped(&report.batch.name),
        report.now.strftime("%Y-%m-%d %H:%M UTC"),
        escaped(&summary.sentence()),
        bar(summary),
    );
    for (name, value) in tiles {
        let _ = write!(text, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    text.push_str("</dl></section>");
    text.push_str(&table("batches", "Batches", &BATCHES));
    let cells = [
        (escaped(&report.batch.name), ""),
        (escaped(&report.batch.status.label()), ""),
        (percent(summary.permille()), "n"),
        (summary.total.to_string(), "n"),
        (summary.synced.to_string(), "n"),
        (summary.completed.to_string(), "n"),
        (summary.failed.to_string(), "n"),
        (escaped(&score), ""),
    ];
    text.push_str(&line(&cells));
    text.push_str("</tbody></table></div></section>");
    text
}

/// How much has moved, as a picture; the words beside it say the same.
fn bar(summary: &Summary) -> String {
    let permille = summary.permille();
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 1000 20\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{percent} synced\"><rect class=\"all\" width=\"1000\" height=\"20\"/>\
         <rect class=\"done\" width=\"{permille}\" height=\"20\"/></svg>",
        percent = percent(permille)
    )
}

const BATCHES: [(&str, &str); 8] = [
    ("Name", ""),
    ("Status", ""),
    ("Synced", "n"),
    ("Total", "n"),
    ("Synced mailboxes", "n"),
    ("Completed", "n"),
    ("Failed", "n"),
    ("Score", ""),
];
const FAILED: [(&str, &str); 5] =
    [("Mailbox", ""), ("Status", ""), ("Code", ""), ("Why", ""), ("What to do", "")];
const REASONS: [(&str, &str); 6] = [
    ("Reason", ""),
    ("Items", "n"),
    ("Size", "n"),
    ("Mailboxes", "n"),
    ("For example", ""),
    ("What to do", ""),
];
const LISTED: [(&str, &str); 7] = [
    ("Mailbox", ""),
    ("Status", ""),
    ("Score", ""),
    ("Items", "n"),
    ("Skipped", "n"),
    ("Size", "n"),
    ("Last synced (UTC)", ""),
];

/// The beginning of a section with a table.
pub(super) fn table(id: &str, title: &str, columns: &[(&str, &str)]) -> String {
    // What is wider than the screen is moved sideways, also by the keyboard.
    let mut text = format!(
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title}</h2>\
         <div class=\"wide\" role=\"group\" aria-labelledby=\"{id}\" tabindex=\"0\"><table><thead><tr>"
    );
    for (name, class) in columns {
        let _ = write!(text, "<th scope=\"col\"{}>{name}</th>", classed(class));
    }
    text.push_str("</tr></thead><tbody>");
    text
}

/// A line of a table; what its cells hold is escaped already. The first is what the line is about.
pub(super) fn line(cells: &[(String, &str)]) -> String {
    let mut text = String::from("<tr>");
    for (at, (value, class)) in cells.iter().enumerate() {
        let _ = match at {
            0 => write!(text, "<th scope=\"row\"{}>{value}</th>", classed(class)),
            _ => write!(text, "<td{}>{value}</td>", classed(class)),
        };
    }
    text.push_str("</tr>\n");
    text
}

fn classed(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

fn failed(user: &User) -> String {
    let (code, text, fix) = match &user.detail {
        Some(detail) => (&*detail.code, &*detail.text, fix(&detail.code)),
        None => ("", "", String::new()),
    };
    let cells = [&*user.address, &user.status.label(), code, text, &fix];
    line(&cells.map(|cell| (escaped(cell), "")))
}

fn listed(user: &User) -> String {
    let status = match (&user.detail, user.status.summary()) {
        (Some(detail), StatusSummary::Active | StatusSummary::Synced) => {
            format!("{} ({})", user.status.label(), detail.code)
        }
        _ => user.status.label(),
    };
    let at = user.last_synced.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    line(&[
        (escaped(&user.address), ""),
        (escaped(&status), ""),
        (user.score.map(|score| format!("{score:?}")).unwrap_or_default(), ""),
        (format!("{} of {}", user.totals.placed, user.totals.identified), "n"),
        (user.totals.skipped.to_string(), "n"),
        (size(user.totals.bytes), "n"),
        (at.unwrap_or_default(), ""),
    ])
}

/// What stayed behind, by reason, the most frequent first.
fn reasons(summary: &Summary) -> String {
    if summary.reasons.is_empty() {
        return "<section aria-labelledby=\"skipped\"><h2 id=\"skipped\">Skipped and missing items</h2>\
                <p>Nothing stayed behind.</p></section>"
            .to_owned();
    }
    let mut text = table("skipped", "Skipped and missing items, by reason", &REASONS);
    let mut groups: Vec<_> = summary.reasons.iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.items));
    for (code, group) in groups {
        let entry = catalogue::find(code);
        let title = entry.map_or_else(|| code.clone(), |entry| format!("{} ({code})", entry.title));
        let fix = fix(code);
        text.push_str(&line(&[
            (escaped(&title), ""),
            (group.items.to_string(), "n"),
            (size(group.bytes), "n"),
            (group.mailboxes.to_string(), "n"),
            (escaped(&group.example), ""),
            (escaped(&fix), ""),
        ]));
    }
    text.push_str("</tbody></table></div></section>");
    text
}

async fn environment(report: &Report) -> Result<String> {
    let mut text = "<section aria-labelledby=\"environment\"><h2 id=\"environment\">Environment</h2><dl class=\"facts\">"
        .to_owned();
    for (name, value) in facts(report).await? {
        let _ = write!(text, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    }
    text.push_str("</dl></section>");
    Ok(text)
}

/// By whom, when and of what a report was made, and how far the audit trail was then.
pub(super) async fn facts(report: &Report) -> Result<[(&'static str, String); 7]> {
    let Report { context, batch, now } = report;
    let endpoint = async |id| {
        let endpoint = context.store.endpoint_by_id(id).await?;
        Ok::<_, mailferry_model::Error>(format!("{} ({})", endpoint.name, endpoint.kind))
    };
    let head = context.store.audit_head().await?;
    let head = head.map_or_else(
        || "no entry yet".to_owned(),
        |(no, hash)| {
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("entry {no}, {hash}")
        },
    );
    Ok([
        ("Source", endpoint(batch.source).await?),
        ("Target", endpoint(batch.target).await?),
        ("Made by", context.actor.clone()),
        ("Made at", now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("Program", concat!("mailferry ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("Head of the audit trail", head),
        ("Checksum", "SHA-256, in the last line of this file".to_owned()),
    ])
}

fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// As administrators of Exchange read sizes: 1 GB is 2^30.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    if bytes < 1024 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}
