//! What was read, as data: tokens, commands with their arguments, pipelines, statements.

/// A piece of a text in which variables stand for their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Plain(String),
    /// `$name.Member`
    Variable(String, Vec<String>),
}

/// A text, in pieces.
pub type Text = Vec<Part>;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its line, from 1.
    pub line: usize,
    /// Whether it follows the one before without a space.
    pub joined: bool,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Not quoted.
    Word(Text),
    /// Quoted.
    Quoted(Text),
    /// `-Name`, and whether a colon follows (`-Confirm:$false`).
    Parameter(String, bool),
    /// `$name.Member`
    Variable(String, Vec<String>),
    /// `[Type]::Method`
    Static(String),
    /// One of `( ) { } @( @{ , | = !`
    Sign(&'static str),
    /// `;` or the end of a line.
    End(char),
}

/// A value that an argument, an assignment or a pipeline begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text; unquoted, it may be a number.
    Text(Text),
    /// `$name.Member`
    Variable(String, Vec<String>),
    /// `a, b` or `@(a, b)`
    List(Vec<Value>),
    /// `{ … }`, read by whom it is for.
    Block(Vec<Token>),
    /// `( … ).Member`
    Group(Box<Pipeline>, Vec<String>),
    /// `[System.IO.File]::ReadAllBytes(…)`: the bytes of a file.
    Bytes(Box<Value>),
    /// `@{ … }`, which nothing takes.
    Table,
}

/// A parameter or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `-Name`, with the value behind its colon.
    Parameter(String, Option<Value>),
    /// A value: of the parameter before it, or by its place.
    Value(Value),
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name as typed.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// What it is given, in order.
    pub arguments: Vec<Argument>,
}

/// What a pipeline begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A command.
    Command(Command),
    /// A value.
    Value(Value),
}

/// `first | stage | stage`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// What comes first.
    pub first: Source,
    /// What it goes through.
    pub stages: Vec<Command>,
}

/// A pipeline, or `$name = pipeline`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The variable that is set.
    pub variable: Option<String>,
    /// What is run.
    pub pipeline: Pipeline,
}

/// Something that is not as it should be written, and how it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line, from 1.
    pub line: usize,
    /// One sentence.
    pub text: String,
}

/// What was read, and what had to be understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// In order.
    pub statements: Vec<Statement>,
    /// In order of lines.
    pub notes: Vec<Note>,
}

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The line, from 1.
    pub line: usize,
    /// One sentence; it quotes names and signs, never values.
    pub text: String,
    /// Whether it may be the beginning of something that can be read.
    pub is_unfinished: bool,
}

impl Unread {
    /// Cannot be read whatever follows.
    pub fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into(), is_unfinished: false }
    }

    /// Ends too early.
    pub fn unfinished(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into(), is_unfinished: true }
    }
}
