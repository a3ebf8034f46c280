//! What tidy knows of one Rust file: read once, asked by many rules.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::lexer::{self, Split};

/// A function and how many lines it has, from its name to its closing brace.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// How long it is.
    pub lines: usize,
}

/// A name that a file declares.
#[derive(Debug)]
pub struct Declared {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub line: usize,
    /// A module, or a type or trait.
    pub is_module: bool,
}

/// The facts of one file.
#[derive(Debug, Default)]
pub struct Facts {
    /// Code, comments and strings.
    pub split: Split,
    /// Every function with a body.
    pub functions: Vec<Function>,
    /// Modules, types and traits.
    pub declared: Vec<Declared>,
    /// First and last lines of what is compiled for tests only.
    pub test_ranges: Vec<(usize, usize)>,
    /// Why the file could not be parsed.
    pub broken: Option<(usize, String)>,
}

impl Facts {
    /// Reads a file's text.
    pub fn read(text: &str) -> Self {
        let mut facts = Self { split: lexer::split(text), ..Self::default() };
        match syn::parse_file(text) {
            Ok(file) => facts.visit_file(&file),
            Err(error) => facts.broken = Some((error.span().start().line, error.to_string())),
        }
        facts
    }

    /// Whether a line is compiled for tests only.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.test_ranges.iter().any(|(from, to)| (*from..=*to).contains(&line))
    }

    /// The lines of product code, numbered, without comments and literals.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.split.code.lines().enumerate().map(|(n, line)| (n + 1, line));
        lines.filter(|(n, _)| !self.is_test_line(*n))
    }

    fn function(&mut self, name: &syn::Ident, from: Span, to: Span) {
        let (line, end) = (from.start().line, to.end().line);
        self.functions.push(Function { name: name.to_string(), line, lines: end.saturating_sub(line) + 1 });
    }

    fn declare(&mut self, name: &syn::Ident, is_module: bool) {
        self.declared.push(Declared { name: name.to_string(), line: name.span().start().line, is_module });
    }
}

/// `#[cfg(test)]`, also within `any(…)` and `all(…)`, and `#[test]`-like attributes.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let text = list.tokens.to_string();
            !text.starts_with("not") && text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        }
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}

impl<'a> Visit<'a> for Facts {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Mod(it) => &it.attrs,
            syn::Item::Fn(it) => &it.attrs,
            syn::Item::Impl(it) => &it.attrs,
            syn::Item::Struct(it) => &it.attrs,
            syn::Item::Enum(it) => &it.attrs,
            syn::Item::Use(it) => &it.attrs,
            syn::Item::Const(it) => &it.attrs,
            _ => &[],
        };
        if is_test(attributes) {
            self.test_ranges.push((item.span().start().line, item.span().end().line));
        }
        match item {
            syn::Item::Mod(it) => self.declare(&it.ident, true),
            syn::Item::Struct(it) => self.declare(&it.ident, false),
            syn::Item::Enum(it) => self.declare(&it.ident, false),
            syn::Item::Trait(it) => self.declare(&it.ident, false),
            syn::Item::Type(it) => self.declare(&it.ident, false),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, it: &'a syn::ItemFn) {
        self.function(&it.sig.ident, it.sig.span(), it.block.span());
        visit::visit_item_fn(self, it);
    }

    fn visit_impl_item_fn(&mut self, it: &'a syn::ImplItemFn) {
        if is_test(&it.attrs) {
            self.test_ranges.push((it.span().start().line, it.span().end().line));
        }
        self.function(&it.sig.ident, it.sig.span(), it.block.span());
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_trait_item_fn(&mut self, it: &'a syn::TraitItemFn) {
        if let Some(block) = &it.default {
            self.function(&it.sig.ident, it.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, it);
    }
}

#[cfg(test)]
mod tests {
    use super::Facts;

    #[test]
    fn test_code_is_told_from_product_code() {
        let facts = Facts::read("fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n");
        assert!(facts.is_test_line(5) && !facts.is_test_line(1));
        assert_eq!(facts.functions.first().map(|f| f.lines), Some(2));
        assert_eq!(facts.product_lines().count(), 2);
        assert!(facts.broken.is_none());
    }

    #[test]
    fn a_file_that_does_not_parse_says_so() {
        assert!(Facts::read("fn {").broken.is_some());
    }
}
