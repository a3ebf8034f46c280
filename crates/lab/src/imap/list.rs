//! LIST, LSUB, NAMESPACE: which mailboxes there are.

use std::collections::BTreeSet;

use mailferry_wire::imap::{Capability, MailboxName, Mailboxes, NameEncoding, StatusItem};

use super::{
    config::Space,
    names::{all_names, is_below, matches},
    session::Session,
    store::Access,
    verdict::Verdict,
};

/// One line of the answer.
struct Line {
    name: String,
    separator: char,
    attributes: Vec<String>,
    selectable: bool,
}

impl Session {
    /// LIST, with what RFC 5258, RFC 5819 and RFC 6154 add.
    pub(super) fn list(&mut self, query: &Mailboxes) -> Verdict {
        let extended = !query.only.is_empty() || !query.returns.is_empty() || query.patterns.len() > 1;
        if extended && !self.has(Capability::ListExtended) && !self.only_special_use(query) {
            return self.unknown("LIST with options");
        }
        if query.status.is_some() && !self.has(Capability::ListStatus) {
            return self.unknown("LIST RETURN STATUS");
        }
        // RFC 9051 §6.3.9: an empty pattern asks for the separator.
        if query.patterns.iter().all(|pattern| pattern.is_empty()) && !extended {
            let root = String::from_utf8_lossy(&query.reference).into_owned();
            let separator = self.shared.config.namespaces.separator(&root);
            let nothing = MailboxName::from_wire("");
            self.out.list("LIST", &["\\Noselect"], Some(separator as u8), &nothing);
            return Verdict::ok("LIST completed");
        }
        for line in self.lines(query) {
            let attributes: Vec<&str> = line.attributes.iter().map(String::as_str).collect();
            let name = self.wire(&line.name);
            self.out.list("LIST", &attributes, Some(line.separator as u8), &name);
            if let (Some(items), true) = (&query.status, line.selectable) {
                self.write_status(&line.name, items);
            }
        }
        Verdict::ok("LIST completed")
    }

    fn only_special_use(&self, query: &Mailboxes) -> bool {
        let mut options = query.only.iter().chain(&query.returns);
        self.has(Capability::SpecialUse) && options.all(|option| option == "SPECIAL-USE")
    }

    fn patterns(&self, query: &Mailboxes) -> Vec<String> {
        let text = |raw: &[u8]| MailboxName::from_wire(raw.to_vec()).to_text(self.names);
        let reference = text(&query.reference);
        query.patterns.iter().map(|pattern| format!("{reference}{}", text(pattern))).collect()
    }

    fn lines(&self, query: &Mailboxes) -> Vec<Line> {
        let patterns = self.patterns(query);
        let namespaces = &self.shared.config.namespaces;
        let store = self.shared.store();
        let Some(account) = store.accounts.get(self.user()) else { return Vec::new() };
        let asks = |option: &str| query.returns.iter().chain(&query.only).any(|o| o == option);
        let only = |option: &str| query.only.iter().any(|o| o == option);
        let mut names = all_names(account, namespaces);
        if only("SUBSCRIBED") {
            names = account.subscribed.clone();
        }
        let mut lines = Vec::new();
        for name in &names {
            let separator = namespaces.separator(name);
            let fits = |pattern: &String| {
                matches(pattern, name, separator)
                    || (name == "INBOX" && matches(&pattern.to_uppercase(), name, separator))
            };
            if !patterns.iter().any(fits) {
                continue;
            }
            let mailbox = account.mailboxes.get(name);
            let selectable = mailbox.is_some_and(|mailbox| mailbox.access != Access::Noselect);
            let mut attributes = Vec::new();
            if !selectable {
                // RFC 5258 §3: a subscribed name without a mailbox.
                let known = mailbox.is_some() || !only("SUBSCRIBED");
                attributes.push(if known { "\\Noselect" } else { "\\NonExistent" }.to_owned());
            }
            attributes.push(children(&names, name, separator).to_owned());
            if asks("SUBSCRIBED") && account.subscribed.contains(name) {
                attributes.push("\\Subscribed".to_owned());
            }
            let uses = mailbox.map(|mailbox| mailbox.uses.clone()).unwrap_or_default();
            if only("SPECIAL-USE") && uses.is_empty() {
                continue;
            }
            if self.has(Capability::SpecialUse) {
                attributes.extend(uses);
            }
            lines.push(Line { name: name.clone(), separator, attributes, selectable });
        }
        lines
    }

    /// LSUB
    // RFC 3501 §6.3.9
    pub(super) fn lsub(&mut self, query: &Mailboxes) -> Verdict {
        let patterns = self.patterns(query);
        let (subscribed, real): (BTreeSet<String>, BTreeSet<String>) = {
            let store = self.shared.store();
            let account = store.accounts.get(self.user());
            account.map(|a| (a.subscribed.clone(), a.mailboxes.keys().cloned().collect())).unwrap_or_default()
        };
        for name in &subscribed {
            let separator = self.shared.config.namespaces.separator(name);
            if patterns.iter().any(|pattern| matches(pattern, name, separator)) {
                let attributes: &[&str] = if real.contains(name) { &[] } else { &["\\Noselect"] };
                let name = self.wire(name);
                self.out.list("LSUB", attributes, Some(separator as u8), &name);
            }
        }
        Verdict::ok("LSUB completed")
    }

    /// NAMESPACE
    // RFC 2342 §5
    pub(super) fn namespace(&mut self) -> Verdict {
        let spaces = self.shared.config.namespaces.clone();
        self.out.text("* NAMESPACE");
        for kind in [&spaces.personal, &spaces.others, &spaces.shared] {
            self.out.text(" ");
            self.write_spaces(kind);
        }
        self.out.end();
        Verdict::ok("NAMESPACE completed")
    }

    fn write_spaces(&mut self, spaces: &[Space]) {
        if spaces.is_empty() {
            self.out.text("NIL");
            return;
        }
        self.out.text("(");
        for space in spaces {
            let prefix = MailboxName::from_text(&space.prefix, NameEncoding::ModifiedUtf7);
            self.out.text(format_args!("(\"{}\" \"{}\")", prefix.raw_text(), space.separator));
        }
        self.out.text(")");
    }

    /// `* STATUS`
    pub(super) fn write_status(&mut self, name: &str, items: &[StatusItem]) {
        let Some(values) = self.status_values(name, items) else { return };
        let wire = self.wire(name);
        self.out.text("* STATUS ").astring(wire.raw());
        self.out.text(format_args!(" ({})", values.join(" "))).end();
    }
}

fn children(names: &BTreeSet<String>, name: &str, separator: char) -> &'static str {
    let below = format!("{name}{separator}");
    let next = names.range(below..).next();
    if next.is_some_and(|next| is_below(next, name, separator)) { "\\HasChildren" } else { "\\HasNoChildren" }
}
