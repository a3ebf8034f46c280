//! Words that people type and others read: what must not be in them, and how they stand in a command or a page.

/// The first character that is not shown as what it is, if there is one: control characters, and those that turn
/// the direction of what follows, so that a name is read as another one.
pub fn unshown(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
}

/// The text with what is not shown as what it is written out, `\u{1b}`; lines and tabs stay. What a server says may else
/// write over the terminal of whoever reads it, or look like a line of ours.
pub fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    let stays = |c: char| matches!(c, '\n' | '\t');
    let odd = |c: char| !stays(c) && unshown(c.encode_utf8(&mut [0; 4])).is_some();
    match text.chars().any(odd) {
        false => text.into(),
        true => {
            let mut told = String::new();
            for c in text.chars() {
                if odd(c) { told.extend(c.escape_unicode()) } else { told.push(c) }
            }
            told.into()
        }
    }
}

/// The same in one line.
pub fn shown_in_line(text: &str) -> String {
    text.split(['\r', '\n', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(shown)
        .collect::<Vec<_>>()
        .join(" ")
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
    fn what_would_write_over_a_terminal_is_written_out() {
        assert_eq!(shown("a\u{1b}[2Jb\u{9b}\u{202e}\r\n\tc"), "a\\u{1b}[2Jb\\u{9b}\\u{202e}\\u{d}\n\tc");
        assert_eq!(shown_in_line("line 1\r\nok  tls\u{7}"), "line 1 ok  tls\\u{7}");
        assert_eq!(shown("Büro 1"), "Büro 1");
    }

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
