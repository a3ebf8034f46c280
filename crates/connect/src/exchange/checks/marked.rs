//! The marked item that a test puts into a target's mailbox, and what becomes of it.
//!
//! It is a draft, so that nobody is told of it, and it is known by the id that the server gave it: nothing else is ever
//! removed.

use mailferry_model::{
    finding::{Step, Verdict},
    port::Cx,
};
use mailferry_wire::ews::{self, Acting};

use super::{Asking, client};
use crate::{
    checks::{Fault, Told},
    net::http::Question,
};

const SUBJECT: &str = "mailferry test, may be deleted";
const TEXT: &str = "A test of this mailbox as a target.";

impl Asking {
    /// Puts a draft there, reads it and removes it for good.
    pub(super) async fn put_marked(&mut self, cx: &Cx, mailbox: &str) -> Result<Told, Fault> {
        let acting = Acting::For(mailbox);
        let made = self.marked(cx, mailbox, ews::create_draft(acting, SUBJECT, TEXT)).await?;
        if let Err(refusal) = &made.inbox {
            return Err(told(refusal, "EXCHANGE_PUT_REFUSED", mailbox));
        }
        let Some(item) = made.item else {
            let why = "the server does not say by which id it knows it";
            return Ok(Told::pass(why).but(Some(stays(mailbox, why))));
        };
        let read = self.marked(cx, mailbox, ews::get_subject(acting, &item)).await?;
        let removed = self.marked(cx, mailbox, ews::delete_item(acting, &item)).await?;
        if let Err(refusal) = &removed.inbox {
            return Err(told(refusal, "EXCHANGE_PROBE_LEFT", mailbox));
        }
        match (&read.inbox, read.subject.as_deref()) {
            (Err(refusal), _) => Err(told(refusal, "EXCHANGE_PROBE_UNREAD", mailbox)),
            (Ok(_), Some(SUBJECT)) => Ok(Told::pass("a test item was put there, read and removed")),
            (Ok(_), other) => {
                let words = format!("its subject came back as {:?}", other.unwrap_or_default());
                let fault = Fault::fail("EXCHANGE_PROBE_UNREAD").with("mailbox", mailbox);
                Err(fault.with("words", words.clone()).shown(words).natively(Verdict::Unknown))
            }
        }
    }

    async fn marked(&mut self, cx: &Cx, mailbox: &str, body: String) -> Result<client::Seen, Fault> {
        let question = Question::post(ews::PATH, ews::CONTENT_TYPE, body).with("X-AnchorMailbox", mailbox);
        let visit = self.visit()?;
        visit.leave();
        let answer = visit.ask_signed(cx, question).await;
        answer.and_then(|answer| client::classify(&answer)).map_err(|fault| {
            let step = fault.step.unwrap_or(Step::Mailbox);
            fault.at(step)
        })
    }
}

/// A refusal; one of a right belongs to the rights. Microsoft's own framework writes by another way.
fn told(refusal: &client::Refusal, code: &'static str, mailbox: &str) -> Fault {
    let words = format!("{}: {}", refusal.code, refusal.text);
    let code = if refusal.code == "ErrorQuotaExceeded" { "EXCHANGE_MAILBOX_FULL" } else { code };
    let fault = Fault::fail(code).with("mailbox", mailbox).with("words", words.clone()).shown(words);
    let is_right = client::word(refusal, None) == "EXCHANGE_ACCESS_DENIED";
    fault.natively(Verdict::Unknown).at(if is_right { Step::Permission } else { Step::Mailbox })
}

fn stays(mailbox: &str, why: &str) -> Fault {
    Fault::warn("EXCHANGE_PROBE_STAYS").with("mailbox", mailbox).with("why", why).natively(Verdict::Pass)
}
