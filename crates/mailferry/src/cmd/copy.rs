//! `copy SOURCE TARGET`: one mailbox without a batch.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use clap::{ArgMatches, Args};
use mailferry_engine::{
    copy::{Copied, Copy, Patience, Task, copy},
    open::End,
    pass::{Depth, Progress},
};
use mailferry_model::{
    cancel::Cancel,
    report::{Kept, Warning},
};
use serde_json::json;

use super::{
    Asked,
    run_options::{LimitArgs, PaceArgs, RunArgs},
    throttle::Throttle,
};
use crate::{
    account::{self, Side},
    args::Form,
    exit::Failure,
    instance::{Instance, Pace},
    out::Column,
    progress::{Display, Moment, TICK},
    result::{self, Did, Renamed},
    signals,
};

/// The flags of `copy`.
#[derive(Args)]
pub struct CopyArgs {
    /// The account to read: imaps://USER@HOST[:PORT], imap://USER@HOST[:PORT][?security=tls|none], maildir:PATH
    pub source: String,
    /// The account to write
    pub target: String,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
    /// Try once more what earlier runs skipped, after its reason was mended
    #[arg(long, conflicts_with = "dry_run")]
    pub retry_skipped: bool,
    /// Verify digests too: reads every message again on both sides
    #[arg(long)]
    pub deep: bool,
    /// Certificate authorities to trust on both sides (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// What moves.
    #[command(flatten)]
    pub run: RunArgs,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// When to stop.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Copies one mailbox.
pub async fn run(asked: Asked<'_>, args: CopyArgs) -> Result<u8, Failure> {
    let task = match (args.dry_run, args.retry_skipped) {
        (true, _) => Task::Pretend,
        (false, true) => Task::Retry,
        (false, false) => Task::Move,
    };
    let pair = Pair {
        command: "copy",
        source: &args.source,
        target: &args.target,
        ca_file: args.ca_file.as_ref(),
        limits: args.limits,
    };
    let depth = if args.deep { Depth::Deep } else { Depth::Written };
    one_mailbox(asked, &pair, &args.run, args.pace.pace(), task, depth).await
}

/// The two accounts of a command, and the command whose flags belong to them.
pub struct Pair<'a> {
    /// Its name.
    pub command: &'static str,
    /// The account to read.
    pub source: &'a str,
    /// The account to write or to look at.
    pub target: &'a str,
    /// The CA file for both.
    pub ca_file: Option<&'a PathBuf>,
    /// When to stop.
    pub limits: LimitArgs,
}

/// Copies, pretends or verifies, and tells how it went: the same for all three.
pub async fn one_mailbox(
    asked: Asked<'_>,
    pair: &Pair<'_>,
    run: &RunArgs,
    pace: Pace,
    task: Task,
    depth: Depth,
) -> Result<u8, Failure> {
    let out = asked.out;
    let progress = Arc::new(Progress::default());
    let cpu = Arc::new(AtomicU64::new(0));
    let told = cpu.clone();
    progress.when_moved(move || told.store(result::cpu_ms(), Ordering::Relaxed));
    let ended = attempt(&asked, pair, run, pace, (task, depth), &progress).await;
    match ended {
        Ok((copied, renamed, name)) => {
            let report = &copied.report;
            let mut object = match task {
                Task::Pretend => result::pretended(report),
                Task::Move | Task::Retry | Task::Verify => result::finished(report, &renamed),
            };
            result::put(&mut object, "movedCpuMs", json!(cpu.load(Ordering::Relaxed)));
            let mut warnings: Vec<Warning> = report.unmapped.iter().map(result::unmapped).collect();
            warnings.extend(report.unmatched.iter().map(result::unmatched));
            warnings.extend(Warning::of_empty_source(&name, &report.findings, &run.options().filter));
            result::warn(out, warnings.iter().map(|w| (&*w.code, w.message.as_str())));
            result::put(&mut object, "warnings", json!(warnings));
            match (out.form, task) {
                (Form::Json | Form::Jsonl | Form::Yaml, _) => out.result(&object),
                (Form::Csv, _) => out.whole(result::items(&object, Some(&name)), result::ITEM_COLUMNS),
                (Form::Name, _) => out.whole(vec![json!({ "name": name })], &[Column::of("NAME", "/name")]),
                (Form::Table | Form::Wide, Task::Pretend) => result::tell_pretended(out, report),
                (Form::Table | Form::Wide, Task::Move | Task::Retry) => {
                    result::tell(out, report, &renamed, Did::Move)
                }
                (Form::Table | Form::Wide, Task::Verify) => result::tell(out, report, &renamed, Did::Look),
            }
            Ok(result::code_of(&copied.report.findings))
        }
        Err(failure) => {
            out.result(&result::failed(&failure, progress.totals_so_far()));
            Err(failure)
        }
    }
}

async fn attempt(
    asked: &Asked<'_>,
    pair: &Pair<'_>,
    run: &RunArgs,
    pace: Pace,
    (task, depth): (Task, Depth),
    progress: &Arc<Progress>,
) -> Result<(Copied, Vec<Renamed>, String), Failure> {
    crate::reach::check_unnamed(asked, "a copy, or its verification,")?;
    let (source, target) = ends(asked, pair)?;
    if source.place().is_same(target.place()) {
        return Err(Failure::usage("Source and target are the same mailbox.".to_owned()));
    }
    let user = source.mailbox.address.clone();
    let name = source.mailbox.user.clone().unwrap_or_else(|| user.clone());
    let instance = Instance::open(asked.global, asked.connectors.clone()).await?;
    let (house, meter) = instance.house(pace);
    let wanted = Copy {
        source,
        target,
        options: run.options(),
        kind: None,
        depth,
        task,
        progress: progress.clone(),
        patience: Patience::default(),
    };
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let mut display = Display::of(asked.out);
    let mut throttle = Throttle::default();
    let (began, mut limit) = (Instant::now(), None);
    let ended = {
        let working = copy(&house, &wanted, &cancel, &|| {});
        tokio::pin!(working);
        loop {
            tokio::select! {
                ended = &mut working => break ended,
                () = tokio::time::sleep(TICK) => {}
            }
            if limit.is_none() {
                let (written, skipped) =
                    (meter.bytes(mailferry_model::Side::Target), progress.totals().skipped);
                limit = pair.limits.reached(written, began.elapsed(), skipped);
                limit.iter().for_each(|_| cancel.cancel());
            }
            throttle.look(&meter, progress.totals().placed);
            let pause = meter.pause().map(|p| format!("\n    {:?} asked us to wait", p.side));
            display.show(&Moment {
                name: name.clone(),
                state: progress.phase().to_owned(),
                totals: progress.totals(),
                beside: pause.unwrap_or_default(),
                fields: json!({}),
            });
        }
    };
    display.clear();
    throttle.look(&meter, progress.totals().placed);
    let copied = ended.map_err(|e| throttle.failure(e, limit, &*instance.clock))?;
    let mut renamed = Vec::new();
    if matches!(task, Task::Move | Task::Retry) {
        let kept = Kept {
            mailbox: copied.mailbox,
            user,
            at: mailferry_model::port::Clock::now(&*instance.clock),
            findings: copied.report.findings.clone(),
        };
        instance.reports.keep_report(&kept).await?;
        let head = instance.store.head(copied.mailbox).await?;
        let told = head.folders.into_iter().filter(|f| !f.gone).filter_map(|f| {
            let reason = f.renamed?.into_string();
            Some(Renamed { folder: f.source_path.to_string(), target: f.target_path.to_string(), reason })
        });
        renamed.extend(told);
    }
    Ok((copied, renamed, name))
}

/// Both accounts, with their secrets.
fn ends(asked: &Asked<'_>, pair: &Pair<'_>) -> Result<(End, End), Failure> {
    let matches = asked.matches.subcommand_matches(pair.command).unwrap_or(asked.matches);
    let side = |word| Side { word, matches, ca_file: pair.ca_file };
    let end = |word, account| {
        account::end(account, &side(word), &asked.connectors).map_err(|e| of_file(e, matches, word))
    };
    Ok((end("source", pair.source)?, end("target", pair.target)?))
}

/// Names the option of a file that cannot be read.
fn of_file(failure: Failure, matches: &ArgMatches, word: &str) -> Failure {
    let text = failure.sentence();
    let named = |option: &String| {
        let file = matches.try_get_one::<String>(option).ok().flatten();
        file.is_some_and(|file| text.starts_with(&format!("{file}: ")))
    };
    let options = ["password-file", "token-file", "ca-file"].map(|flag| format!("{word}-{flag}"));
    match options.iter().find(|o| named(o)) {
        Some(option) => failure.of_option(&format!("--{option}")),
        None => failure,
    }
}
