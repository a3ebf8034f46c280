//! What is said instead of running a command: where it is run, that nothing has to be done, that nothing does it yet.

use axum::http::StatusCode;
use mailferry_server::Problem;

use super::{
    syntax::{Argument, Command, Part, Value},
    table::{self, Cmdlet, Elsewhere},
};
use crate::exit::Failure;

/// A command that is not run here: a sentence where nothing has to be done.
///
/// # Errors
/// Where it is run, or that there is none.
pub fn elsewhere(command: &Command) -> Result<String, Failure> {
    let Some((name, what, words)) = table::elsewhere(&command.name) else {
        let like = table::like(&command.name);
        let hint = if like.is_empty() { String::new() } else { format!(" Perhaps {}?", like.join(", ")) };
        let text = format!("line {}: there is no command {}.{hint}", command.line, command.name);
        return Err(Failure::Usage("NATIVE_UNKNOWN", text));
    };
    let problem = |code, detail: String, fix: String| {
        Failure::Problem(Box::new(Problem {
            fix: vec![fix],
            ..Problem::new(StatusCode::NOT_IMPLEMENTED, code, detail)
        }))
    };
    match what {
        Elsewhere::Needless if name.contains("onnect-") => Ok(format!(
            "{name} {words}; no connection is needed here: mailferry signs in to each endpoint by itself."
        )),
        Elsewhere::Needless => Ok(format!("{name} {words}; nothing of that is needed here.")),
        Elsewhere::Copied(place) => {
            let whole = whole(command);
            let fix = format!("Run it {place}: {whole}");
            Err(problem("NATIVE_ELSEWHERE", format!("{name} {words}. It is not run here."), fix))
        }
        Elsewhere::Apart(place) => Err(problem(
            "NATIVE_ELSEWHERE",
            format!("{name} {words}. It is not run here."),
            format!("Run it {place}."),
        )),
        Elsewhere::Unread => {
            let text = format!("line {}: {name} is not read: {words}", command.line);
            Err(Failure::Usage("NATIVE_UNREAD", text))
        }
    }
}

/// A command as it should have been typed, in one line.
fn whole(command: &Command) -> String {
    let mut text = command.name.clone();
    for argument in &command.arguments {
        let value = match argument {
            Argument::Parameter(name, value) => {
                text.push_str(&format!(" -{name}"));
                let Some(value) = value else { continue };
                text.push(':');
                value
            }
            Argument::Value(value) => {
                text.push(' ');
                value
            }
        };
        text.push_str(&literal(value));
    }
    text
}

/// A command that is known and checked, and that nothing does.
pub fn later(cmdlet: &Cmdlet) -> Failure {
    let detail = format!("{} was read and its parameters are right, but it does nothing yet.", cmdlet.name);
    let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, "NATIVE_NOT_YET", detail);
    Failure::Problem(Box::new(Problem { fix: vec![cmdlet.words.to_owned()], ..problem }))
}

/// A value as it may be typed.
fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => {
            let whole: String = text
                .iter()
                .map(|part| match part {
                    Part::Plain(plain) => plain.clone(),
                    Part::Variable(name, _) => format!("${name}"),
                })
                .collect();
            let bare =
                !whole.is_empty() && whole.chars().all(|c| c.is_alphanumeric() || "-_./:@*".contains(c));
            if bare { whole } else { format!("\"{whole}\"") }
        }
        Value::Variable(name, members) => {
            let members: String = members.iter().map(|m| format!(".{m}")).collect();
            format!("${name}{members}")
        }
        Value::List(all) => all.iter().map(literal).collect::<Vec<_>>().join(","),
        Value::Block(_) | Value::Group(..) | Value::Bytes(_) | Value::Table => "…".to_owned(),
    }
}
