//! Splits Rust text into code, comments and string literals, line by line.
//!
//! It knows just enough of the language for that (nested comments, raw strings, lifetimes) and
//! never fails: what the compiler would refuse, it still splits somehow.

/// Rust text in its three parts. Lines count from one.
#[derive(Debug, Default)]
pub struct Split {
    /// The text with comments and the insides of literals blanked out; lines keep their numbers.
    pub code: String,
    /// Every comment line, without its slashes.
    pub comments: Vec<(usize, String)>,
    /// Every string literal on the line where it begins.
    pub strings: Vec<(usize, String)>,
}

/// Splits a whole file.
pub fn split(text: &str) -> Split {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, out: Split::default() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Split,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// Takes one character; `keep` decides whether it stays visible in the code.
    fn take(&mut self, keep: bool) -> char {
        let c = self.peek(0);
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.out.code.push('\n');
        } else {
            self.out.code.push(if keep { c } else { ' ' });
        }
        c
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('r', '"' | '#') if self.raw_begins(1) => self.raw_string(1),
            ('b' | 'c', 'r') if self.raw_begins(2) => self.raw_string(2),
            ('\'', _) => self.quote(),
            _ => {
                self.take(true);
            }
        }
    }

    fn line_comment(&mut self) {
        let (line, mut text) = (self.line, String::new());
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            text.push(self.take(false));
        }
        self.out.comments.push((line, text.trim_start_matches(['/', '!']).trim().to_owned()));
    }

    fn block_comment(&mut self) {
        let (mut depth, mut line, mut text) = (0, self.line, String::new());
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    let c = self.take(false);
                    if c == '\n' {
                        self.out.comments.push((line, std::mem::take(&mut text)));
                        line = self.line;
                    } else {
                        text.push(c);
                    }
                    continue;
                }
            }
            self.take(false);
            self.take(false);
            if depth == 0 {
                break;
            }
        }
        self.out.comments.push((line, text));
    }

    fn string(&mut self) {
        let (line, mut text) = (self.line, String::new());
        self.take(true);
        while self.at < self.chars.len() && self.peek(0) != '"' {
            if self.peek(0) == '\\' {
                text.push(self.take(false));
            }
            text.push(self.take(false));
        }
        self.take(true);
        self.out.strings.push((line, text));
    }

    /// Whether `#…#"` follows the prefix, which must not be the end of a longer word.
    fn raw_begins(&self, prefix: usize) -> bool {
        let before = self.at.checked_sub(1).and_then(|n| self.chars.get(n));
        if before.is_some_and(|c| c.is_alphanumeric() || *c == '_') {
            return false;
        }
        let rest = self.chars.iter().skip(self.at + prefix);
        rest.copied().find(|c| *c != '#') == Some('"')
    }

    fn raw_string(&mut self, prefix: usize) {
        let (line, mut hashes, mut text) = (self.line, 0, String::new());
        for _ in 0..prefix {
            self.take(false);
        }
        while self.peek(0) == '#' {
            hashes += 1;
            self.take(false);
        }
        self.take(true);
        while self.at < self.chars.len() {
            if self.peek(0) == '"' && (1..=hashes).all(|n| self.peek(n) == '#') {
                self.take(true);
                for _ in 0..hashes {
                    self.take(false);
                }
                break;
            }
            text.push(self.take(false));
        }
        self.out.strings.push((line, text));
    }

    /// A character literal, or a lifetime.
    fn quote(&mut self) {
        if self.peek(1) == '\\' {
            self.take(true);
            self.take(false);
            self.take(false);
            while self.at < self.chars.len() && self.peek(0) != '\'' {
                self.take(false);
            }
            self.take(true);
        } else if self.peek(2) == '\'' {
            self.take(true);
            self.take(false);
            self.take(true);
        } else {
            self.take(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn code_comments_and_strings_come_apart() {
        let text = "let a = \"sleep(\\\"\"; // RFC 9051 §1\nlet b = 'x'; fn f<'a>() {}\n/* one\ntwo */ r#\"raw \" it\"# b";
        let got = split(text);
        assert!(!got.code.contains("sleep") && !got.code.contains("raw") && !got.code.contains("two"));
        assert!(got.code.contains("fn f<'a>() {}"));
        assert_eq!(got.code.lines().count(), text.lines().count());
        assert_eq!(got.comments.first(), Some(&(1, "RFC 9051 §1".to_owned())));
        assert!(got.comments.iter().any(|(line, text)| *line == 4 && text.trim() == "two"));
        assert_eq!(got.strings.last(), Some(&(4, "raw \" it".to_owned())));
    }

    #[test]
    fn quotes_of_all_kinds_end_where_they_should() {
        for text in ["'\\''x", "'\"'x", "b'\\\\'x", "\"\\\\\"x", "r\"\\\"x", "br##\"\"#\"##x"] {
            assert!(split(text).code.ends_with('x'), "{text}");
        }
    }
}
