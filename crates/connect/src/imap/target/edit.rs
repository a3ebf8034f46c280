//! Changes to items that lie at the target: flags, removal, moves. By UID, under the UIDVALIDITY of the id.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join;
use mailferry_model::{
    Error, Kind, Result, Scope,
    flags::{Difference, Flags},
    id::{FolderId, TargetId},
    port::{Edit, EditKind, Edited, Outcome},
};
use mailferry_wire::imap::{
    Capability, Code, Command, Flag, MailboxName, QResync, Reply, Status, StoreAction, UidSet,
};

use super::{ImapTarget, group, no_outcome};
use crate::imap::client::{
    classify::{Op, classify, is_about_keywords},
    conn::Conn,
    ids, look,
    pipe::{Ask, Lost, Sent, Wants},
    selection::Opened,
};

/// One change to several items.
enum Change {
    Flags(Difference),
    Remove,
}

/// The items of one change, and at which places which of them were asked for.
type Group = (Change, UidSet, Vec<(usize, u32)>);

impl ImapTarget {
    pub(super) async fn edit_all(&self, folder: &FolderId, edits: Vec<Edit>) -> Vec<Result<Edited>> {
        let mut answers: Vec<Result<Edited>> = edits.iter().map(|_| Ok(Edited::Whole)).collect();
        let opened = match self.open_for_edit(folder).await {
            Ok(opened) => opened,
            Err(error) => return edits.iter().map(|_| Err(error.clone())).collect(),
        };
        let (conn, opened) = opened;
        let mut groups: Vec<Group> = Vec::new();
        let mut by_change: HashMap<String, usize> = HashMap::new();
        for (at, edit) in edits.into_iter().enumerate() {
            let uid = match ids::target_uid(&edit.id) {
                Some((uid_validity, uid)) if uid_validity == opened.uid_validity => uid,
                _ => {
                    answers[at] = Err(look::renumbered(&self.pool));
                    continue;
                }
            };
            let (change, text) = match edit.kind {
                EditKind::Remove => (Change::Remove, String::new()),
                EditKind::Flags(difference) if difference.is_empty() => continue,
                EditKind::Flags(difference) => {
                    let text = format!("+{} -{}", difference.add, difference.remove);
                    (Change::Flags(difference), text)
                }
            };
            let group = *by_change.entry(text).or_insert_with(|| {
                groups.push((change, UidSet::empty(), Vec::new()));
                groups.len() - 1
            });
            groups[group].1.insert(uid);
            groups[group].2.push((at, uid));
        }
        let name = ids::folder_name(folder);
        // Asked along with the first change: a STORE of what is gone is answered like any other.
        let there = self.there(&conn, &name, &groups);
        let change = async {
            let mut done = Vec::with_capacity(groups.len());
            for (change, uids, _) in &groups {
                done.push(self.change(&conn, folder, &name, change, uids).await);
            }
            done
        };
        let (there, done) = join(there, change).await;
        for ((change, _, places), answer) in groups.iter().zip(done) {
            let flags = matches!(change, Change::Flags(_));
            for (at, uid) in places {
                let gone = flags && there.as_ref().is_some_and(|there| !there.contains(*uid));
                answers[*at] = if gone && answer.is_ok() { Ok(Edited::NotThere) } else { answer.clone() };
            }
        }
        answers
    }

    /// Which items there are whose flags are to be changed; nothing if nobody can tell.
    async fn there(&self, conn: &Conn, name: &MailboxName, groups: &[Group]) -> Option<UidSet> {
        let of_flags = groups.iter().filter(|(change, ..)| matches!(change, Change::Flags(_)));
        let uids: UidSet = of_flags.flat_map(|(_, uids, _)| uids.iter()).collect();
        if uids.is_empty() {
            return None;
        }
        look::there(&self.pool, conn, name, &uids).await.ok()
    }

    /// A connection that has the folder open, and what opening told.
    async fn open_for_edit(&self, folder: &FolderId) -> Result<(Conn, Arc<Opened>)> {
        let name = ids::folder_name(folder);
        let conn = self.pool.conn(Some(&name)).await?;
        // Afresh: where the folder has been open for long, newer items would be passed over in silence.
        let (selection, _) = conn.send_afresh(&name, QResync::Plain, []);
        let opened = selection.opened().await?;
        self.note_permanent(folder, opened.permanent.as_ref());
        Ok((conn, opened))
    }

    async fn change(
        &self,
        conn: &Conn,
        folder: &FolderId,
        name: &MailboxName,
        change: &Change,
        uids: &UidSet,
    ) -> Result<Edited> {
        let mut commands = Vec::new();
        let mut lacking: Vec<Box<str>> = Vec::new();
        let permanent = self.permanent_of(folder);
        for set in look::parts(&self.pool, uids) {
            match change {
                Change::Flags(difference) => {
                    let add = group::flags(&difference.add, permanent.as_deref());
                    let remove = group::flags(&difference.remove, permanent.as_deref());
                    let taken = |keyword: &str| add.iter().any(|flag| flag.as_str() == keyword);
                    lacking = difference.add.keywords().iter().filter(|k| !taken(k)).cloned().collect();
                    if !add.is_empty() {
                        commands.push(Command::uid_store(&set, StoreAction::Add, &add, None));
                    }
                    if !remove.is_empty() {
                        commands.push(Command::uid_store(&set, StoreAction::Remove, &remove, None));
                    }
                }
                Change::Remove => {
                    commands.push(Command::uid_store(&set, StoreAction::Add, &[Flag::Deleted], None));
                    // RFC 4315 §2.1: EXPUNGE alone would take users' deleted mail along.
                    if self.pool.can(Capability::UidPlus) {
                        commands.push(Command::uid_expunge(&set));
                    }
                }
            }
        }
        let asks = commands.into_iter().map(|command| Ask::of(command, Wants::Nothing));
        let (_, answers) = conn.send_in(name, asks);
        let mut failed = None;
        for answers in answers {
            let (_, status) = answers.all().await.map_err(|lost| lost.error)?;
            if !status.is_ok() {
                failed = failed.or(Some(status));
            }
        }
        let Some(status) = failed else { return Ok(edited_without(lacking)) };
        match change {
            Change::Flags(difference) if is_about_keywords(&status) && has_keywords(difference) => {
                let parts = piecemeal(difference);
                if let [_] = parts[..] {
                    tracing::info!("a keyword that the target refuses is left out");
                    return Ok(edited_without(difference.add.keywords().to_vec()));
                }
                let mut lacking = Vec::new();
                for part in parts {
                    let edited =
                        Box::pin(self.change(conn, folder, name, &Change::Flags(part), uids)).await?;
                    if let Edited::WithoutKeywords(names) = edited {
                        lacking.extend(names);
                    }
                }
                Ok(edited_without(lacking))
            }
            _ => Err(classify(self.pool.cx.side, Op::Edit, &status)),
        }
    }

    /// Sets keywords on what was appended without any, because the target refused one of them; those that it takes.
    pub(super) async fn give_keywords(&self, folder: &FolderId, bare: Vec<(TargetId, Flags)>) {
        let edit =
            |(id, add)| Edit { id, kind: EditKind::Flags(Difference { add, remove: Flags::default() }) };
        for answer in self.edit_all(folder, bare.into_iter().map(edit).collect()).await {
            if let Err(error) = answer {
                tracing::info!(kind = error.kind().code(), "keywords could not be set");
            }
        }
    }

    /// Moves items of one folder, each with a command of its own, all sent ahead.
    pub(super) async fn move_from(
        &self,
        from: &FolderId,
        to: &MailboxName,
        items: Vec<(usize, TargetId)>,
    ) -> Vec<(usize, Outcome)> {
        let (conn, opened) = match self.open_for_edit(from).await {
            Ok(opened) => opened,
            Err(error) => {
                return items.into_iter().map(|(at, _)| (at, Outcome::Refused(error.clone()))).collect();
            }
        };
        let name = ids::folder_name(from);
        let moves = self.pool.can(Capability::Move);
        let mut outcomes = Vec::with_capacity(items.len());
        let mut asked = Vec::with_capacity(items.len());
        for (at, id) in items {
            let Some((_, uid)) = ids::target_uid(&id).filter(|(epoch, _)| *epoch == opened.uid_validity)
            else {
                outcomes.push((at, Outcome::Refused(look::renumbered(&self.pool))));
                continue;
            };
            let set = (&UidSet::from_iter([uid])).into();
            let command = if moves { Command::uid_move(&set, to) } else { Command::uid_copy(&set, to) };
            asked.push((at, uid, conn.send_in(&name, [Ask::of(command, Wants::Copy)]).1));
        }
        let mut copied = UidSet::empty();
        let mut untold = Vec::new();
        for (at, uid, mut answers) in asked {
            let outcome = match answers.pop() {
                None => Outcome::Unsure(no_outcome()),
                Some(answers) => match answers.all().await {
                    Ok((replies, status)) if status.is_ok() => match copied_to(&replies, &status) {
                        Some(id) => {
                            copied.insert(uid);
                            Outcome::Placed(Some(id))
                        }
                        None => {
                            untold.push((at, uid));
                            continue;
                        }
                    },
                    Ok((_, status)) => match classify(self.pool.cx.side, Op::Move, &status) {
                        error if self.asks_for_long(&error) => Outcome::Unsure(error),
                        error => Outcome::Refused(error),
                    },
                    Err(Lost { error, sent: Sent::Nothing, .. }) => Outcome::Refused(error),
                    Err(Lost { error, sent: Sent::Perhaps, .. }) => Outcome::Unsure(error),
                },
            };
            outcomes.push((at, outcome));
        }
        if !untold.is_empty() {
            let uids: UidSet = untold.iter().map(|(_, uid)| *uid).collect();
            let there = look::there(&self.pool, &conn, &name, &uids).await;
            for (at, uid) in untold {
                let outcome = self.untold(there.as_ref().map(|there| there.contains(uid)));
                if matches!(outcome, Outcome::Placed(_)) && !moves {
                    copied.insert(uid);
                }
                outcomes.push((at, outcome));
            }
        }
        if !moves
            && !copied.is_empty()
            && let Err(error) = self.change(&conn, from, &name, &Change::Remove, &copied).await
        {
            tracing::info!(kind = error.kind().code(), "moved items could not be removed where they were");
        }
        outcomes
    }

    /// What became of an item whose move was answered with OK and without COPYUID, and is, or is not, where it was.
    fn untold(&self, is_there: std::result::Result<bool, &Error>) -> Outcome {
        let (tells, moves) = (self.pool.can(Capability::UidPlus), self.pool.can(Capability::Move));
        match is_there {
            Err(error) => Outcome::Unsure(error.clone()),
            // RFC 4315 §3: OK without COPYUID means that there was nothing to move.
            Ok(false) if tells => {
                let gone: Error = self.error(Kind::NotFound, "move", "the item is gone");
                Outcome::Refused(gone.scope_of(Scope::Item))
            }
            // The target said OK and the item is where it was.
            Ok(true) if tells || moves => {
                let stays =
                    self.error(Kind::Conflict, "move", "the target said OK and did not move the item");
                Outcome::Unsure(stays.scope_of(Scope::Item))
            }
            Ok(_) => Outcome::Placed(None),
        }
    }
}

/// Where a moved or copied item is now, if the target tells.
fn copied_to(replies: &[Reply], status: &Status) -> Option<TargetId> {
    let told = replies.iter().filter_map(|r| if let Reply::Status(s) = r { s.code.as_ref() } else { None });
    told.chain(&status.code).find_map(|code| match code {
        Code::CopyUid { uid_validity, to, .. } => Some(ids::target_id(*uid_validity, to.numbers()?.next()?)),
        _ => None,
    })
}

fn edited_without(keywords: Vec<Box<str>>) -> Edited {
    if keywords.is_empty() { Edited::Whole } else { Edited::WithoutKeywords(keywords) }
}

/// The same change without keywords, and each of its keywords by itself.
fn piecemeal(difference: &Difference) -> Vec<Difference> {
    let bits = |flags: &Flags| Flags::from_parts(flags.bits(), []);
    let one = |keyword: &str| Flags::from_parts(0, [keyword.into()]);
    let (add, remove) = (&difference.add, &difference.remove);
    let plain = Difference { add: bits(add), remove: bits(remove) };
    let adding = add.keywords().iter().map(|k| Difference { add: one(k), remove: Flags::default() });
    let removing = remove.keywords().iter().map(|k| Difference { add: Flags::default(), remove: one(k) });
    std::iter::once(plain).filter(|plain| !plain.is_empty()).chain(adding).chain(removing).collect()
}

fn has_keywords(difference: &Difference) -> bool {
    !difference.add.keywords().is_empty() || !difference.remove.keywords().is_empty()
}
