//! A native command as the arguments of the program: a shell has taken the quotes already, so that every argument
//! is one value, whatever is in it.

use super::{
    glyphs, lexer,
    parser::{Known, looks_like_command, parse_tokens},
    tree::{Part, Script, Token, TokenKind, Unread},
};

/// Whether the first argument of the program is a native command.
pub fn is_native(word: &str) -> bool {
    let typed: String = word.chars().map(|c| if glyphs::is_dash(c) { '-' } else { c }).collect();
    let mut letters = typed.chars();
    // Administrators type names in lower case, too.
    let capital: String = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect();
    looks_like_command(&capital)
}

/// Reads arguments.
///
/// # Errors
/// What cannot be read.
pub fn of_words(words: &[String], known: Known<'_>) -> Result<Script, Unread> {
    parse_tokens(tokens_of(words)?, Vec::new(), known)
}

fn tokens_of(words: &[String]) -> Result<Vec<Token>, Unread> {
    let mut tokens = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let mut push = |kind| tokens.push(Token { kind, line: 1, joined: false });
        let bare = word.strip_prefix('&').filter(|w| w.starts_with(glyphs::is_dash)).unwrap_or(word);
        let name = bare.strip_prefix(glyphs::is_dash).filter(|n| n.starts_with(char::is_alphabetic));
        match (word.as_str(), name) {
            ("|", _) => push(TokenKind::Sign("|")),
            (_, Some(name)) if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_')) => {
                push(TokenKind::Parameter(name.to_owned(), false));
            }
            (_, Some(name))
                if name.split_once(':').is_some_and(|(n, _)| n.chars().all(char::is_alphanumeric)) =>
            {
                let (name, value) = name.split_once(':').unwrap_or((name, ""));
                push(TokenKind::Parameter(name.to_owned(), true));
                push(value_of(value));
            }
            (block, _) if block.starts_with('{') && block.ends_with('}') => {
                tokens.extend(lexer::tokens(block)?.0)
            }
            (bytes, _) if bytes.starts_with("([") => tokens.extend(lexer::tokens(bytes)?.0),
            (text, _) if at == 0 => {
                push(TokenKind::Word(vec![Part::Plain(text.replace(glyphs::is_dash, "-"))]))
            }
            (list, _)
                if list.contains(',')
                    && !list.contains(' ')
                    && !list.starts_with(',')
                    && !list.ends_with(',') =>
            {
                for (n, part) in list.split(',').enumerate() {
                    if n > 0 {
                        push(TokenKind::Sign(","));
                    }
                    push(value_of(part));
                }
            }
            (text, _) => push(value_of(text)),
        }
    }
    // Names of commands behind a | are words, as the first one.
    for at in 1..tokens.len() {
        let named = match &tokens[at].kind {
            TokenKind::Quoted(text) if tokens[at - 1].kind == TokenKind::Sign("|") => {
                TokenKind::Word(text.clone())
            }
            _ => continue,
        };
        tokens[at].kind = named;
    }
    Ok(tokens)
}

/// `$true`, `$name` or a text as it is.
fn value_of(word: &str) -> TokenKind {
    let name = word
        .strip_prefix('$')
        .filter(|n| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || c == '_'));
    match name {
        Some(name) => TokenKind::Variable(name.to_owned(), Vec::new()),
        None if word.is_empty() => TokenKind::Quoted(Vec::new()),
        None => TokenKind::Quoted(vec![Part::Plain(word.to_owned())]),
    }
}
