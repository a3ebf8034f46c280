//! Names that say nothing, and are therefore not used.

use crate::tidy::{Rule, Tree, Violation};

/// Modules and types are called by what they are.
pub const RULE: Rule = Rule {
    name: "names",
    demands: "no module or type is called common, core, util, helper, misc, types, manager, `…Impl` or `New…`",
    check,
};

const EMPTY: [&str; 9] = ["common", "core", "util", "utils", "helper", "helpers", "misc", "types", "manager"];
const ENDS: [&str; 5] = ["Impl", "Manager", "Helper", "Util", "Utils"];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for (file, facts) in tree.rust() {
        let parts = file.path.strip_suffix(".rs").unwrap_or_default().split('/');
        for part in parts.filter(|part| EMPTY.contains(part)) {
            found.push(Violation::new(
                &file.path,
                1,
                RULE.name,
                format!("{part} says nothing: name what is in it"),
            ));
        }
        for declared in &facts.declared {
            let says_nothing = if declared.is_module {
                EMPTY.contains(&declared.name.as_str())
            } else {
                ENDS.iter().any(|end| declared.name.ends_with(end)) || is_new(&declared.name)
            };
            if says_nothing {
                let message = format!("{} says nothing: name what it is", declared.name);
                found.push(Violation::new(&file.path, declared.line, RULE.name, message));
            }
        }
    }
}

/// `NewUser`, but not `News` or `Newline`.
fn is_new(name: &str) -> bool {
    name.strip_prefix("New").is_some_and(|rest| rest.starts_with(char::is_uppercase))
}
