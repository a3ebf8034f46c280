//! Words that people type and others read: what must not be in them, and how they stand in a command or a page.

/// The first character that is not shown as what it is, if there is one: control characters, and those that turn
/// the direction of what follows, so that a name is read as another one.
pub fn unshown(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
}

/// Text in HTML.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A name as a command line takes it.
pub fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_there() {
        for text in ["", "mail.example.org", "Büro 1", "بريد", "a\u{200D}b"] {
            assert_eq!(unshown(text), None, "{text:?}");
        }
        for c in ['\0', '\r', '\n', '\t', '\u{7f}', '\u{85}', '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}']
        {
            assert_eq!(unshown(&format!("a{c}b")), Some(c));
        }
    }
}
