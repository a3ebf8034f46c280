//! What a server says that it can do.
//!
//! Holds names exactly as announced (in upper case) and answers questions by name; whether a server keeps what it
//! announces, and quirks, belong to the connector.

use super::command::Literals;
use std::{collections::BTreeSet, fmt};

/// The announced capabilities; also used for the answer to ENABLE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    names: BTreeSet<String>,
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Capabilities that we ask about by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Capability { $($(#[$doc])* $variant),* }

        impl Capability {
            /// All of them.
            pub const ALL: &[Capability] = &[$(Capability::$variant),*];

            /// As announced.
            pub const fn as_str(self) -> &'static str {
                match self { $(Capability::$variant => $name),* }
            }
        }
    };
}

capabilities! {
    /// RFC 3501
    Imap4Rev1 = "IMAP4REV1",
    /// RFC 9051
    Imap4Rev2 = "IMAP4REV2",
    /// RFC 9051 §6.2.3: signing in with LOGIN is refused (before TLS)
    LoginDisabled = "LOGINDISABLED",
    /// RFC 9051 §6.2.1
    StartTls = "STARTTLS",
    /// RFC 4959: initial response in AUTHENTICATE
    SaslIr = "SASL-IR",
    /// RFC 7888
    LiteralPlus = "LITERAL+",
    /// RFC 7888: non-synchronising up to 4096 octets
    LiteralMinus = "LITERAL-",
    /// RFC 3502
    MultiAppend = "MULTIAPPEND",
    /// RFC 4315
    UidPlus = "UIDPLUS",
    /// RFC 2342
    Namespace = "NAMESPACE",
    /// RFC 6154
    SpecialUse = "SPECIAL-USE",
    /// RFC 6154
    CreateSpecialUse = "CREATE-SPECIAL-USE",
    /// RFC 5258
    ListExtended = "LIST-EXTENDED",
    /// RFC 5819
    ListStatus = "LIST-STATUS",
    /// RFC 8440
    ListMyRights = "LIST-MYRIGHTS",
    /// RFC 7162
    CondStore = "CONDSTORE",
    /// RFC 7162
    QResync = "QRESYNC",
    /// RFC 5161
    Enable = "ENABLE",
    /// RFC 2971
    Id = "ID",
    /// RFC 2177
    Idle = "IDLE",
    /// RFC 3691
    Unselect = "UNSELECT",
    /// RFC 6851
    Move = "MOVE",
    /// RFC 4731
    Esearch = "ESEARCH",
    /// RFC 5182
    SearchRes = "SEARCHRES",
    /// RFC 8474
    ObjectId = "OBJECTID",
    /// RFC 8438
    StatusSize = "STATUS=SIZE",
    /// RFC 8514
    SaveDate = "SAVEDATE",
    /// RFC 3516
    Binary = "BINARY",
    /// RFC 6855
    Utf8Accept = "UTF8=ACCEPT",
    /// RFC 6855
    Utf8Only = "UTF8=ONLY",
    /// RFC 4978
    CompressDeflate = "COMPRESS=DEFLATE",
    /// RFC 2087 and RFC 9208
    Quota = "QUOTA",
    /// RFC 4314
    Acl = "ACL",
    /// RFC 9394
    Partial = "PARTIAL",
    /// RFC 9586
    UidOnly = "UIDONLY",
    /// RFC 8508
    Replace = "REPLACE",
    /// Gmail: X-GM-MSGID, X-GM-THRID, X-GM-LABELS
    Gmail = "X-GM-EXT-1",
}

/// A size limit for APPEND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendLimit {
    /// The same for all mailboxes, in octets.
    Octets(u64),
    /// Each mailbox has its own: ask STATUS.
    PerMailbox,
}

impl Capabilities {
    /// Reads a list of names separated by spaces.
    pub fn parse(text: &[u8]) -> Self {
        let words = text.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
        Self { names: words.map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect() }
    }

    /// Whether a capability is announced, also as part of IMAP4rev2.
    pub fn has(&self, capability: Capability) -> bool {
        self.has_named(capability.as_str())
            || (self.names.contains(Capability::Imap4Rev2.as_str()) && within_rev2(capability))
    }

    /// Whether a name is announced; the letter case does not matter.
    pub fn has_named(&self, name: &str) -> bool {
        self.names.contains(name) || self.names.contains(&name.to_ascii_uppercase())
    }

    /// The names in alphabetical order, in upper case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether nothing is announced (or nothing was asked yet).
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Adds a name; for emulators and for what ENABLE switched on.
    pub fn insert(&mut self, name: &str) {
        self.names.insert(name.to_ascii_uppercase());
    }

    /// Takes a name away, as a connector does for a capability that the server does not keep.
    pub fn remove(&mut self, name: &str) {
        self.names.remove(&name.to_ascii_uppercase());
    }

    /// Whether a SASL mechanism is announced (`AUTH=…`).
    pub fn has_auth(&self, mechanism: &str) -> bool {
        self.has_named(&format!("AUTH={mechanism}"))
    }

    /// The announced SASL mechanisms.
    pub fn auth_mechanisms(&self) -> impl Iterator<Item = &str> {
        self.names().filter_map(|name| name.strip_prefix("AUTH="))
    }

    /// How literals may be sent.
    // RFC 7888 §4, §5; RFC 9051 includes LITERAL-.
    pub fn literals(&self) -> Literals {
        if self.has(Capability::LiteralPlus) {
            Literals::Plus
        } else if self.has(Capability::LiteralMinus) {
            Literals::Minus
        } else {
            Literals::Synchronizing
        }
    }

    /// The largest message that APPEND takes, where announced.
    // RFC 7889 §2
    pub fn append_limit(&self) -> Option<AppendLimit> {
        self.names().find_map(|name| match name.strip_prefix("APPENDLIMIT")? {
            "" => Some(AppendLimit::PerMailbox),
            rest => rest.strip_prefix('=')?.parse().ok().map(AppendLimit::Octets),
        })
    }

    /// How many messages one command may touch, where announced.
    // RFC 9738 §3
    pub fn message_limit(&self) -> Option<u32> {
        let value = |prefix: &str| self.names().find_map(|name| name.strip_prefix(prefix)?.parse().ok());
        value("MESSAGELIMIT=").or_else(|| value("SAVELIMIT="))
    }
}

// RFC 9051 Appendix E
fn within_rev2(capability: Capability) -> bool {
    use Capability::*;
    matches!(
        capability,
        SaslIr
            | LiteralMinus
            | UidPlus
            | Namespace
            | SpecialUse
            | ListExtended
            | ListStatus
            | Enable
            | Idle
            | Unselect
            | Move
            | Esearch
            | SearchRes
            | StatusSize
    )
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl<'a> FromIterator<&'a str> for Capabilities {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self { names: names.into_iter().map(str::to_ascii_uppercase).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        let caps = Capabilities::parse(
            b"IMAP4rev1 LITERAL+ AUTH=PLAIN auth=XOAuth2 APPENDLIMIT=35651584 MESSAGELIMIT=1000 X-GM-EXT-1",
        );
        assert!(
            caps.has(Capability::Imap4Rev1) && caps.has(Capability::Gmail) && !caps.has(Capability::Move)
        );
        assert!(caps.has_auth("XOAUTH2"));
        assert_eq!(caps.auth_mechanisms().collect::<Vec<_>>(), ["PLAIN", "XOAUTH2"]);
        assert_eq!(caps.append_limit(), Some(AppendLimit::Octets(35_651_584)));
        assert_eq!(caps.message_limit(), Some(1000));
        assert_eq!(caps.literals(), Literals::Plus);
        assert_eq!(Capabilities::parse(b"APPENDLIMIT").append_limit(), Some(AppendLimit::PerMailbox));
        let rev2 = Capabilities::parse(b"IMAP4rev2");
        assert!(
            rev2.has(Capability::Move)
                && rev2.has(Capability::LiteralMinus)
                && !rev2.has(Capability::CondStore)
        );
        assert_eq!(rev2.literals(), Literals::Minus);
        assert_eq!(Capabilities::parse(b" \r\n").literals(), Literals::Synchronizing);
    }
}
