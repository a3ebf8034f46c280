//! Objects for people, laid out as PowerShell does: `Name : value` a line, or a table with a line below its heads.

use super::datum::{Datum, Look, Rows};

/// More properties than this are shown one a line.
const WIDEST: usize = 4;

/// Anything as text; nothing of nothing.
pub fn text(datum: Datum) -> String {
    match datum.into_rows() {
        Datum::Null => String::new(),
        Datum::Rows(rows) => of_rows(&rows),
        Datum::List(all) => all.iter().map(|d| format!("{}\n", d.shown())).collect(),
        one => format!("{}\n", one.shown()),
    }
}

fn of_rows(rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return String::new();
    }
    let all: Vec<usize> = (0..rows.properties.len()).collect();
    match &rows.look {
        Look::List(places) => list(rows, places),
        Look::Table(places, heads) => table(rows, places, *heads),
        Look::Default if !rows.view.is_empty() => {
            let places: Vec<usize> = rows.view.iter().filter_map(|n| rows.place(n)).collect();
            table(rows, &places, true)
        }
        Look::Default if all.len() > WIDEST => list(rows, &all),
        Look::Default => table(rows, &all, true),
    }
}

fn list(rows: &Rows, places: &[usize]) -> String {
    let names: Vec<&str> =
        places.iter().filter_map(|p| rows.properties.get(*p)).map(String::as_str).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let mut text = "\n".to_owned();
    for row in &rows.rows {
        for (name, place) in names.iter().zip(places) {
            let shown = row.get(*place).map(Datum::shown).unwrap_or_default();
            // Further lines stand below the first one.
            let shown = shown.replace('\n', &format!("\n{}", " ".repeat(width + 3)));
            text.push_str(format!("{name:width$} : {shown}").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn table(rows: &Rows, places: &[usize], heads: bool) -> String {
    let name = |p: &usize| rows.properties.get(*p).cloned().unwrap_or_default();
    let cells: Vec<Vec<String>> = rows
        .rows
        .iter()
        .map(|row| {
            places
                .iter()
                .map(|p| row.get(*p).map(Datum::shown).unwrap_or_default().replace('\n', " "))
                .collect()
        })
        .collect();
    let numeric = |p: &usize| {
        let is_number = |d: &Datum| matches!(d, Datum::Whole(_) | Datum::Number(_));
        rows.rows.iter().filter_map(|r| r.get(*p)).all(|d| is_number(d) || matches!(d, Datum::Null))
            && rows.rows.iter().filter_map(|r| r.get(*p)).any(is_number)
    };
    let columns: Vec<(String, bool, usize)> = places
        .iter()
        .enumerate()
        .map(|(at, p)| {
            let name = name(p);
            let widest = cells.iter().filter_map(|c| c.get(at)).map(|c| c.chars().count()).max().unwrap_or(0);
            let width = if heads { widest.max(name.chars().count()) } else { widest };
            (name, numeric(p), width)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&columns)
            .map(|(cell, (_, right, width))| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            })
            .collect();
        format!("{}\n", padded.join(" ").trim_end())
    };
    let mut text = "\n".to_owned();
    if heads {
        let names: Vec<String> = columns.iter().map(|c| c.0.clone()).collect();
        let rules: Vec<String> = names.iter().map(|n| "-".repeat(n.chars().count())).collect();
        text.push_str(&line(&names));
        text.push_str(&line(&rules));
    }
    cells.iter().for_each(|c| text.push_str(&line(c)));
    text.push('\n');
    text
}
