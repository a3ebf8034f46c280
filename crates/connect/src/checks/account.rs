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
pub fn judge(settings: &Settings, today: Date) -> Told {
    let username = settings.get("username").unwrap_or_default();
    let ends: Option<Date> = settings.get(SETTING.name).and_then(|date| date.parse().ok());
    let local = username.split('@').next().unwrap_or_default();
    let local = local.rsplit('\\').next().unwrap_or_default().to_lowercase();
    let mut told = Told::pass(if username.is_empty() { "the mailbox's own account" } else { username });
    if ADMINISTRATORS.contains(&&*local) {
        told = told.but(Some(Fault::warn("ACCOUNT_IS_ADMINISTRATOR").with("username", username)));
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
