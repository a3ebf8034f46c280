//! A channel of mail: by which server, as whom, and to whom.
//!
//! Sends nothing, and holds no password: that is sealed beside it.

use serde::{Deserialize, Serialize};

use crate::{notice::Notice, words::unshown};

/// The name of the secret with which the server is signed in to.
pub const PASSWORD: &str = "password";
/// So many people are written to at most.
const MOST: usize = 50;
/// The longest interval of digests: 31 days.
const LONGEST_HOURS: u32 = 744;

/// The longest user name, and the most text of authorities, in bytes.
const LONGEST_NAME: usize = 320;
const LONGEST_CA: usize = 256 << 10;

/// How the way to the server is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the start.
    Tls,
    /// TLS before anything is said that matters.
    #[default]
    Starttls,
    /// Not at all.
    None,
}

impl Security {
    /// The port that is usual for it.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// Who is written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Recipients {
    /// Of everything.
    pub to: Vec<String>,
    /// Of what went wrong; where there are some, they alone.
    pub failure_to: Vec<String>,
}

impl Recipients {
    /// Who is to know this.
    pub fn of(&self, notice: &Notice) -> &[String] {
        match notice.is_failure() && !self.failure_to.is_empty() {
            true => &self.failure_to,
            false => &self.to,
        }
    }

    /// All of them, each once.
    pub fn all(&self) -> Vec<String> {
        let mut all = self.to.clone();
        for address in &self.failure_to {
            if !all.iter().any(|known| known.eq_ignore_ascii_case(address)) {
                all.push(address.clone());
            }
        }
        all
    }

    /// Judges their addresses.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.to.len() + self.failure_to.len() > MOST {
            return Err(format!("At most {MOST} addresses are written to."));
        }
        self.to.iter().chain(&self.failure_to).try_for_each(|address| check_address(address))
    }
}

/// What a channel of mail was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailRoute {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the way there is secured.
    pub security: Security,
    /// Who signs in; without it nobody does.
    pub username: Option<String>,
    /// Who writes.
    pub from: String,
    /// Who is written to.
    pub recipients: Recipients,
    /// By which name we greet; our address without it.
    pub hello: Option<String>,
    /// Authorities to trust instead of the system's (PEM).
    pub ca: Option<String>,
    /// Hours between two digests; 0: none.
    pub digest_every_hours: u32,
}

impl MailRoute {
    /// What is shown as its address.
    pub fn site(&self) -> String {
        let scheme = if self.security == Security::Tls { "smtps" } else { "smtp" };
        let server =
            if self.server.contains(':') { format!("[{}]", self.server) } else { self.server.clone() };
        format!("{scheme}://{server}:{}", self.port)
    }

    /// Whether a password that is kept would go to another place than before, or less well guarded.
    pub fn aims_elsewhere(&self, before: &Self) -> bool {
        let aim = |route: &Self| {
            (
                route.server.to_ascii_lowercase(),
                route.port,
                route.security,
                route.ca.clone(),
                route.username.clone(),
            )
        };
        aim(self) != aim(before)
    }

    /// Judges it by itself; whether there is a password is said by `password`.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self, password: Password) -> Result<(), String> {
        check_host("server", &self.server)?;
        if let Some(hello) = &self.hello {
            check_host("name to greet with", hello)?;
        }
        if self.port == 0 {
            return Err("A port is a number from 1 to 65535.".to_owned());
        }
        check_address(&self.from)?;
        self.recipients.check()?;
        if self.recipients.to.is_empty() && self.recipients.failure_to.is_empty() {
            return Err("Name somebody to write to.".to_owned());
        }
        if self.ca.as_ref().is_some_and(|ca| !ca.contains("-----BEGIN CERTIFICATE-----")) {
            return Err("The authorities hold no certificate in PEM.".to_owned());
        }
        let is_long =
            |text: &Option<String>, most: usize| text.as_ref().is_some_and(|text| text.len() > most);
        if is_long(&self.ca, LONGEST_CA) || is_long(&self.username, LONGEST_NAME) {
            return Err("The authorities or the user name are too long.".to_owned());
        }
        if self.digest_every_hours > LONGEST_HOURS {
            return Err(format!("Digests are at most {LONGEST_HOURS} hours apart."));
        }
        if self.username.as_deref().is_some_and(|name| name.is_empty() || unshown(name).is_some()) {
            return Err("The user name is empty, or has characters that cannot be shown.".to_owned());
        }
        match (&self.username, password) {
            (Some(_), Password::Missing) => Err("With a user name a password is needed.".to_owned()),
            (None, Password::Kept) => Err("With a password a user name is needed.".to_owned()),
            (Some(_), Password::Kept) if self.security == Security::None => {
                Err("Without TLS the password would travel unprotected; choose starttls or tls.".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a password is kept for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// One is.
    Kept,
    /// None is.
    Missing,
}

fn check_host(what: &str, host: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    match !host.is_empty() && host.len() <= 253 && host.chars().all(fits) {
        true => Ok(()),
        false => Err(format!("The {what} has to be a name or an address, such as mail.example.org.")),
    }
}

/// Judges an address of somebody who is written to.
///
/// # Errors
/// A sentence.
pub fn check_address(address: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(c);
    let parts = address.split_once('@');
    let is_one = parts.is_some_and(|(local, domain)| {
        let is_dotted = |text: &str| !text.is_empty() && text.split('.').all(|label| !label.is_empty());
        is_dotted(local) && is_dotted(domain) && local.chars().chain(domain.chars()).all(fits)
    });
    match is_one && address.len() <= 254 {
        true => Ok(()),
        false => Err(format!("{address:?} is no mail address in plain ASCII, such as anna@example.org.")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn route() -> MailRoute {
        MailRoute {
            server: "mail.example.org".to_owned(),
            port: 587,
            security: Security::Starttls,
            username: Some("ferry".to_owned()),
            from: "ferry@example.org".to_owned(),
            recipients: Recipients { to: vec!["ops@example.org".to_owned()], failure_to: Vec::new() },
            hello: None,
            ca: None,
            digest_every_hours: 24,
        }
    }

    fn notice(event: &str) -> Notice {
        Notice { event: event.to_owned(), at: Timestamp::UNIX_EPOCH, title: String::new(), data: json!({}) }
    }

    #[test]
    fn addresses_hold_one_address_and_nothing_that_begins_a_header() {
        for good in ["a@x", "anna.b+c@mail.example.org", "a@xn--bro-hoa.example"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "@x",
            "a@",
            "a@b@c",
            "a@x\r\nBcc: b@y",
            "a b@x",
            "A <a@x>",
            "a@x,b@y",
            "büro@x",
            ".a@x",
            "a@x..y",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_route_is_judged_whole() {
        assert_eq!(route().check(Password::Kept), Ok(()));
        let wrong = |change: fn(&mut MailRoute), password| {
            let mut other = route();
            change(&mut other);
            other.check(password).unwrap_err()
        };
        assert!(wrong(|_| {}, Password::Missing).contains("password is needed"));
        assert!(wrong(|r| r.username = None, Password::Kept).contains("user name is needed"));
        assert!(wrong(|r| r.security = Security::None, Password::Kept).contains("unprotected"));
        assert!(wrong(|r| r.recipients = Recipients::default(), Password::Kept).contains("somebody"));
        assert!(wrong(|r| r.server = "a b".to_owned(), Password::Kept).contains("server"));
        assert!(wrong(|r| r.hello = Some("x\r\nMAIL".to_owned()), Password::Kept).contains("greet"));
        assert!(wrong(|r| r.username = Some("x".repeat(400)), Password::Kept).contains("too long"));
        assert!(wrong(|r| r.digest_every_hours = 745, Password::Kept).contains("744"));
    }

    #[test]
    fn failures_go_to_those_who_are_named_for_them() {
        let both = Recipients { to: vec!["all@x".to_owned()], failure_to: vec!["bad@x".to_owned()] };
        assert_eq!(both.of(&notice("batch.completed")), ["all@x"]);
        assert_eq!(both.of(&notice("endpoint.needs_to_connect")), ["bad@x"]);
        let one = Recipients { failure_to: Vec::new(), ..both };
        assert_eq!(one.of(&notice("stall.escalated")), ["all@x"]);
    }

    #[test]
    fn a_password_goes_nowhere_else_by_a_change() {
        let mut other = route();
        other.from = "other@example.org".to_owned();
        assert!(!other.aims_elsewhere(&route()));
        let changes: [fn(&mut MailRoute); 3] =
            [|r| r.port = 25, |r| r.server = "evil".to_owned(), |r| r.ca = Some(String::new())];
        for change in changes {
            let mut other = route();
            change(&mut other);
            assert!(other.aims_elsewhere(&route()));
        }
        assert_eq!(route().site(), "smtp://mail.example.org:587");
    }
}
