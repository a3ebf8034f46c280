//! Whether the account that signs in is made for the migration, and how long its password lasts.

use jiff::civil::Date;
use mailferry_model::settings::{SettingSpec, Settings, Takes};

use super::{Fault, Told};

/// Passwords that end sooner are warned about, as certificates are.
pub const WARN_DAYS: i64 = 30;

/// The date on which the password ends, as an administrator entered it.
pub const SETTING: SettingSpec = SettingSpec::optional(
    "password-expires",
    Takes::Text,
    None,
    "The date on which the account's password ends (2027-01-31); it is counted down.",
);

/// Names of accounts that every system has.
const ADMINISTRATORS: [&str; 10] = [
    "administrator",
    "admin",
    "root",
    "postmaster",
    "zimbra",
    "cyrus",
    "domainadmin",
    "globaladmin",
    "hostmaster",
    "webmaster",
];

/// What names hold that are made for a purpose: whole parts of a name, or any part of it where they are long enough
/// not to be in people's names.
const PURPOSES: [&str; 59] = [
    "account",
    "adm",
    "admin",
    "agent",
    "api",
    "app",
    "archive",
    "auto",
    "backup",
    "batch",
    "bot",
    "cloud",
    "contact",
    "cutover",
    "daemon",
    "data",
    "dept",
    "dev",
    "ews",
    "exch",
    "ferry",
    "global",
    "help",
    "helpdesk",
    "hybrid",
    "impersonat",
    "import",
    "info",
    "it",
    "ldap",
    "mail",
    "master",
    "mig",
    "migrat",
    "move",
    "mover",
    "noreply",
    "o365",
    "office",
    "ops",
    "postmaster",
    "proxy",
    "relay",
    "reply",
    "robot",
    "root",
    "scan",
    "server",
    "service",
    "shared",
    "srv",
    "support",
    "svc",
    "sync",
    "sys",
    "system",
    "team",
    "test",
    "user",
];

/// For whom the account signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// For its own mailbox: it is a person's, rightly.
    Itself,
    /// For the mailboxes of others.
    Others,
}

/// What is wrong with the date, if anything.
///
/// # Errors
/// One sentence.
pub fn check(settings: &Settings) -> Result<(), String> {
    match settings.get(SETTING.name).map(str::parse::<Date>) {
        Some(Err(_)) => Err(format!("{}: a date such as 2027-01-31 is needed", SETTING.name)),
        _ => Ok(()),
    }
}

/// The end of a password that the server itself speaks of, in the words with which it takes the sign-in.
pub fn told_to_end(notices: &[String]) -> Option<Fault> {
    let speaks = |notice: &&String| {
        let words = notice.to_lowercase();
        words.contains("password") && (words.contains("expire") || words.contains("expiring"))
    };
    let words = notices.iter().find(speaks)?;
    Some(Fault::warn("PASSWORD_ENDS_SOON").with("words", words.clone()).shown(words.clone()))
}

/// Judges an account that signs in, by its name and by the date that was entered.
pub fn judge(settings: &Settings, serves: Serves, today: Date) -> Told {
    let username = settings.get("username").unwrap_or_default();
    let ends: Option<Date> = settings.get(SETTING.name).and_then(|date| date.parse().ok());
    let local = local_of(username);
    let mut told = Told::pass(if username.is_empty() { "the mailbox's own account" } else { username });
    if ADMINISTRATORS.contains(&&*local) {
        told = told.but(Some(Fault::warn("ACCOUNT_IS_ADMINISTRATOR").with("username", username)));
    } else if serves == Serves::Others
        && let Some(looks) = looks_personal(username, settings.get("test-mailbox"))
    {
        told = told
            .but(Some(Fault::warn("ACCOUNT_IS_PERSONAL").with("username", username).with("looks", looks)));
    }
    let Some(ends) = ends else { return told };
    let days = i64::from((ends - today).get_days());
    let fault = |fault: Fault| fault.with("ends", ends.to_string()).with("days", days.to_string());
    told = told.seen("passwordExpires", ends.to_string());
    match days {
        ..0 => told.but(Some(fault(Fault::warn("PASSWORD_ENDED")))),
        0..WARN_DAYS => told.but(Some(fault(Fault::warn("PASSWORD_ENDS")))),
        _ => told,
    }
}

/// The name without its domain, in small letters: `ANNA@example.org`, `CORP\\anna`, `CORP/anna`.
fn local_of(username: &str) -> String {
    let local = username.split('@').next().unwrap_or_default();
    local.rsplit(['\\', '/']).next().unwrap_or_default().to_lowercase()
}

/// By what an account that serves others looks like a person's: no proof, so it is said only where the name speaks for
/// it and nothing in the name against it. Single words, such as `asmith`, may be anything.
fn looks_personal(username: &str, test_mailbox: Option<&str>) -> Option<&'static str> {
    let local = local_of(username);
    let parts: Vec<&str> = local.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty()).collect();
    let is_purpose = |part: &&str| {
        let bare = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let long = |word: &&&str| {
            word.len() > 5 || ["svc", "srv", "sync", "admin", "robot", "exch", "ferry"].contains(*word)
        };
        PURPOSES.contains(&bare)
            || PURPOSES.contains(part)
            || PURPOSES.iter().filter(long).any(|w| part.contains(*w))
    };
    if parts.is_empty() || parts.iter().any(is_purpose) {
        return None;
    }
    let is_name = |part: &&str| part.chars().all(char::is_alphabetic);
    let is_full = |part: &&str| is_name(part) && part.chars().count() > 1;
    let dotted: Vec<&str> = local.split('.').collect();
    let is_persons = match dotted.as_slice() {
        [given, surname] => {
            // `m.smith`, `anna.smith`, `anna.smith-jones`, `anna.smith2`.
            let surname = surname.trim_end_matches(|c: char| c.is_ascii_digit());
            is_name(given) && !given.is_empty() && surname.split('-').all(|part| is_full(&part))
        }
        _ => false,
    };
    let is_own = test_mailbox.is_some_and(|mailbox| mailbox.contains('@') && local_of(mailbox) == local);
    match () {
        () if is_persons => Some("has a name such as people have"),
        () if is_own && parts.iter().all(is_name) => Some("is tested on its own mailbox"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_account_is_told_where_its_name_says_so() {
        let told = |username: &str, serves, mailbox: Option<&str>| {
            let settings = Settings::default().with("username", username);
            let settings = mailbox.into_iter().fold(settings, |s, m| s.with("test-mailbox", m));
            let told = judge(&settings, serves, Date::constant(2026, 1, 1));
            told.warning.map(|fault| fault.code.into_owned())
        };
        let personal = Some("ACCOUNT_IS_PERSONAL".to_owned());
        for username in
            ["anna.schmidt@example.org", "CORP\\a.schmidt", "Anna.Schmidt-Maier", "corp/anna.schmidt2"]
        {
            assert_eq!(told(username, Serves::Others, None), personal, "{username}");
            assert_eq!(told(username, Serves::Itself, None), None, "{username}");
        }
        for username in [
            "svc.migration@example.org",
            "svc-mailferry@example.org",
            "CORP\\svc_mig01",
            "mail.ferry",
            "app.smith@example.org",
            "anna.admin",
            "exchange.sync",
            "sync.master",
            "no.reply",
            "mig.user1",
            "asmith",
            "m365.mover",
            "",
            "x",
        ] {
            assert_eq!(told(username, Serves::Others, None), None, "{username}");
        }
        let own = |username: &str| told(username, Serves::Others, Some("anna@example.org"));
        assert_eq!((own("anna@example.org"), own("CORP\\anna")), (personal.clone(), personal));
        assert_eq!(own("bert@example.org"), None);
        assert_eq!(told("svc@example.org", Serves::Others, Some("svc@example.org")), None);
        let administrator = Some("ACCOUNT_IS_ADMINISTRATOR".to_owned());
        assert_eq!(told("CORP\\Administrator", Serves::Others, None), administrator);
    }
}
