//! What stands between the braces of `Where-Object { … }`: comparisons, joined by -and, -or and -not.

use super::tree::{Part, Text, Token, TokenKind, Unread};

/// An operator between two values. Texts are compared without case unless it begins with `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its name, in lower case, without `i` or `c` before it.
    pub name: &'static str,
    /// Whether capitals count.
    pub by_case: bool,
}

/// Those that are read.
const OPERATORS: [&str; 14] = [
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "like",
    "notlike",
    "match",
    "notmatch",
    "in",
    "notin",
    "contains",
    "notcontains",
];

impl Operator {
    /// The operator of that name.
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let find = |word: &str| OPERATORS.into_iter().find(|o| *o == word);
        if let Some(name) = find(&lower) {
            return Some(Self { name, by_case: false });
        }
        let (first, rest) = lower.split_at_checked(1)?;
        let name = find(rest).filter(|_| matches!(first, "i" | "c"))?;
        Some(Self { name, by_case: first == "c" })
    }
}

/// A condition, or a value in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A text; unquoted, it may be a number.
    Text(Text),
    /// `$name.Member`
    Variable(String, Vec<String>),
    /// `a, b`
    List(Vec<Expression>),
    /// `-not a`, `!a`
    Not(Box<Expression>),
    /// `a -and b`
    And(Box<Expression>, Box<Expression>),
    /// `a -or b`
    Or(Box<Expression>, Box<Expression>),
    /// `a -eq b`
    Compare(Operator, Box<Expression>, Box<Expression>),
}

/// Reads the tokens of a block.
///
/// # Errors
/// What cannot be read, with its line.
pub fn expression(tokens: &[Token]) -> Result<Expression, Unread> {
    let tokens: Vec<Token> = tokens.iter().filter(|t| t.kind != TokenKind::End('\n')).cloned().collect();
    let mut reader = Reader { tokens: &tokens, at: 0 };
    if tokens.is_empty() {
        return Err(Unread::new(1, "a condition is missing between { and }"));
    }
    let read = reader.joined()?;
    match reader.peek() {
        None => Ok(read),
        Some(_) => Err(reader.unread("what follows the condition is not read")),
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    fn unread(&self, text: impl Into<String>) -> Unread {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |t| t.line);
        Unread::new(line, text)
    }

    fn word(&self) -> Option<String> {
        match self.peek() {
            Some(TokenKind::Parameter(name, false)) => Some(name.to_lowercase()),
            _ => None,
        }
    }

    /// `-and` and `-or` are of one rank and are read from the left.
    fn joined(&mut self) -> Result<Expression, Unread> {
        let mut left = self.negated()?;
        while let Some(word) = self.word().filter(|w| w == "and" || w == "or") {
            self.at += 1;
            let right = Box::new(self.negated()?);
            left = match word.as_str() {
                "and" => Expression::And(Box::new(left), right),
                _ => Expression::Or(Box::new(left), right),
            };
        }
        Ok(left)
    }

    fn negated(&mut self) -> Result<Expression, Unread> {
        let is_not = self.word().is_some_and(|w| w == "not") || self.peek() == Some(&TokenKind::Sign("!"));
        if is_not {
            self.at += 1;
            return Ok(Expression::Not(Box::new(self.negated()?)));
        }
        self.compared()
    }

    fn compared(&mut self) -> Result<Expression, Unread> {
        let left = self.list()?;
        let Some(TokenKind::Parameter(name, _)) = self.peek().cloned() else { return Ok(left) };
        if matches!(name.to_lowercase().as_str(), "and" | "or") {
            return Ok(left);
        }
        let Some(operator) = Operator::of(&name) else {
            return Err(self
                .unread(format!("the operator -{name} is not read; there are -{}", OPERATORS.join(", -"))));
        };
        self.at += 1;
        let right = self.list()?;
        Ok(Expression::Compare(operator, Box::new(left), Box::new(right)))
    }

    fn list(&mut self) -> Result<Expression, Unread> {
        let mut all = vec![self.operand()?];
        while self.peek() == Some(&TokenKind::Sign(",")) {
            self.at += 1;
            all.push(self.operand()?);
        }
        match all.len() {
            1 => all.pop().ok_or_else(|| self.unread("a value is missing")),
            _ => Ok(Expression::List(all)),
        }
    }

    fn operand(&mut self) -> Result<Expression, Unread> {
        let Some(token) = self.peek().cloned() else { return Err(self.unread("a value is missing")) };
        let read = match token {
            TokenKind::Word(text) => match text.as_slice() {
                [Part::Plain(word)] if word.parse::<f64>().is_ok() => Expression::Text(text),
                _ => {
                    return Err(self
                        .unread("a bare word is no value; write $_.Name for a property, 'text' for a text"));
                }
            },
            TokenKind::Quoted(text) => Expression::Text(text),
            TokenKind::Variable(name, members) => Expression::Variable(name, members),
            TokenKind::Sign(open @ ("(" | "@(")) => {
                self.at += 1;
                let inner = self.joined()?;
                if self.peek() != Some(&TokenKind::Sign(")")) {
                    return Err(self.unread("a ) is missing"));
                }
                match inner {
                    Expression::List(_) => inner,
                    one if open == "@(" => Expression::List(vec![one]),
                    one => one,
                }
            }
            TokenKind::End(_) => return Err(self.unread("a block holds one condition")),
            _ => return Err(self.unread("a value is missing")),
        };
        self.at += 1;
        Ok(read)
    }
}
