//! Reading native commands: characters to tokens to a small tree. Knows no cmdlet and runs nothing.
//!
//! What is read is the part of PowerShell that guides print around migrations, with the flaws that come from
//! printing: see `lexer` for those of characters, `parser` for those of lines.

mod condition;
mod glyphs;
mod lexer;
mod parser;
mod tree;
mod words;

#[cfg(test)]
mod tests;

pub use condition::{Expression, Operator, expression};
pub use parser::{Takes, parse};
pub use tree::{
    Argument, Command, Note, Part, Pipeline, Script, Source, Statement, Text, Token, Unread, Value,
};
pub use words::{is_native, of_words};
