//! Output: data on standard output in the form that was asked for, everything else on standard error.

mod choice;
mod table;
mod words;
mod yaml;
mod zone;

use std::{
    io::{ErrorKind, IsTerminal, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::tz::TimeZone;
use mailferry_model::words::shown;
use rustix::termios::tcgetwinsize;
use serde_json::{Value, json};

use crate::{
    args::{Form, Global, LogForm, ProgressForm},
    exit::Failure,
};

use choice::Choice;
pub use choice::Limit;
pub use table::Column;
pub use words::{bytes, duration, percent};
pub use yaml::write as yaml;

/// Where and how a command speaks.
#[derive(Clone, Debug)]
pub struct Out {
    /// The form of the output.
    pub form: Form,
    columns: Vec<String>,
    choice: Choice,
    quiet: bool,
    errors_as_json: bool,
    progress: ProgressForm,
    zone: Option<TimeZone>,
    documented: Arc<AtomicBool>,
}

impl Out {
    /// As the flags say.
    pub fn of(global: &Global) -> Self {
        Self {
            form: global.output,
            columns: global.columns.clone(),
            choice: Choice::of(global),
            quiet: global.quiet,
            errors_as_json: global.log_format == LogForm::Json,
            progress: global.progress,
            zone: zone::of(global.tz.as_deref()),
            documented: Arc::default(),
        }
    }

    /// Whether people read the output.
    pub fn is_for_people(&self) -> bool {
        matches!(self.form, Form::Table | Form::Wide)
    }

    /// How wide lines for people may be; nothing where nobody's terminal is in the way, or all was asked for.
    pub fn columns_of_terminal(&self) -> Option<usize> {
        let stdout = std::io::stdout();
        let size = (self.form == Form::Table && stdout.is_terminal()).then(|| tcgetwinsize(stdout))?.ok()?;
        (size.ws_col > 0).then_some(size.ws_col.into())
    }

    /// How progress is shown here and now.
    pub fn progress(&self) -> ProgressForm {
        match self.progress {
            _ if self.quiet => ProgressForm::None,
            ProgressForm::Auto if std::io::stderr().is_terminal() => ProgressForm::Bar,
            ProgressForm::Auto => ProgressForm::None,
            other => other,
        }
    }

    /// A list of things with these columns, as far as it was asked for.
    ///
    /// # Errors
    /// A column to show, filter or sort by that there is not.
    pub fn list(&self, rows: &Value, columns: &[Column]) -> Result<(), Failure> {
        let is_known = |name: &String| columns.iter().any(|c| c.is_called(name.trim()));
        if let Some(wrong) = self.columns.iter().position(|name| !is_known(name)) {
            let known: Vec<&str> = columns.iter().map(Column::field).collect();
            let known = known.join(", ");
            return Err(Failure::usage(format!(
                "--columns: number {} of them is none here; there are {known}",
                wrong + 1
            )));
        }
        let rows = self.choice.apply(rows.as_array().map_or(&[], Vec::as_slice), columns)?;
        self.whole(rows, columns);
        Ok(())
    }

    /// All of these, whatever was asked for of lists.
    pub fn whole(&self, rows: Vec<Value>, columns: &[Column]) {
        let rows = match &self.zone {
            Some(zone) if self.is_for_people() => rows.iter().map(|row| zone::told(row, zone)).collect(),
            _ => rows,
        };
        match self.form {
            Form::Json => self.document(&Value::Array(rows)),
            Form::Yaml => print(&yaml::write(&Value::Array(rows))),
            Form::Jsonl => rows.iter().for_each(|row| print(&format!("{row}\n"))),
            Form::Name => rows.iter().for_each(|row| print(&format!("{}\n", table::name(row, columns)))),
            Form::Csv => print(&table::csv(&rows, columns, &self.columns)),
            Form::Table => print(&table::table(&rows, columns, &self.columns, table::Width::Narrow)),
            Form::Wide => print(&table::table(&rows, columns, &self.columns, table::Width::Wide)),
        }
    }

    /// Objects whose fields nobody knows beforehand, in forms for programs.
    pub fn objects(&self, rows: Vec<Value>) {
        match self.form {
            Form::Csv => print(&table::csv_of_any(&rows)),
            Form::Name => rows.iter().for_each(|row| print(&format!("{}\n", table::name_of_any(row)))),
            _ => self.whole(rows, &[]),
        }
    }

    /// One thing.
    pub fn show(&self, thing: &Value, columns: &[Column]) {
        match self.form {
            Form::Json => self.document(thing),
            Form::Jsonl => print(&format!("{thing}\n")),
            Form::Yaml => print(&yaml::write(thing)),
            Form::Table | Form::Wide => {
                let told = self.zone.as_ref().map(|zone| zone::told(thing, zone));
                print(&table::fields(told.as_ref().unwrap_or(thing)));
            }
            Form::Csv | Form::Name => self.whole(vec![thing.clone()], columns),
        }
    }

    /// One JSON document.
    pub fn document(&self, value: &Value) {
        self.documented.store(true, Ordering::Relaxed);
        document(value);
    }

    /// How a run went, as the one object of forms for programs: the last line of JSON lines. Nothing in other forms.
    pub fn result(&self, object: &Value) {
        match self.form {
            Form::Json => self.document(object),
            Form::Yaml => {
                self.documented.store(true, Ordering::Relaxed);
                print(&yaml::write(object));
            }
            Form::Jsonl => {
                let mut line = json!({ "type": "summary" });
                if let (Some(all), Some(fields)) = (line.as_object_mut(), object.as_object()) {
                    all.extend(fields.clone());
                }
                self.event(&line);
            }
            Form::Table | Form::Wide | Form::Csv | Form::Name => {}
        }
    }

    /// The one object of a command that failed, unless it has told already how it went. A line of JSON lines is on
    /// standard error already.
    pub fn end(&self, object: impl FnOnce() -> Value) {
        let told = self.documented.load(Ordering::Relaxed);
        if matches!(self.form, Form::Json | Form::Yaml) && !told {
            self.result(&object());
        }
    }

    /// A line of a run, for programs that follow it; nothing in other forms.
    pub fn event(&self, value: &Value) {
        if self.form == Form::Jsonl {
            print(&format!("{value}\n"));
        }
    }

    /// A sentence for people on standard output; nothing in other forms.
    pub fn say(&self, text: &str) {
        if self.is_for_people() && !text.is_empty() {
            print(&format!("{}\n", shown(text)));
        }
    }

    /// A sentence on standard error that is no fault.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            complain(&format!("{}\n", shown(text)));
        }
    }

    /// Why a command failed: one sentence, the cause, what to do.
    pub fn complain(&self, failure: &Failure) {
        let (cause, fix) = failure.advice();
        if self.form == Form::Jsonl || self.errors_as_json {
            let told = json!({
                "type": "exit_error",
                "code": failure.exit_code(),
                "error": failure.code(),
                "message": failure.sentence(),
                "cause": cause,
                "fix": fix,
            });
            return complain(&format!("{told}\n"));
        }
        let mut text = format!("mailferry: {} [{}]\n", failure.sentence(), failure.code());
        if let Failure::Problem(problem) = failure {
            problem.blockers.iter().for_each(|b| text.push_str(&format!("  {b}\n")));
            for row in problem.rows.iter().take(20) {
                text.push_str(&format!(
                    "  row {}: {} {}\n",
                    row.row_number, row.error_message, row.suggestion
                ));
            }
            if problem.rows.len() > 20 {
                text.push_str(&format!("  and {} more\n", problem.rows.len() - 20));
            }
        }
        if let Some(cause) = cause {
            text.push_str(&format!("  cause: {cause}\n"));
        }
        fix.iter().for_each(|f| text.push_str(&format!("  fix:   {f}\n")));
        complain(&shown(&text));
    }
}

/// Why standard output could not be written, at the first time.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Writes to standard output. Whoever stopped reading (`| head`) wants no more; where it cannot be written (a
/// full disk behind a redirection), the work goes on and its end says so.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    noted(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Notes whether something could be written to standard output.
pub fn noted(written: std::io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(i32::from(crate::exit::OK)),
        Err(e) => _ = UNWRITTEN.set(e.to_string()),
    }
}

/// The exit code of a command that ends with `code`: none is a success whose output was lost.
pub fn code_of_output(code: u8) -> u8 {
    let Some(why) = UNWRITTEN.get() else { return code };
    complain(&format!("mailferry: the output cannot be written: {why} [OUTPUT_UNWRITTEN]\n"));
    if code == crate::exit::OK { crate::exit::OTHER } else { code }
}

/// Writes a JSON document to standard output.
pub fn document(value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    print(&format!("{text}\n"));
}

/// Writes to standard error; nothing helps where that is closed.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
