//! Names of mailboxes: from the wire and back, separators, patterns, and who refuses which.

use mailferry_wire::imap::MailboxName;

use super::{
    config::{Namespaces, Space},
    quirk::Quirk,
    session::Session,
    store::Account,
    verdict::Verdict,
};

impl Namespaces {
    /// The namespace that a name belongs to: the longest prefix that fits.
    pub(super) fn of(&self, name: &str) -> Option<&Space> {
        let all = self.personal.iter().chain(&self.others).chain(&self.shared);
        let fits = |space: &&Space| {
            let bare = space.prefix.trim_end_matches(space.separator);
            name.starts_with(&space.prefix) || name == bare
        };
        all.filter(fits).max_by_key(|space| space.prefix.len())
    }

    /// The separator in a name.
    pub(super) fn separator(&self, name: &str) -> char {
        self.of(name).or(self.personal.first()).map_or('/', |space| space.separator)
    }
}

impl Session {
    /// A name from the wire as it is kept: INBOX in capitals, and another case where the server does not care.
    // RFC 9051 §5.1
    pub(super) fn name(&self, name: &MailboxName) -> String {
        let mut text = name.to_text(self.names);
        let separator = self.shared.config.namespaces.separator(&text);
        if text.len() > 1 && text.ends_with(separator) {
            text.pop();
        }
        let first = text.split(separator).next().unwrap_or_default();
        if first.eq_ignore_ascii_case("INBOX") {
            text.replace_range(..5, "INBOX");
        }
        if self.shared.quirks.has(&Quirk::IgnoresCase) {
            let store = self.shared.store();
            let mut known = store.accounts.get(self.user()).into_iter().flat_map(|a| a.mailboxes.keys());
            if let Some(same) = known.find(|known| known.to_lowercase() == text.to_lowercase()) {
                return same.clone();
            }
        }
        text
    }

    /// A name for the wire.
    pub(super) fn wire(&self, name: &str) -> MailboxName {
        MailboxName::from_text(name, self.names)
    }

    /// Why a mailbox of that name cannot be made.
    pub(super) fn refuse_name(&self, name: &str) -> Option<Verdict> {
        let namespaces = &self.shared.config.namespaces;
        let separator = namespaces.separator(name);
        if name.is_empty() || name.split(separator).any(str::is_empty) {
            return Some(Verdict::no("CANNOT", "Invalid mailbox name: Empty level"));
        }
        let personal = namespaces.of(name).is_some_and(|space| namespaces.personal.contains(space));
        if !personal && name != "INBOX" {
            return Some(Verdict::no("NOPERM", "Invalid mailbox name: not in your namespace"));
        }
        let bad = self.shared.quirks.all(|quirk| match quirk {
            Quirk::RefusesNames(text) if name.contains(*text) => Some(()),
            _ => None,
        });
        (!bad.is_empty()).then(|| Verdict::no("CANNOT", "Invalid mailbox name"))
    }
}

/// The levels above a name, topmost first.
pub(super) fn parents(name: &str, separator: char) -> impl Iterator<Item = &str> {
    name.match_indices(separator).map(|(at, _)| &name[..at]).filter(|parent| !parent.is_empty())
}

/// Whether a name lies below another.
pub(super) fn is_below(name: &str, parent: &str, separator: char) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with(separator))
}

/// All names that LIST knows: mailboxes and the levels above them.
pub(super) fn all_names(account: &Account, namespaces: &Namespaces) -> std::collections::BTreeSet<String> {
    let mut names = std::collections::BTreeSet::new();
    for name in account.mailboxes.keys() {
        names.extend(parents(name, namespaces.separator(name)).map(str::to_owned));
        names.insert(name.clone());
    }
    names
}

/// Whether a name matches a pattern of LIST: `*` everything, `%` all but the separator.
// RFC 9051 §6.3.9
pub(super) fn matches(pattern: &str, name: &str, separator: char) -> bool {
    let (mut states, pattern): (Vec<bool>, Vec<char>) = (Vec::new(), pattern.chars().collect());
    states.resize(pattern.len() + 1, false);
    states[0] = true;
    let spread = |states: &mut Vec<bool>| {
        for (i, sign) in pattern.iter().enumerate() {
            if states[i] && matches!(sign, '*' | '%') {
                states[i + 1] = true;
            }
        }
    };
    spread(&mut states);
    for letter in name.chars() {
        let mut next = vec![false; states.len()];
        for (i, sign) in pattern.iter().enumerate().filter(|(i, _)| states[*i]) {
            match sign {
                '*' => next[i] = true,
                '%' => next[i] |= letter != separator,
                sign => next[i + 1] |= *sign == letter,
            }
        }
        states = next;
        spread(&mut states);
    }
    states.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "ab", true),
            ("%/%", "a/b", true),
            ("a*", "a/b/c", true),
            ("a/%", "a/b/c", false),
            ("*c", "a/b/c", true),
            ("%b*", "ab/c", true),
            ("", "a", false),
            ("INBOX", "INBOX", true),
        ] {
            assert_eq!(matches(pattern, name, '/'), fits, "{pattern} {name}");
        }
        assert_eq!(parents("a/b/c", '/').collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(is_below("a/b", "a", '/') && !is_below("ab", "a", '/'));
        let below = Namespaces::below_inbox();
        assert!(below.of("INBOX.x").is_some() && below.of("INBOX").is_some() && below.of("x").is_none());
    }
}
