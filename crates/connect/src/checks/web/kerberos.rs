//! Kerberos at a web server: where its settings lead, and what its refusals mean.
//!
//! The tickets are got elsewhere. Which refusal may be followed by a sign-in of another kind is decided here: never one
//! after which the same password would count as wrong twice.

use jiff::SignedDuration;
use mailferry_model::{
    catalogue,
    finding::Verdict,
    settings::{SettingSpec, Settings, Takes},
};

use super::settings::{Scheme, Site};
use crate::{
    checks::{ALSO, Fault},
    net::kerberos::{Failure, Place, Principal, Refusal, answer::Asked},
};

/// What clocks may be apart, unless the administrators of the realm say otherwise.
// RFC 4120 §1.6
const ALLOWED: SignedDuration = SignedDuration::from_mins(5);

/// The settings.
pub const SETTINGS: [SettingSpec; 3] = [
    SettingSpec::optional(
        "kdc",
        Takes::Text,
        None,
        "For Kerberos: a domain controller (KDC), HOST or HOST:PORT; without it DNS is asked (_kerberos._tcp.REALM).",
    )
    .aiming(),
    SettingSpec::optional(
        "realm",
        Takes::Text,
        None,
        "For Kerberos: the realm, which is the Active Directory domain's DNS name; without it the one of the username.",
    ),
    SettingSpec::optional(
        "spn",
        Takes::Text,
        None,
        "For Kerberos: the service's principal name, where it is not HTTP/REMOTE-SERVER.",
    )
    .aiming(),
];

/// What the settings say.
#[derive(Clone, Debug, Default)]
pub struct Kerberos {
    /// The KDC.
    pub kdc: Option<Place>,
    /// The realm.
    pub realm: Option<String>,
    /// The service's principal name.
    pub service: Option<String>,
}

impl Kerberos {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence.
    pub fn from_settings(settings: &Settings) -> Result<Self, String> {
        let kdc = settings.get("kdc").map(Place::parse).transpose()?;
        let service = settings.get("spn").map(str::to_owned);
        let whole = |spn: &String| spn.split_once('/').is_some_and(|(s, h)| !s.is_empty() && !h.is_empty());
        if let Some(spn) = service.as_ref().filter(|spn| !whole(spn)) {
            return Err(format!("spn: {spn:?} is not SERVICE/HOST, such as HTTP/mail.example.org"));
        }
        Ok(Self { kdc, realm: settings.get("realm").map(str::to_owned), service })
    }

    /// Whether somebody said where it may be had.
    fn is_told(&self) -> bool {
        self.kdc.is_some() || self.realm.is_some()
    }
}

/// What is known of a sign-in by Kerberos at a site.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Who, where that is known.
    pub principal: Option<Principal>,
    /// The service's principal name.
    pub service: String,
    /// The KDC, as it was named.
    pub kdc: String,
}

impl Attempt {
    /// At this site.
    pub fn at(site: &Site) -> Self {
        let service = site.kerberos.service.clone().unwrap_or_else(|| format!("HTTP/{}", site.host));
        let named = site.kerberos.kdc.as_ref().map(|place| format!("{}:{}", place.host, place.port));
        let principal = Principal::of(&site.user, site.kerberos.realm.as_deref());
        Self { principal, service, kdc: named.unwrap_or_default() }
    }

    /// Whether it is the first choice inside Negotiate: where a KDC is named, or the realm, or where Negotiate was asked
    /// for by name and the account's name has the form of a realm. Otherwise nobody's DNS is asked.
    pub fn comes_first(&self, site: &Site) -> bool {
        let has_realm = self.principal.as_ref().is_some_and(|p| p.realm.contains('.'));
        site.kerberos.is_told() || (site.scheme == Scheme::Negotiate && has_realm)
    }

    /// What a failure means.
    pub fn fault(&self, failure: &Failure, user: &str) -> Fault {
        let realm = self.principal.as_ref().map(|p| p.realm.clone()).unwrap_or_default();
        let fault = match failure {
            Failure::NoRealm => mild("KERBEROS_NO_REALM").shown(user),
            Failure::NotFound(words) => mild("KERBEROS_KDC_NOT_FOUND").shown(words),
            Failure::Unreachable(words) => mild("KERBEROS_KDC_UNREACHABLE").shown(words),
            Failure::NoAnswer(words) => mild("KERBEROS_KDC_NO_ANSWER").shown(words),
            Failure::OtherRealm(other) => {
                mild("KERBEROS_OTHER_REALM").with("other", other).shown(format!("a ticket for {other}"))
            }
            Failure::NoProof => mild("KERBEROS_NO_PREAUTH").shown("a ticket without pre-authentication"),
            Failure::NoKey(keys) => {
                let shown: Vec<String> = keys.iter().map(|key| named_key(*key)).collect();
                let shown = if shown.is_empty() { "none for AES".to_owned() } else { shown.join(", ") };
                mild("KERBEROS_ENCRYPTION").shown(format!("keys of the account: {shown}"))
            }
            Failure::Library(words) => mild("KERBEROS_BROKEN").shown(words),
            Failure::Refused(refusal) => refused(refusal),
        };
        let words = fault.evidence.clone();
        let fault = fault.with("username", user).with("realm", realm).with("spn", &self.service);
        let fault = fault.with("account", service_account(user));
        let fault = fault.with("host", self.service.rsplit('/').next().unwrap_or_default());
        let kdc = if self.kdc.is_empty() { "the KDC" } else { &self.kdc };
        fault.with("kdc", kdc).with("words", words)
    }

    /// What it means that the server took no ticket.
    pub fn not_taken(&self, refusal: Option<&Refusal>, user: &str, shown: String) -> Fault {
        let fault = match refusal {
            Some(refusal) if refusal.is_skew() => skewed(refusal.ahead),
            _ => mild("KERBEROS_TICKET_REFUSED"),
        };
        let told = refusal.map(|refusal| format!("{}; ", named(refusal))).unwrap_or_default();
        let words = format!("{told}{shown}");
        let fault = fault.with("username", user).with("spn", &self.service).with("words", words.clone());
        let host = self.service.rsplit('/').next().unwrap_or_default();
        fault.with("kdc", "the server").with("host", host).shown(words)
    }
}

/// Of Kerberos alone: Microsoft's own migration comes from outside, asks no KDC of the organisation, and signs in by
/// other means, of which this says nothing.
fn mild(code: &'static str) -> Fault {
    Fault::fail(code).natively(Verdict::Unknown)
}

/// The account, as tools of Active Directory take it.
fn service_account(user: &str) -> String {
    let user = user.rsplit_once('\\').map_or(user, |(_, user)| user);
    user.split('@').next().unwrap_or_default().to_owned()
}

fn refused(refusal: &Refusal) -> Fault {
    let fault = match (refusal.code, refusal.asked) {
        // Far apart, also what is asked for begins too early or too late.
        (37, _) => skewed(refusal.ahead),
        (11 | 33, _) if refusal.ahead.abs() > ALLOWED => skewed(refusal.ahead),
        (6, _) => mild("KERBEROS_UNKNOWN_ACCOUNT"),
        (24 | 31, Asked::Proven) => Fault::fail("KERBEROS_WRONG_PASSWORD"),
        (23, _) => Fault::fail("KERBEROS_PASSWORD_EXPIRED"),
        (1 | 18, Asked::How | Asked::Proven) => Fault::fail("KERBEROS_ACCOUNT_REVOKED"),
        (14, _) => mild("KERBEROS_ENCRYPTION"),
        // No ticket-granting service either: the realm is not this KDC's.
        (7 | 68, Asked::How | Asked::Proven) => mild("KERBEROS_WRONG_REALM"),
        (7 | 8, Asked::Service) => mild("KERBEROS_SPN_UNKNOWN"),
        _ => mild("KERBEROS_REFUSED"),
    };
    fault.shown(named(refusal))
}

/// The clocks are apart.
pub fn skewed(ahead: SignedDuration) -> Fault {
    let way = if ahead.is_negative() { "ahead of" } else { "behind" };
    mild("KERBEROS_CLOCK_SKEW").with("skew", span(ahead)).with("way", way)
}

/// The clocks are apart further than is allowed, and it was counted in.
pub fn corrected(ahead: SignedDuration, kdc: &str) -> Option<Fault> {
    let also = "The sign-in worked, because that was counted in; other programs here may not do so.";
    let fault = skewed(ahead).with("kdc", kdc).with(ALSO, also).shown(format!("{} apart", span(ahead)));
    (ahead.abs() > ALLOWED).then(|| fault.as_warning().natively(Verdict::Pass))
}

/// Minutes and seconds.
fn span(of: SignedDuration) -> String {
    let seconds = of.as_secs().unsigned_abs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// Whether the same password, shown to the same directory by other means, would count as wrong again.
pub fn is_final(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(Refusal { code: 1 | 18 | 23 | 24 | 31, .. }))
}

/// Whether nobody said that there is a KDC, and DNS knows of none: then Kerberos is not in use here.
pub fn is_absent(failure: &Failure, site: &Site) -> bool {
    matches!(failure, Failure::NoRealm | Failure::NotFound(_)) && !site.kerberos.is_told()
}

/// What somebody should know who signed in by NTLM because Kerberos failed.
pub fn not_used(fault: &Fault) -> Fault {
    let title = catalogue::find(&fault.code).map(|entry| entry.title.clone()).unwrap_or_default();
    let why = format!("{title} ({})", fault.evidence.replace('\n', "; "));
    let shown = format!("{}: {}", fault.code, fault.evidence);
    Fault::warn("KERBEROS_NOT_USED").natively(Verdict::Pass).with("why", why).shown(shown)
}

/// A refusal by its name, for evidence.
// RFC 4120 §7.5.9
fn named(refusal: &Refusal) -> String {
    let name = match refusal.code {
        1 => "KDC_ERR_NAME_EXP",
        6 => "KDC_ERR_C_PRINCIPAL_UNKNOWN",
        7 => "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        8 => "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
        11 => "KDC_ERR_NEVER_VALID",
        12 => "KDC_ERR_POLICY",
        14 => "KDC_ERR_ETYPE_NOSUPP",
        18 => "KDC_ERR_CLIENT_REVOKED",
        23 => "KDC_ERR_KEY_EXPIRED",
        24 => "KDC_ERR_PREAUTH_FAILED",
        31 => "KRB_AP_ERR_BAD_INTEGRITY",
        33 => "KRB_AP_ERR_TKT_NYV",
        37 => "KRB_AP_ERR_SKEW",
        41 => "KRB_AP_ERR_MODIFIED",
        60 => "KRB_ERR_GENERIC",
        68 => "KDC_ERR_WRONG_REALM",
        _ => "KRB_ERROR",
    };
    let words = if refusal.words.is_empty() { String::new() } else { format!(": {}", refusal.words) };
    format!("{name} ({}){words}", refusal.code)
}

/// An encryption type by its name.
// RFC 3961 §8.3
fn named_key(key: u32) -> String {
    match key {
        1 => "des-cbc-crc".to_owned(),
        3 => "des-cbc-md5".to_owned(),
        16 => "des3-cbc-sha1".to_owned(),
        17 => "aes128-cts-hmac-sha1-96".to_owned(),
        19 => "aes128-cts-hmac-sha256-128".to_owned(),
        20 => "aes256-cts-hmac-sha384-192".to_owned(),
        23 => "rc4-hmac".to_owned(),
        other => other.to_string(),
    }
}
