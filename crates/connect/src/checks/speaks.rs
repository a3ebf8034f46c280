//! What answers on a port: heard from its first words, or from its answer to a web browser's question.
//!
//! No secret is sent, and nothing that a server could take for a command of its protocol.

use std::{net::SocketAddr, time::Duration};

use mailferry_model::port::Cx;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Fault;
use crate::net::{
    Reach,
    tcp::{self, within},
};

/// How long a server may take to speak first.
const GREETING: Duration = Duration::from_secs(3);
/// How long the answer to a question may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Where IMAP is, for who meets something else.
const IMAPS_PORTS: &str = "Check the port: IMAP has 993 with ssl and 143 with tls.";
/// The most that is listened to.
const HEARD: usize = 4096;

/// A protocol, or a system that is known by its web pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// SMTP.
    Smtp,
    /// FTP.
    Ftp,
    /// NNTP.
    Nntp,
    /// SSH.
    Ssh,
    /// ManageSieve.
    Sieve,
    /// MySQL or MariaDB.
    MySql,
    /// Remote desktop and others that answer in binary.
    Binary,
    /// TLS: it waits for a handshake.
    Tls,
    /// The web services of an Exchange server.
    Exchange,
    /// Microsoft 365.
    Microsoft365,
    /// Google.
    Google,
    /// Some web page.
    Web,
    /// Nothing.
    Silent,
    /// Something that is not known.
    Other,
}

impl Speaks {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Speaks::Imap => "IMAP",
            Speaks::Pop3 => "POP3",
            Speaks::Smtp => "SMTP",
            Speaks::Ftp => "FTP",
            Speaks::Nntp => "NNTP",
            Speaks::Ssh => "SSH",
            Speaks::Sieve => "ManageSieve",
            Speaks::MySql => "MySQL",
            Speaks::Binary => "a binary protocol",
            Speaks::Tls => "TLS",
            Speaks::Exchange => "Exchange web services",
            Speaks::Microsoft365 => "Microsoft 365",
            Speaks::Google => "Google",
            Speaks::Web => "HTTP",
            Speaks::Silent => "nothing",
            Speaks::Other => "something unknown",
        }
    }

    /// The fault of a port that should speak something else; `None` where that cannot be said.
    pub fn instead_of(self, wanted: &'static str, host: &str, port: u16) -> Option<Fault> {
        let mut fault = Fault::fail(match self {
            Speaks::Exchange => "WRONG_KIND_EXCHANGE",
            Speaks::Microsoft365 => "WRONG_KIND_M365",
            Speaks::Google => "WRONG_KIND_GOOGLE",
            Speaks::Web => "WRONG_KIND_WEB",
            Speaks::Imap => "WRONG_KIND_IMAP",
            Speaks::Silent | Speaks::Other | Speaks::Tls => return None,
            _ => "WRONG_KIND",
        });
        fault = fault.with("host", host).with("port", port.to_string());
        fault = fault.with("protocol", self.name()).with("wanted", wanted);
        let usual = if self == Speaks::Imap { 993 } else { 443 };
        let at = if port == usual { String::new() } else { format!(" --port {port}") };
        fault = fault.with("at", at);
        Some(match self.proposes() {
            Some(propose) => fault.with("propose", propose),
            None => fault,
        })
    }

    /// The fault of a port that speaks this in plain text where TLS should begin.
    pub fn without_tls(self, asked: Asked) -> Fault {
        let name = match self {
            Speaks::Silent | Speaks::Other => "something else",
            known => known.name(),
        };
        let fault = Fault::fail("TLS_PLAIN_TEXT").with("protocol", name);
        match (self, asked) {
            (Speaks::Imap, Asked::Imap) => fault.with("starttls", name),
            (Speaks::Web | Speaks::Exchange | Speaks::Microsoft365 | Speaks::Google, Asked::Web) => {
                fault.with("https", "HTTPS")
            }
            (Speaks::Imap, Asked::Web) => fault.with("other", name).with("web", asked.name()),
            (_, Asked::Web) => fault.with("web", asked.name()),
            (Speaks::Exchange, Asked::Imap) => fault.with("system", name).with("elsewhere", name),
            (_, Asked::Imap) => {
                fault.with("propose", self.proposes().unwrap_or(IMAPS_PORTS)).with("elsewhere", name)
            }
        }
    }

    fn proposes(self) -> Option<&'static str> {
        Some(match self {
            Speaks::Pop3 => {
                "POP3 knows one folder alone and cannot be migrated from; use the server's IMAP: port 993 with ssl, 143 with tls."
            }
            Speaks::Smtp => {
                "SMTP only delivers mail; the mailboxes are reached by IMAP: port 993 with ssl, 143 with tls."
            }
            Speaks::Ssh | Speaks::Ftp | Speaks::Nntp | Speaks::MySql | Speaks::Binary => {
                "Check the port: IMAP has 993 with ssl and 143 with tls, Exchange 443."
            }
            Speaks::Sieve => "That is the port for filter scripts; IMAP has 993 with ssl and 143 with tls.",
            _ => return None,
        })
    }
}

/// What was asked for, where something else may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Mailboxes by IMAP.
    Imap,
    /// Web services.
    Web,
}

impl Asked {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Imap => "IMAP",
            Asked::Web => "a web service",
        }
    }
}

/// What was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it is.
    pub speaks: Speaks,
    /// The first words, shortened.
    pub words: String,
}

/// Connects anew and listens.
pub async fn hear(cx: &Cx, reach: &Reach, address: SocketAddr, host: &str) -> Heard {
    match tcp::connect_to(cx, reach, address).await {
        Ok(stream) => listen(cx, stream, host).await,
        Err(why) => Heard { speaks: Speaks::Silent, words: why.to_string() },
    }
}

/// Listens to a connection, and asks as a browser would if nothing is said.
pub async fn listen(cx: &Cx, mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Heard {
    let mut heard = read(cx, &mut stream, GREETING.min(cx.put_timeout)).await;
    if heard.is_empty() {
        let question =
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: mailferry\r\nConnection: close\r\n\r\n");
        let asked =
            within(cx, "listen", ANSWER.min(cx.put_timeout), stream.write_all(question.as_bytes())).await;
        if matches!(asked, Ok(Ok(()))) {
            heard = read(cx, &mut stream, ANSWER.min(cx.put_timeout)).await;
        }
    }
    let speaks = judge(&heard, host);
    let words: String = String::from_utf8_lossy(&heard).chars().take(300).collect();
    Heard { speaks, words: words.escape_default().to_string() }
}

async fn read(cx: &Cx, stream: &mut (impl AsyncRead + Unpin), limit: Duration) -> Vec<u8> {
    let mut heard = Vec::new();
    let reading = async {
        while heard.len() < HEARD && !is_enough(&heard) {
            let mut piece = [0; 1024];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(n) => heard.extend_from_slice(&piece[..n]),
            }
        }
    };
    _ = within(cx, "listen", limit, reading).await;
    heard
}

/// A line of a protocol, or the head of a web page.
fn is_enough(heard: &[u8]) -> bool {
    match heard.starts_with(b"HTTP/") {
        true => heard.windows(4).any(|w| w == b"\r\n\r\n"),
        false => heard.contains(&b'\n') || heard.first().is_some_and(|b| matches!(b, 21 | 22)),
    }
}

/// What these first words are.
pub fn judge(heard: &[u8], host: &str) -> Speaks {
    let text = String::from_utf8_lossy(heard);
    let begins = |word: &str| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    let lower = text.to_lowercase();
    match heard {
        [] => Speaks::Silent,
        [21 | 22, 3, ..] => Speaks::Tls,
        _ if begins("HTTP/") => web(&lower, host),
        _ if begins("* OK") || begins("* PREAUTH") || begins("* BYE") => Speaks::Imap,
        _ if begins("+OK") || begins("-ERR") => Speaks::Pop3,
        _ if begins("SSH-") => Speaks::Ssh,
        _ if begins("\"IMPLEMENTATION\"") || lower.contains("\"sieve\"") => Speaks::Sieve,
        _ if begins("220") && lower.contains("ftp") => Speaks::Ftp,
        _ if begins("220") || begins("421") || begins("554") => Speaks::Smtp,
        _ if begins("200 ") || begins("201 ") => Speaks::Nntp,
        _ if lower.contains("mysql") || lower.contains("mariadb") => Speaks::MySql,
        _ if heard.iter().filter(|b| **b < 9).count() > 1 => Speaks::Binary,
        _ => Speaks::Other,
    }
}

/// Which system's web page that is.
fn web(page: &str, host: &str) -> Speaks {
    let host = host.to_lowercase();
    let of = |domains: &[&str]| domains.iter().any(|d| host == *d || host.ends_with(&format!(".{d}")));
    if page.contains("plain http request was sent to https port")
        || page.contains("client sent an http request to an https server")
    {
        return Speaks::Tls;
    }
    if of(&[
        "office365.com",
        "outlook.com",
        "office.com",
        "microsoftonline.com",
        "office365.us",
        "partner.outlook.cn",
    ]) || page
        .lines()
        .any(|line| line.starts_with("x-calculatedbetarget:") && line.ends_with(".outlook.com"))
    {
        return Speaks::Microsoft365;
    }
    if of(&["google.com", "gmail.com", "googleapis.com", "googlemail.com"])
        || page.contains("\r\nserver: gws")
    {
        return Speaks::Google;
    }
    let marks = [
        "x-owa-version",
        "x-feserver",
        "x-calculatedbetarget",
        "x-besku",
        "/owa/",
        "/ews/",
        "x-autodiscovery-error",
    ];
    if marks.iter().any(|mark| page.contains(mark)) { Speaks::Exchange } else { Speaks::Web }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell_the_protocol() {
        for (words, speaks) in [
            (&b"* OK [CAPABILITY IMAP4rev1] ready\r\n"[..], Speaks::Imap),
            (b"+OK Dovecot ready.\r\n", Speaks::Pop3),
            (b"220 mail.example.org ESMTP Postfix\r\n", Speaks::Smtp),
            (b"220 ProFTPD Server ready\r\n", Speaks::Ftp),
            (b"554 no SMTP service here\r\n", Speaks::Smtp),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Speaks::Ssh),
            (b"200 news ready\r\n", Speaks::Nntp),
            (b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", Speaks::Sieve),
            (b"J\0\0\0\x0a8.0.35 MySQL\0", Speaks::MySql),
            (b"\x15\x03\x01\0\x02\x02\x46", Speaks::Tls),
            (b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", Speaks::Tls),
            (b"HTTP/1.1 302 Found\r\nX-FEServer: EX1\r\nLocation: https://x/owa/\r\n\r\n", Speaks::Exchange),
            (b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n<html>", Speaks::Web),
            (b"\x03\0\0\x13\x0e\xd0\0\0\0", Speaks::Binary),
            (b"hello\r\n", Speaks::Other),
            (b"", Speaks::Silent),
        ] {
            assert_eq!(judge(words, "mail.example.org"), speaks, "{}", words.escape_ascii());
        }
        assert_eq!(judge(b"HTTP/1.1 200 OK\r\n\r\n", "outlook.office365.com"), Speaks::Microsoft365);
        assert_eq!(judge(b"HTTP/1.1 200 OK\r\n\r\n", "imap.gmail.com"), Speaks::Google);
        let behind = |server: &str| format!("HTTP/1.1 401 No\r\nX-CalculatedBETarget: {server}\r\n\r\n");
        let at = |server: &str| judge(behind(server).as_bytes(), "mail.example.org");
        assert_eq!(at("fr0p281mb0001.deup281.prod.outlook.com"), Speaks::Microsoft365);
        assert_eq!(at("ex01.example.org"), Speaks::Exchange);
    }
}
