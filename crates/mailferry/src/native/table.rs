//! What is known of commands: native cmdlets and their parameters, what is run elsewhere, native words for kinds of
//! systems. Facts, in tables beside this file; nothing is run here.

use std::sync::LazyLock;

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It is run.
    Does,
    /// It is run on what comes through a pipeline.
    Stage,
    /// It is checked; nothing does it yet.
    Later,
}

/// What becomes of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The part of us that takes it.
    Ours(&'static str),
    /// Accepted without effect, and why.
    Ignored(&'static str),
    /// Refused, and why.
    Refused(&'static str),
    /// Not judged before its cmdlet does something.
    Unjudged,
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its native name.
    pub name: &'static str,
    /// What it takes: `switch`, `text`, `number`, …, or words with `|` between them.
    pub takes: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cmdlet {
    /// Its native name.
    pub name: &'static str,
    /// What becomes of it.
    pub doing: Doing,
    /// What it does, or what to do until it does.
    pub words: &'static str,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

/// What becomes of a command that is not run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing has to be done.
    Needless,
    /// It is run there; shown whole, ready to be copied.
    Copied(&'static str),
    /// It is run there; it may hold secrets and is not shown.
    Apart(&'static str),
    /// It is PowerShell, which this is not.
    Unread,
}

static CMDLETS: LazyLock<Vec<Cmdlet>> = LazyLock::new(|| {
    let mut all: Vec<Cmdlet> = Vec::new();
    for columns in rows(include_str!("cmdlets.tsv")) {
        let column = |n: usize| columns.get(n).copied().unwrap_or_default();
        match (column(0), all.last_mut()) {
            ("", Some(cmdlet)) => {
                let fate = match column(3) {
                    "ours" => Fate::Ours(column(4)),
                    "ignored" => Fate::Ignored(column(4)),
                    "refused" => Fate::Refused(column(4)),
                    _ => Fate::Unjudged,
                };
                cmdlet.parameters.push(Parameter { name: column(1), takes: column(2), fate });
            }
            (name, _) => {
                let doing = match column(1) {
                    "does" => Doing::Does,
                    "stage" => Doing::Stage,
                    _ => Doing::Later,
                };
                all.push(Cmdlet { name, doing, words: column(2), parameters: Vec::new() });
            }
        }
    }
    all
});

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(|l| l.split('\t').collect())
}

/// All commands with parameters.
#[cfg(test)]
pub fn cmdlets() -> &'static [Cmdlet] {
    &CMDLETS
}

/// The command of that name or short name.
pub fn cmdlet(name: &str) -> Option<&'static Cmdlet> {
    let find = |name: &str| CMDLETS.iter().find(|c| c.name.eq_ignore_ascii_case(name) && c.name != "*");
    find(name).or_else(|| {
        let mut aliases = rows(include_str!("aliases.tsv"));
        find(aliases.find(|a| a.first().is_some_and(|n| n.eq_ignore_ascii_case(name)))?.get(1)?)
    })
}

/// Commands whose names are like one that there is not.
pub fn like(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase();
    let noun = wanted.split_once('-').map_or(wanted.as_str(), |(_, noun)| noun);
    let near = |c: &&Cmdlet| c.name.to_lowercase().contains(noun) || noun.contains(&noun_of(c.name));
    CMDLETS.iter().filter(|c| c.name.contains('-')).filter(near).map(|c| c.name).take(5).collect()
}

fn noun_of(name: &str) -> String {
    name.split_once('-').map_or(name, |(_, noun)| noun).to_lowercase()
}

/// A command that is not run here: its name, what becomes of it, what it does or what to do instead.
pub fn elsewhere(name: &str) -> Option<(&'static str, Elsewhere, &'static str)> {
    let mut all = rows(include_str!("elsewhere.tsv"));
    let row = all.find(|r| r.first().is_some_and(|n| n.eq_ignore_ascii_case(name)))?;
    let column = |n: usize| row.get(n).copied().unwrap_or_default();
    let what = match column(1) {
        "needless" => Elsewhere::Needless,
        "copied" => Elsewhere::Copied(column(3)),
        "apart" => Elsewhere::Apart(column(3)),
        _ => Elsewhere::Unread,
    };
    Some((column(0), what, column(2)))
}

impl Cmdlet {
    /// Its parameters and those that every command takes.
    pub fn all_parameters(&self) -> impl Iterator<Item = &Parameter> {
        let shared = CMDLETS.iter().find(|c| c.name == "*").map(|c| c.parameters.as_slice());
        self.parameters.iter().chain(shared.unwrap_or_default())
    }
}

fn kinds() -> impl Iterator<Item = [&'static str; 3]> {
    rows(include_str!("kinds.tsv")).filter_map(|r| match r.as_slice() {
        ["kind", switch, native, ours] => Some([*switch, *native, *ours]),
        _ => None,
    })
}

fn words() -> impl Iterator<Item = [&'static str; 4]> {
    rows(include_str!("kinds.tsv")).filter_map(|r| match r.as_slice() {
        ["word", kind, setting, native, ours] => Some([*kind, *setting, *native, *ours]),
        _ => None,
    })
}

/// The setting of a type for which a parameter stands.
pub fn setting_of(kind: &str, setting: &'static str) -> &'static str {
    let mut own = rows(include_str!("kinds.tsv")).filter_map(|r| match r.as_slice() {
        ["setting", of, general, own] if *of == kind && *general == setting => Some(*own),
        _ => None,
    });
    own.next().unwrap_or(setting)
}

/// Our type for a switch such as `IMAP`.
pub fn kind_of_switch(switch: &str) -> Option<&'static str> {
    kinds().find(|k| k[0].eq_ignore_ascii_case(switch)).map(|k| k[2])
}

/// The switches that choose a kind.
pub fn switches() -> Vec<&'static str> {
    kinds().map(|k| k[0]).collect()
}

/// Our type for an EndpointType; other words as they are.
pub fn kind_of_type(native: &str) -> String {
    kinds()
        .find(|k| k[1].eq_ignore_ascii_case(native))
        .map_or_else(|| native.to_lowercase(), |k| k[2].to_owned())
}

/// The EndpointType of one of our types; other types as they are.
pub fn type_of_kind(kind: &str) -> String {
    kinds().find(|k| k[2] == kind).map_or_else(|| kind.to_owned(), |k| k[1].to_owned())
}

/// Our word for a native one, as the value of a setting.
pub fn word_to_ours(kind: &str, setting: &str, native: &str) -> String {
    let fits =
        |w: &[&str; 4]| (w[0] == kind || w[0] == "*") && w[1] == setting && w[2].eq_ignore_ascii_case(native);
    words().find(fits).map_or_else(|| native.to_lowercase(), |w| w[3].to_owned())
}

/// The native word for one of ours.
pub fn word_to_native(kind: &str, setting: &str, ours: &str) -> String {
    let fits = |w: &[&str; 4]| (w[0] == kind || w[0] == "*") && w[1] == setting && w[3] == ours;
    words().find(fits).map_or_else(
        || {
            let mut letters = ours.chars();
            letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect()
        },
        |w| w[2].to_owned(),
    )
}
