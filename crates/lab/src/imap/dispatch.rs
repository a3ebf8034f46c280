//! From a command to its verb: which are allowed when, and the quirks around all of them.

use std::{sync::Arc, time::Instant};

use mailferry_wire::imap::{Capability, Condition, Verb};

use super::{
    numbers::Expunges,
    quirk::Quirk,
    session::Session,
    throttle::Judged,
    verdict::{End, Then, Verdict},
};

impl Session {
    /// Does a command, with the quirks before and after it.
    pub(super) async fn handle(&mut self, verb: Verb) -> Result<Verdict, End> {
        let name = verb.name().to_owned();
        if let Some(verdict) = self.begin_quirks(&name)? {
            return Ok(verdict);
        }
        let expunges = match &verb {
            // RFC 9051 §7.5.1: message numbers stay while commands use them.
            Verb::Fetch { by, .. } | Verb::Search { by, .. } => Expunges::unless_numbered(*by),
            Verb::Store(store) => Expunges::unless_numbered(store.by),
            _ => Expunges::Told,
        };
        let verdict = self.perform(verb).await?;
        self.tell_updates(expunges)?;
        if let Some(wait) = self.shared.quirks.find(|quirk| match quirk {
            Quirk::AnswersAfter(wait) => Some(*wait),
            _ => None,
        }) {
            self.conn.pass_time(wait).await;
        }
        let lost = self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::LosesAnswer(verb, nth) if *verb == name => Some((*nth, ())),
            _ => None,
        });
        if lost.is_some() { Err(End::Cut) } else { Ok(verdict) }
    }

    /// Quirks that strike before a command is done.
    fn begin_quirks(&mut self, name: &str) -> Result<Option<Verdict>, End> {
        let shared = Arc::clone(&self.shared);
        if shared
            .quirks
            .occasion(|quirk| if let Quirk::Bye(nth) = quirk { Some((*nth, ())) } else { None })
            .is_some()
        {
            self.out.status(b"*", Condition::Bye, "", "Session expired, please login again.");
            return Err(End::Closed);
        }
        let lost = shared.quirks.occasion(|quirk| match quirk {
            Quirk::LosesCommand(verb, nth) if *verb == name => Some((*nth, ())),
            _ => None,
        });
        if lost.is_some() {
            return Err(End::Cut);
        }
        if self.seat.is_none() || matches!(name, "NOOP" | "LOGOUT") {
            return Ok(None);
        }
        let began = self.current.as_ref().map_or_else(Instant::now, |current| current.began);
        match shared.throttle.judge(self.user(), began) {
            Judged::Free => {}
            Judged::Early(verdict) => return Ok(Some(verdict)),
            Judged::Violation(verdict) => {
                shared.log.violation(format!("{name}: before the back-off time was over"));
                return Ok(Some(verdict));
            }
        }
        let throttled = shared.quirks.occasion(|quirk| match quirk {
            Quirk::BacksOff { verb, nth, wait, words } if verb.is_empty() || *verb == name => {
                Some((*nth, (*wait, *words)))
            }
            _ => None,
        });
        let Some((wait, words)) = throttled else { return Ok(None) };
        shared.throttle.pause(self.user(), wait, words);
        let (condition, code, text) = words.answer(wait);
        Ok(Some(Verdict::create(condition, code, text)))
    }

    async fn perform(&mut self, verb: Verb) -> Result<Verdict, End> {
        Ok(match verb {
            Verb::Plain(name) => return self.perform_plain(&name),
            Verb::Login { user, password } => self.login(&user, &password),
            Verb::Authenticate { mechanism, initial } => return self.authenticate(&mechanism, initial).await,
            Verb::Id(_) if self.has(Capability::Id) => {
                self.out.untagged("ID (\"name\" \"mailferry-lab\")");
                Verdict::ok("ID completed")
            }
            // RFC 9051 §6.2, §6.3: the rest needs a user.
            _ if self.seat.is_none() => Verdict::bad("Sign in first"),
            Verb::Enable(names) if self.has(Capability::Enable) => self.enable(&names),
            Verb::List(query) => self.list(&query),
            Verb::Lsub(query) => self.lsub(&query),
            Verb::Create { mailbox, special_use } => self.create_mailbox(&mailbox, &special_use),
            Verb::Delete(mailbox) => self.delete_mailbox(&mailbox),
            Verb::Rename { from, to } => self.rename_mailbox(&from, &to),
            Verb::Subscribe(mailbox) => self.subscribe(&mailbox),
            Verb::Unsubscribe(mailbox) => self.unsubscribe(&mailbox),
            Verb::Select { mailbox, mode, resync } => self.select(&mailbox, mode, resync.as_ref()),
            Verb::Status { mailbox, items } => self.status(&mailbox, &items),
            Verb::GetQuotaRoot(mailbox) if self.has(Capability::Quota) => self.quota_root(&mailbox),
            Verb::Append { mailbox, messages } => return self.append(&mailbox, messages).await,
            other => return self.perform_selected(other).await,
        })
    }

    fn perform_plain(&mut self, name: &str) -> Result<Verdict, End> {
        Ok(match name {
            "CAPABILITY" => {
                let capabilities = self.capabilities();
                self.out.untagged(format_args!("CAPABILITY {capabilities}"));
                Verdict::ok("CAPABILITY completed")
            }
            "NOOP" => Verdict::ok("NOOP completed"),
            "LOGOUT" => {
                self.out.status(b"*", Condition::Bye, "", "Logging out");
                Verdict::ok("LOGOUT completed").and_then(Then::Close)
            }
            "STARTTLS" => self.start_tls(),
            _ if self.seat.is_none() => Verdict::bad("Sign in first"),
            "NAMESPACE" if self.has(Capability::Namespace) => self.namespace(),
            "CHECK" if self.selected.is_some() => Verdict::ok("CHECK completed"),
            "CLOSE" if self.selected.is_some() => self.close_mailbox(),
            "UNSELECT" if self.has(Capability::Unselect) && self.selected.is_some() => {
                self.selected = None;
                Verdict::ok("UNSELECT completed")
            }
            "EXPUNGE" if self.selected.is_some() => self.expunge(None),
            "CLOSE" | "CHECK" | "EXPUNGE" => Verdict::bad("No mailbox is selected"),
            other => self.unknown(other),
        })
    }

    async fn perform_selected(&mut self, verb: Verb) -> Result<Verdict, End> {
        let name = verb.name().to_owned();
        if self.selected.is_none() {
            return Ok(match verb {
                Verb::Other { .. } | Verb::Compress(_) | Verb::Id(_) | Verb::Enable(_) => self.unknown(&name),
                _ => Verdict::bad("No mailbox is selected"),
            });
        }
        Ok(match verb {
            Verb::Fetch { by, set, items, modifier } => {
                return self.fetch(by, &set, items, modifier).await;
            }
            Verb::Search { by, returns, criteria } => self.search(by, returns.as_deref(), &criteria),
            Verb::Store(store) => self.store(&store),
            Verb::UidExpunge(set) if self.has(Capability::UidPlus) => self.expunge(Some(&set)),
            Verb::Copy { by, set, to } => self.copy(by, &set, &to),
            Verb::Move { by, set, to } if self.has(Capability::Move) => self.move_messages(by, &set, &to),
            _ => self.unknown(&name),
        })
    }
}
