//! Which provider or server that is, and what is known of it before anything moves.

use crate::checks::stranger::is_own;

/// A provider or a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: &'static str,
    /// Host names that are its own.
    hosts: &'static [&'static str],
    /// What its greeting or its capabilities hold, in small letters.
    words: &'static [&'static str],
    /// What an administrator should know.
    pub notes: &'static [&'static str],
}

const fn provider(
    name: &'static str,
    hosts: &'static [&'static str],
    words: &'static [&'static str],
    notes: &'static [&'static str],
) -> Provider {
    Provider { name, hosts, words, notes }
}

/// Those with hosts of their own first.
static PROVIDERS: [Provider; 25] = [
    provider(
        "Gmail",
        &["gmail.com", "googlemail.com", "google.com"],
        &["gimap", "x-gm-ext-1"],
        &[
            "Signs in with an application password or a token; plain passwords are refused.",
            "Reads at most 2,500 MB and takes at most 500 MB a day and account; 15 connections an account.",
            "Labels appear as folders: a message with three labels is listed three times.",
        ],
    ),
    provider(
        "Microsoft 365 or Outlook.com",
        &["office365.com", "outlook.com", "hotmail.com", "live.com"],
        &["microsoft exchange imap4 service is ready. [", "outlook.office"],
        &["Takes tokens alone; passwords were turned off.", "For whole organisations use the type m365."],
    ),
    provider(
        "Yahoo or AOL",
        &["yahoo.com", "aol.com"],
        &["yahoo"],
        &["Signs in with an application password.", "Answers at most 1,000 messages to a command."],
    ),
    provider("iCloud", &["me.com", "icloud.com"], &["icloud"], &["Signs in with an application password."]),
    provider(
        "Zoho",
        &["zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp"],
        &["zoho"],
        &[
            "IMAP is off until each user, or the administrator, turns it on.",
            "Organisations use imappro.zoho.com; with two-step sign-in an application password is needed.",
        ],
    ),
    provider(
        "GMX or WEB.DE",
        &["gmx.net", "gmx.com", "gmx.de", "web.de"],
        &["gmx"],
        &["IMAP is off until each user turns it on."],
    ),
    provider(
        "Fastmail",
        &["fastmail.com", "messagingengine.com"],
        &["fastmail"],
        &["Signs in with an application password."],
    ),
    provider(
        "Yandex",
        &["yandex.ru", "yandex.com"],
        &["yandex"],
        &["Signs in with an application password; IMAP is off until it is turned on."],
    ),
    provider("Mail.ru", &["mail.ru"], &[], &["Signs in with an application password."]),
    provider("Rackspace", &["emailsrvr.com"], &[], &[]),
    provider("IONOS", &["ionos.com", "ionos.de", "1und1.de", "1and1.com"], &[], &[]),
    provider(
        "Zimbra",
        &[],
        &["zimbra"],
        &[
            "An administrator signs in for others with --admin-style authzid.",
            "Chats, Contacts and Emailed Contacts appear as folders: leave them out.",
        ],
    ),
    provider(
        "Dovecot",
        &[],
        &["dovecot"],
        &["A master user signs in for others with --admin-style dovecot (user*master)."],
    ),
    provider(
        "Cyrus",
        &[],
        &["cyrus"],
        &["An administrator signs in for others with --admin-style authzid (proxyservers or admins)."],
    ),
    provider(
        "Courier",
        &[],
        &["courier"],
        &["Has no sign-in for others: each mailbox needs its own password."],
    ),
    provider(
        "Exchange",
        &[],
        &["microsoft exchange"],
        &[
            "By IMAP only mail moves; with the type exchange-remote calendars, contacts and rules as well.",
            "An administrator signs in as DOMAIN/ADMIN/ALIAS: --admin-style with a pattern.",
        ],
    ),
    provider(
        "HCL Domino",
        &[],
        &["domino"],
        &["Has no sign-in for others: each mailbox needs its own password."],
    ),
    provider("Kerio Connect", &[], &["kerio"], &[]),
    provider("MDaemon", &[], &["mdaemon"], &[]),
    provider("hMailServer", &[], &["hmailserver"], &["An administrator cannot sign in for others."]),
    provider("GroupWise", &[], &["groupwise"], &[]),
    provider(
        "UW IMAP",
        &[],
        &["university of washington", "imap4rev1 2007"],
        &["A proxy user signs in for others with --admin-style dovecot (user*admin)."],
    ),
    provider("Stalwart", &[], &["stalwart"], &[]),
    provider("MailEnable", &[], &["mailenable"], &[]),
    provider("Axigen", &[], &["axigen"], &[]),
];

impl Provider {
    /// Whether it refuses the passwords with which people sign in.
    pub fn wants_app_password(&self) -> bool {
        self.notes.iter().any(|note| note.contains("application password"))
    }

    fn owns(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| is_own(host, own))
    }
}

/// Whether a host is one of a known provider's.
pub fn hosts(host: &str) -> bool {
    PROVIDERS.iter().any(|p| p.owns(host))
}

/// Who that is, by host name, greeting and capabilities.
pub fn recognise(host: &str, told: &str) -> Option<&'static Provider> {
    let told = told.to_lowercase();
    let said = |p: &&Provider| p.words.iter().any(|w| told.contains(w));
    PROVIDERS.iter().find(|p| p.owns(host)).or_else(|| PROVIDERS.iter().find(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_greetings_name_their_provider() {
        for (host, told, name) in [
            ("imap.gmail.com", "", "Gmail"),
            (
                "outlook.office365.com",
                "The Microsoft Exchange IMAP4 service is ready. [QQ==]",
                "Microsoft 365 or Outlook.com",
            ),
            ("mail.example.org", "The Microsoft Exchange IMAP4 service is ready.", "Exchange"),
            ("mail.example.org", "Dovecot (Debian) ready.", "Dovecot"),
            ("mail.example.org", "server Cyrus IMAP 3.6.1 server ready", "Cyrus"),
            ("mail.example.org", "Courier-IMAP ready.", "Courier"),
            ("imap.mail.yahoo.com", "", "Yahoo or AOL"),
            ("imappro.zoho.eu", "", "Zoho"),
        ] {
            assert_eq!(recognise(host, told).map(|p| p.name), Some(name), "{host} {told}");
        }
        assert_eq!(recognise("notgmail.com", "IMAP4 ready"), None);
    }
}
