//! What objects go through: Where-Object, Select-Object, Sort-Object, Measure-Object, Format-List, Format-Table.

use super::{
    bind::Bound,
    compare::{number, order},
    datum::{Datum, Look, Rows, What},
    evaluate::{Variables, check, place, places, value},
    syntax::{self, Expression},
    table::Cmdlet,
};

/// What a stage says beside what it hands on.
pub type Said = Vec<String>;

/// Runs a stage.
///
/// # Errors
/// One sentence.
pub fn run(
    cmdlet: &Cmdlet,
    bound: &Bound,
    rows: Rows,
    variables: Variables<'_>,
) -> Result<(Datum, Said), String> {
    let mut said = Vec::new();
    let handed = match cmdlet.name {
        "Where-Object" => {
            let Some(block) = bound.block("condition") else {
                return Err("a condition is missing: {$_.Status -eq 'Synced'}".to_owned());
            };
            let condition = syntax::expression(block).map_err(|u| u.text)?;
            Datum::Rows(filter(rows, &condition, variables)?)
        }
        "Select-Object" => return select(bound, rows),
        "Sort-Object" => Datum::Rows(sort(bound, rows)?),
        "Measure-Object" => Datum::Rows(measure(bound, &rows)?),
        "Format-List" => Datum::Rows(shaped(bound, rows, &mut said, Look::List)),
        "Format-Table" => {
            let heads = !bound.is_on("no-heads");
            Datum::Rows(shaped(bound, rows, &mut said, |places| Look::Table(places, heads)))
        }
        "Out-Null" => Datum::Null,
        _ => Datum::Rows(rows),
    };
    Ok((handed, said))
}

/// The rows that a condition holds for. It is judged without rows, too: a property that there is not is named.
///
/// # Errors
/// One sentence.
pub fn filter(rows: Rows, condition: &Expression, variables: Variables<'_>) -> Result<Rows, String> {
    check(condition, &rows)?;
    let mut kept = Vec::new();
    for row in &rows.rows {
        if value(condition, &rows, row, variables)?.is_true() {
            kept.push(row.clone());
        }
    }
    Ok(rows.with(kept))
}

fn select(bound: &Bound, mut rows: Rows) -> Result<(Datum, Said), String> {
    let mut said = Vec::new();
    let skip = bound.number("skip").unwrap_or(0);
    let all = rows.rows.len();
    let (from, to) = match (bound.number("first"), bound.number("last")) {
        (Some(first), _) => (skip, skip.saturating_add(first)),
        (None, Some(last)) => (all.saturating_sub(last.saturating_add(skip)), all.saturating_sub(skip)),
        (None, None) => (skip, all),
    };
    rows.rows = rows.rows.into_iter().take(to).skip(from).collect();
    if let Some(name) = bound.text("expand") {
        let place = place(&rows, &name)?;
        let values: Vec<Datum> = rows
            .rows
            .into_iter()
            .filter_map(|mut r| (place < r.len()).then(|| r.swap_remove(place)))
            .collect();
        return Ok((Datum::List(values), said));
    }
    let wanted = bound.list("property");
    let (mut chosen, unknown) = match wanted.is_empty() {
        true => ((0..rows.properties.len()).collect(), Vec::new()),
        false => places(&rows, &wanted),
    };
    tell(&rows, &unknown, &mut said);
    let (left_out, _) = places(&rows, &bound.list("exclude"));
    chosen.retain(|p| !left_out.contains(p));
    let narrowed = !wanted.is_empty() || !left_out.is_empty();
    let mut properties: Vec<String> =
        chosen.iter().filter_map(|p| rows.properties.get(*p).cloned()).collect();
    // As natively: a property that there is not is there, and empty.
    properties.extend(unknown.iter().cloned());
    let cut = |row: &Vec<Datum>| {
        let mut cut: Vec<Datum> =
            chosen.iter().map(|p| row.get(*p).cloned().unwrap_or(Datum::Null)).collect();
        cut.resize(properties.len(), Datum::Null);
        cut
    };
    let mut cut: Vec<Vec<Datum>> = rows.rows.iter().map(cut).collect();
    if bound.is_on("unique") {
        unique(&mut cut);
    }
    let (what, view) = (rows.what, if narrowed { &[][..] } else { rows.view });
    Ok((Datum::Rows(Rows { what, properties, view, rows: cut, look: Look::Default }), said))
}

fn unique(rows: &mut Vec<Vec<Datum>>) {
    let mut seen = Vec::new();
    rows.retain(|row| {
        let key: Vec<String> = row.iter().map(|d| d.shown().to_lowercase()).collect();
        let fresh = !seen.contains(&key);
        seen.push(key);
        fresh
    });
}

fn tell(rows: &Rows, unknown: &[String], said: &mut Said) {
    if !unknown.is_empty() {
        let known = rows.properties.join(", ");
        said.push(format!("there is no property {} here; there are {known}", unknown.join(", ")));
    }
}

fn sort(bound: &Bound, mut rows: Rows) -> Result<Rows, String> {
    let mut names = bound.list("property");
    if names.is_empty() {
        names.extend(rows.properties.first().cloned());
    }
    let by: Vec<usize> = names.iter().map(|n| place(&rows, n)).collect::<Result<_, _>>()?;
    rows.rows.sort_by(|a, b| {
        let one = |p: &usize| match (a.get(*p), b.get(*p)) {
            (Some(Datum::Null), Some(Datum::Null)) => std::cmp::Ordering::Equal,
            (Some(Datum::Null), _) => std::cmp::Ordering::Less,
            (_, Some(Datum::Null)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => order(a, b).unwrap_or(std::cmp::Ordering::Equal),
            _ => std::cmp::Ordering::Equal,
        };
        by.iter().map(one).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    if bound.is_on("descending") {
        rows.rows.reverse();
    }
    if bound.is_on("unique") {
        unique(&mut rows.rows);
    }
    Ok(rows)
}

fn measure(bound: &Bound, rows: &Rows) -> Result<Rows, String> {
    let name = bound.text("property");
    let place = name.as_deref().map(|n| place(rows, n)).transpose()?;
    let values = place.map(|p| rows.rows.iter().filter_map(|r| number(r.get(p)?)).collect::<Vec<f64>>());
    let values = values.unwrap_or_default();
    let asked = |key: &str, value: Option<f64>| match value.filter(|_| bound.is_on(key)) {
        Some(n) if n.fract() == 0.0 => Datum::Whole(n as i64),
        Some(n) => Datum::Number(n),
        None => Datum::Null,
    };
    let sum: f64 = values.iter().sum();
    let some = !values.is_empty();
    let row = vec![
        Datum::Whole(rows.rows.len() as i64),
        asked("average", some.then(|| sum / values.len() as f64)),
        asked("sum", some.then_some(sum)),
        asked("maximum", values.iter().copied().reduce(f64::max)),
        asked("minimum", values.iter().copied().reduce(f64::min)),
        Datum::text(name.as_deref()),
    ];
    let heads = ["Count", "Average", "Sum", "Maximum", "Minimum", "Property"];
    Ok(Rows::new(What::Other, &heads, &[], vec![row]))
}

fn shaped(bound: &Bound, mut rows: Rows, said: &mut Said, look: impl Fn(Vec<usize>) -> Look) -> Rows {
    let wanted = bound.list("property");
    let (chosen, unknown) = places(&rows, &wanted);
    tell(&rows, &unknown, said);
    let chosen = match wanted.is_empty() {
        true if matches!(look(Vec::new()), Look::Table(..)) && !rows.view.is_empty() => {
            rows.view.iter().filter_map(|n| rows.place(n)).collect()
        }
        true => (0..rows.properties.len()).collect(),
        false => chosen,
    };
    rows.look = look(chosen);
    rows
}
