//! Puts: groups as one command each, refused groups halved once a look has shown that nothing of them was kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::PoisonError,
};

use futures_util::StreamExt;
use mailferry_model::{
    Error, Kind, Scope,
    flags::Flags,
    id::{FolderId, TargetId},
    item::{Body, Item},
    key::HeaderKey,
    port::{Outcome, Put},
};
use mailferry_wire::imap::{
    AppendForm, AppendMessage, Capability, Command, Condition, MailboxName, Payload, Status,
};

use super::{
    ImapTarget,
    group::{self, Letter},
    no_outcome,
};
use crate::imap::client::{
    classify::{Op, classify, is_about_keywords},
    home::Home,
    ids, look,
    pipe::{Answers, Ask, Lost, Sent, Wants},
    quirk::Quirk,
};

/// How often one group waits for a pause that the server asks for.
const PAUSES: u8 = 5;

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
                    letters.push(Letter { at, flags, date, body, key });
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
        let outcome = match answers.all().await {
            Ok((_, status)) if status.is_ok() => self.placed(folder, &status, 1).pop(),
            Ok((_, status)) => Some(Outcome::Refused(classify(self.pool.cx.side, Op::Append, &status))),
            Err(Lost { error, sent: Sent::Nothing, .. }) => Some(Outcome::Refused(error)),
            Err(Lost { error, sent: Sent::Perhaps, .. }) => Some(Outcome::Unsure(error)),
        };
        drop(hold);
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
        let mut tries = Tries::default();
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
                        group.iter().zip(placed).for_each(|(l, o)| outcomes[l.at] = Some(o));
                        continue;
                    }
                    Ok((_, status)) => self.refused(folder, name, group, &status, base, &mut tries).await,
                    Err(Lost { sent: Sent::Nothing, .. }) if !tries.resent => {
                        Next::Again(vec![group], Once::Resent)
                    }
                    Err(Lost { error, sent: Sent::Nothing, .. }) => Next::All(group, Outcome::Refused(error)),
                    Err(Lost { error, sent: Sent::Perhaps, .. }) => Next::All(group, Outcome::Unsure(error)),
                };
                match next {
                    Next::All(group, outcome) => {
                        group.iter().for_each(|l| outcomes[l.at] = Some(outcome.clone()));
                    }
                    Next::Again(groups, once) => {
                        tries.resent |= once == Once::Resent;
                        groups.into_iter().rev().for_each(|g| work.push_front(g));
                    }
                    Next::Some(kept, groups) => {
                        for (letter, error) in kept {
                            outcomes[letter.at] = Some(Outcome::Unsure(error));
                        }
                        groups.into_iter().rev().for_each(|g| work.push_front(g));
                    }
                }
            }
            // What reaches the whole mailbox stops the rest: it would only be refused as well.
            if let Some(error) = outcomes.iter().flatten().find_map(stops) {
                work.iter().flatten().for_each(|l| outcomes[l.at] = Some(Outcome::Refused(error.clone())));
                return;
            }
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
        if self.base(folder).is_none() && groups.iter().any(|g| g.len() > 1) {
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
        folder: &FolderId,
        name: &MailboxName,
        mut group: Vec<Letter>,
        status: &Status,
        base: Option<(u32, u32)>,
        tries: &mut Tries,
    ) -> Next {
        let error = classify(self.pool.cx.side, Op::Append, status);
        if self.pool.worth_waiting(&error) && tries.pauses < PAUSES {
            tries.pauses += 1;
            self.pool.wait_for(&error).await;
            return Next::Again(vec![group], Once::Other);
        }
        if error.kind() == Kind::NotFound && error.scope() == Scope::Folder && !tries.created {
            tries.created = true;
            if let Ok(conn) = self.pool.conn(None).await {
                _ = conn.send(Ask::of(Command::create(name, None), Wants::Nothing)).all().await;
                return Next::Again(vec![group], Once::Other);
            }
        }
        if error.scope() != Scope::Item {
            return Next::All(group, Outcome::Refused(error));
        }
        if let [only] = &mut group[..] {
            if is_about_keywords(status) && !only.flags.keywords().is_empty() {
                tracing::info!(
                    count = only.flags.keywords().len(),
                    "keywords that the target refuses are left out"
                );
                only.flags = Flags::from_parts(only.flags.bits(), []);
                return Next::Again(vec![group], Once::Other);
            }
            return Next::All(group, Outcome::Refused(error));
        }
        tries.syntax |= status.condition == Condition::Bad;
        let kept = match self.kept(folder, &group, base).await {
            Ok(kept) => kept,
            Err(lost) => return Next::All(group, Outcome::Unsure(lost)),
        };
        let (kept, mut rest): (Vec<Letter>, Vec<Letter>) =
            group.into_iter().partition(|letter| kept.contains_key(&letter.key));
        let kept = kept.into_iter().map(|letter| (letter, error.clone())).collect();
        let halves = match rest.len() {
            0 => Vec::new(),
            1 => vec![rest],
            n => {
                let second = rest.split_off(n / 2);
                vec![rest, second]
            }
        };
        Next::Some(kept, halves)
    }

    /// Header keys of a refused group that lie in the folder all the same.
    async fn kept(
        &self,
        folder: &FolderId,
        group: &[Letter],
        base: Option<(u32, u32)>,
    ) -> Result<HashMap<HeaderKey, u32>, Error> {
        let (epoch, from) = base.map_or((None, 1), |(uid_validity, next)| (Some(uid_validity), next));
        let range = look::Range::From(from);
        let mut seen = look::traces(self.pool.clone(), ids::folder_name(folder), range, epoch, Some(0));
        let mut kept = HashMap::new();
        while let Some(trace) = seen.next().await {
            let trace = trace?;
            if group.iter().any(|l| l.key == trace.key && l.body.len() == trace.size) {
                *kept.entry(trace.key).or_insert(0) += 1;
            }
        }
        Ok(kept)
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

/// What follows from an answer.
enum Next {
    /// All have this outcome.
    All(Vec<Letter>, Outcome),
    /// These groups are sent again.
    Again(Vec<Vec<Letter>>, Once),
    /// Some seem to be there in spite of the refusal; the rest is sent again in these groups.
    Some(Vec<(Letter, Error)>, Vec<Vec<Letter>>),
}
