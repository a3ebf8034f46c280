//! Where the names of an account begin, how they are written, and names to paths and back.
//!
//! Mostly the server tells (NAMESPACE). Where it does not, the listing or a refused CREATE does.

use std::sync::OnceLock;

use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    folder::{FolderPath, Namespace as Whose},
};
use mailferry_wire::imap::{Listed, MailboxName, NameEncoding, Namespace, Namespaces, mutf7};

/// Where names begin and how they are written.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How names are written.
    pub encoding: NameEncoding,
    /// The namespaces, where the server told.
    pub namespaces: Namespaces,
    /// The owner's own, where the server did not tell and it was found out.
    found: OnceLock<Namespace>,
}

impl Layout {
    /// Of a server that has told nothing yet.
    pub fn of(encoding: NameEncoding) -> Self {
        Self { encoding, namespaces: Namespaces::default(), found: OnceLock::new() }
    }

    fn own(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.personal.iter().chain(self.found.get())
    }

    /// Prefix and separator of new folders of the mailbox's owner.
    pub fn personal(&self) -> (&[u8], Option<u8>) {
        self.own().next().map_or((&b""[..], None), |n| (n.prefix.raw(), n.separator))
    }

    /// Whether nobody has told yet where the owner's names begin.
    pub fn is_untold(&self) -> bool {
        self.own().next().is_none()
    }

    /// Learns from a listing: a server that does not tell namespaces, and where everything but INBOX lies below it,
    /// has nothing beside it.
    pub fn learn(&self, listed: &[Listed]) {
        let mut others = listed.iter().filter(|l| !l.name.is_inbox());
        let Some(separator) = others.next().and_then(|l| l.separator).filter(|_| self.is_untold()) else {
            return;
        };
        if listed.iter().all(|l| l.name.is_inbox() || is_below_inbox(&l.name, separator)) {
            self.lies_below_inbox(separator);
        }
    }

    /// All folders of the owner lie below INBOX: remembered for the account.
    pub fn lies_below_inbox(&self, separator: u8) {
        if self.is_untold() {
            let prefix = MailboxName::from_wire([b"INBOX", &[separator][..]].concat());
            _ = self.found.set(Namespace { prefix, separator: Some(separator) });
        }
    }

    /// The same before that is known: what it would be.
    pub fn if_below_inbox(&self, separator: u8) -> Self {
        let other = self.clone();
        other.lies_below_inbox(separator);
        other
    }

    /// Whose a name is, and its part without the prefix of the personal namespace.
    fn place<'a>(&self, raw: &'a [u8]) -> (Whose, &'a [u8]) {
        let spaces = &self.namespaces;
        let foreign = [(&spaces.others, Whose::OtherUsers), (&spaces.shared, Whose::Shared)];
        let foreign =
            foreign.iter().flat_map(|(list, kind)| list.iter().map(move |n| (n.prefix.raw(), *kind)));
        let own = self.own().map(|n| (n.prefix.raw(), Whose::Personal));
        let within = |prefix: &[u8]| {
            raw.starts_with(prefix) || (!prefix.is_empty() && raw == &prefix[..prefix.len() - 1])
        };
        let best = own.chain(foreign).filter(|(p, _)| within(p)).max_by_key(|(p, _)| p.len());
        match best {
            Some((prefix, Whose::Personal)) => {
                let virtual_view =
                    prefix.len() > 1 && prefix[..prefix.len() - 1].eq_ignore_ascii_case(b"virtual");
                let kind = if virtual_view { Whose::Virtual } else { Whose::Personal };
                (kind, raw.strip_prefix(&prefix[..]).filter(|r| !r.is_empty()).unwrap_or(raw))
            }
            // Kept with its prefix: without it a shared folder could be taken for one of the owner's.
            Some((prefix, kind)) => {
                let public = prefix.to_ascii_lowercase().starts_with(b"public");
                (if public { Whose::Public } else { kind }, raw)
            }
            None => (Whose::Personal, raw),
        }
    }

    /// The path of a name.
    pub fn path(&self, name: &MailboxName, separator: Option<u8>) -> (Whose, FolderPath) {
        if name.is_inbox() {
            return (Whose::Personal, FolderPath::of(["INBOX"]));
        }
        let (namespace, rest) = self.place(name.raw());
        let parts: Vec<&[u8]> = match separator {
            Some(separator) => rest.split(|b| *b == separator).filter(|p| !p.is_empty()).collect(),
            None => vec![rest],
        };
        let text = |part: &&[u8]| MailboxName::from_wire(part.to_vec()).to_text(self.encoding);
        let mut names: Vec<String> = parts.iter().map(text).collect();
        let under_inbox = names.len() > 1 && names[0].eq_ignore_ascii_case("INBOX");
        if under_inbox && self.personal().0.is_empty() {
            names[0] = "INBOX".into();
        }
        (namespace, FolderPath(names))
    }

    /// The name of a path in the personal namespace.
    ///
    /// # Errors
    /// `Malformed` (folder) if a name cannot be written.
    pub fn name(&self, side: Side, path: &FolderPath, separator: Option<u8>) -> Result<MailboxName> {
        if path.is_inbox() {
            return Ok(MailboxName::inbox());
        }
        let refused =
            |why: String| Error::new(Kind::Malformed, side, "create folder", why).scope_of(Scope::Folder);
        let mut raw = self.personal().0.to_vec();
        for (at, name) in path.0.iter().enumerate() {
            let encoded = match self.encoding {
                NameEncoding::ModifiedUtf7 => mutf7::encode(name).into_bytes(),
                NameEncoding::Utf8 => name.clone().into_bytes(),
            };
            match separator {
                Some(separator) if encoded.contains(&separator) => {
                    return Err(refused(format!("{:?} separates folders here", separator as char)));
                }
                Some(separator) if at > 0 => raw.push(separator),
                None if at > 0 => return Err(refused("the server has no folders within folders".into())),
                _ => {}
            }
            if encoded.is_empty() {
                return Err(refused("a folder name is empty".into()));
            }
            raw.extend_from_slice(&encoded);
        }
        Ok(MailboxName::from_wire(raw))
    }
}

/// Whether a name lies below INBOX, however that is spelled.
fn is_below_inbox(name: &MailboxName, separator: u8) -> bool {
    let raw = name.raw();
    raw.len() > 6 && raw[..5].eq_ignore_ascii_case(b"INBOX") && raw[5] == separator
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str], separator: u8) -> Vec<Listed> {
        let one = |name: &&str| Listed {
            name: MailboxName::from_wire(name.as_bytes().to_vec()),
            separator: Some(separator),
            attributes: Vec::new(),
            child_info: Vec::new(),
            old_name: None,
            extended: Vec::new(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn where_nobody_tells_namespaces_and_all_lies_below_inbox_it_is_the_prefix() {
        for (names, separator, prefix) in [
            (&["INBOX", "INBOX.Sent", "INBOX.A.B"][..], b'.', "INBOX."),
            (&["Inbox", "INBOX/Sent"][..], b'/', "INBOX/"),
            (&["INBOX", "INBOX.Sent", "Other"][..], b'.', ""),
            (&["INBOX"][..], b'.', ""),
        ] {
            let layout = Layout::of(NameEncoding::ModifiedUtf7);
            layout.learn(&listed(names, separator));
            assert_eq!(layout.personal().0, prefix.as_bytes(), "{names:?}");
        }
    }

    #[test]
    fn a_prefix_that_was_found_out_is_no_parent() {
        let layout = Layout::of(NameEncoding::ModifiedUtf7);
        layout.learn(&listed(&["INBOX", "INBOX.Sent"], b'.'));
        let name = MailboxName::from_wire(b"INBOX.Sent".to_vec());
        assert_eq!(layout.path(&name, Some(b'.')).1, FolderPath::of(["Sent"]));
        assert_eq!(layout.name(Side::Target, &FolderPath::of(["Sent"]), Some(b'.')).unwrap(), name);
        layout.learn(&listed(&["INBOX", "Other"], b'.'));
        assert_eq!(layout.personal().0, b"INBOX.", "what is known stays for the account");
    }

    #[test]
    fn what_the_server_tells_is_not_guessed() {
        let told = Namespace { prefix: MailboxName::from_wire(Vec::new()), separator: Some(b'.') };
        let namespaces = Namespaces { personal: vec![told], ..Namespaces::default() };
        let layout = Layout { namespaces, ..Layout::of(NameEncoding::ModifiedUtf7) };
        layout.learn(&listed(&["INBOX", "INBOX.Sent"], b'.'));
        assert_eq!(layout.personal().0, b"");
    }
}
