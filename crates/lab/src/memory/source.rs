//! The reference source: pages of three, honest cursors, nothing changed ever.

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_codec::mime;
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    caps::SourceCaps,
    folder::Folder,
    id::{Cursor, Fingerprint, FolderId, ItemId},
    item::{Body, Change, Form, Item, ItemDigest, Page, Stub, Trace},
    key::{Digest, HeaderKey},
    port::{Fetched, Source},
};

use super::world::{Ability, Mail, Room, World};

/// How many items a page names.
const PAGE: usize = 3;

/// A mailbox opened for reading.
pub struct MemorySource {
    world: World,
    caps: SourceCaps,
}

impl MemorySource {
    /// Opens a world.
    pub fn open(world: &World) -> Self {
        let has = |a: Ability| world.lock().abilities.contains(&a);
        let caps = SourceCaps {
            forms: vec![Form::Mime],
            connections: 2,
            fingerprints_flags: has(Ability::FlagFingerprints),
            tells_removals: has(Ability::TellsRemovals),
            subscriptions: true,
        };
        Self { world: world.clone(), caps }
    }

    fn with_room<T>(&self, folder: &FolderId, f: impl FnOnce(&Room) -> Result<T>) -> Result<T> {
        let state = self.world.lock();
        match state.rooms.get(folder) {
            Some(room) if state.closed.contains(&room.path.to_string()) => {
                let closed = Error::new(Kind::Forbidden, Side::Source, "open folder", "it does not open");
                Err(closed.scope_of(Scope::Folder))
            }
            Some(room) => f(room),
            None => Err(Error::new(Kind::NotFound, Side::Source, "open folder", "no such folder")
                .scope_of(Scope::Folder)),
        }
    }

    fn one(&self, folder: &FolderId, id: &ItemId) -> Result<Mail> {
        let gone = || Error::new(Kind::NotFound, Side::Source, "fetch", "no such item");
        let (epoch, number) = number(id).ok_or_else(gone)?;
        self.with_room(folder, |room| match room.epoch == epoch {
            true => room.items.get(&number).cloned().ok_or_else(gone),
            false => Err(gone()),
        })
    }

    /// Whether this item is listed and not given, or goes in the moment in which it is asked for.
    fn leaves_out(&self, folder: &FolderId, id: &ItemId) -> bool {
        let Ok(mail) = self.one(folder, id) else { return false };
        let text = String::from_utf8_lossy(&mail.body);
        let mut state = self.world.lock();
        let goes = state.vanishing.iter().any(|word| text.contains(word.as_str()));
        if let Some((_, number)) = number(id).filter(|_| goes) {
            state.take(folder, number);
        }
        let all_go = state.folders_vanishing.iter().any(|word| text.contains(word.as_str()));
        if all_go {
            state.rooms.remove(folder);
        }
        goes || all_go || state.left_out.iter().any(|word| text.contains(word.as_str()))
    }

    /// Whether the connection ends before this item is told.
    fn hangs_up(&self, folder: &FolderId, id: &ItemId) -> bool {
        let Ok(mail) = self.one(folder, id) else { return false };
        let text = String::from_utf8_lossy(&mail.body);
        let mut state = self.world.lock();
        let at = state.hang_ups.iter().position(|word| text.contains(word.as_str()));
        at.map(|at| state.hang_ups.swap_remove(at)).is_some()
    }

    fn item(&self, folder: &FolderId, id: &ItemId) -> Result<Item> {
        self.world.lock().reads += 1;
        let mail = self.one(folder, id)?;
        let head = mime::head(&mail.body);
        let size = mail.body.len() as u64;
        let digest = std::sync::Arc::new(std::sync::OnceLock::new());
        let body = if size > Body::IN_MEMORY {
            let (told, whole) = (digest.clone(), mail.digest());
            let last = stream::once(async move {
                told.get_or_init(|| whole);
                Ok(bytes::Bytes::new())
            });
            let pieces = mail.body.chunks(1 << 16).map(|p| Ok(mail.body.slice_ref(p))).collect::<Vec<_>>();
            Body::Stream { size, pieces: stream::iter(pieces).chain(last).boxed() }
        } else {
            digest.get_or_init(|| mail.digest());
            Body::Bytes(mail.body.into())
        };
        Ok(Item {
            short_of: None,
            id: id.clone(),
            form: Form::Mime,
            key: HeaderKey(head.key),
            message_id: head.message_id.map(Into::into),
            date: mail.date,
            flags: mail.flags.clone(),
            digest: ItemDigest::Passing(digest),
            body,
        })
    }
}

/// A cursor: the epoch, the change up to which all is known, and within a run the place and the run's end.
struct Place {
    epoch: u32,
    since: u64,
    at: u32,
    upto: u64,
}

impl Place {
    fn read(cursor: &Cursor) -> Option<Self> {
        let text = std::str::from_utf8(cursor.as_bytes()).ok()?;
        let mut parts = text.split(' ').map(|p| p.parse::<u64>().ok());
        let mut next = || parts.next().flatten();
        Some(Self { epoch: next()? as u32, since: next()?, at: next()? as u32, upto: next()? })
    }

    fn write(&self) -> Cursor {
        Cursor::from_bytes(format!("{} {} {} {}", self.epoch, self.since, self.at, self.upto))
    }
}

/// Epoch and number.
fn number(id: &ItemId) -> Option<(u32, u32)> {
    let (epoch, number) = std::str::from_utf8(id.as_bytes()).ok()?.split_once('.')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}

fn item_id(room: &Room, number: u32) -> ItemId {
    ItemId::from_bytes(format!("{}.{number}", room.epoch))
}

fn unreachable_now() -> Error {
    Error::new(Kind::Unreachable, Side::Source, "fetch", "the connection ended")
}

#[async_trait]
impl Source for MemorySource {
    fn caps(&self) -> &SourceCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        Ok(self.world.lock().list())
    }

    async fn state(&self, _also: &[FolderId]) -> Result<Vec<(FolderId, Fingerprint)>> {
        let state = self.world.lock();
        let print = |room: &Room| {
            let flags = room.items.values().map(|m| m.changed).max().unwrap_or(0);
            let flags = if self.caps.fingerprints_flags { flags } else { 0 };
            let gone = if self.caps.fingerprints_flags { room.gone.len() } else { 0 };
            Fingerprint::from_bytes(format!(
                "{} {} {} {flags} {gone}",
                room.epoch,
                room.next,
                room.items.len()
            ))
        };
        Ok(state.rooms.iter().map(|(id, room)| (id.clone(), print(room))).collect())
    }

    async fn changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page> {
        let change = self.world.lock().change;
        let tells_removals = self.caps.tells_removals;
        self.with_room(folder, |room| {
            let fresh = Place { epoch: room.epoch, since: 0, at: 0, upto: change };
            let mut place = cursor.and_then(Place::read).unwrap_or(fresh);
            if place.epoch != room.epoch {
                let gone =
                    Error::new(Kind::CursorExpired, Side::Source, "list changes", "the folder was made anew");
                return Err(gone);
            }
            if place.upto == 0 {
                place.upto = change;
            }
            let listing = place.since == 0 || !tells_removals;
            let later: Vec<_> = room.items.range(place.at + 1..).collect();
            let named = later.iter().filter(|(_, m)| listing || m.changed > place.since);
            let named: Vec<_> = named.take(PAGE).collect();
            let mut changes: Vec<Change> = named
                .iter()
                .map(|(n, mail)| match mail.changed > place.since || !tells_removals {
                    true => Change::Upsert(stub(room, **n, mail)),
                    false => Change::Stays(item_id(room, **n)),
                })
                .collect();
            let last = named.last().map_or(u32::MAX, |(n, _)| **n);
            let more = named.len() == PAGE && later.iter().any(|(n, _)| **n > last);
            if !more {
                let gone = room.gone.iter().filter(|(_, at)| *at > place.since);
                changes.extend(gone.map(|(n, _)| Change::Gone(item_id(room, *n))));
            }
            let next = match more {
                true => Place { at: last, ..place },
                false => Place { since: place.upto, at: 0, upto: 0, ..place },
            };
            Ok(Page { changes, next: next.write(), more, listing })
        })
    }

    fn fetch(&self, folder: &FolderId, stubs: Vec<Stub>, _form: Form) -> BoxStream<'_, Fetched> {
        let (folder, mut lost) = (folder.clone(), false);
        let one = move |stub: Stub| {
            lost = lost || self.hangs_up(&folder, &stub.id);
            let item = match (lost, self.leaves_out(&folder, &stub.id)) {
                (true, _) => Err(unreachable_now()),
                (_, true) => Err(Error::new(Kind::NotFound, Side::Source, "read", "no answer of it")),
                _ => self.item(&folder, &stub.id),
            };
            (stub.id, item)
        };
        stream::iter(stubs).map(one).boxed()
    }

    fn traces(&self, folder: &FolderId, only: Option<&[ItemId]>) -> BoxStream<'_, Result<Trace<ItemId>>> {
        let wanted: Option<Vec<(u32, u32)>> = only.map(|ids| ids.iter().filter_map(number).collect());
        let found = self.with_room(folder, |room| {
            let named = room
                .items
                .iter()
                .filter(|(n, _)| wanted.as_ref().is_none_or(|w| w.contains(&(room.epoch, **n))));
            Ok(named.map(|(n, mail)| Ok(mail.trace(item_id(room, *n)))).collect::<Vec<_>>())
        });
        stream::iter(found.unwrap_or_else(|e| vec![Err(e)])).boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[ItemId]) -> Vec<Result<Digest>> {
        let mut state = self.world.lock();
        state.reads += ids.len() as u64;
        state.digest_calls += 1;
        drop(state);
        ids.iter().map(|id| self.one(folder, id).map(|m| m.digest())).collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

fn stub(room: &Room, number: u32, mail: &Mail) -> Stub {
    Stub {
        id: item_id(room, number),
        size: mail.body.len() as u64,
        date: mail.date,
        flags: mail.flags.clone(),
        identity: None,
    }
}
