//! Characters to tokens: quotes, variables, comments, continued lines; prompts, typographic signs and a stray `&`
//! are read as what they stand for, with a note. It does not know what a command is.

mod quoted;

use super::{
    glyphs,
    tree::{Note, Part, Text, Token, TokenKind, Unread},
};

/// Reads a text.
///
/// # Errors
/// What cannot be read, with its line.
pub fn tokens(text: &str) -> Result<(Vec<Token>, Vec<Note>), Unread> {
    let mut lexer = Lexer { rest: text.chars().collect(), ..Lexer::default() };
    lexer.begin_line();
    while lexer.token()? {}
    Ok((lexer.tokens, lexer.notes))
}

#[derive(Default)]
struct Lexer {
    rest: Vec<char>,
    at: usize,
    /// Lines begun before this one.
    lines: usize,
    tokens: Vec<Token>,
    notes: Vec<Note>,
    spaced: bool,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> Option<char> {
        self.rest.get(self.at + n).copied()
    }

    fn line(&self) -> usize {
        self.lines + 1
    }

    fn note(&mut self, text: &str) {
        if !self.notes.iter().any(|n| n.text == text) {
            self.notes.push(Note { line: self.line(), text: text.to_owned() });
        }
    }

    /// Goes on by one, and notes what is read as something else.
    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.lines += 1;
        }
        Some(c)
    }

    fn take_odd(&mut self) {
        if let Some(words) = self.peek().and_then(glyphs::oddity) {
            self.note(words);
        }
        self.take();
    }

    fn push(&mut self, kind: TokenKind, line: usize) {
        let joined = !self.spaced && !self.tokens.is_empty();
        self.tokens.push(Token { kind, line, joined });
        self.spaced = false;
    }

    fn sign(&mut self, sign: &'static str) {
        let line = self.line();
        sign.chars().for_each(|_| _ = self.take());
        self.push(TokenKind::Sign(sign), line);
    }

    /// Whether what stands here begins a command.
    fn begins_command(&self) -> bool {
        match self.tokens.last().map(|t| &t.kind) {
            None | Some(TokenKind::End(_)) => true,
            Some(TokenKind::Sign(sign)) => matches!(*sign, "|" | "=" | "(" | "{"),
            _ => false,
        }
    }

    /// The next token; `false` at the end.
    fn token(&mut self) -> Result<bool, Unread> {
        let Some(c) = self.peek() else { return Ok(false) };
        let line = self.line();
        match c {
            '\n' => {
                self.take();
                self.push(TokenKind::End('\n'), line);
                self.begin_line();
            }
            ';' => {
                self.take();
                self.push(TokenKind::End(';'), line);
            }
            '`' => self.continued()?,
            '#' => {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.take();
                }
            }
            '<' if self.ahead(1) == Some('#') => self.comment()?,
            c if glyphs::is_blank(c) => {
                self.take_odd();
                self.spaced |= !glyphs::is_nothing(c);
            }
            c if glyphs::is_double(c) => self.double()?,
            c if glyphs::is_single(c) => self.single()?,
            '$' => self.dollar()?,
            '@' => self.at_sign()?,
            '&' => self.ampersand()?,
            '[' if self.is_type() => self.static_member()?,
            '|' => self.sign("|"),
            ',' => self.sign(","),
            '(' => self.sign("("),
            ')' => self.sign(")"),
            '{' => self.sign("{"),
            '}' => self.sign("}"),
            '!' if self.ahead(1) != Some('=') => self.sign("!"),
            '=' if matches!(self.tokens.last(), Some(Token { kind: TokenKind::Variable(..), .. })) => {
                self.sign("=");
            }
            '<' | '>' => {
                return Err(Unread::new(
                    line,
                    "redirections (< and >) are not read; use the ones of the shell around mailferry",
                ));
            }
            c if glyphs::is_dash(c) => self.dash()?,
            _ => self.word()?,
        }
        Ok(true)
    }

    /// Skips a prompt that was copied along: `PS C:\>`, `[PS] C:\>`, `>>`.
    fn begin_line(&mut self) {
        let end = self.rest.iter().skip(self.at).position(|c| *c == '\n');
        let line: String = self.rest.iter().skip(self.at).take(end.unwrap_or(usize::MAX)).collect();
        let bare = line.trim_start();
        let more = bare.strip_prefix(">>").map(|_| 2);
        let prompt = bare.starts_with("PS>") || bare.starts_with("PS ") || bare.starts_with("[PS]");
        let length = more.or_else(|| prompt.then(|| bare.find('>').map(|at| at + 1)).flatten());
        if let Some(length) = length {
            self.note("prompts at the beginning of lines are left out");
            let indent = line.chars().count() - bare.chars().count();
            let prompt = bare.get(..length).map_or(0, |p| p.chars().count());
            self.at += indent + prompt;
        }
        self.spaced = true;
    }

    /// A line that goes on in the next one, or a character that stands for itself.
    fn continued(&mut self) -> Result<(), Unread> {
        let blanks = self.rest.iter().skip(self.at + 1).take_while(|c| glyphs::is_blank(**c)).count();
        match self.ahead(1 + blanks) {
            Some('\n') => {
                if self.rest[self.at + 1..=self.at + blanks].iter().any(|c| *c != '\r') {
                    self.note("a backtick with spaces behind it continues its line all the same");
                }
                (0..blanks + 2).for_each(|_| _ = self.take());
                self.begin_line();
                Ok(())
            }
            None => Err(Unread::unfinished(
                self.line(),
                "the last line ends with a backtick, and nothing follows",
            )),
            Some(_) if blanks > 0 => {
                self.take();
                self.spaced = true;
                self.note("a backtick in the middle of a line is left out");
                Ok(())
            }
            Some(_) => self.word(),
        }
    }

    fn comment(&mut self) -> Result<(), Unread> {
        let line = self.line();
        while let Some(c) = self.take() {
            if c == '#' && self.peek() == Some('>') {
                self.take();
                self.spaced = true;
                return Ok(());
            }
        }
        Err(Unread::unfinished(line, "a comment that begins with <# has no #>"))
    }

    fn dollar(&mut self) -> Result<(), Unread> {
        let line = self.line();
        if self.ahead(1) == Some('(') {
            self.take();
            self.sign("(");
            return Ok(());
        }
        match self.named() {
            Some((name, _)) => {
                let members = self.members();
                if self.peek() == Some('(') {
                    return Err(method(line, members.last().unwrap_or(&name)));
                }
                if self.peek() == Some('[') {
                    return Err(Unread::new(line, format!("a place in a list (${name}[…]) is not read")));
                }
                self.push(TokenKind::Variable(name, members), line);
                Ok(())
            }
            None => self.word(),
        }
    }

    fn at_sign(&mut self) -> Result<(), Unread> {
        let line = self.line();
        match self.ahead(1) {
            Some('(') => self.sign("@("),
            Some('{') => self.sign("@{"),
            Some(c) if glyphs::is_double(c) || glyphs::is_single(c) => {
                return Err(Unread::new(
                    line,
                    "texts over several lines (@\" … \"@) are not read; write \" … \"",
                ));
            }
            Some(c) if c.is_alphabetic() => {
                return Err(Unread::new(
                    line,
                    "parameters from a table (@name) are not read; write them out",
                ));
            }
            _ => return self.word(),
        }
        Ok(())
    }

    /// Guides print it before parameters; before a command it means nothing either.
    fn ampersand(&mut self) -> Result<(), Unread> {
        let line = self.line();
        let begins = self.begins_command();
        let blanks = self.rest.iter().skip(self.at + 1).take_while(|c| glyphs::is_blank(**c)).count();
        let next = self.ahead(1 + blanks);
        if next.is_some_and(glyphs::is_dash) {
            self.take();
            let name: String =
                self.rest.iter().skip(self.at + blanks + 1).take_while(|c| c.is_alphanumeric()).collect();
            self.note(&format!("the & before -{name} is left out"));
            self.spaced = true;
            return Ok(());
        }
        if begins && next.is_some_and(|c| c != '&' && c != '\n') {
            self.take();
            return Ok(());
        }
        Err(Unread::new(line, "& runs nothing in the background here; leave it out"))
    }

    /// Whether `[Name]` stands here with something behind it that belongs to it.
    fn is_type(&self) -> bool {
        let name = |c: &&char| c.is_alphanumeric() || matches!(**c, '.' | '_');
        let length = self.rest.iter().skip(self.at + 1).take_while(name).count();
        let behind = self.ahead(length + 2);
        length > 0
            && self.ahead(length + 1) == Some(']')
            && behind.is_some_and(|c| matches!(c, ':' | '$' | '(' | '@' | '\'' | '"' | '['))
    }

    fn static_member(&mut self) -> Result<(), Unread> {
        let line = self.line();
        self.take();
        let mut name = String::new();
        while let Some(c) = self.take().filter(|c| *c != ']') {
            name.push(c);
        }
        if self.peek() != Some(':') {
            return Err(Unread::new(line, format!("values are not made into others ([{name}])")));
        }
        while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || matches!(c, ':' | '_')) {
            name.push(c);
            self.take();
        }
        self.push(TokenKind::Static(name), line);
        Ok(())
    }

    fn dash(&mut self) -> Result<(), Unread> {
        let line = self.line();
        if !self.ahead(1).is_some_and(|c| c.is_alphabetic() || c == '_' || c == '?') {
            return self.word();
        }
        self.take_odd();
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '?')) {
            name.push(c);
            self.take();
        }
        let colon = self.peek() == Some(':');
        if colon {
            self.take();
        }
        self.push(TokenKind::Parameter(name, colon), line);
        Ok(())
    }

    fn word(&mut self) -> Result<(), Unread> {
        let line = self.line();
        let names_command = self.begins_command();
        let mut text = Text::new();
        while let Some(c) = self.peek() {
            match c {
                c if glyphs::is_double(c) => self.double_into(&mut text)?,
                c if glyphs::is_single(c) => self.single_into(&mut text)?,
                c if glyphs::is_nothing(c) => self.take_odd(),
                c if glyphs::is_blank(c) => break,
                '\n' | ';' | '|' | ',' | '(' | ')' | '{' | '}' | '>' => break,
                '&' if !text.is_empty() => break,
                '`' if self.ahead(1).is_some_and(|c| !glyphs::is_blank(c) && c != '\n') => {
                    self.take();
                    self.escaped(&mut text);
                }
                '`' => break,
                '$' => self.variable_in(&mut text),
                // As in `Verb–Noun`; in a value it is what was typed.
                c if glyphs::is_dash(c) && names_command => {
                    self.take_odd();
                    add(&mut text, '-');
                }
                _ => _ = self.take().map(|c| add(&mut text, c)),
            }
        }
        self.push(TokenKind::Word(text), line);
        Ok(())
    }
}

fn add(text: &mut Text, c: char) {
    match text.last_mut() {
        Some(Part::Plain(plain)) => plain.push(c),
        _ => text.push(Part::Plain(c.to_string())),
    }
}

fn method(line: usize, name: &str) -> Unread {
    Unread::new(line, format!("methods are not called ({name}(…)): this reads commands, it is no PowerShell"))
}
