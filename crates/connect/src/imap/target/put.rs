//! Puts: groups as one command each, refused groups halved once a look has shown that nothing of them was kept.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::PoisonError,
};

use futures_util::StreamExt;
use mailferry_model::{
    Error, Kind, Retry, Scope,
    flags::Flags,
    id::{FolderId, TargetId},
    item::{Body, Item},
    port::{Outcome, Put},
};
use mailferry_wire::imap::{
    AppendForm, AppendMessage, Capability, Command, Condition, MailboxName, Payload, Status,
};

use super::{
    ImapTarget,
    group::{self, Letter, LetterKind},
    no_outcome,
};
use crate::imap::client::{
    classify::{Op, classify, is_about_keywords},
    home::Home,
    ids, look,
    pipe::{Answers, Ask, Lost, Sent, Wants},
    quirk::Quirk,
};

/// How often one group, or one renaming, waits for a pause that the server asks for.
pub(super) const PAUSES: u8 = 5;

/// Outcomes by place.
type Outcomes = Vec<Option<Outcome>>;

/// What has been tried for the groups of one put.
#[derive(Default)]
struct Tries {
    pauses: u8,
    resent: bool,
    created: bool,
    /// Refused as a syntax error while in a group.
    syntax: bool,
    placed_singly: u32,
}

impl ImapTarget {
    pub(super) async fn put_all(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome> {
        let name = ids::folder_name(folder);
        let mut outcomes: Outcomes = puts.iter().map(|_| None).collect();
        let mut letters = Vec::new();
        let mut moves = Vec::new();
        for (at, put) in puts.into_iter().enumerate() {
            match put {
                Put::Move { from, id } => moves.push((at, from, id)),
                Put::Item(Item { flags, date, key, body: Body::Bytes(body), .. }) => {
                    let without = Flags::default();
                    letters.push(Letter { at, flags, without, date, body, key });
                }
                Put::Item(item) => outcomes[at] = Some(self.stream(folder, &name, item).await),
            }
        }
        if !letters.is_empty() {
            self.letters(folder, &name, letters, &mut outcomes).await;
        }
        if !moves.is_empty() {
            self.moves(&name, moves, &mut outcomes).await;
        }
        outcomes.into_iter().map(|o| o.unwrap_or_else(|| Outcome::Unsure(no_outcome()))).collect()
    }

    pub(super) fn permanent_of(&self, folder: &FolderId) -> Option<Vec<mailferry_wire::imap::Flag>> {
        self.permanent.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned()
    }

    /// A body that is not in memory travels alone, on a connection without other work.
    async fn stream(&self, folder: &FolderId, name: &MailboxName, item: Item) -> Outcome {
        let Body::Stream { size, pieces } = item.body else { return Outcome::Unsure(no_outcome()) };
        let mut window = Window { folder, base: self.base(folder), own: &[], seen: None };
        let (conn, hold) = match self.pool.alone().await {
            Ok(alone) => alone,
            Err(error) => return Outcome::Refused(error),
        };
        let permanent = self.permanent_of(folder);
        let message = AppendMessage {
            flags: group::flags(&item.flags, permanent.as_deref()),
            date: group::internal_date(item.date),
            form: AppendForm::Plain,
            body: Payload::Stream { size },
        };
        let command = Command::append(name, [message]);
        let answers = conn.send(Ask { body: Some(pieces), ..Ask::of(command, Wants::Nothing) });
        let answer = answers.all().await;
        // Before a look, which may need this connection where there is no other.
        drop((conn, hold));
        let outcome = match answer {
            Ok((_, status)) if status.is_ok() => self.placed(folder, &status, 1).pop(),
            Ok((_, status)) => {
                let error = classify(self.pool.cx.side, Op::Append, &status);
                let is_kept = match error.scope() {
                    Scope::Folder => Ok(false),
                    _ if self.asks_for_long(&error) => Ok(true),
                    _ => self.seen_in(&mut window).await.map(|seen| seen.contains(&(item.key, size))),
                };
                Some(match is_kept {
                    Ok(false) => Outcome::Refused(error),
                    Ok(true) => Outcome::Unsure(error),
                    Err(lost) => Outcome::Unsure(lost),
                })
            }
            Err(Lost { error, sent: Sent::Nothing, .. }) => Some(Outcome::Refused(error)),
            Err(Lost { error, sent: Sent::Perhaps, .. }) => Some(Outcome::Unsure(error)),
        };
        outcome.unwrap_or_else(|| Outcome::Unsure(no_outcome()))
    }

    /// Outcomes of an APPEND of so many that worked.
    fn placed(&self, folder: &FolderId, status: &Status, count: usize) -> Vec<Outcome> {
        match group::appended(status, count) {
            Some((uid_validity, uids)) => {
                if let Some(highest) = uids.iter().max() {
                    self.raise_base(folder, uid_validity, highest.saturating_add(1));
                }
                uids.iter().map(|uid| Outcome::Placed(Some(ids::target_id(uid_validity, *uid)))).collect()
            }
            None => (0..count).map(|_| Outcome::Placed(None)).collect(),
        }
    }

    async fn letters(
        &self,
        folder: &FolderId,
        name: &MailboxName,
        letters: Vec<Letter>,
        outcomes: &mut Outcomes,
    ) {
        let (mut tries, mut own, mut bare) = (Tries::default(), Vec::new(), Vec::new());
        let mut work: VecDeque<Vec<Letter>> = VecDeque::new();
        if self.pool.can(Capability::MultiAppend) {
            work.push_back(letters);
        } else {
            work.extend(letters.into_iter().map(|letter| vec![letter]));
        }
        while !work.is_empty() {
            // With MULTIAPPEND one group at a time; without it all singles are sent ahead.
            let batch: Vec<Vec<Letter>> =
                match self.pool.can(Capability::MultiAppend) && tries.placed_singly == 0 {
                    true => work.pop_front().into_iter().collect(),
                    false => std::mem::take(&mut work).into(),
                };
            let base = self.base(folder);
            let mut refusals = Vec::new();
            // Held until all is answered, so that what is put meanwhile goes the same way.
            let (_home, sent) = match self.send_groups(folder, name, &batch).await {
                Ok(sent) => sent,
                Err(error) => {
                    let all = batch.iter().chain(&work).flatten();
                    all.for_each(|l| outcomes[l.at] = Some(Outcome::Refused(error.clone())));
                    return;
                }
            };
            for (group, answers) in batch.into_iter().zip(sent) {
                let next = match answers.all().await {
                    Ok((_, status)) if status.is_ok() => {
                        tries.placed_singly += u32::from(tries.syntax && group.len() == 1);
                        let placed = self.placed(folder, &status, group.len());
                        own.extend(group.iter().zip(&placed).map(|(l, o)| (l.kind(), o.clone())));
                        bare.extend(group.iter().zip(&placed).filter_map(|(l, o)| l.bare(o)));
                        group.iter().zip(placed).for_each(|(l, o)| outcomes[l.at] = Some(o));
                        continue;
                    }
                    Ok((_, status)) => {
                        refusals.push((group, status));
                        continue;
                    }
                    Err(Lost { sent: Sent::Nothing, .. }) if !tries.resent => {
                        Next::Again(vec![group], Once::Resent)
                    }
                    Err(Lost { error, sent: Sent::Nothing, .. }) => Next::All(group, Outcome::Refused(error)),
                    Err(Lost { error, sent: Sent::Perhaps, .. }) => Next::All(group, Outcome::Unsure(error)),
                };
                next.apply(&mut work, outcomes, &mut tries);
            }
            // When all is answered, one look for all that was refused.
            let mut window = Window { folder, base, own: &own, seen: None };
            for (group, status) in refusals {
                let next = self.refused(&mut window, name, group, &status, &mut tries).await;
                next.apply(&mut work, outcomes, &mut tries);
            }
            // What reaches the whole mailbox stops the rest: it would only be refused as well.
            if let Some(error) = outcomes.iter().flatten().find_map(stops) {
                work.iter().flatten().for_each(|l| outcomes[l.at] = Some(Outcome::Refused(error.clone())));
                return;
            }
        }
        if !bare.is_empty() {
            self.give_keywords(folder, bare).await;
        }
        if tries.syntax && tries.placed_singly > 1 {
            self.pool.quirks.note(Quirk::MultiAppendRefused);
        }
    }

    async fn send_groups(
        &self,
        folder: &FolderId,
        name: &MailboxName,
        groups: &[Vec<Letter>],
    ) -> Result<(Home, Vec<Answers>), Error> {
        if self.base(folder).is_none() {
            self.read_marks(std::slice::from_ref(folder)).await?;
        }
        let home = Home::take(&self.pool, name).await?;
        let permanent = self.permanent_of(folder);
        let mut sent = Vec::with_capacity(groups.len());
        for group in groups {
            let command = group::append(name, group, permanent.as_deref());
            for letter in group {
                self.pool.cx.meter.moved(self.pool.cx.side, letter.body.len());
            }
            sent.push(home.send(Ask::of(command, Wants::Nothing)));
        }
        Ok((home, sent))
    }

    /// What to do about a refused group.
    async fn refused(
        &self,
        window: &mut Window<'_>,
        name: &MailboxName,
        group: Vec<Letter>,
        status: &Status,
        tries: &mut Tries,
    ) -> Next {
        let error = classify(self.pool.cx.side, Op::Append, status);
        let waits = self.pool.worth_waiting(&error) && tries.pauses < PAUSES;
        if waits {
            tries.pauses += 1;
            self.pool.wait_for(&error).await;
        }
        if error.kind() == Kind::NotFound && error.scope() == Scope::Folder && !waits {
            if tries.created {
                return Next::All(group, Outcome::Refused(error));
            }
            tries.created = true;
            if let Ok(conn) = self.pool.conn(None).await {
                _ = conn.send(Ask::of(Command::create(name, None), Wants::Nothing)).all().await;
                return Next::Again(vec![group], Once::Other);
            }
        }
        if self.asks_for_long(&error) {
            return Next::All(group, Outcome::Unsure(error));
        }
        // Some servers store what they say NO to.
        let seen = match self.seen_in(window).await {
            Ok(seen) => seen,
            Err(lost) => return Next::All(group, Outcome::Unsure(lost)),
        };
        let (kept, mut rest): (Vec<Letter>, Vec<Letter>) =
            group.into_iter().partition(|letter| seen.contains(&letter.kind()));
        // A pause that was waited for is over.
        let told = if waits { error.clone().retry_of(Retry::Soon) } else { error.clone() };
        let kept = kept.into_iter().map(|letter| (letter, Outcome::Unsure(told.clone()))).collect();
        if rest.is_empty() || waits {
            return Next::Some(kept, vec![rest]);
        }
        if error.scope() != Scope::Item {
            return Next::refused(kept, rest, &error);
        }
        if let [only] = &mut rest[..] {
            if is_about_keywords(status) && !only.flags.keywords().is_empty() {
                tracing::info!(
                    count = only.flags.keywords().len(),
                    "keywords that the target refuses are left out"
                );
                only.without = Flags::from_parts(0, only.flags.keywords().iter().cloned());
                only.flags = Flags::from_parts(only.flags.bits(), []);
                return Next::Some(kept, vec![rest]);
            }
            if kept.is_empty() {
                return Next::refused(kept, rest, &error);
            }
            return Next::Some(kept, vec![rest]);
        }
        tries.syntax |= status.condition == Condition::Bad;
        let second = rest.split_off(rest.len() / 2);
        Next::Some(kept, vec![rest, second])
    }

    /// Whether a server asks for a pause that nobody waits for: a look would have to wait for it, and only a look tells
    /// whether it has stored what it refuses.
    pub(super) fn asks_for_long(&self, error: &Error) -> bool {
        matches!(error.retry(), Retry::After(_)) && !self.pool.worth_waiting(error)
    }

    /// What lies in the folder that was not there before the last puts, and is none of those that were answered with OK.
    async fn seen_in<'w>(&self, window: &'w mut Window<'_>) -> Result<&'w HashSet<LetterKind>, Error> {
        let seen = match window.seen.take() {
            Some(seen) => seen,
            None => self.look_at(window).await?,
        };
        Ok(window.seen.insert(seen))
    }

    async fn look_at(&self, window: &Window<'_>) -> Result<HashSet<LetterKind>, Error> {
        let (epoch, from) = window.base.map_or((None, 1), |(uid_validity, next)| (Some(uid_validity), next));
        let range = look::Range::From(from);
        let mut traces =
            look::traces(self.pool.clone(), ids::folder_name(window.folder), range, epoch, Some(0));
        let mut counts: HashMap<LetterKind, usize> = HashMap::new();
        let own = window.own.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Placed(Some(id)) => ids::target_uid(id).map(|(_, uid)| uid),
            _ => None,
        });
        let own: HashSet<u32> = own.collect();
        while let Some(trace) = traces.next().await {
            let trace = trace?;
            if !own.contains(&trace.uid) {
                *counts.entry((trace.key, trace.size)).or_default() += 1;
            }
        }
        for (kind, _) in window.own.iter().filter(|(_, o)| matches!(o, Outcome::Placed(None))) {
            counts.entry(*kind).and_modify(|count| *count = count.saturating_sub(1));
        }
        Ok(counts.into_iter().filter(|(_, count)| *count > 0).map(|(kind, _)| kind).collect())
    }

    async fn moves(
        &self,
        to: &MailboxName,
        moves: Vec<(usize, FolderId, TargetId)>,
        outcomes: &mut Outcomes,
    ) {
        let mut by_folder: HashMap<FolderId, Vec<(usize, TargetId)>> = HashMap::new();
        for (at, from, id) in moves {
            by_folder.entry(from).or_default().push((at, id));
        }
        for (from, items) in by_folder {
            for (at, outcome) in self.move_from(&from, to, items).await {
                outcomes[at] = Some(outcome);
            }
        }
    }
}

/// The error of an outcome that makes further puts pointless.
fn stops(outcome: &Outcome) -> Option<Error> {
    match outcome {
        Outcome::Refused(error) if matches!(error.scope(), Scope::Mailbox | Scope::Endpoint) => {
            Some(error.clone())
        }
        Outcome::Unsure(error) if error.wants_rest() => Some(error.clone()),
        _ => None,
    }
}

/// Why a group is sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Once {
    /// Its connection was gone before an octet was written.
    Resent,
    Other,
}

/// What lies in a folder since some messages were sent to it.
struct Window<'a> {
    folder: &'a FolderId,
    /// Where the folder stood before.
    base: Option<(u32, u32)>,
    /// What was answered with OK.
    own: &'a [(LetterKind, Outcome)],
    /// What lies there besides, once it was looked at.
    seen: Option<HashSet<LetterKind>>,
}

/// What follows from an answer.
enum Next {
    /// All have this outcome.
    All(Vec<Letter>, Outcome),
    /// These groups are sent again.
    Again(Vec<Vec<Letter>>, Once),
    /// Some have an outcome: they seem to be there in spite of the refusal, or stay refused. The rest is sent again in
    /// these groups.
    Some(Vec<(Letter, Outcome)>, Vec<Vec<Letter>>),
}

impl Next {
    /// What was not kept stays refused.
    fn refused(mut known: Vec<(Letter, Outcome)>, rest: Vec<Letter>, error: &Error) -> Self {
        known.extend(rest.into_iter().map(|letter| (letter, Outcome::Refused(error.clone()))));
        Self::Some(known, Vec::new())
    }

    fn apply(self, work: &mut VecDeque<Vec<Letter>>, outcomes: &mut Outcomes, tries: &mut Tries) {
        let (known, again) = match self {
            Self::All(group, outcome) => {
                (group.into_iter().map(|letter| (letter, outcome.clone())).collect(), Vec::new())
            }
            Self::Again(groups, once) => {
                tries.resent |= once == Once::Resent;
                (Vec::new(), groups)
            }
            Self::Some(known, groups) => (known, groups),
        };
        known.into_iter().for_each(|(letter, outcome)| outcomes[letter.at] = Some(outcome));
        again.into_iter().rev().filter(|group| !group.is_empty()).for_each(|group| work.push_front(group));
    }
}
