//! Small answers in XML as a flat list of leaves, by local names; prefixes and order do not matter.
//!
//! Not for mail: whatever is large is streamed elsewhere.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

/// The deepest nesting that is followed.
const DEEPEST: usize = 64;

/// An element without elements in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Local names from the root, joined by `/`.
    pub(crate) path: String,
    /// Its text, without white space at its ends.
    pub(crate) text: String,
    /// Attributes by local name.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Leaf {
    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// An attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// All leaves, in document order; `None` for what is no XML. Elements with attributes and children appear as well,
/// before their children, without text.
pub(crate) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_text(false);
    let mut open: Vec<(Leaf, bool)> = Vec::new();
    let mut found = Vec::new();
    let mut any = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                any = true;
                let leaf = leaf(&start, &open)?;
                if let Some((parent, has_children)) = open.last_mut()
                    && !std::mem::replace(has_children, true)
                    && !parent.attributes.is_empty()
                {
                    found.push(Leaf { text: String::new(), ..parent.clone() });
                }
                if open.len() >= DEEPEST {
                    return None;
                }
                open.push((leaf, false));
            }
            Event::Empty(start) => {
                any = true;
                found.push(leaf(&start, &open)?);
                if let Some((_, has_children)) = open.last_mut() {
                    *has_children = true;
                }
            }
            Event::End(_) => {
                let (mut leaf, has_children) = open.pop()?;
                if !has_children {
                    leaf.text = leaf.text.trim().to_owned();
                    found.push(leaf);
                }
            }
            Event::Text(text) => push(&mut open, text.as_ref()),
            Event::CData(text) => push(&mut open, text.as_ref()),
            Event::GeneralRef(reference) => push(&mut open, &resolved(&reference)),
            Event::Eof => return (any && open.is_empty()).then_some(found),
            _ => {}
        }
    }
}

fn push(open: &mut [(Leaf, bool)], text: &str) {
    if let Some((leaf, _)) = open.last_mut() {
        leaf.text.push_str(text);
    }
}

fn leaf(start: &BytesStart<'_>, open: &[(Leaf, bool)]) -> Option<Leaf> {
    let name = start.local_name().as_ref().to_owned();
    let path = match open.last() {
        Some((parent, _)) => format!("{}/{name}", parent.path),
        None => name,
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = attribute.key.as_ref();
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let local = attribute.key.local_name().as_ref().to_owned();
        let value = quick_xml::escape::unescape(&attribute.value);
        let value = value.map_or_else(|_| attribute.value.to_string(), |v| v.into_owned());
        attributes.push((local, value));
    }
    Some(Leaf { path, text: String::new(), attributes })
}

/// The character of a reference; what XML 1.0 forbids is left out, because Exchange sends it all the same.
fn resolved(reference: &BytesRef<'_>) -> String {
    match reference.as_ref() {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        _ => match reference.resolve_char_ref() {
            Ok(Some(character)) if character >= ' ' || matches!(character, '\t' | '\n' | '\r') => {
                character.into()
            }
            _ => String::new(),
        },
    }
}

/// Text as it stands in XML.
pub(crate) fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_found_by_local_names() {
        let text = r#"<?xml version="1.0"?><s:E xmlns:s="x"><a:V Major="15"/><b x="1"><c>a &amp; b&#x0;</c><d/></b></s:E>"#;
        let leaves = leaves(text).unwrap();
        let shown: Vec<(&str, &str)> = leaves.iter().map(|l| (l.path.as_str(), l.text.as_str())).collect();
        assert_eq!(shown, [("E/V", ""), ("E/b", ""), ("E/b/c", "a & b"), ("E/b/d", "")]);
        assert_eq!(leaves[0].attribute("Major"), Some("15"));
    }

    #[test]
    fn what_is_no_xml_is_none() {
        for text in ["", "hello", "<a>", "<a></b>", &"<a>".repeat(100)] {
            assert_eq!(leaves(text), None, "{text}");
        }
        assert!(leaves("<html><body>x</body></html>").is_some());
    }
}
