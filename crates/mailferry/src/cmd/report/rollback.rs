//! `report rollback`: the page of the way back of a batch as a file, and who approves it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::file::{Into, one, place};
use crate::{
    api::segment,
    cmd::Asked,
    exit::{self, Failure},
    out::{self, Column},
    reach::Reach,
};

/// What the page is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// A page that stands alone; prints on A4
    Html,
    /// Markdown, for a wiki
    Md,
}

/// The flags of `report rollback`.
#[derive(Args)]
pub struct Rollback {
    /// The batch
    pub batch: String,
    /// As what
    #[arg(long, value_enum, default_value = "html")]
    pub format: As,
    /// The file to write, or the folder to write into; the present folder without it
    #[arg(long, value_name = "FILE|DIR")]
    pub into: Option<PathBuf>,
    /// Who has read it and approves: kept with the batch and audited; the page names them from then on
    #[arg(long, value_name = "NAME")]
    pub approver: Option<String>,
    /// For people, with the approval
    #[arg(long, value_name = "TEXT", requires = "approver")]
    pub comment: Option<String>,
    /// The MX records to go back to, as they are now
    #[arg(long, value_name = "RECORDS", requires = "approver")]
    pub mx: Option<String>,
    /// The record of Autodiscover to go back to, as it is now
    #[arg(long, value_name = "RECORD", requires = "approver")]
    pub autodiscover: Option<String>,
    /// Take the approval back
    #[arg(long, conflicts_with = "approver")]
    pub take_back: bool,
    /// Only say what would be approved; nothing is written
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// Approves where somebody does, then writes the page.
pub async fn run(asked: &Asked<'_>, args: Rollback) -> Result<u8, Failure> {
    let api = Reach::of(asked).await?.api();
    let batch = format!("/batches/{}", segment(&args.batch));
    if args.approver.is_some() || args.take_back {
        let body = json!({
            "approver": args.approver, "comment": args.comment, "mx": args.mx, "autodiscover": args.autodiscover,
            "takeBack": args.take_back, "dryRun": args.dry_run,
        });
        let told = api.post(&format!("{batch}/rollback"), body).await?;
        let notices = told["notices"].as_array().into_iter().flatten().filter_map(|notice| notice.as_str());
        notices.for_each(|notice| asked.out.say(notice));
    }
    if args.dry_run {
        return Ok(exit::OK);
    }
    let file = match args.format {
        As::Html => "rollback.html",
        As::Md => "rollback.md",
    };
    let path = place(&args.batch, file, (args.into.as_deref(), Into::FileOrFolder))?;
    let bytes = one(&api, &format!("{batch}/reports/{file}"), &path).await?;
    match asked.out.is_for_people() {
        true => {
            asked.out.say(&format!("Rollback of {}: {}, {}.", args.batch, path.display(), out::bytes(bytes)))
        }
        false => {
            let columns = [Column::of("FILE", "/file"), Column::of("BYTES", "/sizeBytes")];
            asked.out.list(&json!([{ "file": path, "sizeBytes": bytes }]), &columns)?;
        }
    }
    Ok(exit::OK)
}
