//! `batch new --waves`: one sheet becomes several batches, `NAME-1`, `NAME-2` …, each of which begins, and completes, its
//! distance after the one before. All are judged before the first is made.

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    csv::{Parsed, Row},
    planner::{Member, Split, split},
    port::Clock,
};
use serde_json::{Value, json};

use super::{
    COLUMNS,
    new::{Creation, begins},
    sheet::{Sheet, after},
};
use crate::{
    api::Api,
    clock::SystemClock,
    cmd::{Asked, planner::WaveArgs},
    exit::{self, Failure},
    result::counted,
};

const PATH: &str = "/batches";

/// Makes them all, or only judges them.
pub(super) async fn make(
    asked: &Asked<'_>,
    api: &Api,
    args: &Creation,
    (mut sheet, body): (Sheet<'_>, Value),
) -> Result<u8, Failure> {
    if args.pilot {
        return Err(Failure::usage("--waves: a pilot is one batch; the others follow it by themselves"));
    }
    let probe = named(&body, &format!("{}-1", args.name));
    sheet.judge(asked, api, (PATH, &probe)).await?;
    let rejected = sheet.parsed.rejected.len();
    if rejected > 0 && !args.sheet.skip_rejected && !args.sheet.dry_run {
        // The router refuses it in its own words.
        sheet.make(api, (PATH, &probe)).await?;
    }
    let members: Vec<Member> = sheet.parsed.rows.iter().map(|row| member(&sheet.parsed, row)).collect();
    let cut = split(&members, how(&args.waves));
    let first = first_of(&body)?;
    let mut waves = Vec::new();
    for (at, places) in cut.iter().enumerate() {
        let name = format!("{}-{:0width$}", args.name, at + 1, width = cut.len().to_string().len());
        let mut own = named(&body, &name);
        if let Some(every) = args.waves.wave_every {
            shift(&mut own, first, SignedDuration::from_mins(i64::from(every)) * at as i32)?;
        }
        let mut part = sheet.part(|place| places.binary_search(&place).is_ok())?;
        part.judge(asked, api, (PATH, &own)).await?;
        waves.push((name, own, part));
    }
    let mut made = Vec::new();
    for (name, own, part) in &waves {
        let rows = counted(part.parsed.rows.len() as u64, "mailbox");
        if args.sheet.dry_run {
            asked.out.say(&format!("The batch {name} would have {rows}."));
            made.push(json!({ "name": name, "total": part.parsed.rows.len(), "schedule": own["schedule"] }));
            continue;
        }
        let batch = part.make(api, (PATH, own)).await.inspect_err(|_| {
            let before = made.len();
            asked.out.note(&format!(
                "{name} was not made; those before it were: {}.",
                counted(before as u64, "batch")
            ));
        })?;
        asked.out.say(&format!("The batch {name} has {rows}; {}", begins(&batch)));
        made.push(batch);
    }
    if !args.sheet.dry_run {
        after(asked, &args.sheet, &sheet.parsed)?;
    }
    if !asked.out.is_for_people() {
        asked.out.list(&json!(made), &COLUMNS)?;
    }
    Ok(if rejected == 0 { exit::OK } else { exit::PARTIAL })
}

fn named(body: &Value, name: &str) -> Value {
    let mut own = body.clone();
    own["name"] = name.into();
    own
}

fn how(args: &WaveArgs) -> Split {
    match (args.waves, args.wave_size) {
        (Some(count), _) => Split::Count(count.into()),
        (None, size) => Split::Size(size.unwrap_or(1) as usize),
    }
}

/// What the sheet says of a mailbox.
fn member(parsed: &Parsed, row: &Row) -> Member {
    let number = |name: &str| parsed.cell(row, name).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Member {
        address: row.source.address.clone(),
        items: number("items"),
        bytes: number("bytes"),
        department: parsed.cell(row, "Department"),
        group: parsed.cell(row, "Group"),
    }
}

/// When the first begins: as it was asked for, else now.
fn first_of(body: &Value) -> Result<Timestamp, Failure> {
    match body["schedule"]["startAfter"].as_str() {
        Some(at) => at.parse().map_err(|_| Failure::usage(format!("--start-after: {at} is no time"))),
        None => Ok(SystemClock::default().now()),
    }
}

/// Both its beginning and its completion are so much later than those of the first.
fn shift(body: &mut Value, first: Timestamp, by: SignedDuration) -> Result<(), Failure> {
    let far = |_| Failure::usage("--wave-every: the last wave would begin too far away");
    let schedule = &mut body["schedule"];
    schedule["startAfter"] = json!(first.checked_add(by).map_err(far)?);
    if let Some(at) = schedule["completeAfter"].as_str().and_then(|at| at.parse::<Timestamp>().ok()) {
        schedule["completeAfter"] = json!(at.checked_add(by).map_err(far)?);
    }
    Ok(())
}
