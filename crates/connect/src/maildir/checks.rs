//! What we ask a Maildir before trusting it: is it there, and may we read it, or write it.
//!
//! Nothing is written. A target that is not there yet is asked for the folder in which it will be made.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    finding::{Check, Finding, Step, Verdict},
    port::{Cx, Probe},
    settings::{MailboxAddress, Settings},
};
use rustix::fs::Access;

use super::{Maildir, client::classify};

static PERMISSION: Check =
    Check { step: Step::Permission, id: "maildir-may-be-used", title: "The Maildir may be read and written" };
static MAILBOX: Check =
    Check { step: Step::Mailbox, id: "maildir-lists", title: "The Maildir lists its folders" };

/// The probes. Without a mailbox a path that stands for one alone is asked for it; of a path with `{user}` the
/// folder in which all of them lie.
pub fn probes(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    let path = settings.get("path").unwrap_or_default();
    let place = match mailbox {
        Some(mailbox) => Place::Mailbox(settings.clone(), mailbox.clone()),
        None if path.contains("{user}") => Place::Around(around(path)),
        None => Place::Mailbox(settings.clone(), MailboxAddress::default()),
    };
    let probe = |check| Box::new(Asked { check, place: place.clone() }) as Box<dyn Probe>;
    vec![probe(&PERMISSION), probe(&MAILBOX)]
}

/// The folder above the first part with `{user}` in it.
fn around(path: &str) -> PathBuf {
    let before = path.split("{user}").next().unwrap_or_default();
    match before.rsplit_once('/') {
        None => ".".into(),
        Some(("", _)) => "/".into(),
        Some((above, _)) => above.into(),
    }
}

/// What is asked.
#[derive(Clone)]
enum Place {
    /// One Maildir.
    Mailbox(Settings, MailboxAddress),
    /// Where the Maildirs of all users lie.
    Around(PathBuf),
}

struct Asked {
    check: &'static Check,
    place: Place,
}

impl Asked {
    fn answer(&self, side: Side) -> Result<Finding> {
        let pass = |evidence: String| Ok(Finding::pass(self.check, evidence, 0));
        let (settings, mailbox) = match (&self.place, self.check.step) {
            (Place::Mailbox(settings, mailbox), _) => (settings, mailbox),
            (Place::Around(_), Step::Mailbox) => return Ok(self.untried()),
            (Place::Around(path), _) if side == Side::Target => return pass(may_be_made(side, path)?),
            (Place::Around(path), _) => return pass(readable(side, path)?),
        };
        let store = Maildir::store(side, settings, mailbox)?;
        let is_new = side == Side::Target && !store.root.join("cur").exists();
        match self.check.step {
            Step::Mailbox if is_new => pass("it is not there yet; the first copy makes it".to_owned()),
            Step::Mailbox => {
                store.check_root()?;
                pass(format!("{} folders", store.folders()?.len()))
            }
            _ if is_new => pass(may_be_made(side, &store.root)?),
            _ if side == Side::Target => {
                ["cur", "new", "tmp"].iter().try_for_each(|part| writable(side, &store.root.join(part)))?;
                pass(readable(side, &store.root)?)
            }
            _ => pass(readable(side, &store.root)?),
        }
    }

    /// No mailbox was named.
    fn untried(&self) -> Finding {
        Finding {
            outcome: Verdict::Warn,
            native: Verdict::Unknown,
            cause: Some("No mailbox was named, so none was opened.".to_owned()),
            code: Some("ENDPOINT_MAILBOX_UNTRIED".to_owned()),
            fix: vec![
                "Name a mailbox to try it on: mailferry endpoint test NAME --mailbox ADDRESS".to_owned(),
            ],
            ..Finding::pass(self.check, "no mailbox was named", 0)
        }
    }
}

fn failed(side: Side, path: &Path) -> impl Fn(std::io::Error) -> Error {
    let name = path.display().to_string();
    move |e| {
        let error = classify(side, "open mailbox", e);
        let text = format!("{name}: {}", error.context());
        Error::new(error.kind(), side, "open mailbox", text).scope_of(Scope::Mailbox)
    }
}

/// Whether a folder lists; its path.
fn readable(side: Side, path: &Path) -> Result<String> {
    std::fs::read_dir(path).map(drop).map_err(failed(side, path))?;
    Ok(path.display().to_string())
}

fn writable(side: Side, path: &Path) -> Result<()> {
    let allowed = rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
    allowed.map_err(|e| failed(side, path)(e.into()))
}

/// Whether a folder can be written, or made with all that lies above it.
pub(super) fn may_be_made(side: Side, path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(failed(side, path))?;
    let Some(there) = path.ancestors().find(|p| p.symlink_metadata().is_ok()) else {
        return Err(Error::new(Kind::NotFound, side, "open mailbox", path.display().to_string()));
    };
    if !there.is_dir() {
        let text = format!("{} is no folder", there.display());
        return Err(Error::new(Kind::Conflict, side, "open mailbox", text).scope_of(Scope::Mailbox));
    }
    writable(side, there)?;
    Ok(match there == path {
        true => path.display().to_string(),
        false => format!("{} is not there yet; it will be made in {}", path.display(), there.display()),
    })
}

#[async_trait]
impl Probe for Asked {
    fn check(&self) -> &'static Check {
        self.check
    }

    async fn ask(&self, cx: &Cx) -> Finding {
        match self.answer(cx.side) {
            Ok(finding) => finding,
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
