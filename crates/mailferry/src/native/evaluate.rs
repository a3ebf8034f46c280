//! Conditions on objects: what `$_.Property` is, and whether the condition holds.

use super::{
    compare::{compare, like},
    datum::{Datum, Rows},
    syntax::{Expression, Part, Text},
};

/// Where variables other than `$_` are found.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<Datum>;

/// What a variable and its members stand for.
pub type Lookup<'a> = &'a dyn Fn(&str, &[String]) -> Result<Datum, String>;

/// The value of an expression for one row of objects.
///
/// # Errors
/// One sentence: a property or variable that there is not, a pattern that cannot be read.
pub fn value(
    expression: &Expression,
    rows: &Rows,
    row: &[Datum],
    variables: Variables<'_>,
) -> Result<Datum, String> {
    let evaluate = |e: &Expression| value(e, rows, row, variables);
    Ok(match expression {
        Expression::Text(text) => {
            Datum::Text(written(text, &|name, members| variable(name, members, rows, row, variables))?)
        }
        Expression::Variable(name, members) => variable(name, members, rows, row, variables)?,
        Expression::List(all) => Datum::List(all.iter().map(evaluate).collect::<Result<_, _>>()?),
        Expression::Not(inner) => Datum::Bool(!evaluate(inner)?.is_true()),
        Expression::And(left, right) => Datum::Bool(evaluate(left)?.is_true() && evaluate(right)?.is_true()),
        Expression::Or(left, right) => Datum::Bool(evaluate(left)?.is_true() || evaluate(right)?.is_true()),
        Expression::Compare(operator, left, right) => {
            Datum::Bool(compare(*operator, &evaluate(left)?, &evaluate(right)?)?)
        }
    })
}

/// A text with its variables in place.
///
/// # Errors
/// A variable that there is not.
pub fn written(text: &Text, of: Lookup<'_>) -> Result<String, String> {
    let mut whole = String::new();
    for part in text {
        match part {
            Part::Plain(plain) => whole.push_str(plain),
            Part::Variable(name, members) => whole.push_str(&of(name, members)?.shown()),
        }
    }
    Ok(whole)
}

/// Whether all properties that a condition names are there.
///
/// # Errors
/// One that is not, with those that there are.
pub fn check(expression: &Expression, rows: &Rows) -> Result<(), String> {
    let own = |name: &str| name.eq_ignore_ascii_case("_") || name.eq_ignore_ascii_case("PSItem");
    match expression {
        Expression::Variable(name, members) => match members.first() {
            Some(first) if own(name) => place(rows, first).map(drop),
            _ => Ok(()),
        },
        Expression::Text(_) => Ok(()),
        Expression::List(all) => all.iter().try_for_each(|e| check(e, rows)),
        Expression::Not(inner) => check(inner, rows),
        Expression::And(left, right) | Expression::Or(left, right) | Expression::Compare(_, left, right) => {
            check(left, rows)?;
            check(right, rows)
        }
    }
}

fn variable(
    name: &str,
    members: &[String],
    rows: &Rows,
    row: &[Datum],
    variables: Variables<'_>,
) -> Result<Datum, String> {
    if !name.eq_ignore_ascii_case("_") && !name.eq_ignore_ascii_case("PSItem") {
        let found = variables(name).ok_or_else(|| format!("${name} is not set"))?;
        return of_members(found, members);
    }
    match members.split_first() {
        None => Ok(Datum::Rows(rows.one(row))),
        Some((first, rest)) => {
            let place = place(rows, first)?;
            of_members(row.get(place).cloned().unwrap_or(Datum::Null), rest)
        }
    }
}

/// The member of a member …
///
/// # Errors
/// One that there is not.
pub fn of_members(datum: Datum, members: &[String]) -> Result<Datum, String> {
    members
        .iter()
        .try_fold(datum, |datum, name| datum.member(name).ok_or_else(|| format!("there is no {name} of it")))
}

/// Where a property is. What filters or sorts must not guess: an unknown one is nothing, and nothing is unequal to all.
///
/// # Errors
/// A property that there is not, with those that there are.
pub fn place(rows: &Rows, name: &str) -> Result<usize, String> {
    rows.place(name)
        .ok_or_else(|| format!("there is no property {name} here; there are {}", rows.properties.join(", ")))
}

/// The places of properties that are named or like a pattern; those that there are not.
pub fn places(rows: &Rows, names: &[String]) -> (Vec<usize>, Vec<String>) {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let fits: Vec<usize> = rows
            .properties
            .iter()
            .enumerate()
            .filter(|(_, p)| like(name, p, false))
            .map(|(at, _)| at)
            .collect();
        if fits.is_empty() {
            unknown.push(name.clone());
        }
        fits.into_iter().for_each(|at| {
            if !found.contains(&at) {
                found.push(at);
            }
        });
    }
    (found, unknown)
}
