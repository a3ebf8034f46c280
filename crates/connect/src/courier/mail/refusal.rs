//! What answers of a mail server mean, and whether another try helps.
//!
//! Reads digits, not words: those are only shown.

use mailferry_model::{Error, Kind, Retry, Side};

use super::super::OP;

/// So much of what a server says is shown.
const SHOWN: usize = 300;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To be let in.
    Greeting,
    /// To be known.
    SignIn,
    /// To write to somebody.
    Recipient,
    /// To have the mail taken.
    Mail,
}

/// An answer, or that there was none.
pub(super) struct Said<'a> {
    /// Its three digits.
    pub code: Option<u16>,
    /// Its words, or the system's.
    pub words: &'a str,
    /// Whether the session ended without an answer.
    pub is_broken: bool,
}

/// The error that it is.
// RFC 5321 §4.2.1, RFC 4954 §6
pub(super) fn classify(side: Side, step: Step, server: &str, said: &Said<'_>) -> Error {
    let words: String =
        said.words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    let digits = said.code.map(|code| format!(" {code}")).unwrap_or_default();
    let text = format!("{server} said{digits} {words}").trim_end().to_owned();
    let of = |kind, code, retry| Error::new(kind, side, OP, text.clone()).code_of(code).retry_of(retry);
    match (said.code, step) {
        // 421 too: it closes, and may be asked again. 454 is a sign-in that cannot be judged for now.
        (Some(400..=499), _) => of(Kind::Busy, "MAIL_LATER", Retry::Soon),
        (Some(530 | 538), _) | (Some(534 | 535), _) | (Some(_), Step::SignIn) => {
            of(Kind::Unauthenticated, "MAIL_SIGN_IN_REFUSED", Retry::AfterFix)
        }
        (Some(_), _) => of(Kind::Forbidden, "MAIL_REFUSED", Retry::Never),
        (None, _) if said.is_broken => {
            let text = format!("{server}: the connection ended, or its answer is no SMTP: {words}");
            Error::new(Kind::Unreachable, side, OP, text).code_of("MAIL_UNREACHABLE").retry_of(Retry::Soon)
        }
        (None, _) => of(Kind::Malformed, "MAIL_REFUSED", Retry::Never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (code, step, catalogued, helps) in [
            (Some(421), Step::Greeting, "MAIL_LATER", true),
            (Some(451), Step::Mail, "MAIL_LATER", true),
            (Some(450), Step::Recipient, "MAIL_LATER", true),
            (Some(454), Step::SignIn, "MAIL_LATER", true),
            (Some(535), Step::SignIn, "MAIL_SIGN_IN_REFUSED", false),
            (Some(500), Step::SignIn, "MAIL_SIGN_IN_REFUSED", false),
            (Some(530), Step::Mail, "MAIL_SIGN_IN_REFUSED", false),
            (Some(550), Step::Recipient, "MAIL_REFUSED", false),
            (Some(552), Step::Mail, "MAIL_REFUSED", false),
            (Some(554), Step::Greeting, "MAIL_REFUSED", false),
            (None, Step::Mail, "MAIL_UNREACHABLE", true),
        ] {
            let said = Said { code, words: "no\r\nBcc: x", is_broken: code.is_none() };
            let error = classify(Side::Us, step, "mail.example", &said);
            assert_eq!(error.code(), catalogued, "{code:?} {step:?}");
            assert_eq!(matches!(error.retry(), Retry::Soon), helps, "{code:?} {step:?}");
            assert!(!error.context().contains('\n') && error.context().contains("mail.example"), "{error}");
        }
    }
}
