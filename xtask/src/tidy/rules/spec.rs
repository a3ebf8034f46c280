//! What comments cite stands in `spec/index.tsv`, and what the index says is done is cited.
//!
//! The grammar: `RFC 9051 §6.3.12`, `MS-OXCFXICS 2.2.4.3`, `Graph: message-delta`, `Google: gmail-history`.

use std::collections::BTreeSet;

use crate::tidy::{Rule, Tree, Violation};

/// Citations and index agree.
pub const RULE: Rule = Rule {
    name: "spec",
    demands: "every specification cited in a comment is in `spec/index.tsv`, and every one marked Yes or Partial is cited",
    check,
};

const INDEX: &str = "spec/index.tsv";
/// Explains citations by examples.
const TIDY: &str = "xtask/src/tidy/";
const STATUS: [&str; 4] = ["Yes", "Partial", "Planned", "No"];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    let index = index(tree, found);
    let mut cited = BTreeSet::new();
    for (file, facts) in tree.rust().filter(|(file, _)| !file.path.starts_with(TIDY)) {
        for (line, comment) in &facts.split.comments {
            for citation in citations(comment) {
                match citation {
                    Ok(id) => {
                        if !index.iter().any(|entry| entry.id == id) {
                            let message = format!("{id} is not in {INDEX}");
                            found.push(Violation::new(&file.path, *line, RULE.name, message));
                        }
                        cited.insert(id);
                    }
                    Err(wrong) => {
                        let message = format!("{wrong:?}: write `RFC 9051 §6.3.12`");
                        found.push(Violation::new(&file.path, *line, RULE.name, message));
                    }
                }
            }
        }
    }
    for entry in index.iter().filter(|entry| entry.is_done && !cited.contains(&entry.id)) {
        let message = format!("{} is cited nowhere: remove it, or mark it Planned or No", entry.id);
        found.push(Violation::new(INDEX, entry.line, RULE.name, message));
    }
}

struct Entry {
    id: String,
    line: usize,
    is_done: bool,
}

fn index(tree: &Tree, found: &mut Vec<Violation>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (n, line) in tree.text(INDEX).unwrap_or_default().lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split('\t').collect::<Vec<_>>()[..] {
            [id, title, status] if STATUS.contains(&status) && !title.is_empty() => {
                if entries.iter().any(|entry| entry.id == id) {
                    found.push(Violation::new(INDEX, n + 1, RULE.name, format!("{id} stands here twice")));
                }
                let is_done = matches!(status, "Yes" | "Partial");
                entries.push(Entry { id: id.to_owned(), line: n + 1, is_done });
            }
            _ => found.push(Violation::new(
                INDEX,
                n + 1,
                RULE.name,
                "write: id, title, Yes|Partial|Planned|No, with tabs between",
            )),
        }
    }
    entries
}

/// The specifications that a comment cites; what looks like a citation but is none, as an error.
fn citations(comment: &str) -> Vec<Result<String, String>> {
    let mut all = Vec::new();
    for (at, _) in comment.match_indices("RFC") {
        let rest = comment.get(at + 3..).unwrap_or_default();
        let (gap, number) = (rest.chars().next().unwrap_or(' '), digits(rest.get(1..).unwrap_or_default()));
        match gap {
            ' ' if !number.is_empty() => all.push(Ok(format!("RFC {number}"))),
            '-' | '_' if !number.is_empty() => all.push(Err(format!("RFC{gap}{number}"))),
            // RFC822.SIZE and its kin are words of IMAP, not citations.
            '0'..='9' if digits(rest) == "822" => {}
            '0'..='9' if !preceded_by_word(comment, at) => all.push(Err(format!("RFC{}", digits(rest)))),
            _ => {}
        }
    }
    for (at, _) in comment.match_indices("MS-").filter(|(at, _)| !preceded_by_word(comment, *at)) {
        let rest = comment.get(at + 3..).unwrap_or_default();
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit()).collect();
        if name.len() >= 3 {
            all.push(Ok(format!("MS-{name}")));
        }
    }
    for family in ["Graph: ", "Google: "] {
        for (at, _) in comment.match_indices(family).filter(|(at, _)| !preceded_by_word(comment, *at)) {
            let rest = comment.get(at + family.len()..).unwrap_or_default();
            let page: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            if page.len() >= 3 {
                all.push(Ok(format!("{family}{page}")));
            }
        }
    }
    all
}

fn digits(text: &str) -> String {
    text.chars().take_while(char::is_ascii_digit).collect()
}

fn preceded_by_word(text: &str, at: usize) -> bool {
    text.get(..at)
        .is_some_and(|before| before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::citations;

    #[test]
    fn the_grammar_of_citations() {
        let ok = |text: &str| citations(text).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(ok("as in RFC 9051 §6.3.12, RFC 7162"), ["RFC 9051", "RFC 7162"]);
        assert_eq!(ok("MS-OXCFXICS 2.2.4.3; Graph: message-delta"), ["MS-OXCFXICS", "Graph: message-delta"]);
        assert_eq!(ok("an RFC says; a Paragraph: x; FORMS-ABC"), Vec::<String>::new());
        assert!(citations("RFC3501").iter().any(Result::is_err));
        assert!(citations("RFC-3501").iter().any(Result::is_err));
    }
}
