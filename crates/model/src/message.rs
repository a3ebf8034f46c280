//! Messages to the people whose mailboxes move: before, on the day, after; and a sheet for the help desk. In English,
//! German and Urdu, or in an administrator's own words.
//!
//! Pure: a text, what stands for its placeholders, and what comes of it. Nothing is sent here; how a message is written as
//! a letter is the server's.

mod template;
mod times;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{batch::Batch, user::User};

pub use template::{LARGEST, Template, Written};
use times::{said, unsaid};

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Days before: what comes.
    Before,
    /// On the day: when, and what to do until then.
    OnTheDay,
    /// Afterwards: sign in again, add the account anew, let caches be built anew.
    After,
    /// For the help desk, of a whole batch: what people will ask.
    HelpDesk,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Before, Self::OnTheDay, Self::After, Self::HelpDesk];

    /// As flags and the API call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::OnTheDay => "on-the-day",
            Self::After => "after",
            Self::HelpDesk => "help-desk",
        }
    }

    /// The one of that name.
    ///
    /// # Errors
    /// A sentence with those that there are.
    pub fn named(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| {
            format!("There is no message {word:?}; there are {}.", Self::ALL.map(Self::word).join(", "))
        })
    }

    /// Whether there is one of each mailbox, not one of the batch.
    pub fn is_of_mailboxes(self) -> bool {
        self != Self::HelpDesk
    }
}

/// The languages of the texts that come with mailferry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Urdu.
    Ur,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::De, Self::Ur];

    /// As flags, the API and HTML call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Ur => "ur",
        }
    }

    /// The one of that name.
    ///
    /// # Errors
    /// A sentence with those that there are.
    pub fn named(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|lang| lang.word() == word);
        found.ok_or_else(|| {
            format!("There are no texts in {word:?}; there are {}.", Self::ALL.map(Self::word).join(", "))
        })
    }

    /// The direction in which it is read, as HTML says it.
    pub fn dir(self) -> &'static str {
        match self {
            Self::En | Self::De => "ltr",
            Self::Ur => "rtl",
        }
    }
}

/// The text that comes with mailferry.
pub fn text(kind: Kind, lang: Lang) -> &'static str {
    match (kind, lang) {
        (Kind::Before, Lang::En) => include_str!("message/before.en.txt"),
        (Kind::Before, Lang::De) => include_str!("message/before.de.txt"),
        (Kind::Before, Lang::Ur) => include_str!("message/before.ur.txt"),
        (Kind::OnTheDay, Lang::En) => include_str!("message/on-the-day.en.txt"),
        (Kind::OnTheDay, Lang::De) => include_str!("message/on-the-day.de.txt"),
        (Kind::OnTheDay, Lang::Ur) => include_str!("message/on-the-day.ur.txt"),
        (Kind::After, Lang::En) => include_str!("message/after.en.txt"),
        (Kind::After, Lang::De) => include_str!("message/after.de.txt"),
        (Kind::After, Lang::Ur) => include_str!("message/after.ur.txt"),
        (Kind::HelpDesk, Lang::En) => include_str!("message/help-desk.en.txt"),
        (Kind::HelpDesk, Lang::De) => include_str!("message/help-desk.de.txt"),
        (Kind::HelpDesk, Lang::Ur) => include_str!("message/help-desk.ur.txt"),
    }
}

/// What a text may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The person's address.
    Address,
    /// The address at the new place.
    NewAddress,
    /// The batch.
    Batch,
    /// How many mailboxes the batch has.
    Mailboxes,
    /// When copying begins.
    Starts,
    /// When it is switched over.
    Completes,
    /// The new server.
    NewServer,
    /// Whom to ask.
    HelpDesk,
}

impl Placeholder {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Address,
        Self::NewAddress,
        Self::Batch,
        Self::Mailboxes,
        Self::Starts,
        Self::Completes,
        Self::NewServer,
        Self::HelpDesk,
    ];

    /// As it stands between braces.
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::NewAddress => "new-address",
            Self::Batch => "batch",
            Self::Mailboxes => "mailboxes",
            Self::Starts => "starts",
            Self::Completes => "completes",
            Self::NewServer => "new-server",
            Self::HelpDesk => "help-desk",
        }
    }

    /// Whether it is another for each mailbox.
    pub fn is_of_mailboxes(self) -> bool {
        matches!(self, Self::Address | Self::NewAddress)
    }

    /// Their names in braces, for messages.
    pub fn words(kind: Kind) -> String {
        let fits = |one: &Self| kind.is_of_mailboxes() || !one.is_of_mailboxes();
        let words = Self::ALL.into_iter().filter(fits).map(|one| format!("{{{}}}", one.word()));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// What stands for the placeholders in all messages of a batch.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The language, for days, and for what nobody has said.
    pub lang: Lang,
    /// The batch.
    pub batch: &'a Batch,
    /// How many mailboxes it has.
    pub mailboxes: usize,
    /// The new server, if somebody has said it.
    pub new_server: Option<&'a str>,
    /// Whom to ask, if somebody has said it.
    pub help_desk: Option<&'a str>,
}

impl Facts<'_> {
    /// What stands for a placeholder, for one mailbox or for the batch.
    pub fn value(&self, placeholder: Placeholder, user: Option<&User>) -> String {
        let zone = self.batch.schedule.time_zone.as_deref();
        let time = |at: Option<Timestamp>| said(at, zone, self.lang);
        match placeholder {
            Placeholder::Address => user.map(|user| user.address.clone()).unwrap_or_default(),
            Placeholder::NewAddress => user.map(|user| user.target.address.clone()).unwrap_or_default(),
            Placeholder::Batch => self.batch.name.clone(),
            Placeholder::Mailboxes => self.mailboxes.to_string(),
            Placeholder::Starts => time(self.starts()),
            Placeholder::Completes => time(self.completes(user)),
            Placeholder::NewServer => self.new_server.unwrap_or(unsaid(self.lang)).to_owned(),
            Placeholder::HelpDesk => match (self.help_desk, user) {
                (Some(help_desk), _) => help_desk.to_owned(),
                (None, Some(_)) => self.some_desk().to_owned(),
                // The help desk itself is not sent to the help desk.
                (None, None) => unsaid(self.lang).to_owned(),
            },
        }
    }

    fn starts(&self) -> Option<Timestamp> {
        self.batch.schedule.start_after.or(self.batch.started)
    }

    /// A mailbox's own time goes before its batch's.
    fn completes(&self, user: Option<&User>) -> Option<Timestamp> {
        let own = user.and_then(|user| user.times.completed.or(user.complete_after));
        own.or(self.batch.completed).or(self.batch.schedule.complete_after)
    }

    fn some_desk(&self) -> &'static str {
        match self.lang {
            Lang::En => "Ask your help desk.",
            Lang::De => "Fragen Sie Ihren Helpdesk.",
            Lang::Ur => "اپنے ہیلپ ڈیسک سے پوچھیں۔",
        }
    }
}
