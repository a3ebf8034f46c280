//! What a KDC answers, read beside the library: its refusals are known by their numbers, not by anybody's words.
//!
//! Decides nothing.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use picky_krb::{
    data_types::{EtypeInfo2, KerberosTime, PaData},
    gss_api::{KrbMessage, NegTokenTarg1},
    messages::{KrbError, TgsRep},
};

/// Who we are is to be shown first.
// RFC 4120 §7.5.9
const PREAUTH_REQUIRED: u32 = 25;
/// The clocks are too far apart.
const SKEW: u32 = 37;
/// Which keys there are of an account.
// RFC 4120 §7.5.2
const ETYPE_INFO2: [u8; 1] = [19];
/// The token of a KRB-ERROR.
// RFC 4121 §4.1
const KRB_ERROR: [u8; 2] = [3, 0];

/// What a question was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// How the account may show who it is.
    How,
    /// The account's ticket, with a proof of its password.
    Proven,
    /// A ticket for the service.
    Service,
}

impl Asked {
    /// Of a question with its length in front.
    // RFC 4120 §5.4.1
    pub fn of(question: &[u8]) -> Self {
        // A proof is an element of type 2 (PA-ENC-TIMESTAMP): `[1] INTEGER 2`.
        let proves = || question.windows(5).take(64).any(|w| w == [0xa1, 3, 2, 1, 2]);
        match question.get(4) {
            Some(0x6c) => Asked::Service,
            _ if proves() => Asked::Proven,
            _ => Asked::How,
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    // RFC 4120 §7.5.9
    pub code: u32,
    /// The other side's words.
    pub words: String,
    /// How far the other side's clock is ahead of ours.
    pub ahead: SignedDuration,
    /// The encryption types of the account's keys, of those that were asked for.
    pub keys: Vec<u32>,
    /// What was asked.
    pub asked: Asked,
}

impl Refusal {
    /// It only asks for a proof.
    pub fn wants_proof(&self) -> bool {
        self.code == PREAUTH_REQUIRED && self.asked == Asked::How
    }

    /// It is about the clocks.
    pub fn is_skew(&self) -> bool {
        self.code == SKEW
    }

    fn of(error: &KrbError, asked: Asked, now: Timestamp) -> Self {
        let inner = &error.0;
        let words = inner.e_text.0.as_ref().map(|text| text.0.0.as_utf8().to_owned()).unwrap_or_default();
        let data = inner.e_data.0.as_ref().map(|data| data.0.0.as_slice());
        let ahead = instant(&inner.stime.0).map_or(SignedDuration::ZERO, |theirs| theirs.duration_since(now));
        Self { code: inner.error_code.0, words, ahead, keys: data.and_then(keys).unwrap_or_default(), asked }
    }
}

/// What an answer is.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// No.
    Refusal(Refusal),
    /// A ticket without a proof.
    Unasked,
    /// Ask the KDC of this realm.
    Elsewhere(String),
    /// A ticket, or something that the library will say more about.
    Ticket,
}

impl Answer {
    /// Of an answer with its length in front.
    pub fn read(reply: &[u8], asked: Asked, now: Timestamp) -> Self {
        let body = reply.get(4..).unwrap_or_default();
        match body.first() {
            Some(0x7e) => match picky_asn1_der::from_bytes::<KrbError>(body) {
                Ok(error) => Answer::Refusal(Refusal::of(&error, asked, now)),
                Err(_) => Answer::Ticket,
            },
            Some(0x6b) if asked == Asked::How => Answer::Unasked,
            Some(0x6d) => referral(body).map_or(Answer::Ticket, Answer::Elsewhere),
            _ => Answer::Ticket,
        }
    }
}

/// The refusal inside what a server sent.
// RFC 4178 §4.2.2
pub fn refusal_of_server(token: &[u8], now: Timestamp) -> Option<Refusal> {
    let told: NegTokenTarg1 = picky_asn1_der::from_bytes(token).ok()?;
    let inner = told.0.response_token.0?.0.0;
    let message = KrbMessage::<KrbError>::decode_application_krb_message(&inner).ok()?.0;
    let is_error = message.krb5_token_id == KRB_ERROR;
    is_error.then(|| Refusal::of(&message.krb_msg, Asked::Service, now))
}

/// The realm that a ticket leads to instead of to the service.
// RFC 4120 §3.3.3.2
fn referral(body: &[u8]) -> Option<String> {
    let reply: TgsRep = picky_asn1_der::from_bytes(body).ok()?;
    match reply.0.ticket.0.0.sname.0.name_string.0.0.as_slice() {
        [service, realm] if service.0.as_utf8() == "krbtgt" => Some(realm.0.as_utf8().to_owned()),
        _ => None,
    }
}

/// The encryption types of an account's keys.
// RFC 4120 §5.2.7.5
fn keys(data: &[u8]) -> Option<Vec<u32>> {
    let hints: Vec<PaData> = picky_asn1_der::from_bytes(data).ok()?;
    let hint = hints.into_iter().find(|h| h.padata_type.0.0 == ETYPE_INFO2)?;
    let told: EtypeInfo2 = picky_asn1_der::from_bytes(&hint.padata_data.0.0).ok()?;
    let number = |octets: &[u8]| octets.iter().fold(0, |all: u32, octet| (all << 8) | u32::from(*octet));
    Some(told.0.iter().map(|one| number(&one.etype.0.0)).collect())
}

fn instant(time: &KerberosTime) -> Option<Timestamp> {
    let of = |n: u8| i8::try_from(n).ok();
    let year = i16::try_from(time.year()).ok()?;
    let date = civil::Date::new(year, of(time.month())?, of(time.day())?).ok()?;
    let clock = civil::Time::new(of(time.hour())?, of(time.minute())?, of(time.second())?, 0).ok()?;
    Some(date.to_datetime(clock).to_zoned(TimeZone::UTC).ok()?.timestamp())
}
