//! A dialogue in lines: what is said first, and what is answered to which command. By default a small healthy IMAP
//! server with one empty mailbox.

use std::{io, time::Duration};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// An answer. `{tag}` stands for the command's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// These lines.
    Say(String),
    /// The connection ends without a word.
    Close,
    /// Nothing, for ever.
    Silence,
    /// These words again and again, so often, and never an end: keep-alives, or an octet now and then.
    Drip(String, Duration),
}

/// What a server says.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// Its first words; none: it waits.
    pub greeting: Option<Reply>,
    /// What it answers to commands that begin so, the first that fits; what fits nowhere is `BAD`.
    pub answers: Vec<(String, Reply)>,
}

const HEALTHY: [(&str, &str); 12] = [
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS STARTTLS\r\n{tag} OK done\r\n"),
    ("LOGIN", "{tag} OK [CAPABILITY IMAP4rev1 UIDPLUS] signed in\r\n"),
    ("AUTHENTICATE", "{tag} OK [CAPABILITY IMAP4rev1 UIDPLUS] signed in\r\n"),
    ("NAMESPACE", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n{tag} OK done\r\n"),
    ("LIST", "* LIST () \"/\" INBOX\r\n{tag} OK done\r\n"),
    (
        "EXAMINE",
        "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 1] ok\r\n{tag} OK [READ-ONLY] open\r\n",
    ),
    (
        "SELECT",
        "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 1] ok\r\n{tag} OK [READ-WRITE] open\r\n",
    ),
    ("APPEND", "{tag} OK [APPENDUID 1 1] done\r\n"),
    ("UID", "{tag} OK done\r\n"),
    ("NOOP", "{tag} OK done\r\n"),
    ("LOGOUT", "* BYE bye\r\n{tag} OK done\r\n"),
    ("STARTTLS", "{tag} OK begin\r\n"),
];

impl Default for Dialogue {
    fn default() -> Self {
        let answers = HEALTHY.iter().map(|(verb, text)| ((*verb).to_owned(), Reply::Say((*text).to_owned())));
        Self { greeting: Some(Reply::Say("* OK ready\r\n".to_owned())), answers: answers.collect() }
    }
}

impl Dialogue {
    /// A server that says this first and is healthy otherwise.
    pub fn greeting(text: &str) -> Self {
        Self { greeting: Some(Reply::Say(text.to_owned())), ..Self::default() }
    }

    /// A server that waits for others to speak.
    pub fn waiting() -> Self {
        Self { greeting: None, ..Self::default() }
    }

    /// The same with another answer.
    #[must_use]
    pub fn with(mut self, verb: &str, reply: Reply) -> Self {
        self.answers.insert(0, (verb.to_owned(), reply));
        self
    }

    /// The same with other words as an answer.
    #[must_use]
    pub fn says(self, verb: &str, text: &str) -> Self {
        self.with(verb, Reply::Say(text.to_owned()))
    }

    fn answer(&self, command: &str) -> Reply {
        let fits = |verb: &str| command.get(..verb.len()).is_some_and(|c| c.eq_ignore_ascii_case(verb));
        let known = self.answers.iter().find(|(verb, _)| fits(verb)).map(|(_, reply)| reply.clone());
        known.unwrap_or_else(|| Reply::Say("{tag} BAD what?\r\n".to_owned()))
    }
}

/// How a dialogue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Either side hung up.
    Over,
    /// The client was told to begin TLS.
    StartTls,
}

/// Speaks the dialogue over a connection; the greeting only if `greets`.
///
/// # Errors
/// The connection broke.
pub async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    dialogue: &Dialogue,
    greets: bool,
    stream: &mut S,
) -> io::Result<End> {
    let mut stream = BufReader::new(stream);
    if greets && let Some(greeting) = &dialogue.greeting {
        match greeting {
            Reply::Say(text) => stream.write_all(text.as_bytes()).await?,
            Reply::Close => return Ok(End::Over),
            Reply::Silence => return std::future::pending().await,
            Reply::Drip(text, every) => return drip(text, *every, &mut stream).await,
        }
        stream.flush().await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(End::Over);
        }
        let mut command = line.trim_end().to_owned();
        let (tag, verb) = split(&command);
        let reply = dialogue.answer(&verb);
        while let Some(size) = literal(&command) {
            if !command.ends_with("+}") {
                // A refusal comes instead of the invitation.
                if matches!(&reply, Reply::Say(text) if !text.contains(" OK")) {
                    break;
                }
                stream.write_all(b"+ go on\r\n").await?;
                stream.flush().await?;
            }
            let mut octets = vec![0; size];
            stream.read_exact(&mut octets).await?;
            command.clear();
            stream.read_line(&mut command).await?;
            command.truncate(command.trim_end().len());
        }
        match reply {
            Reply::Say(text) => stream.write_all(text.replace("{tag}", &tag).as_bytes()).await?,
            Reply::Close => return Ok(End::Over),
            Reply::Silence => return std::future::pending().await,
            Reply::Drip(text, every) => return drip(&text, every, &mut stream).await,
        }
        stream.flush().await?;
        if verb.eq_ignore_ascii_case("STARTTLS") {
            return Ok(End::StartTls);
        }
    }
}

async fn drip(text: &str, every: Duration, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<End> {
    loop {
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        tokio::time::sleep(every).await;
    }
}

fn split(command: &str) -> (String, String) {
    let (tag, rest) = command.split_once(' ').unwrap_or((command, ""));
    (tag.to_owned(), rest.to_owned())
}

/// How many octets a literal at the end announces.
fn literal(command: &str) -> Option<usize> {
    let inside = command.strip_suffix('}')?.rsplit_once('{')?.1;
    inside.trim_end_matches('+').parse().ok()
}
