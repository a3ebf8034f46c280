//! `config show`: what this command line goes by, and who said so: flag, variable, context, file, or nobody.

use clap::parser::ValueSource;
use serde_json::{Value, json};

use crate::{
    cmd::Asked,
    contexts::{Contexts, LOCAL},
    database,
    exit::{self, Failure},
    instance::data_folder,
    out::Column,
};

/// Whether it is told who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Values alone.
    Values,
    /// Values and where they come from.
    Origins,
}

const COLUMNS: [Column; 3] =
    [Column::of("NAME", "/name"), Column::of("VALUE", "/value"), Column::of("ORIGIN", "/origin")];

/// What holds by name, and who said so.
struct Row(String, Option<String>, String);

impl Row {
    fn of(name: &str, value: Option<String>, origin: String) -> Self {
        Self(name.to_owned(), value, origin)
    }
}

/// Shows all of it. Nothing is asked of a service or a store.
pub fn show(asked: &Asked<'_>, telling: Telling) -> Result<u8, Failure> {
    let flags = asked.global;
    let mut rows = vec![server(asked)?];
    let folder = data_folder(flags)?.display().to_string();
    rows.push(Row::of(
        "data-dir",
        Some(folder),
        origin(asked, "data_dir", flags.defaults.data_dir.is_some()),
    ));
    let (place, who) = match database::url(flags)? {
        Some(url) => (database::shown(&url), database_origin(asked)),
        None => ("SQLite in the data folder".to_owned(), "default".to_owned()),
    };
    rows.push(Row::of("database", Some(place), who));
    for (id, in_file) in flags.defaults.words() {
        let value = asked.matches.get_raw(id).and_then(|mut all| all.next());
        let value = value.map(|value| value.to_string_lossy().into_owned());
        rows.push(Row(id.replace('_', "-"), value, origin(asked, id, in_file.is_some())));
    }
    let told = |Row(name, value, origin): Row| match telling {
        Telling::Values => json!({ "name": name, "value": value }),
        Telling::Origins => json!({ "name": name, "value": value, "origin": origin }),
    };
    let shown = if telling == Telling::Origins { 3 } else { 2 };
    asked.out.list(&rows.into_iter().map(told).collect::<Value>(), &COLUMNS[..shown])?;
    Ok(exit::OK)
}

fn server(asked: &Asked<'_>) -> Result<Row, Failure> {
    let flags = asked.global;
    if let Some(server) = &flags.server {
        return Ok(Row::of("server", Some(server.clone()), origin(asked, "server", false)));
    }
    let known = Contexts::read()?;
    let is_local = flags.data_dir.is_some() || database::is_given(flags);
    let (name, who) = match &flags.context {
        Some(name) => (Some(name.clone()), origin(asked, "context", false)),
        None => (known.current.clone().filter(|_| !is_local), "context".to_owned()),
    };
    Ok(match name.as_deref() {
        Some(LOCAL) => Row::of("server", None, who),
        Some(name) => {
            let server = known.find(name).map(|context| context.server.clone());
            let by = if who == "context" { String::new() } else { format!(", named by {who}") };
            Row::of("server", server, format!("context {name}{by}"))
        }
        None if !is_local && flags.defaults.server.is_some() => {
            Row::of("server", flags.defaults.server.clone(), origin(asked, "server", true))
        }
        None => Row::of("server", None, "default".to_owned()),
    })
}

fn database_origin(asked: &Asked<'_>) -> String {
    match asked.global.database_url_file {
        Some(_) => origin(asked, "database_url_file", false),
        None => format!("{} or a credential", database::VARIABLE),
    }
}

/// Who said what the flag of that id means.
fn origin(asked: &Asked<'_>, id: &str, in_file: bool) -> String {
    match asked.matches.value_source(id) {
        Some(ValueSource::CommandLine) => "flag".to_owned(),
        Some(ValueSource::EnvVariable) => format!("MAILFERRY_{}", id.to_ascii_uppercase()),
        _ if in_file => {
            let place = asked.global.defaults.place.as_deref();
            place.map_or_else(String::new, |place| place.display().to_string())
        }
        _ => "default".to_owned(),
    }
}
