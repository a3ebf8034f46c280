//! The reference target: applies what it is given, unless a fault strikes.

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_model::{
    Error, Kind, Result, Retry, Scope, Side,
    caps::{Fidelity, TargetCaps},
    flags::{Flags, SystemFlag},
    folder::{Folder, FolderPath, FolderSpec},
    id::{FolderId, Mark, TargetId},
    item::{Body, Date, Form, Trace},
    key::Digest,
    port::{Edit, EditKind, Edited, Ensured, Outcome, Put, Setting, Target},
};

use super::convert::munged;
use super::world::{Ability, Mail, State, World};
use crate::fault::{Faults, Strike};

/// The number that a target invents for what it throws away.
const INVENTED: u32 = 1 << 30;

/// A mailbox opened for writing.
pub struct MemoryTarget {
    world: World,
    caps: TargetCaps,
    faults: Faults,
}

impl MemoryTarget {
    /// Opens a world; `faults` may strike its puts.
    pub fn open(world: &World, faults: &Faults) -> Self {
        let has = |a: Ability| world.lock().abilities.contains(&a);
        let caps = TargetCaps {
            forms: vec![Form::Mime],
            writers: 2,
            group_items: 3,
            group_bytes: 1 << 20,
            max_item: None,
            fidelity: Fidelity::Exact,
            markers: false,
            tells_ids: has(Ability::TellsIds),
            removes: has(Ability::TellsIds),
            moves: has(Ability::Moves),
            separator: Some('/'),
            subscriptions: true,
            keywords: None,
        };
        Self { world: world.clone(), caps, faults: faults.clone() }
    }

    fn apply(&self, folder: &FolderId, puts: Vec<Ready>) -> Vec<Outcome> {
        let tells = self.caps.tells_ids;
        let mut state = self.world.lock();
        let state = &mut *state;
        puts.into_iter()
            .map(|put| match put {
                Ready::New(mail) => match state.refusal(&mail) {
                    Some(refusal) => Outcome::Refused(refusal),
                    None if state.swallows(&mail) => {
                        let epoch = state.rooms.get(folder).map_or(0, |r| r.epoch);
                        Outcome::Placed(tells.then(|| target_id(epoch, INVENTED)))
                    }
                    None => {
                        let rest = state.denies(&mail);
                        let mail = state.as_kept(mail);
                        let placed = placed(state, folder, mail, tells);
                        rest.map_or(placed, Outcome::Unsure)
                    }
                },
                Ready::Move(from, epoch, _) if state.rooms.get(&from).is_some_and(|r| r.epoch != epoch) => {
                    Outcome::Refused(anew("move"))
                }
                Ready::Move(from, _, number) => match state.take(&from, number) {
                    Some(mail) => placed(state, folder, mail, tells),
                    None => {
                        Outcome::Refused(Error::new(Kind::NotFound, Side::Target, "move", "no such item"))
                    }
                },
            })
            .collect()
    }

    /// Keeps new items for later and forgets moves: what a server may do with what a dead client sent.
    fn delay(&self, folder: &FolderId, puts: Vec<Ready>) {
        let mut state = self.world.lock();
        for put in puts {
            if let Ready::New(mail) = put
                && state.refusal(&mail).is_none()
            {
                let mail = state.as_kept(mail);
                state.landing.push((folder.clone(), mail));
            }
        }
    }
}

/// A put whose body has been read.
enum Ready {
    New(Mail),
    Move(FolderId, u32, u32),
}

async fn read(put: Put) -> Result<Ready> {
    let item = match put {
        Put::Move { from, id } => {
            let (epoch, number) = number(&id).unwrap_or_default();
            return Ok(Ready::Move(from, epoch, number));
        }
        Put::Item(item) => item,
    };
    let body = match item.body {
        Body::Bytes(chunks) => chunks.to_bytes(),
        Body::Stream { size, mut pieces } => {
            let mut bytes = Vec::new();
            while let Some(piece) = pieces.next().await {
                bytes.extend_from_slice(&piece?);
            }
            if bytes.len() as u64 != size {
                return Err(Error::new(Kind::Unreachable, Side::Source, "read body", "the body ended early"));
            }
            bytes.into()
        }
    };
    Ok(Ready::New(Mail { body, flags: item.flags, date: item.date, changed: 0 }))
}

fn placed(state: &mut State, folder: &FolderId, mail: Mail, tells: bool) -> Outcome {
    state.writes += 1;
    let date = if state.redates { Some(Date { seconds: 0, zone: 0 }) } else { mail.date };
    let number = state.add(folder, Mail { date, ..mail });
    let epoch = state.rooms.get(folder).map_or(0, |r| r.epoch);
    Outcome::Placed(tells.then(|| target_id(epoch, number)))
}

/// The folder under this name is not the one that an id was given in.
fn anew(op: &'static str) -> Error {
    Error::new(Kind::CursorExpired, Side::Target, op, "the folder was made anew")
}

/// The folder is there and does not open.
fn shut() -> Error {
    Error::new(Kind::Forbidden, Side::Target, "look", "it does not open").scope_of(Scope::Folder)
}

fn target_id(epoch: u32, number: u32) -> TargetId {
    TargetId::from_bytes(format!("{epoch}.{number}"))
}

fn number(id: &TargetId) -> Option<(u32, u32)> {
    let (epoch, number) = std::str::from_utf8(id.as_bytes()).ok()?.split_once('.')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}

fn unreachable_now() -> Error {
    Error::new(Kind::Unreachable, Side::Target, "append", "the connection ended")
}

#[async_trait]
impl Target for MemoryTarget {
    fn caps(&self) -> &TargetCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        Ok(self.world.lock().list())
    }

    async fn ensure_folder(&self, spec: &FolderSpec) -> Result<Ensured> {
        let takes = self.world.lock().folder_takes;
        tokio::time::sleep(takes).await;
        let mut state = self.world.lock();
        if let Some((id, _)) = state.rooms.iter().find(|(_, r)| r.path == spec.path) {
            return Ok(Ensured { id: id.clone(), created: false });
        }
        if state.refused_names.iter().any(|n| n == spec.path.name()) {
            let refused = Error::new(Kind::Malformed, Side::Target, "create folder", "invalid name");
            return Err(refused.scope_of(Scope::Folder));
        }
        let starts = |(name, _): &&(String, Kind)| spec.path.name().starts_with(name.as_str());
        if let Some((_, why)) = state.unmade.iter().find(starts) {
            let refused = Error::new(*why, Side::Target, "create folder", "not this one");
            return Err(refused.scope_of(Scope::Folder));
        }
        let folded = spec.path.to_string().to_lowercase();
        if state.rooms.values().any(|r| r.path.to_string().to_lowercase() == folded) {
            return Err(Error::new(
                Kind::AlreadyExists,
                Side::Target,
                "create folder",
                "names differ only in case",
            ));
        }
        state.writes += 1;
        if state.fakes.iter().any(|name| name == spec.path.name()) {
            let id = FolderId::from_bytes(format!("fake {}", spec.path));
            return Ok(Ensured { id, created: true });
        }
        let id = state.create(spec.path.clone(), spec.role);
        Ok(Ensured { id, created: true })
    }

    async fn rename_folder(&self, folder: &FolderId, to: &FolderPath) -> Result<FolderId> {
        let mut state = self.world.lock();
        if let Some((id, _)) = state.rooms.iter().find(|(_, r)| r.path == *to) {
            return Ok(id.clone());
        }
        if let Some(why) = state.refuses_renames {
            let refused = Error::new(why, Side::Target, "rename folder", "no renames here");
            return Err(refused.scope_of(Scope::Folder));
        }
        state.writes += 1;
        state.rename(folder, to);
        Ok(state.find(&to.to_string()))
    }

    async fn remove_folder(&self, folder: &FolderId) -> Result<()> {
        let mut state = self.world.lock();
        if state.rooms.get(folder).is_some_and(|r| !r.items.is_empty()) {
            return Err(Error::new(Kind::Conflict, Side::Target, "remove folder", "the folder holds items"));
        }
        state.writes += 1;
        state.rooms.remove(folder);
        Ok(())
    }

    async fn marks(&self, folders: &[FolderId]) -> Result<Vec<Mark>> {
        let state = self.world.lock();
        let gone =
            || Error::new(Kind::NotFound, Side::Target, "look", "no such folder").scope_of(Scope::Folder);
        let mark = |f: &FolderId| {
            let room = state.rooms.get(f).ok_or_else(gone)?;
            Ok(Mark::from_bytes(format!("{}.{}", room.epoch, room.next)))
        };
        folders.iter().map(mark).collect()
    }

    fn traces(&self, folder: &FolderId, beyond: Option<&Mark>) -> BoxStream<'_, Result<Trace<TargetId>>> {
        let state = self.world.lock();
        let Some(room) = state.rooms.get(folder) else {
            let gone =
                Error::new(Kind::NotFound, Side::Target, "look", "no such folder").scope_of(Scope::Folder);
            return stream::iter([Err(gone)]).boxed();
        };
        if state.is_shut(room) {
            return stream::iter([Err(shut())]).boxed();
        }
        let from = match beyond.map(|m| number(&TargetId::from_bytes(m.as_bytes()))) {
            None => 1,
            Some(Some((epoch, from))) if epoch == room.epoch => from,
            Some(_) => {
                return stream::iter([Err(anew("look"))]).boxed();
            }
        };
        let found = room.items.range(from..).map(|(n, mail)| Ok(mail.trace(target_id(room.epoch, *n))));
        stream::iter(found.collect::<Vec<_>>()).boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[TargetId]) -> Vec<Result<Digest>> {
        let mut state = self.world.lock();
        state.reads += ids.len() as u64;
        state.digest_calls += 1;
        if state.rooms.get(folder).is_some_and(|room| state.is_shut(room)) {
            return ids.iter().map(|_| Err(shut())).collect();
        }
        let one = |id: &TargetId| {
            let (epoch, number) = number(id)?;
            state.rooms.get(folder).filter(|r| r.epoch == epoch)?.items.get(&number).map(Mail::digest)
        };
        let gone = || Error::new(Kind::NotFound, Side::Target, "read", "no such item");
        ids.iter().map(|id| one(id).ok_or_else(gone)).collect()
    }

    async fn put(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome> {
        let count = puts.len();
        let mut ready = Vec::new();
        for put in puts {
            match read(put).await {
                Ok(put) => ready.push(put),
                Err(e) => return vec![Outcome::Unsure(e); count],
            }
        }
        let takes = self.world.lock().put_takes;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        let unsure = || vec![Outcome::Unsure(unreachable_now()); count];
        match self.faults.on_put() {
            None => {
                let outcomes = self.apply(folder, ready);
                let late = self.world.lock().answer_takes;
                if !late.is_zero() && self.faults.puts() % 2 == 1 {
                    tokio::time::sleep(late).await;
                }
                outcomes
            }
            Some(Strike::PutLost) => self.faults.die().await,
            Some(Strike::PutAnswerLost) => {
                self.apply(folder, ready);
                self.faults.die().await
            }
            Some(Strike::PutHalf) => {
                ready.truncate(count.div_ceil(2));
                self.apply(folder, ready);
                self.faults.die().await
            }
            Some(Strike::PutLands) => {
                self.delay(folder, ready);
                self.faults.die().await
            }
            Some(Strike::PutUnsure) => {
                self.apply(folder, ready);
                unsure()
            }
            Some(Strike::PutUnsureLands) => {
                self.delay(folder, ready);
                unsure()
            }
            Some(Strike::PutZombie) => {
                self.faults.hang().await;
                self.apply(folder, ready)
            }
            Some(_) => unsure(),
        }
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn edit(&self, folder: &FolderId, edits: Vec<Edit>) -> Vec<Result<Edited>> {
        let removes = self.caps.removes;
        let mut state = self.world.lock();
        let state = &mut *state;
        let mut one = |edit: Edit| {
            let room = state.rooms.get(folder);
            let expired = || anew("edit");
            let (epoch, number) = number(&edit.id).ok_or_else(expired)?;
            let Some(room) = room else { return Ok(Edited::NotThere) };
            if room.epoch != epoch {
                return Err(expired());
            }
            let Some(mail) = room.items.get(&number) else { return Ok(Edited::NotThere) };
            state.writes += 1;
            match edit.kind {
                EditKind::Flags(difference) => {
                    let wanted = mail.flags.apply(&difference);
                    let flags = state.taken(&wanted);
                    let lacking = flags.difference(&wanted).add.keywords().to_vec();
                    state.set_flags(folder, number, flags);
                    let all = lacking.is_empty();
                    return Ok(if all { Edited::Whole } else { Edited::WithoutKeywords(lacking) });
                }
                EditKind::Remove if removes => drop(state.take(folder, number)),
                EditKind::Remove => {
                    let flags = mail.flags.clone().with(SystemFlag::Deleted);
                    state.set_flags(folder, number, flags);
                }
            }
            Ok(Edited::Whole)
        };
        edits.into_iter().map(&mut one).collect()
    }

    async fn apply(&self, settings: Vec<Setting>) -> Vec<Result<()>> {
        let mut state = self.world.lock();
        for Setting::Subscription { folder, on } in &settings {
            state.rooms.entry(folder.clone()).and_modify(|r| r.subscribed = *on);
        }
        settings.iter().map(|_| Ok(())).collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// A message as the target keeps it.
    fn as_kept(&self, mail: Mail) -> Mail {
        let flags = self.taken(&mail.flags);
        let munged = munged(&mail.body).filter(|_| self.munges);
        let body = munged.map_or(mail.body, Into::into);
        Mail { flags, body, ..mail }
    }

    /// Flags without the keywords that the target does not take.
    fn taken(&self, flags: &Flags) -> Flags {
        let keywords = flags.keywords().iter().filter(|k| !self.refused_keywords.contains(&k.to_string()));
        Flags::from_parts(flags.bits(), keywords.cloned())
    }

    fn swallows(&self, mail: &Mail) -> bool {
        let text = String::from_utf8_lossy(&mail.body);
        self.swallows.iter().any(|word| text.contains(word.as_str()))
    }

    fn denies(&mut self, mail: &Mail) -> Option<Error> {
        let text = String::from_utf8_lossy(&mail.body);
        let at = self.denies.iter().position(|word| text.contains(word.as_str()))?;
        self.denies.remove(at);
        let error = Error::new(Kind::Throttled, Side::Target, "append", "slow down");
        Some(error.retry_of(Retry::After(std::time::Duration::from_secs(3600))))
    }

    fn refusal(&self, mail: &Mail) -> Option<Error> {
        let text = String::from_utf8_lossy(&mail.body);
        let word = self.refuses.iter().find(|w| text.contains(w.as_str()))?;
        Some(Error::new(Kind::Malformed, Side::Target, "append", format!("refuses {word}")))
    }
}
