//! Arguments to parameters: names without case, unambiguous beginnings, places, switches. Judges every argument of a
//! command at once and names each one that is unknown, unsupported or not of its kind; never what it was given.

use super::{
    datum::{Datum, Rows, What},
    syntax::Token,
    table::{Cmdlet, Fate, Parameter},
};

/// An argument whose variables are resolved.
pub enum Given {
    /// `-Name`, with what stands behind its colon.
    Parameter(String, Option<Datum>),
    /// A value.
    Value(Datum),
    /// A block in braces.
    Block(Vec<Token>),
    /// `@{ … }`
    Table,
}

/// What a parameter was given.
#[derive(Clone, Debug)]
pub enum Held {
    /// A value.
    Value(Datum),
    /// A block in braces.
    Block(Vec<Token>),
}

/// The arguments of a command by what takes them.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    held: Vec<(&'static str, &'static str, Held)>,
    /// What was accepted without effect, or read differently.
    pub notes: Vec<String>,
}

/// Finds the parameter of that name or beginning.
fn find(cmdlet: &'static Cmdlet, name: &str) -> Result<&'static Parameter, String> {
    let all = || cmdlet.all_parameters();
    if let Some(exact) = all().find(|p| p.name.eq_ignore_ascii_case(name)) {
        return Ok(exact);
    }
    let lower = name.to_lowercase();
    let begins: Vec<_> = all().filter(|p| p.name.to_lowercase().starts_with(&lower)).collect();
    match begins.as_slice() {
        [one] => Ok(one),
        [] => {
            let near =
                all().filter(|p| is_near(&p.name.to_lowercase(), &lower)).map(|p| format!("-{}", p.name));
            let near: Vec<String> = near.take(3).collect();
            let hint =
                if near.is_empty() { String::new() } else { format!(" (perhaps {})", near.join(", ")) };
            Err(format!("-{name} is no parameter{hint}"))
        }
        several => {
            let names: Vec<String> = several.iter().map(|p| format!("-{}", p.name)).collect();
            Err(format!("-{name} may be {}", names.join(" or ")))
        }
    }
}

/// Whether a name is probably a mistyped other one.
fn is_near(known: &str, typed: &str) -> bool {
    let same = known.chars().zip(typed.chars()).take_while(|(a, b)| a == b).count();
    let longer = known.len().max(typed.len());
    known.contains(typed) || typed.contains(known) || (same >= 4 && same * 2 > longer)
}

/// The parameters that take values by their places, in order.
fn places(cmdlet: &'static Cmdlet) -> impl Iterator<Item = &'static Parameter> {
    const BY_PLACE: [&str; 6] = ["FilterScript", "Property", "Identity", "Name", "Credential", "Path"];
    BY_PLACE.iter().filter_map(|name| cmdlet.parameters.iter().find(|p| p.name == *name))
}

/// Binds arguments.
///
/// # Errors
/// One sentence for each fault.
pub fn bind(cmdlet: &'static Cmdlet, given: Vec<Given>) -> Result<Bound, Vec<String>> {
    let mut binder = Binder { cmdlet, bound: Bound::default(), faults: Vec::new(), taken: Vec::new() };
    let mut given = given.into_iter().peekable();
    while let Some(argument) = given.next() {
        let Given::Parameter(name, colon) = argument else {
            binder.by_place(argument);
            continue;
        };
        let parameter = match find(cmdlet, &name) {
            Ok(parameter) => parameter,
            Err(fault) => {
                binder.faults.push(fault);
                // Its value is no value of another.
                given.next_if(|next| !matches!(next, Given::Parameter(..)));
                continue;
            }
        };
        let value = match colon {
            Some(value) => Some(Given::Value(value)),
            None if parameter.takes == "switch" => {
                let spoken = given.next_if(|next| matches!(next, Given::Value(Datum::Bool(_))));
                if spoken.is_some() {
                    binder.bound.notes.push(format!(
                        "-{}: the value behind it is read as the switch's own",
                        parameter.name
                    ));
                }
                Some(spoken.unwrap_or(Given::Value(Datum::Bool(true))))
            }
            None => given.next_if(|next| !matches!(next, Given::Parameter(..))),
        };
        binder.take(parameter, value);
    }
    match binder.faults.is_empty() {
        true => Ok(binder.bound),
        false => Err(binder.faults),
    }
}

struct Binder {
    cmdlet: &'static Cmdlet,
    bound: Bound,
    faults: Vec<String>,
    taken: Vec<&'static str>,
}

impl Binder {
    fn by_place(&mut self, value: Given) {
        let free = places(self.cmdlet).find(|p| {
            !self.taken.contains(&p.name) && (p.takes == "block") == matches!(value, Given::Block(_))
        });
        match free {
            Some(parameter) => self.take(parameter, Some(value)),
            None => self.faults.push("there is a value too many, which no parameter takes".to_owned()),
        }
    }

    fn take(&mut self, parameter: &'static Parameter, value: Option<Given>) {
        let name = parameter.name;
        if self.taken.contains(&name) {
            return self.faults.push(format!("-{name} is given twice"));
        }
        self.taken.push(name);
        let value = match value {
            Some(value) => value,
            None => {
                return self.faults.push(format!(
                    "-{name} has no value (where a shell took a $variable away, quote it: '$credentials')"
                ));
            }
        };
        let held = match value {
            Given::Block(tokens) if parameter.takes == "block" => Held::Block(tokens),
            Given::Value(datum) => match converted(parameter, datum) {
                Ok(datum) => Held::Value(datum),
                Err(fault) => return self.faults.push(format!("-{name} {fault}")),
            },
            Given::Table => {
                return self.faults.push(format!("-{name}: calculated properties, @{{…}}, are not read"));
            }
            _ => return self.faults.push(format!("-{name} takes no block in braces")),
        };
        let off = matches!(held, Held::Value(Datum::Bool(false)));
        match parameter.fate {
            Fate::Ours(key) => self.bound.held.push((key, name, held)),
            Fate::Ignored(why) if !off => {
                self.bound.notes.push(format!("-{name} is accepted without effect: {why}"))
            }
            Fate::Refused(why) if !off => self.faults.push(format!("-{name} is not supported: {why}")),
            _ => {}
        }
    }
}

/// A value as its parameter takes it.
fn converted(parameter: &Parameter, datum: Datum) -> Result<Datum, String> {
    let wrong = |what: &str| Err(what.to_owned());
    match (parameter.takes, datum) {
        ("credential", datum) => Ok(datum),
        ("bytes", file @ Datum::File(_)) => Ok(file),
        ("bytes", Datum::Text(_)) => {
            wrong("takes the bytes of a file: ([System.IO.File]::ReadAllBytes(\"FILE\"))")
        }
        ("switch" | "bool", Datum::Bool(b)) => Ok(Datum::Bool(b)),
        ("switch" | "bool", Datum::Whole(n @ (0 | 1))) => Ok(Datum::Bool(n == 1)),
        ("switch" | "bool", _) => wrong("takes $true or $false"),
        ("list", Datum::Null) => Ok(Datum::List(Vec::new())),
        ("list", Datum::List(all)) => Ok(Datum::List(all)),
        ("list", one) => Ok(Datum::List(vec![one])),
        (_, Datum::Null) => wrong("is given nothing ($null)"),
        ("number", datum) => whole(&datum).map(Datum::Whole).ok_or_else(|| "takes a whole number".to_owned()),
        ("unlimited", Datum::Text(text)) if text.eq_ignore_ascii_case("Unlimited") => Ok(Datum::Text(text)),
        ("unlimited", datum) => {
            whole(&datum).map(Datum::Whole).ok_or_else(|| "takes a whole number or Unlimited".to_owned())
        }
        ("time", datum) => {
            super::compare::moment(&datum).map(Datum::Time).ok_or_else(|| "takes a time".to_owned())
        }
        ("secret", _) => Ok(Datum::Null),
        ("block", _) => wrong("takes a condition in braces: {$_.Status -eq 'Synced'}"),
        (_, Datum::List(_) | Datum::Credential(_) | Datum::File(_)) => wrong("takes one value"),
        (words, datum) if words.contains('|') => {
            let typed = datum.shown();
            let known = words.split('|').find(|w| w.eq_ignore_ascii_case(&typed));
            known
                .map(|w| Datum::Text(w.to_owned()))
                .ok_or_else(|| format!("is one of {}", words.replace('|', ", ")))
        }
        (_, datum) => Ok(Datum::Text(datum.shown())),
    }
}

fn whole(datum: &Datum) -> Option<i64> {
    match datum {
        Datum::Whole(n) => Some(*n),
        Datum::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Bound {
    /// What was given for one of our parts.
    pub fn get(&self, key: &str) -> Option<&Datum> {
        self.held.iter().find_map(|(k, _, held)| match held {
            Held::Value(datum) if *k == key => Some(datum),
            _ => None,
        })
    }

    /// The block that was given.
    pub fn block(&self, key: &str) -> Option<&[Token]> {
        self.held.iter().find_map(|(k, _, held)| match held {
            Held::Block(tokens) if *k == key => Some(tokens.as_slice()),
            _ => None,
        })
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(Datum::shown)
    }

    /// A whole number; one that is below nothing is nothing.
    pub fn number(&self, key: &str) -> Option<usize> {
        match self.get(key)? {
            Datum::Whole(n) => Some(usize::try_from(*n).unwrap_or(0)),
            _ => None,
        }
    }

    /// Whether a switch is on.
    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Datum::Bool(true)))
    }

    /// The texts of a list.
    pub fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Datum::List(all)) => all.iter().map(Datum::shown).collect(),
            Some(one) => vec![one.shown()],
            None => Vec::new(),
        }
    }

    /// What was given for parts that begin so: the rest of the part's name, the parameter, the value.
    pub fn all(&self, begins: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &Datum)> {
        self.held.iter().filter_map(move |(key, name, held)| match held {
            Held::Value(datum) => Some((key.strip_prefix(begins)?, *name, datum)),
            Held::Block(_) => None,
        })
    }

    /// Takes from an object of a pipeline what names it.
    ///
    /// # Errors
    /// Objects of another noun, or no parameter that is still free for them: nothing is guessed.
    pub fn adopt(&mut self, row: &Rows, cmdlet: &Cmdlet) -> Result<(), String> {
        let takes =
            |key: &str| cmdlet.parameters.iter().any(|p| matches!(p.fate, Fate::Ours(ours) if ours == key));
        let key = match row.what {
            What::Batch if takes("batch") => "batch",
            What::Endpoint if takes("endpoint") => "endpoint",
            _ => "identity",
        };
        let fits = key != "identity"
            || match row.what {
                What::Endpoint => cmdlet.name.ends_with("Endpoint"),
                What::Batch => cmdlet.name.ends_with("Batch"),
                What::User => cmdlet.name.contains("User") || cmdlet.name.contains("MoveRequest"),
                What::Other => true,
            };
        if !takes(key) || !fits {
            return Err(format!("{} takes nothing of what comes through the |", cmdlet.name));
        }
        if self.get(key).is_some() {
            return Err(format!("{} has its -Identity already, and more comes through the |", cmdlet.name));
        }
        let identity = row.first("Identity");
        let identity =
            identity.ok_or_else(|| "what comes through the | has no Identity any more".to_owned())?;
        self.held.push((key, "Identity", Held::Value(identity.clone())));
        if let Some(batch) = row.first("BatchId").filter(|_| row.what == What::User) {
            self.held.push(("batch of identity", "BatchId", Held::Value(batch.clone())));
        }
        Ok(())
    }
}
