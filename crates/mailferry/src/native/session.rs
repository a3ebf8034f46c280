//! Running what was read: variables, pipelines, stages; the first failing command gives the exit code, and the next
//! one runs all the same. What a cmdlet does is in `cmdlet`.

use std::collections::HashMap;

use super::{
    apart,
    bind::{Bound, Given, bind},
    cmdlet::{self, Desk},
    credential,
    datum::{Datum, Rows, What},
    evaluate::{of_members, written},
    short, show, stage,
    syntax::{self, Argument, Command, Note, Pipeline, Script, Source, Statement, Unread, Value},
    table::{self, Cmdlet, Doing},
};
use crate::{
    api::Api,
    args::Form,
    cmd::Asked,
    exit::{self, Failure},
    out,
    reach::Reach,
};

/// A run of commands that share variables.
pub struct Session<'a> {
    asked: &'a Asked<'a>,
    reach: &'a Reach,
    api: Api,
    variables: HashMap<String, Datum>,
    first_failure: Option<u8>,
    is_over: bool,
    /// Whether a failure of this statement is the last word, as `-ErrorAction Stop` has it.
    stops: bool,
}

/// What is known of parameters, for the parser.
pub fn known(command: &str, parameter: &str) -> syntax::Takes {
    let Some(cmdlet) = table::cmdlet(command) else { return syntax::Takes::Unknown };
    let lower = parameter.to_lowercase();
    let exact = cmdlet.all_parameters().find(|p| p.name.eq_ignore_ascii_case(parameter));
    match exact.or_else(|| cmdlet.all_parameters().find(|p| p.name.to_lowercase().starts_with(&lower))) {
        Some(found) if found.takes == "switch" => syntax::Takes::Nothing,
        Some(_) => syntax::Takes::Value,
        None => syntax::Takes::Unknown,
    }
}

/// The failure of a text that cannot be read.
pub fn unread(unread: &Unread) -> Failure {
    Failure::Usage("NATIVE_UNREAD", format!("line {}: {}", unread.line, unread.text))
}

impl<'a> Session<'a> {
    /// A fresh one.
    pub fn of(asked: &'a Asked<'a>, reach: &'a Reach) -> Self {
        let api = reach.api();
        let (variables, first_failure) = (HashMap::new(), None);
        Self { asked, reach, api, variables, first_failure, is_over: false, stops: false }
    }

    /// Runs a script.
    pub async fn run(&mut self, script: Script) {
        script.notes.iter().for_each(|note| self.understood(note));
        self.is_over = false;
        let many = script.statements.len() > 1;
        for statement in script.statements {
            if self.is_over {
                return self.asked.out.note("What follows is not run.");
            }
            self.stops = self.variable("ErrorActionPreference").is_some_and(|d| is_stop(&d));
            let line = line_of(&statement.pipeline).filter(|_| many);
            if let Err(failure) = self.statement(statement).await {
                self.fail(&failure, line);
            }
        }
    }

    /// How it ended: the code of the first command that failed.
    pub fn exit_code(&self) -> u8 {
        self.first_failure.unwrap_or(exit::OK)
    }

    /// Says what is wrong, and remembers the code.
    pub fn fail(&mut self, failure: &Failure, line: Option<(usize, String)>) {
        if let Some((line, name)) = line {
            self.asked.out.note(&format!("line {line}: {name} failed"));
        }
        self.asked.out.complain(failure);
        self.code(failure.exit_code());
        self.is_over |= self.stops || matches!(failure, Failure::Interrupted(_));
        self.asked.out.end(|| crate::refusal::object(failure, &["shell".to_owned()]));
    }

    fn code(&mut self, code: u8) {
        if code != exit::OK {
            self.first_failure.get_or_insert(code);
        }
    }

    fn understood(&self, note: &Note) {
        self.asked.out.note(&format!("line {}: {}", note.line, note.text));
    }

    async fn statement(&mut self, statement: Statement) -> Result<(), Failure> {
        let datum = self.pipeline(&statement.pipeline).await?;
        match statement.variable {
            Some(name) => _ = self.variables.insert(name.to_lowercase(), datum),
            None => self.show(datum),
        }
        Ok(())
    }

    fn show(&self, datum: Datum) {
        match (self.asked.out.form, datum.into_rows()) {
            (_, Datum::Null) => {}
            (Form::Table | Form::Wide, datum) => out::print(&show::text(datum)),
            (_, Datum::Rows(rows)) => self.asked.out.objects(rows.json()),
            (_, other) => self.asked.out.objects(vec![other.json()]),
        }
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> Result<Datum, Failure> {
        let mut datum = match &pipeline.first {
            Source::Command(command) => self.command(command, None).await?,
            Source::Value(value) => self.value(value).await?,
        };
        for command in &pipeline.stages {
            datum = self.command(command, Some(datum)).await?;
        }
        Ok(datum)
    }

    /// Runs a command, alone or on what comes through a pipeline.
    async fn command(&mut self, command: &Command, input: Option<Datum>) -> Result<Datum, Failure> {
        let Some(cmdlet) = table::cmdlet(&command.name) else {
            let note = apart::elsewhere(command)?;
            self.asked.out.note(&note);
            return Ok(Datum::Null);
        };
        let given = match short::condition(cmdlet, command) {
            Some(condition) => return self.short_where(&condition?, input),
            None => self.given(cmdlet, command).await?,
        };
        let bound = bind(cmdlet, given).map_err(|faults| {
            let text = format!("{} (line {}): {}", cmdlet.name, command.line, faults.join("; "));
            Failure::Usage("NATIVE_PARAMETERS", text)
        })?;
        bound.notes.iter().for_each(|note| {
            self.asked.out.note(&format!("line {}: {} {note}", command.line, cmdlet.name));
        });
        self.stops |= bound.get("error-action").is_some_and(is_stop);
        match cmdlet.doing {
            Doing::Later => Err(apart::later(cmdlet)),
            Doing::Stage => self.stage(cmdlet, &bound, input),
            Doing::Does => self.does(cmdlet, bound, input).await,
        }
    }

    fn stage(&self, cmdlet: &Cmdlet, bound: &Bound, input: Option<Datum>) -> Result<Datum, Failure> {
        let rows = rows_of(input).ok_or_else(|| {
            Failure::usage(format!("{} stands behind a |, after what makes objects", cmdlet.name))
        })?;
        let variables = |name: &str| self.variable(name);
        let named = |text: String| Failure::usage(format!("{}: {text}", cmdlet.name));
        let (datum, said) = stage::run(cmdlet, bound, rows, &variables).map_err(named)?;
        said.iter().for_each(|text| self.asked.out.note(&format!("{}: {text}", cmdlet.name)));
        Ok(datum)
    }

    fn short_where(&self, condition: &syntax::Expression, input: Option<Datum>) -> Result<Datum, Failure> {
        let rows = rows_of(input).ok_or_else(|| Failure::usage("Where-Object stands behind a |"))?;
        let variables = |name: &str| self.variable(name);
        let kept = stage::filter(rows, condition, &variables);
        kept.map(Datum::Rows).map_err(|text| Failure::usage(format!("Where-Object: {text}")))
    }

    /// Runs a cmdlet once, or once for each object: one that fails does not keep the others back.
    async fn does(
        &mut self,
        cmdlet: &'static Cmdlet,
        bound: Bound,
        input: Option<Datum>,
    ) -> Result<Datum, Failure> {
        let Some(input) = input else { return self.once(cmdlet, &bound).await };
        let Some(rows) = rows_of(Some(input)) else {
            return Err(Failure::usage(format!("{} cannot use what comes through the |", cmdlet.name)));
        };
        let mut all: Option<Rows> = None;
        for row in &rows.rows {
            let mut bound = bound.clone();
            bound.adopt(&rows.one(row), cmdlet).map_err(Failure::usage)?;
            match self.once(cmdlet, &bound).await {
                Ok(Datum::Rows(more)) => match &mut all {
                    Some(all) => all.rows.extend(more.rows),
                    None => all = Some(more),
                },
                Ok(_) => {}
                Err(failure) => {
                    self.fail(&failure, None);
                    if self.is_over {
                        break;
                    }
                }
            }
        }
        // Without objects nothing says what they would be: a stage behind it still has to know the properties.
        Ok(all.or_else(|| cmdlet::shape(cmdlet.name)).map_or(Datum::Null, Datum::Rows))
    }

    async fn once(&mut self, cmdlet: &'static Cmdlet, bound: &Bound) -> Result<Datum, Failure> {
        let desk = Desk { asked: self.asked, reach: self.reach, api: &self.api };
        let answer = cmdlet::run(&desk, cmdlet, bound).await?;
        self.code(answer.code);
        Ok(answer.datum)
    }

    /// The arguments with their variables resolved.
    async fn given(&mut self, cmdlet: &'static Cmdlet, command: &Command) -> Result<Vec<Given>, Failure> {
        let mut given = Vec::new();
        let mut credential = false;
        for argument in &command.arguments {
            let (name, value) = match argument {
                Argument::Parameter(name, value) => (Some(name), value.as_ref()),
                Argument::Value(value) => (None, Some(value)),
            };
            if let Some(name) = name {
                let lower = name.to_lowercase();
                credential = cmdlet
                    .parameters
                    .iter()
                    .any(|p| p.takes == "credential" && p.name.to_lowercase().starts_with(&lower));
            }
            let datum = match value {
                None => None,
                Some(Value::Block(tokens)) => {
                    given.push(Given::Block(tokens.clone()));
                    continue;
                }
                Some(Value::Table) => {
                    given.push(Given::Table);
                    continue;
                }
                Some(Value::List(all)) if all.contains(&Value::Table) => {
                    given.push(Given::Table);
                    continue;
                }
                Some(Value::Variable(name, members))
                    if credential && members.is_empty() && self.variable(name).is_none() =>
                {
                    self.asked.out.note(&format!(
                        "line {}: ${name} is not set; its credential is asked for, as by Get-Credential",
                        command.line
                    ));
                    Some(Datum::Null)
                }
                Some(value) => Some(self.value(value).await?),
            };
            given.push(match (name, datum) {
                (Some(name), datum) => Given::Parameter(name.clone(), datum),
                (None, Some(datum)) => Given::Value(datum),
                (None, None) => continue,
            });
        }
        Ok(given)
    }

    async fn value(&mut self, value: &Value) -> Result<Datum, Failure> {
        match value {
            Value::Text(text) => {
                let of = |name: &str, members: &[String]| {
                    let found = self.variable(name).ok_or_else(|| unset(name))?;
                    of_members(found, members)
                };
                written(text, &of).map(Datum::Text).map_err(Failure::usage)
            }
            Value::Variable(name, members) => {
                let found = self.variable(name).ok_or_else(|| Failure::usage(unset(name)))?;
                of_members(found, members).map_err(|text| Failure::usage(format!("${name}: {text}")))
            }
            Value::List(all) => {
                let mut list = Vec::new();
                for value in all {
                    list.push(Box::pin(self.value(value)).await?);
                }
                Ok(Datum::List(list))
            }
            Value::Group(pipeline, members) => {
                let inner = Box::pin(self.pipeline(pipeline)).await?;
                of_members(inner, members).map_err(Failure::usage)
            }
            Value::Bytes(path) => {
                let path = Box::pin(self.value(path)).await?.shown();
                Ok(Datum::File(path.into()))
            }
            Value::Block(_) => Err(Failure::usage("a block in braces stands behind Where-Object alone")),
            Value::Table => Err(Failure::usage("tables, @{…}, are not read")),
        }
    }

    fn variable(&self, name: &str) -> Option<Datum> {
        match name.to_lowercase().as_str() {
            "true" => Some(Datum::Bool(true)),
            "false" => Some(Datum::Bool(false)),
            "null" => Some(Datum::Null),
            other => self.variables.get(other).cloned(),
        }
    }
}

fn is_stop(word: &Datum) -> bool {
    word.shown().eq_ignore_ascii_case("Stop")
}

fn unset(name: &str) -> String {
    match name.to_lowercase().strip_prefix("env:") {
        Some(_) => format!(
            "${name}: variables of the environment are not read; Get-Credential takes MAILFERRY_PASSWORD"
        ),
        None => format!("${name} is not set"),
    }
}

/// The line of the first command, and its name.
fn line_of(pipeline: &Pipeline) -> Option<(usize, String)> {
    match &pipeline.first {
        Source::Command(command) => Some((command.line, command.name.clone())),
        Source::Value(_) => None,
    }
}

/// What comes through a pipeline, as objects.
fn rows_of(input: Option<Datum>) -> Option<Rows> {
    match input?.into_rows() {
        Datum::Rows(rows) => Some(rows),
        Datum::Null => Some(Rows::new(What::Other, &[], &[], Vec::new())),
        Datum::List(all) => {
            let rows = all.into_iter().map(|d| vec![d]).collect();
            Some(Rows::new(What::Other, &["Identity"], &[], rows))
        }
        one => Some(Rows::new(What::Other, &["Identity"], &[], vec![vec![one]])),
    }
}

/// A credential of the environment or a prompt, for a command that has none.
pub fn get_credential(bound: &Bound) -> Result<Datum, Failure> {
    credential::obtain(bound.text("user").as_ref(), bound.text("message")).map(Datum::Credential)
}
