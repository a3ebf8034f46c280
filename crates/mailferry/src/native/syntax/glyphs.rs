//! Characters that mean others once they came through a web page or a word processor.

/// A dash before a parameter or an operator.
pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A single quote.
pub fn is_single(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201b}')
}

/// A double quote.
pub fn is_double(c: char) -> bool {
    matches!(c, '"' | '\u{201c}'..='\u{201e}')
}

/// A space within a line.
pub fn is_blank(c: char) -> bool {
    is_nothing(c) || (c.is_whitespace() && c != '\n')
}

/// Takes no room at all.
pub fn is_nothing(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{ad}')
}

/// What an odd character is called; nothing for those of a keyboard.
pub fn oddity(c: char) -> Option<&'static str> {
    match c {
        c if c.is_ascii() => None,
        c if is_dash(c) => Some("typographic dashes are read as -"),
        c if is_single(c) => Some("typographic quotes are read as '"),
        c if is_double(c) => Some("typographic quotes are read as \""),
        '\u{feff}' => None,
        c if is_blank(c) => Some("spaces of web pages (such as no-break spaces) are read as spaces"),
        _ => None,
    }
}
