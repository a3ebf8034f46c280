//! Tokens to statements. A line that begins with a parameter, or that gives the one before the value it lacks,
//! goes on with the command before it; everything that is PowerShell beyond commands is refused by its name.

use super::{
    lexer,
    tree::{
        Argument, Command, Note, Part, Pipeline, Script, Source, Statement, Text, Token, TokenKind, Unread,
        Value,
    },
};

/// What a parameter takes, as far as the parser has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A value.
    Value,
    /// Nothing: a switch.
    Nothing,
    /// Nobody knows that command or parameter.
    Unknown,
}

/// What is known of the parameters of commands: command and parameter, both as typed.
pub type Known<'a> = &'a dyn Fn(&str, &str) -> Takes;

/// Words that begin what is no command.
const LANGUAGE: [&str; 22] = [
    "if", "else", "elseif", "foreach", "for", "while", "do", "until", "switch", "function", "filter",
    "param", "try", "catch", "finally", "return", "throw", "begin", "process", "end", "class", "using",
];

/// Reads a text.
///
/// # Errors
/// What cannot be read, with its line.
pub fn parse(text: &str, known: Known<'_>) -> Result<Script, Unread> {
    let (tokens, notes) = lexer::tokens(text)?;
    parse_tokens(tokens, notes, known)
}

/// Reads tokens.
///
/// # Errors
/// What cannot be read, with its line.
pub fn parse_tokens(tokens: Vec<Token>, notes: Vec<Note>, known: Known<'_>) -> Result<Script, Unread> {
    let mut parser = Parser { tokens, at: 0, notes, known };
    let mut statements = Vec::new();
    while parser.skip_ends() {
        statements.push(parser.statement()?);
        match parser.peek() {
            None => {}
            Some(TokenKind::End(_)) => {}
            Some(other) => {
                return Err(Unread::new(parser.line(), format!("{} does not belong here", told(other))));
            }
        }
    }
    let mut notes = parser.notes;
    notes.sort_by_key(|n| n.line);
    Ok(Script { statements, notes })
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    notes: Vec<Note>,
    known: Known<'a>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    fn ahead(&self, n: usize) -> Option<&TokenKind> {
        self.tokens.get(self.at + n).map(|t| &t.kind)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |t| t.line)
    }

    fn is_joined(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t.joined)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Sign(s)) if *s == sign)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Unread> {
        match self.is_sign(sign) {
            true => {
                self.at += 1;
                Ok(())
            }
            false if self.peek().is_none() => {
                Err(Unread::unfinished(self.line(), format!("a {sign} is missing at the end")))
            }
            false => Err(Unread::new(self.line(), format!("a {sign} is missing"))),
        }
    }

    /// Skips ends of statements; whether anything follows.
    fn skip_ends(&mut self) -> bool {
        while matches!(self.peek(), Some(TokenKind::End(_))) {
            self.at += 1;
        }
        self.peek().is_some()
    }

    /// Skips ends of lines alone.
    fn skip_lines(&mut self) {
        while matches!(self.peek(), Some(TokenKind::End('\n'))) {
            self.at += 1;
        }
    }

    fn statement(&mut self) -> Result<Statement, Unread> {
        let assigned = match (self.peek(), self.ahead(1)) {
            (Some(TokenKind::Variable(name, members)), Some(TokenKind::Sign("="))) => {
                if !members.is_empty() || name.contains(':') {
                    return Err(Unread::new(
                        self.line(),
                        format!("${name} cannot be set here, only variables can"),
                    ));
                }
                Some(name.clone())
            }
            _ => None,
        };
        if assigned.is_some() {
            self.at += 2;
            self.skip_lines();
            if self.peek().is_none() {
                return Err(Unread::unfinished(self.line(), "nothing stands behind the ="));
            }
        }
        Ok(Statement { variable: assigned, pipeline: self.pipeline()? })
    }

    fn pipeline(&mut self) -> Result<Pipeline, Unread> {
        let first = match self.peek() {
            Some(TokenKind::Word(text)) if !is_number(text) => Source::Command(self.command()?),
            Some(TokenKind::Parameter(name, _)) => {
                let text = format!("-{name} follows no command that it could belong to");
                return Err(Unread::new(self.line(), text));
            }
            _ => Source::Value(self.values()?),
        };
        let mut stages = Vec::new();
        while self.goes_on("|") {
            self.at += 1;
            self.skip_lines();
            match self.peek() {
                Some(TokenKind::Word(_)) => stages.push(self.command()?),
                None => return Err(Unread::unfinished(self.line(), "nothing stands behind the |")),
                Some(other) => {
                    return Err(Unread::new(self.line(), format!("{} cannot stand behind a |", told(other))));
                }
            }
        }
        Ok(Pipeline { first, stages })
    }

    /// Whether that sign follows, here or at the beginning of a further line.
    fn goes_on(&mut self, sign: &str) -> bool {
        let ends = self.tokens[self.at.min(self.tokens.len())..].iter();
        let lines = ends.take_while(|t| t.kind == TokenKind::End('\n')).count();
        let follows = matches!(self.ahead(lines), Some(TokenKind::Sign(s)) if *s == sign);
        if follows {
            self.at += lines;
        }
        follows
    }

    fn command(&mut self) -> Result<Command, Unread> {
        let line = self.line();
        let name = match self.peek() {
            Some(TokenKind::Word(text)) => plain(text),
            _ => None,
        };
        let name = name.ok_or_else(|| Unread::new(line, "the name of a command is missing"))?;
        let block = matches!(self.ahead(1), Some(TokenKind::Sign("(" | "{")));
        let stage = self.at > 0 && matches!(self.tokens[self.at - 1].kind, TokenKind::Sign("|"));
        if LANGUAGE.contains(&name.to_lowercase().as_str()) && (block || !stage) {
            return Err(Unread::new(
                line,
                format!("{name} is not read: this reads commands, it is no PowerShell"),
            ));
        }
        self.at += 1;
        let mut command = Command { name, line, arguments: Vec::new() };
        loop {
            match self.peek().cloned() {
                Some(TokenKind::Parameter(..)) => {
                    let argument = self.parameter()?;
                    command.arguments.push(argument);
                }
                Some(TokenKind::Sign("|" | ")" | "}")) | None => return Ok(command),
                Some(TokenKind::Sign("=")) => {
                    return Err(Unread::new(self.line(), "a = does not belong into a command"));
                }
                Some(TokenKind::End(_)) if !self.continues(&command) => return Ok(command),
                Some(TokenKind::End(_)) => {}
                _ => {
                    let value = self.values()?;
                    command.arguments.push(Argument::Value(value));
                }
            }
        }
    }

    /// Whether the next line goes on with a command although nothing says so; skips to it then.
    fn continues(&mut self, command: &Command) -> bool {
        if self.peek() != Some(&TokenKind::End('\n')) {
            return false;
        }
        let mut next = self.at;
        while self.tokens.get(next).is_some_and(|t| t.kind == TokenKind::End('\n')) {
            next += 1;
        }
        let lacks = match command.arguments.last() {
            Some(Argument::Parameter(name, None)) => Some(((self.known)(&command.name, name), name.clone())),
            _ => None,
        };
        let assigns = matches!(self.tokens.get(next + 1).map(|t| &t.kind), Some(TokenKind::Sign("=")));
        let told = match self.tokens.get(next).map(|t| &t.kind) {
            Some(TokenKind::Parameter(name, _)) => format!("-{name}"),
            Some(TokenKind::Variable(name, _)) if !assigns => match &lacks {
                Some((Takes::Value | Takes::Unknown, _)) => format!("${name}"),
                _ => return false,
            },
            Some(TokenKind::Quoted(_)) if lacks.as_ref().is_some_and(|l| l.0 != Takes::Nothing) => {
                "the text".to_owned()
            }
            Some(TokenKind::Word(text)) => match &lacks {
                Some((Takes::Value, _)) if !plain(text).is_some_and(|t| looks_like_command(&t)) => {
                    "the word".to_owned()
                }
                _ => return false,
            },
            _ => return false,
        };
        let belongs = match lacks {
            Some((Takes::Value | Takes::Unknown, name)) if !told.starts_with('-') => {
                format!(" as the value of -{name}")
            }
            _ => String::new(),
        };
        let line = self.tokens.get(next).map_or(1, |t| t.line);
        let text = format!(
            "{told} belongs to {} of line {}{belongs}; a backtick (`) is missing at the end of the line before it",
            command.name, command.line
        );
        self.notes.push(Note { line, text });
        self.at = next;
        true
    }

    fn parameter(&mut self) -> Result<Argument, Unread> {
        let Some(TokenKind::Parameter(name, colon)) = self.peek().cloned() else {
            return Err(Unread::new(self.line(), "a parameter is missing"));
        };
        self.at += 1;
        let value = match colon {
            true => Some(self.values()?),
            false => None,
        };
        Ok(Argument::Parameter(name, value))
    }

    /// A value, or several with commas between them.
    fn values(&mut self) -> Result<Value, Unread> {
        let mut all = vec![self.value()?];
        while self.is_sign(",") {
            self.at += 1;
            self.skip_lines();
            all.push(self.value()?);
        }
        match all.len() {
            1 => all.pop().ok_or_else(|| Unread::new(self.line(), "a value is missing")),
            _ => Ok(Value::List(all)),
        }
    }

    fn value(&mut self) -> Result<Value, Unread> {
        let line = self.line();
        let Some(token) = self.peek().cloned() else {
            return Err(Unread::unfinished(line, "a value is missing at the end"));
        };
        self.at += 1;
        match token {
            TokenKind::Word(text) | TokenKind::Quoted(text) => Ok(Value::Text(text)),
            TokenKind::Variable(name, members) => Ok(Value::Variable(name, members)),
            TokenKind::Sign("(") => {
                self.skip_lines();
                let inner = self.pipeline()?;
                self.skip_lines();
                self.expect(")")?;
                Ok(Value::Group(Box::new(inner), self.members()?))
            }
            TokenKind::Sign("@(") => self.list(),
            TokenKind::Sign("{") => Ok(Value::Block(self.block(line)?)),
            TokenKind::Sign("@{") => {
                self.block(line)?;
                Ok(Value::Table)
            }
            TokenKind::Static(name) => self.bytes(&name),
            other => Err(Unread::new(line, format!("{} stands where a value is missing", told(&other)))),
        }
    }

    fn list(&mut self) -> Result<Value, Unread> {
        let mut all = Vec::new();
        while self.skip_ends() && !self.is_sign(")") {
            match self.values()? {
                Value::List(more) => all.extend(more),
                one => all.push(one),
            }
        }
        self.expect(")")?;
        Ok(Value::List(all))
    }

    fn bytes(&mut self, name: &str) -> Result<Value, Unread> {
        let lower = name.to_lowercase();
        if !matches!(lower.as_str(), "system.io.file::readallbytes" | "io.file::readallbytes") {
            let text = format!(
                "[{} is not read; only [System.IO.File]::ReadAllBytes(FILE) is",
                name.replacen("::", "]::", 1)
            );
            return Err(Unread::new(self.line(), text));
        }
        self.expect("(")?;
        let path = self.value()?;
        self.expect(")")?;
        Ok(Value::Bytes(Box::new(path)))
    }

    /// `.Member` behind a closing parenthesis.
    fn members(&mut self) -> Result<Vec<String>, Unread> {
        if !self.is_joined() {
            return Ok(Vec::new());
        }
        let Some(TokenKind::Word(text)) = self.peek() else { return Ok(Vec::new()) };
        let Some(word) = plain(text).filter(|w| w.starts_with('.')) else { return Ok(Vec::new()) };
        let line = self.line();
        self.at += 1;
        if self.is_joined() && self.is_sign("(") {
            return Err(Unread::new(line, format!("methods are not called ({word}(…))")));
        }
        Ok(word.split('.').filter(|m| !m.is_empty()).map(str::to_owned).collect())
    }

    /// What stands between braces, the opening one taken.
    fn block(&mut self, line: usize) -> Result<Vec<Token>, Unread> {
        let mut depth = 1;
        let from = self.at;
        while let Some(token) = self.peek() {
            match token {
                TokenKind::Sign("{" | "@{") => depth += 1,
                TokenKind::Sign("}") => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(self.tokens[from..self.at - 1].to_vec());
            }
        }
        Err(Unread::unfinished(line, "a { has no }"))
    }
}

/// A text without variables.
fn plain(text: &Text) -> Option<String> {
    match text.as_slice() {
        [] => Some(String::new()),
        [Part::Plain(plain)] => Some(plain.clone()),
        _ => None,
    }
}

fn is_number(text: &Text) -> bool {
    plain(text).is_some_and(|t| t.parse::<f64>().is_ok())
}

/// `Verb-Noun`
pub fn looks_like_command(word: &str) -> bool {
    let mut parts = word.split('-');
    let (Some(verb), Some(noun), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    let letters = |part: &str| part.len() > 1 && part.chars().all(|c| c.is_ascii_alphabetic());
    letters(verb) && letters(noun) && verb.starts_with(|c: char| c.is_ascii_uppercase())
}

/// A token for people: never what is quoted, which may be a secret.
fn told(token: &TokenKind) -> String {
    match token {
        TokenKind::Word(_) => "a word".to_owned(),
        TokenKind::Quoted(_) => "a quoted text".to_owned(),
        TokenKind::Parameter(name, _) => format!("-{name}"),
        TokenKind::Variable(name, _) => format!("${name}"),
        TokenKind::Static(name) => format!("[{name}"),
        TokenKind::Sign(sign) => format!("a {sign}"),
        TokenKind::End(';') => "a ;".to_owned(),
        TokenKind::End(_) => "the end of the line".to_owned(),
    }
}
