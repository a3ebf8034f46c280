//! Progress: a block on a terminal, lines for scripts, nothing where nobody looks.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mailferry_model::report::Totals;
use serde_json::{Value, json};

use crate::{
    args::{Form, ProgressForm},
    out::{self, Out},
};

/// How often it is looked at.
pub const TICK: Duration = Duration::from_millis(250);
/// A line for programs every so many ticks.
const STATUS_TICKS: u32 = 4;
/// A line for people every so many ticks.
const PLAIN_TICKS: u32 = 240;

/// What is shown at one moment.
pub struct Moment {
    /// Whose: a mailbox or a batch.
    pub name: String,
    /// What is being done.
    pub state: String,
    /// What has moved.
    pub totals: Totals,
    /// What else there is to say, for people.
    pub beside: String,
    /// What else there is to say, for programs.
    pub fields: Value,
}

/// Shows moments.
pub struct Display {
    out: Out,
    form: ProgressForm,
    bar: Option<ProgressBar>,
    ticks: u32,
    last: Totals,
    /// Bytes a second, smoothed.
    rate: f64,
    idle: u32,
}

impl Display {
    /// A display as the flags say.
    pub fn of(out: &Out) -> Self {
        let form = out.progress();
        let bar = (form == ProgressForm::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { out: out.clone(), form, bar, ticks: 0, last: Totals::default(), rate: 0.0, idle: 0 }
    }

    /// Called once a tick.
    pub fn show(&mut self, moment: &Moment) {
        let now = moment.totals;
        let moved = now.bytes.saturating_sub(self.last.bytes) as f64 / TICK.as_secs_f64();
        self.rate = if self.ticks == 0 { 0.0 } else { self.rate * 0.9 + moved * 0.1 };
        self.idle = if now == self.last { self.idle + 1 } else { 0 };
        self.last = now;
        if let Some(bar) = &self.bar {
            bar.set_message(self.block(moment));
        }
        if self.ticks.is_multiple_of(STATUS_TICKS)
            && (self.out.form == Form::Jsonl || self.form == ProgressForm::Json)
        {
            let line = self.status(moment);
            match self.form == ProgressForm::Json {
                true => out::complain(&format!("{line}\n")),
                false => self.out.event(&line),
            }
        }
        if self.form == ProgressForm::Plain && self.ticks.is_multiple_of(PLAIN_TICKS) {
            out::complain(&format!("{}\n", self.block(moment).replace('\n', "; ")));
        }
        self.ticks += 1;
    }

    /// Says something beside the block.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.out.note(text),
        }
    }

    /// Takes the block away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn block(&self, moment: &Moment) -> String {
        let totals = moment.totals;
        let whole = totals.bytes_identified.max(totals.bytes);
        let part = if whole == 0 { 0.0 } else { totals.bytes as f64 / whole as f64 };
        let filled = (part * 28.0) as usize;
        let bar = format!("{}>{}", "#".repeat(filled), "-".repeat(28 - filled));
        // Beside a whole that has moved, a rate that sinks to nothing says nothing.
        let per_minute = (self.rate * 60.0) as u64;
        let rate = match per_minute > 0 && totals.bytes < whole {
            true => format!("; {}/min", out::bytes(per_minute)),
            false => String::new(),
        };
        let idle = self.idle * TICK.as_millis() as u32 / 1000;
        let progress = if idle >= 2 { format!(", last progress {idle} s ago") } else { String::new() };
        format!(
            "{}  {}  [{bar}] {}  {} of {}\n    {} of {} items, {} skipped{rate}{progress}{}",
            moment.name,
            moment.state,
            out::percent(totals.bytes, whole),
            out::bytes(totals.bytes),
            out::bytes(whole),
            totals.placed,
            totals.identified,
            totals.skipped,
            moment.beside,
        )
    }

    fn status(&self, moment: &Moment) -> Value {
        let totals = moment.totals;
        let mut line = json!({
            "type": "status",
            "name": moment.name,
            "state": moment.state,
            "identified": totals.identified,
            "placed": totals.placed,
            "skipped": totals.skipped,
            "bytesDone": totals.bytes,
            "bytesTotal": totals.bytes_identified,
            "rateBytesPerSec": self.rate as u64,
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut line, &moment.fields) {
            all.extend(more.clone());
        }
        line
    }
}
