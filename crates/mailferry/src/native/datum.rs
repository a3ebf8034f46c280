//! Values as commands hand them on, and objects in rows. A password is among them and never shown.

use std::path::PathBuf;

use jiff::Timestamp;
use mailferry_model::secret::Secret;
use serde_json::{Value, json};

/// A user and a password, as `Get-Credential` makes them.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The user, unless the password stands for itself.
    pub user: Option<String>,
    /// The password.
    pub password: Secret<String>,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Datum {
    /// Nothing.
    Null,
    /// `$true` or `$false`
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Number(f64),
    /// A text.
    Text(String),
    /// A time.
    Time(Timestamp),
    /// Several.
    List(Vec<Datum>),
    /// A credential.
    Credential(Credential),
    /// The bytes of a file.
    File(PathBuf),
    /// Objects.
    Rows(Rows),
}

/// What objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Endpoints.
    Endpoint,
    /// Batches.
    Batch,
    /// Mailboxes of batches.
    User,
    /// Anything else.
    Other,
}

/// How objects are to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// As suits them: few properties in a table, more in a list.
    Default,
    /// These properties one a line.
    List(Vec<usize>),
    /// These in a table, with or without heads.
    Table(Vec<usize>, bool),
}

/// Objects with the same properties.
#[derive(Clone, Debug)]
pub struct Rows {
    /// What they are.
    pub what: What,
    /// Their properties.
    pub properties: Vec<String>,
    /// Those that are shown in a table unless others are asked for; none: all.
    pub view: &'static [&'static str],
    /// The values, in the order of the properties.
    pub rows: Vec<Vec<Datum>>,
    /// How they are shown.
    pub look: Look,
}

impl Rows {
    /// Objects with these properties.
    pub fn new(
        what: What,
        properties: &[&str],
        view: &'static [&'static str],
        rows: Vec<Vec<Datum>>,
    ) -> Self {
        let properties = properties.iter().map(|p| (*p).to_owned()).collect();
        Self { what, properties, view, rows, look: Look::Default }
    }

    /// Where a property is.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|p| p.eq_ignore_ascii_case(name))
    }

    /// The same objects, other rows.
    pub fn with(&self, rows: Vec<Vec<Datum>>) -> Self {
        Self { rows, ..Self { rows: Vec::new(), ..self.clone() } }
    }

    /// A row as an object of its own.
    pub fn one(&self, row: &[Datum]) -> Self {
        Self {
            what: self.what,
            properties: self.properties.clone(),
            view: self.view,
            rows: vec![row.to_vec()],
            look: Look::Default,
        }
    }

    /// The value of the first row.
    pub fn first(&self, name: &str) -> Option<&Datum> {
        self.rows.first()?.get(self.place(name)?)
    }

    /// As JSON, the properties that are shown.
    pub fn json(&self) -> Vec<Value> {
        let all: Vec<usize> = (0..self.properties.len()).collect();
        let shown = match &self.look {
            Look::List(places) | Look::Table(places, _) => places,
            Look::Default => &all,
        };
        let object = |row: &Vec<Datum>| {
            let fields =
                shown.iter().filter_map(|p| Some((self.properties.get(*p)?.clone(), row.get(*p)?.json())));
            Value::Object(fields.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

impl Datum {
    /// A text, or nothing.
    pub fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |t| Self::Text(t.to_owned()))
    }

    /// A field of a JSON document: a text that is a time is one.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => {
                n.as_i64().map_or_else(|| Self::Number(n.as_f64().unwrap_or(0.0)), Self::Whole)
            }
            Value::String(s) => Self::Text(s.clone()),
            Value::Array(all) => Self::List(all.iter().map(Self::of).collect()),
            Value::Object(_) => Self::Text(value.to_string()),
        }
    }

    /// A field that holds a time.
    pub fn time(value: &Value) -> Self {
        let time = value.as_str().and_then(|t| t.parse().ok());
        time.map_or(Self::Null, Self::Time)
    }

    /// As people are shown it.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Whole(n) => n.to_string(),
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text.clone(),
            Self::Time(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            Self::List(all) => {
                let all: Vec<String> = all.iter().map(Self::shown).collect();
                format!("{{{}}}", all.join(", "))
            }
            Self::Credential(_) => "System.Management.Automation.PSCredential".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Rows(rows) => rows.first("Identity").map(Self::shown).unwrap_or_default(),
        }
    }

    /// As programs are shown it.
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => json!(b),
            Self::Whole(n) => json!(n),
            Self::Number(n) => json!(n),
            Self::Time(time) => json!(time),
            Self::List(all) => Value::Array(all.iter().map(Self::json).collect()),
            Self::Rows(rows) => Value::Array(rows.json()),
            other => json!(other.shown()),
        }
    }

    /// Whether it counts as true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Whole(n) => *n != 0,
            Self::Number(n) => *n != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(all) => !all.is_empty(),
            Self::Rows(rows) => !rows.rows.is_empty(),
            Self::Time(_) | Self::Credential(_) | Self::File(_) => true,
        }
    }

    /// A member of it: a property of an object, of a credential; the Identity of a name is the name.
    pub fn member(&self, name: &str) -> Option<Datum> {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        match self {
            Self::Null => Some(Self::Null),
            Self::Text(_) if is("Identity") || is("Name") || is("RawIdentity") => Some(self.clone()),
            Self::Text(text) if is("Length") => Some(Self::Whole(text.chars().count() as i64)),
            Self::List(all) if is("Count") || is("Length") => Some(Self::Whole(all.len() as i64)),
            Self::Rows(rows) if is("Count") && rows.place("Count").is_none() => {
                Some(Self::Whole(rows.rows.len() as i64))
            }
            Self::Rows(rows) => {
                let place = rows.place(name)?;
                let mut values: Vec<Datum> = rows.rows.iter().filter_map(|r| r.get(place).cloned()).collect();
                match values.len() {
                    0 => Some(Self::Null),
                    1 => values.pop(),
                    _ => Some(Self::List(values)),
                }
            }
            Self::Credential(credential) if is("UserName") => Some(Self::text(credential.user.as_deref())),
            Self::Credential(_) if is("Password") => Some(Self::Text(HIDDEN.to_owned())),
            _ => None,
        }
    }

    /// A credential as an object.
    pub fn into_rows(self) -> Datum {
        let Self::Credential(credential) = self else { return self };
        let row = vec![Self::text(credential.user.as_deref()), Self::Text(HIDDEN.to_owned())];
        Self::Rows(Rows::new(What::Other, &["UserName", "Password"], &[], vec![row]))
    }
}

/// What stands for a password.
const HIDDEN: &str = "System.Security.SecureString";
