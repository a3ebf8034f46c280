//! What holds on this machine where neither a flag nor a variable says otherwise: `/etc/mailferry/mailferry.toml`, or
//! the file that `MAILFERRY_CONFIG` names. No secret stands in it, only where secrets are.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::{Command, ValueEnum};
use serde::Deserialize;

use crate::{
    args::{Form, Language, LogForm, ProgressForm},
    cmd::schedule,
    exit::Failure,
};

/// Where it is unless `MAILFERRY_CONFIG` names another.
const PLACE: &str = "/etc/mailferry/mailferry.toml";
/// The variable that names another.
const VARIABLE: &str = "MAILFERRY_CONFIG";

/// The file, each word as the flag of that name takes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Defaults {
    /// The service to ask where nobody has signed in at another.
    pub server: Option<String>,
    /// A token for it, in a file.
    pub service_token_file: Option<PathBuf>,
    /// Authorities that its certificate may come from.
    pub service_ca_file: Option<PathBuf>,
    /// Where is kept what is remembered.
    pub data_dir: Option<PathBuf>,
    output: Option<String>,
    log_format: Option<String>,
    progress: Option<String>,
    lang: Option<String>,
    tz: Option<String>,
    /// Which file said so.
    #[serde(skip)]
    pub place: Option<PathBuf>,
}

impl Defaults {
    /// What the file says; nothing where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or has words that mean nothing here.
    pub fn read() -> Result<Self, Failure> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let place = named.clone().unwrap_or_else(|| PathBuf::from(PLACE));
        match std::fs::read_to_string(&place) {
            Ok(text) => Self::of(&text, &place),
            Err(e)
                if named.is_none() && matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(Self::default())
            }
            Err(e) => Err(Failure::usage(format!("{}: {e}", place.display()))),
        }
    }

    fn of(text: &str, place: &Path) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::usage(format!("{}: {what}", place.display()));
        let read: Self = toml::from_str(text).map_err(|e| {
            // The line itself is not repeated: somebody may have written a password into it.
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let what = e.message().lines().next().unwrap_or_default();
            wrong(&format!("line {line}: {what}"))
        })?;
        let words = [
            ("output", is_one::<Form>(read.output.as_deref())),
            ("log-format", is_one::<LogForm>(read.log_format.as_deref())),
            ("progress", is_one::<ProgressForm>(read.progress.as_deref())),
            ("lang", is_one::<Language>(read.lang.as_deref())),
            ("tz", read.tz.as_deref().is_none_or(|name| schedule::zoned(name).is_ok())),
        ];
        if let Some((name, _)) = words.iter().find(|(_, is_known)| !is_known) {
            return Err(wrong(&format!("{name} has a value that --{name} does not take")));
        }
        let paths = [&read.service_token_file, &read.service_ca_file, &read.data_dir];
        if paths.into_iter().flatten().any(|path| path.is_relative()) {
            return Err(wrong("paths are absolute here"));
        }
        Ok(Self { place: Some(place.to_owned()), ..read })
    }

    /// The command line where the words of the file are what flags mean that nobody gives.
    pub fn over(&self, command: Command) -> Command {
        self.words().into_iter().fold(command, |command, (name, value)| match value {
            Some(value) => command.mut_arg(name, |arg| arg.default_value(value.to_owned())),
            None => command,
        })
    }

    /// The words that are flags' defaults.
    pub fn words(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("output", self.output.as_deref()),
            ("log_format", self.log_format.as_deref()),
            ("progress", self.progress.as_deref()),
            ("lang", self.lang.as_deref()),
            ("tz", self.tz.as_deref()),
        ]
    }
}

fn is_one<T: ValueEnum>(word: Option<&str>) -> bool {
    word.is_none_or(|word| T::from_str(word, false).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Defaults::of(text, Path::new("/etc/m.toml")).unwrap_err().sentence()
    }

    #[test]
    fn a_file_that_means_nothing_is_refused_with_its_line() {
        assert!(refused("output = \"table\"\npasword = \"hunter2\"\n").contains("line 2"));
        assert!(!refused("output = \"table\"\npasword = \"hunter2\"\n").contains("hunter2"));
        assert!(refused("output = \"tables\"").contains("--output"));
        assert!(refused("tz = \"Europe/Berlim\"").contains("--tz"));
        assert!(refused("data-dir = \"here\"").contains("absolute"));
        assert!(Defaults::of("tz = \"Europe/Berlin\"\nlang = \"en\"", Path::new("x")).is_ok());
    }
}
