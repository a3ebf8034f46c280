//! Which command an answer belongs to.
//!
//! Untagged answers go to the oldest command in flight that wants their kind. Of several that read messages at once,
//! to the one that asked for the message: servers may answer them side by side.

use std::sync::{Arc, atomic::Ordering};

use mailferry_model::{Kind, Result, Scope};
use mailferry_wire::imap::{Condition, Data, Fetch, Reply, Status, Tag};
use tokio::sync::mpsc;

use super::{Flying, Gate, Inner, State};
use crate::imap::client::{
    classify::{Op, classify, guard, pause, words},
    pipe::{Answer, Kept, Wants},
};

impl Flying {
    /// How likely a message's answer is the one that this command asked for: more is likelier.
    // RFC 9051 §5.5: commands that read may be carried out side by side. Dovecot does, as soon as it has to wait
    // until it can go on sending.
    fn claim(&self, uid: Option<u32>, has_body: bool) -> (bool, bool) {
        let named = self.uids.as_ref().is_none_or(|uids| uid.is_none_or(|uid| uids.contains(uid)));
        (named, (self.wants == Wants::Bodies) == has_body)
    }

    /// The message's body was given out: a second answer with a body of it is meant for somebody else.
    fn given(&mut self, uid: Option<u32>) {
        if let (Some(uids), Some(uid)) = (&mut self.uids, uid) {
            uids.remove(uid);
        }
    }
}

impl State {
    /// The commands that may be answered now: none behind one that opens another mailbox, where the same UIDs mean
    /// other messages.
    // RFC 9051 §5.5: SELECT is never carried out side by side with what came before.
    fn answerable(&mut self) -> impl Iterator<Item = &mut Flying> {
        let border = self.flight.iter().position(|f| f.opens.is_some());
        let count = border.map_or(self.flight.len(), |at| at + 1);
        self.flight.iter_mut().take(count)
    }

    /// Whom a large body that begins belongs to.
    pub(super) fn reader(&mut self, head: &Fetch) -> Option<&mut Flying> {
        let readers = self.answerable().filter(|f| f.wants == Wants::Bodies);
        let reader = first_best(readers, |f| f.claim(head.uid, true))?;
        reader.given(head.uid);
        Some(reader)
    }

    fn owner(&mut self, reply: &Reply) -> Option<&mut Flying> {
        let Reply::Fetch(fetch) = reply else {
            return self.flight.iter_mut().find(|f| f.wants.takes(reply));
        };
        let takers = self.answerable().filter(|f| f.wants.takes(reply));
        let has_body = fetch.body().is_some();
        let owner = first_best(takers, |f| f.claim(fetch.uid, has_body))?;
        if has_body {
            owner.given(fetch.uid);
        }
        Some(owner)
    }
}

/// The first of those with the highest rank.
fn first_best<T, R: Ord>(all: impl Iterator<Item = T>, rank: impl Fn(&T) -> R) -> Option<T> {
    all.reduce(|best, next| if rank(&next) > rank(&best) { next } else { best })
}

impl Inner {
    /// Hands an answer to whom it belongs.
    pub(super) fn route(
        &self,
        mut reply: Reply,
        body: Option<Kept>,
        gate: &mpsc::UnboundedSender<Gate>,
    ) -> Result<()> {
        guard(&mut reply, &self.mask);
        let mut state = self.lock();
        match reply {
            Reply::Done { tag, status } => {
                let tag = Tag::parse(&tag).map(|t| t.0);
                let Some(at) = state.flight.iter().position(|f| Some(f.tag) == tag) else {
                    return Err(self.error(Kind::Malformed, "an answer to no command of ours"));
                };
                let Some(flying) = state.flight.remove(at) else { return Ok(()) };
                let answer = status.condition.as_str();
                tracing::trace!(side = ?self.cx.side, tag = flying.tag, answer, "an answer came");
                if state.awaiting == flying.tag {
                    state.awaiting = 0;
                    _ = gate.send(Gate::Refused);
                }
                if let Some((selection, mut opened)) = flying.opens {
                    opened.take_code(&status);
                    let failed = !status.is_ok();
                    if failed && state.tail.as_ref().is_some_and(|t| Arc::ptr_eq(t, &selection)) {
                        state.tail = None;
                    }
                    selection.settle(match failed {
                        true => Err(classify(self.cx.side, Op::Open, &status)),
                        false => Ok(Arc::new(opened)),
                    });
                }
                drop(state);
                self.slow_down(&status);
                _ = flying.to.send(Answer::Done(status));
            }
            Reply::Continue(_) => {
                if state.awaiting != 0 {
                    state.awaiting = 0;
                    _ = gate.send(Gate::Go);
                }
            }
            Reply::Status(status) if status.condition == Condition::Bye => {
                if !state.closing {
                    let error = classify(self.cx.side, Op::Read, &status).scope_of(Scope::Mailbox);
                    drop(state);
                    self.slow_down(&status);
                    self.lock().bye = Some(error);
                }
            }
            // Its reader was found when the body began, and has it already.
            Reply::Fetch(fetch) if body.is_none() && matches!(fetch.body(), Some(Data::Streamed { .. })) => {}
            reply => {
                let Some(flying) = state.owner(&reply) else { return Ok(()) };
                match &mut flying.opens {
                    Some((_, opened)) => opened.take(reply),
                    None => _ = flying.to.send(Answer::Reply(reply, body)),
                }
            }
        }
        Ok(())
    }

    /// A pause that the server asks for holds the whole account, unless it only refuses one connection more.
    fn slow_down(&self, status: &Status) {
        if let Some(wait) = pause(status).filter(|_| self.taken_on.load(Ordering::Relaxed)) {
            self.pacer.hold(&self.cx, wait, &words(status));
        }
    }
}
