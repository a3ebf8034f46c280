//! Message flags: the system flags by name, everything else as it was written.
//!
//! What flags mean for a migration, and which a target accepts, is decided elsewhere.

use std::fmt;

/// One flag of a message or of a mailbox's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// `\Recent`, which no client can set.
    Recent,
    /// `\*` in PERMANENTFLAGS: keywords may be created.
    Any,
    /// Another name with a backslash, kept with it.
    Extension(String),
    /// A keyword, also one that the grammar forbids (`[bad]`).
    Keyword(String),
}

impl Flag {
    /// Reads a flag as written; system flags in any case. Octets that are not UTF-8 are replaced.
    // RFC 9051 §2.3.2
    pub fn parse(text: &[u8]) -> Self {
        if text.first() == Some(&b'\\')
            && let Some((flag, _)) =
                SYSTEM.into_iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(text))
        {
            return flag;
        }
        let text = String::from_utf8_lossy(text).into_owned();
        if text.starts_with('\\') { Flag::Extension(text) } else { Flag::Keyword(text) }
    }

    /// As it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Flag::Extension(text) | Flag::Keyword(text) => text,
            system => SYSTEM.iter().find(|(flag, _)| flag == system).map_or("", |(_, name)| name),
        }
    }

    /// Whether the grammar lets it stand in a STORE or APPEND.
    // RFC 9051 §9 flag-keyword = atom
    pub fn is_settable(&self) -> bool {
        let name = match self {
            Flag::Recent | Flag::Any => return false,
            Flag::Extension(text) => text.strip_prefix('\\').unwrap_or(text),
            Flag::Keyword(text) => text,
            _ => return true,
        };
        !name.is_empty() && name.bytes().all(super::string::is_atom_char)
    }
}

const SYSTEM: [(Flag, &str); 7] = [
    (Flag::Seen, "\\Seen"),
    (Flag::Answered, "\\Answered"),
    (Flag::Flagged, "\\Flagged"),
    (Flag::Deleted, "\\Deleted"),
    (Flag::Draft, "\\Draft"),
    (Flag::Recent, "\\Recent"),
    (Flag::Any, "\\*"),
];

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        assert_eq!(Flag::parse(b"\\seen"), Flag::Seen);
        assert_eq!(Flag::parse(b"\\*"), Flag::Any);
        for text in ["\\Seen", "\\Draft", "$Forwarded", "NonJunk", "[bad]", "\\Junk", "\\*"] {
            assert_eq!(Flag::parse(text.as_bytes()).to_string(), text);
        }
        assert!(Flag::parse(b"NonJunk").is_settable());
        for text in ["[bad]", "\\Recent", "\\*", "a b", "", "ü"] {
            assert!(!Flag::parse(text.as_bytes()).is_settable(), "{text}");
        }
    }
}
