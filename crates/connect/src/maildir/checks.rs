//! What we ask a Maildir before trusting it: is it there, and may we write.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Side,
    finding::{Check, Finding, Step, Verdict},
    port::{Cx, Probe},
    settings::{MailboxAddress, Settings},
};

use super::{Maildir, client::classify};

static PERMISSION: Check =
    Check { step: Step::Permission, id: "maildir-may-be-used", title: "The Maildir may be read and written" };
static MAILBOX: Check =
    Check { step: Step::Mailbox, id: "maildir-lists", title: "The Maildir lists its folders" };

/// The probes, where it is said whose Maildir.
pub fn probes(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    let Some(mailbox) = mailbox else { return Vec::new() };
    let probe = |check| Box::new(Asked { check, settings: settings.clone(), mailbox: mailbox.clone() });
    vec![probe(&PERMISSION), probe(&MAILBOX)]
}

struct Asked {
    check: &'static Check,
    settings: Settings,
    mailbox: MailboxAddress,
}

impl Asked {
    fn answer(&self, side: Side) -> Result<String> {
        let store = Maildir::store(side, &self.settings, &self.mailbox)?;
        if self.check.step == Step::Mailbox {
            return Ok(format!("{} folders", store.folders()?.len()));
        }
        let path = if side == Side::Target && !store.root.exists() {
            store.root.parent().map(ToOwned::to_owned).unwrap_or_default()
        } else {
            store.root.clone()
        };
        let about = std::fs::metadata(&path).map_err(|e| classify(side, "open mailbox", e))?;
        if side == Side::Target && about.permissions().readonly() {
            return Err(Error::new(Kind::Forbidden, side, "open mailbox", "the directory is read-only"));
        }
        Ok(path.display().to_string())
    }
}

#[async_trait]
impl Probe for Asked {
    fn check(&self) -> &'static Check {
        self.check
    }

    async fn ask(&self, cx: &Cx) -> Finding {
        match self.answer(cx.side) {
            Ok(evidence) => Finding::pass(self.check, evidence, 0),
            Err(error) => Finding {
                outcome: Verdict::Fail,
                native: Verdict::Unknown,
                cause: Some(format!("The Maildir cannot be used: {}.", error.context())),
                code: Some(error.code()),
                fix: vec!["Check the path and its permissions".to_owned()],
                ..Finding::pass(self.check, error.context(), 0)
            },
        }
    }
}
