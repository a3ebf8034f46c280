//! The short form of conditions: `Where-Object Status -eq Synced`.

use super::{
    syntax::{Argument, Command, Expression, Operator, Part, Value},
    table::Cmdlet,
};
use crate::exit::Failure;

/// `Where-Object Status -eq Synced`, if that is what the command is.
pub fn condition(cmdlet: &Cmdlet, command: &Command) -> Option<Result<Expression, Failure>> {
    let is_short = |a: &Argument| matches!(a, Argument::Value(Value::Text(_)));
    if cmdlet.name != "Where-Object" || !command.arguments.iter().any(is_short) {
        return None;
    }
    let words: Option<Vec<Simple>> = command
        .arguments
        .iter()
        .filter(|a| !matches!(a, Argument::Parameter(n, None) if matches!(n.to_lowercase().as_str(), "property" | "value")))
        .map(|argument| match argument {
            Argument::Parameter(name, None) => Some(Simple::Parameter(name.clone())),
            Argument::Value(Value::Text(text)) => match text.as_slice() {
                [Part::Plain(plain)] => Some(Simple::Text(plain.clone())),
                [] => Some(Simple::Text(String::new())),
                _ => None,
            },
            Argument::Value(Value::Variable(name, members)) if members.is_empty() => {
                Some(Simple::Text(name.clone()))
            }
            _ => None,
        })
        .collect();
    let words = words.ok_or_else(|| "write {$_.Property -eq $value} where a variable is compared".to_owned());
    Some(words.and_then(|w| simple(&w)).map_err(|text| Failure::usage(format!("Where-Object: {text}"))))
}

/// `Where-Object Status -eq Synced`, `Where-Object HasErrors`.
///
/// # Errors
/// What is none of them.
fn simple(words: &[Simple]) -> Result<Expression, String> {
    let property = |name: &str| Box::new(Expression::Variable("_".to_owned(), vec![name.to_owned()]));
    let text = |t: &str| Box::new(Expression::Text(vec![Part::Plain(t.to_owned())]));
    match words {
        [Simple::Text(name)] => Ok(*property(name)),
        [Simple::Parameter(not), Simple::Text(name)] if not.eq_ignore_ascii_case("not") => {
            Ok(Expression::Not(property(name)))
        }
        [Simple::Text(name), Simple::Parameter(operator), Simple::Text(right)] => {
            let operator =
                Operator::of(operator).ok_or_else(|| format!("the operator -{operator} is not read"))?;
            Ok(Expression::Compare(operator, property(name), text(right)))
        }
        _ => Err("write {$_.Property -eq 'value'}, or Property -eq value".to_owned()),
    }
}

/// An argument of the short form.
enum Simple {
    /// `-eq`
    Parameter(String),
    /// A name or a value.
    Text(String),
}
