//! How a file is to be read: what its rows need, how it is encoded, what becomes of columns that mean nothing.

use super::Refusal;

/// Whether each mailbox needs a password of its own at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// The endpoint has no sign-in for all: each row needs one.
    Each,
    /// The endpoint signs in for all, or asks for nothing.
    None,
}

/// What the two endpoints need from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// At the source.
    pub source: Passwords,
    /// At the target.
    pub target: Passwords,
}

/// How a file is encoded, where no byte order mark says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or UTF-16 that shows by its zeros; what is neither is Windows-1252, unless a password has letters that
    /// would then be a guess.
    #[default]
    Auto,
    /// UTF-8 and nothing else.
    Utf8,
    /// What spreadsheets call ANSI in western Europe.
    Windows1252,
}

impl std::str::FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "windows-1252" | "cp1252" | "ansi" => Ok(Self::Windows1252),
            _ => Err("an encoding is auto, utf-8 or windows-1252".to_owned()),
        }
    }
}

/// What becomes of columns that mean nothing here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are left alone and told; one that looks like a misspelt name is refused.
    #[default]
    Told,
    /// They are left alone, however they are called (native: `AllowUnknownColumnsInCsv`).
    Allowed,
}

/// Domains that are another one at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRule {
    /// At the source, in lower case.
    pub from: String,
    /// At the target.
    pub to: String,
}

impl std::str::FromStr for DomainRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('=').ok_or("a domain rule is written old.example=new.example")?;
        let domain = |side: &str| {
            let side = side.trim().trim_start_matches('@');
            let fits = side.len() <= 253 && side.split('.').all(is_label);
            if fits { Ok(side.to_owned()) } else { Err(format!("{side:?} is not the name of a domain")) }
        };
        Ok(Self { from: domain(from)?.to_lowercase(), to: domain(to)? })
    }
}

/// Whether this may stand between the dots of a domain, in any script.
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
}

/// How a file is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What rows need.
    pub needs: Needs,
    /// How it is encoded.
    pub encoding: Encoding,
    /// What becomes of columns that mean nothing here.
    pub unknown: Unknown,
    /// Whose address has one of these domains and names none at the target is there in another.
    pub domains: Vec<DomainRule>,
}

impl Reading {
    /// As it comes, for rows with these needs.
    pub fn of(needs: Needs) -> Self {
        let (encoding, unknown) = (Encoding::default(), Unknown::default());
        Self { needs, encoding, unknown, domains: Vec::new() }
    }

    /// The address at the target where a row names none.
    pub(super) fn target_address(&self, address: &str) -> String {
        let other = address.rsplit_once('@').and_then(|(local, domain)| {
            let domain = domain.to_lowercase();
            let rule = self.domains.iter().find(|rule| rule.from == domain)?;
            Some(format!("{local}@{}", rule.to))
        });
        other.unwrap_or_else(|| address.to_owned())
    }

    /// Refuses two rules for one domain.
    ///
    /// # Errors
    /// `CSV_DOMAIN_TWICE`.
    pub fn check(&self) -> Result<(), Refusal> {
        let twice = self.domains.iter().enumerate().find(|(at, rule)| {
            self.domains.iter().take(*at).any(|above| above.from == rule.from && above.to != rule.to)
        });
        match twice {
            None => Ok(()),
            Some((_, rule)) => {
                let message = format!("The domain {} is to become two others.", rule.from);
                Err(Refusal::new("CSV_DOMAIN_TWICE", message))
            }
        }
    }
}
