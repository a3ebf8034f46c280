//! Quoted texts and the variables in them.

use super::{Lexer, add};
use crate::native::syntax::{
    glyphs,
    tree::{Part, Text, TokenKind, Unread},
};

impl Lexer {
    pub(super) fn double(&mut self) -> Result<(), Unread> {
        let line = self.line();
        let mut text = Text::new();
        self.double_into(&mut text)?;
        self.push(TokenKind::Quoted(text), line);
        Ok(())
    }

    pub(super) fn double_into(&mut self, text: &mut Text) -> Result<(), Unread> {
        let line = self.line();
        self.take_odd();
        loop {
            let Some(c) = self.peek() else {
                return Err(Unread::unfinished(line, "a quoted text has no end"));
            };
            match c {
                c if glyphs::is_double(c) => {
                    self.take_odd();
                    if !self.peek().is_some_and(glyphs::is_double) {
                        return Ok(());
                    }
                    self.take();
                    add(text, '"');
                }
                '`' => {
                    self.take();
                    self.escaped(text);
                }
                '$' if self.ahead(1) == Some('(') => {
                    return Err(Unread::new(self.line(), "commands within a text, $(…), are not read"));
                }
                '$' => self.variable_in(text),
                _ => _ = self.take().map(|c| add(text, c)),
            }
        }
    }

    pub(super) fn single(&mut self) -> Result<(), Unread> {
        let line = self.line();
        let mut text = Text::new();
        self.single_into(&mut text)?;
        self.push(TokenKind::Quoted(text), line);
        Ok(())
    }

    pub(super) fn single_into(&mut self, text: &mut Text) -> Result<(), Unread> {
        let line = self.line();
        self.take_odd();
        loop {
            let Some(c) = self.peek() else {
                return Err(Unread::unfinished(line, "a quoted text has no end"));
            };
            if glyphs::is_single(c) {
                self.take_odd();
                if !self.peek().is_some_and(glyphs::is_single) {
                    return Ok(());
                }
                self.take();
                add(text, '\'');
            } else {
                self.take();
                add(text, c);
            }
        }
    }

    /// The character behind a backtick.
    pub(super) fn escaped(&mut self, text: &mut Text) {
        match self.take() {
            Some('n') => add(text, '\n'),
            Some('t') => add(text, '\t'),
            Some('r') => add(text, '\r'),
            Some('0') => add(text, '\0'),
            Some(c) => add(text, c),
            None => {}
        }
    }

    /// A name behind `$`, and the members behind that.
    pub(super) fn named(&mut self) -> Option<(String, Vec<String>)> {
        let mut ahead = 1;
        let mut name = String::new();
        if self.ahead(ahead) == Some('{') {
            ahead += 1;
            while let Some(c) = self.ahead(ahead).filter(|c| *c != '}' && *c != '\n') {
                name.push(c);
                ahead += 1;
            }
            ahead += 1;
        } else {
            while let Some(c) = self.ahead(ahead).filter(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                name.push(c);
                ahead += 1;
            }
        }
        if name.is_empty() || name.ends_with(':') {
            return None;
        }
        (0..ahead).for_each(|_| _ = self.take());
        Some((name, Vec::new()))
    }

    pub(super) fn members(&mut self) -> Vec<String> {
        let mut members = Vec::new();
        while self.peek() == Some('.') && self.ahead(1).is_some_and(|c| c.is_alphabetic() || c == '_') {
            self.take();
            let mut member = String::new();
            while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || *c == '_') {
                member.push(c);
                self.take();
            }
            members.push(member);
        }
        members
    }

    pub(super) fn variable_in(&mut self, text: &mut Text) {
        match self.named() {
            Some((name, _)) => text.push(Part::Variable(name, Vec::new())),
            None => _ = self.take().map(|c| add(text, c)),
        }
    }
}
