//! Spread: how many files outside its folder name a connector. It is one, the registry.

use super::connector::{FOLDER, REGISTRY, connectors};
use crate::tidy::{File, Rule, Tree, Violation};

/// Product code names no connector.
pub const RULE: Rule = Rule {
    name: "spread",
    demands: "no product code outside its folder and the registry names a connector, as a path or as a string",
    check,
};

const PRODUCT: [&str; 6] = ["connect", "engine", "server", "store", "model", "mailferry"];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    let names = connectors(tree);
    for (file, facts) in tree.rust() {
        let product = file.crate_name().is_some_and(|name| PRODUCT.contains(&name));
        if !product || file.is_test() || file.path == REGISTRY {
            continue;
        }
        for name in names.iter().filter(|name| !is_inside(file, name)) {
            let in_code = facts.product_lines().filter(|(_, line)| has_path_to(line, name)).map(|(n, _)| n);
            let strings = facts.split.strings.iter().filter(|(n, _)| !facts.is_test_line(*n));
            let in_strings = strings.filter(|(_, text)| text == name).map(|(n, _)| *n);
            for line in in_code.chain(in_strings) {
                let message = format!("names the connector {name}: ask its manifest or caps instead");
                found.push(Violation::new(&file.path, line, RULE.name, message));
            }
        }
    }
}

fn is_inside(file: &File, connector: &str) -> bool {
    let inside = file.path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix(connector));
    inside.is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the name is a segment of a path (`imap::`, `::imap`) or a module (`mod imap`); the modules
/// of the same name in lab and wire are no connectors.
fn has_path_to(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) =
            (line.get(..at).unwrap_or_default(), line.get(at + name.len()..).unwrap_or_default());
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let is_other = ["lab::", "wire::"].iter().any(|room| before.ends_with(room));
        whole
            && !is_other
            && (before.ends_with("::") || after.starts_with("::") || before.trim_end().ends_with("mod"))
    })
}
