//! The flags of a channel of mail, and the fields that they are at the service.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::{exit::Failure, secrets};

/// How the way to the mail server is secured.
#[derive(Clone, Copy, ValueEnum)]
pub enum SecurityWord {
    /// TLS from the start, port 465
    Tls,
    /// TLS before anything is said that matters, port 587
    Starttls,
    /// Not at all, port 25: inside a network, and without a password
    None,
}

/// What a channel of mail is told; an empty text takes something away.
#[derive(Args)]
#[command(next_help_heading = "Of mail")]
pub struct MailArgs {
    /// The server that takes mail
    #[arg(long, value_name = "HOST")]
    pub smtp_server: Option<String>,
    /// Its port; what is usual for the security without it
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// How the way there is secured; starttls without it
    #[arg(long, value_enum)]
    pub security: Option<SecurityWord>,
    /// Who signs in there; nobody without it
    #[arg(long, value_name = "USER")]
    pub username: Option<String>,
    /// A file with the password; - for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The password is the first line of standard input
    #[arg(long, conflicts_with = "password_file")]
    pub password_stdin: bool,
    /// Who writes
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Who is written to, of everything; several, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub to: Vec<String>,
    /// Who is written to of what went wrong; where there are some, they alone
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub failure_to: Vec<String>,
    /// By which name the server is greeted; our address without it
    #[arg(long, value_name = "NAME")]
    pub ehlo: Option<String>,
    /// Certificate authorities to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// One mail about all batches so often: 24h, 7d; 0: none
    #[arg(long, value_name = "TIME", value_parser = hours)]
    pub digest_every: Option<u32>,
}

impl MailArgs {
    /// The fields that flags name; nothing where none does.
    pub fn fields(&self) -> Result<Option<Value>, Failure> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        let security = self.security.map(|word| match word {
            SecurityWord::Tls => "tls",
            SecurityWord::Starttls => "starttls",
            SecurityWord::None => "none",
        });
        let list = |all: &[String]| {
            let named = || all.iter().map(|one| one.trim()).filter(|one| !one.is_empty()).collect::<Vec<_>>();
            (!all.is_empty()).then(|| json!(named()))
        };
        put("server", self.smtp_server.as_ref().map(|text| json!(text)));
        put("port", self.port.map(|port| json!(port)));
        put("security", security.map(|word| json!(word)));
        put("username", self.username.as_ref().map(|text| json!(text)));
        put("from", self.from.as_ref().map(|text| json!(text)));
        put("to", list(&self.to));
        put("failureTo", list(&self.failure_to));
        put("helloName", self.ehlo.as_ref().map(|text| json!(text)));
        put("digestEveryHours", self.digest_every.map(|hours| json!(hours)));
        put("ca", self.ca_file.as_ref().map(read).transpose()?);
        put("password", self.password()?.map(|secret| json!(secret.expose())));
        Ok((!fields.is_empty()).then_some(Value::Object(fields)))
    }

    fn password(&self) -> Result<Option<mailferry_model::secret::Secret<String>>, Failure> {
        match &self.password_file {
            Some(file) => secrets::from_file_or_stdin(file).map(Some),
            None if self.password_stdin => secrets::from_stdin().map(Some),
            None => Ok(None),
        }
    }
}

fn read(path: &PathBuf) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path);
    text.map(|text| json!(text)).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

/// `24h`, `7d`, `0`.
fn hours(text: &str) -> Result<u32, String> {
    let wrong = || "write hours or days, such as 24h or 7d; 0 for none".to_owned();
    let (digits, factor) = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(digits), _) => (digits, 1),
        (_, Some(digits)) => (digits, 24),
        _ if text == "0" => (text, 1),
        _ => return Err(wrong()),
    };
    digits.parse::<u32>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_a_unit() {
        for (text, said) in [("24h", Ok(24)), ("7d", Ok(168)), ("0", Ok(0)), ("0h", Ok(0))] {
            assert_eq!(hours(text), said, "{text}");
        }
        for wrong in ["24", "h", "-1h", "1w", "", "99999999999h", "300000000d"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
