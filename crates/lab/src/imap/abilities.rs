//! Which extensions the server has. One that is switched off is neither announced nor obeyed.

use mailferry_wire::imap::Capability;

use Capability::*;

/// Extensions that are built.
const BUILT: &[Capability] = &[
    Imap4Rev1,
    SaslIr,
    LiteralPlus,
    MultiAppend,
    UidPlus,
    Namespace,
    SpecialUse,
    CreateSpecialUse,
    ListExtended,
    ListStatus,
    CondStore,
    QResync,
    Enable,
    Id,
    Unselect,
    Move,
    Esearch,
    ObjectId,
    StatusSize,
    Utf8Accept,
    Quota,
    SaveDate,
];

/// The extensions that are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abilities(Vec<Capability>);

impl Abilities {
    /// Everything that is built.
    pub fn all() -> Self {
        Self(BUILT.to_vec())
    }

    /// IMAP4rev1 and nothing more, as Courier without its extensions.
    pub fn least() -> Self {
        Self(vec![Imap4Rev1])
    }

    /// With one more. LITERAL- takes the place of LITERAL+.
    #[must_use]
    pub fn with(mut self, more: Capability) -> Self {
        if more == LiteralMinus {
            self = self.without(LiteralPlus);
        }
        if !self.has(more) {
            self.0.push(more);
        }
        self
    }

    /// With one less, and without what cannot be had without it.
    #[must_use]
    pub fn without(mut self, less: Capability) -> Self {
        self.0.retain(|ability| *ability != less && !(less == CondStore && *ability == QResync));
        self
    }

    /// Whether it is on.
    pub fn has(&self, ability: Capability) -> bool {
        self.0.contains(&ability)
    }

    /// As announced, one after the other.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|ability| match ability {
            // RFC 9051 §6.1.1: the letter case is free; people expect this one.
            Imap4Rev1 => "IMAP4rev1",
            Imap4Rev2 => "IMAP4rev2",
            other => other.as_str(),
        })
    }
}

impl Default for Abilities {
    fn default() -> Self {
        Self::all()
    }
}
