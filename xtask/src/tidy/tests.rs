//! Tidy tested on itself: every rule is seen to fail where its example says, and to pass on the good one.
//!
//! An example begins with lines `want PATH:LINE` for its own rule, or `want RULE PATH:LINE`.

use std::path::Path;

use super::{RULES, Tree, Violation, check};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files that tidy expects in every tree, so that examples stay short.
fn with_pages(text: &str) -> Tree {
    let mut whole = text.to_owned();
    for page in crate::docs::pages() {
        if !text.contains(&format!("-- {} --", page.path)) {
            whole.push_str(&format!("-- {} --\n{}", page.path, (page.write)()));
        }
    }
    Tree::parse(&whole).unwrap()
}

fn places(found: &[Violation], rule: &str) -> Vec<String> {
    found.iter().filter(|v| v.rule == rule).map(|v| format!("{}:{}", v.path, v.line)).collect()
}

#[test]
fn the_good_example_passes() {
    let found = check(&with_pages(&example("good.txt")));
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_rule_is_seen_to_fail() {
    for rule in &RULES {
        let text = example(&format!("bad/{}.txt", rule.name));
        let mut wanted: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("want ")).collect();
        let tree = with_pages(&text);
        let found = check(&tree);
        let mut got = places(&found, rule.name);
        wanted.sort_unstable();
        got.sort_unstable();
        assert!(!wanted.is_empty(), "{}: its example wants nothing", rule.name);
        assert_eq!(got, wanted, "{}: {found:#?}", rule.name);
    }
}

#[test]
fn a_long_file_is_seen_and_a_long_test_file_is_not() {
    let long = "\n".repeat(701);
    let tree =
        with_pages(&format!("-- crates/model/src/a.rs --\n{long}-- crates/model/src/tests.rs --\n{long}"));
    assert_eq!(places(&check(&tree), "file-size"), ["crates/model/src/a.rs:701"]);
}

#[test]
fn an_exception_hides_one_violation_and_must_be_needed() {
    let tree = with_pages(
        "-- crates/model/src/misc.rs --\n//! A file for this test.\n\
         -- xtask/tidy.allow --\nnames\tcrates/model/src/misc.rs\ta test\nnames\tgone.rs\tgone\n",
    );
    let found = check(&tree);
    assert_eq!(places(&found, "names"), Vec::<String>::new());
    assert_eq!(places(&found, "allow"), ["xtask/tidy.allow:2"]);
}

#[test]
fn a_violation_is_one_line() {
    let violation = Violation::new("a.rs", 0, "head", "begin");
    assert_eq!(violation.to_string(), "a.rs:1 head begin");
}
