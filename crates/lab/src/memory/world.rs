//! One mailbox as a mail server keeps it: folders with epochs, items with growing numbers. People and
//! connectors change it alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mailferry_codec::mime;
use mailferry_model::{
    Kind,
    flags::Flags,
    folder::{Folder, FolderPath, Namespace, Role},
    id::FolderId,
    item::{Date, Trace},
    key::{Digest, HeaderKey},
};

/// What the system can do beyond the least. Absent ones are the slower ways that the engine must know too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// A placed item's id is told.
    TellsIds,
    /// Removals are told in changes.
    TellsRemovals,
    /// Fingerprints change with flags.
    FlagFingerprints,
    /// Folders keep an identity through renames.
    Identities,
    /// Items can be moved between folders.
    Moves,
}

/// Whether a mailbox's owner is subscribed to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// He is.
    Yes,
    /// He is not.
    No,
}

/// An item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its bytes.
    pub body: Bytes,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived.
    pub date: Option<Date>,
    /// Grows with each change of the mailbox.
    pub changed: u64,
}

impl Mail {
    pub(super) fn key(&self) -> HeaderKey {
        keys(&self.body).0
    }

    pub(super) fn digest(&self) -> Digest {
        keys(&self.body).1
    }

    pub(super) fn trace<Id>(&self, id: Id) -> Trace<Id> {
        Trace {
            id,
            marker: None,
            key: self.key(),
            size: self.body.len() as u64,
            date: self.date,
            flags: self.flags.clone(),
            message_id: mime::head(&self.body).message_id.map(Into::into),
        }
    }
}

/// Header key and digest of a body.
pub fn keys(body: &[u8]) -> (HeaderKey, Digest) {
    let mut digester = mime::Digester::default();
    digester.update(body);
    (HeaderKey(mime::head(body).key), Digest(digester.finish()))
}

/// What a test compares: body and flags of every item, by folder, as multisets.
pub type Seen = BTreeMap<String, Vec<(String, String)>>;

#[derive(Clone, Debug)]
pub(super) struct Room {
    pub path: FolderPath,
    pub role: Option<Role>,
    pub namespace: Namespace,
    pub epoch: u32,
    pub next: u32,
    pub items: BTreeMap<u32, Mail>,
    pub gone: Vec<(u32, u64)>,
    pub subscribed: bool,
}

pub(super) struct State {
    pub rooms: BTreeMap<FolderId, Room>,
    pub change: u64,
    pub next_folder: u32,
    pub next_epoch: u32,
    pub abilities: BTreeSet<Ability>,
    /// Puts that will land when the next session has looked.
    pub landing: Vec<(FolderId, Mail)>,
    /// Words in bodies that the target refuses.
    pub refuses: Vec<String>,
    /// Words in bodies that the target says OK to and throws away.
    pub swallows: Vec<String>,
    /// Words in bodies that the target keeps, says NO to, and asks for an hour of rest; each once.
    pub denies: Vec<String>,
    /// How long the target takes for a put.
    pub put_takes: std::time::Duration,
    /// How long the target takes to make a folder.
    pub folder_takes: std::time::Duration,
    /// How long the answer to every second put is on its way, after what was put lies there.
    pub answer_takes: std::time::Duration,
    /// Folders that the source lists and does not open.
    pub closed: Vec<String>,
    /// Folders that the target lists and does not open.
    pub shut: Vec<String>,
    /// Folder names that the target refuses.
    pub refused_names: Vec<String>,
    /// Folders of these names, and of names that begin so, the target does not make, for this reason.
    pub unmade: Vec<(String, Kind)>,
    /// Folders of these names the target says to have made, and has not.
    pub fakes: Vec<String>,
    /// The target renames no folder, for this reason.
    pub refuses_renames: Option<Kind>,
    /// Keywords that the target leaves out.
    pub refused_keywords: Vec<String>,
    /// The target dates what it is given by itself.
    pub redates: bool,
    /// The target replaces 8-bit characters in heads, as Cyrus does.
    pub munges: bool,
    /// Words in bodies at which the source's connection ends, each once.
    pub hang_ups: Vec<String>,
    /// Messages with these words are listed, and their bodies not given when they are asked for.
    pub left_out: Vec<String>,
    /// Messages with these words are deleted in the moment in which their bodies are asked for.
    pub vanishing: Vec<String>,
    /// The same with their whole folders.
    pub folders_vanishing: Vec<String>,
    pub reads: u64,
    /// Calls that asked for digests, however many each.
    pub digest_calls: u64,
    pub writes: u64,
}

/// A mailbox that clones share.
#[derive(Clone)]
pub struct World(pub(super) Arc<Mutex<State>>);

impl World {
    /// An empty mailbox with an INBOX and these abilities.
    pub fn with(abilities: impl IntoIterator<Item = Ability>) -> Self {
        let world = Self(Arc::new(Mutex::new(State {
            rooms: BTreeMap::new(),
            change: 0,
            next_folder: 1,
            next_epoch: 100,
            abilities: abilities.into_iter().collect(),
            landing: Vec::new(),
            refuses: Vec::new(),
            swallows: Vec::new(),
            denies: Vec::new(),
            put_takes: std::time::Duration::ZERO,
            folder_takes: std::time::Duration::ZERO,
            answer_takes: std::time::Duration::ZERO,
            closed: Vec::new(),
            shut: Vec::new(),
            refused_names: Vec::new(),
            unmade: Vec::new(),
            fakes: Vec::new(),
            refuses_renames: None,
            refused_keywords: Vec::new(),
            redates: false,
            munges: false,
            hang_ups: Vec::new(),
            left_out: Vec::new(),
            vanishing: Vec::new(),
            folders_vanishing: Vec::new(),
            reads: 0,
            digest_calls: 0,
            writes: 0,
        })));
        world.create("INBOX");
        world
    }

    /// An empty mailbox with all abilities.
    pub fn able() -> Self {
        use Ability::*;
        Self::with([TellsIds, TellsRemovals, FlagFingerprints, Identities, Moves])
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a folder, unless it is there.
    pub fn create(&self, path: &str) -> FolderId {
        let Ok(path) = path.parse::<FolderPath>();
        self.lock().create(path, None)
    }

    /// Sets whose a folder is.
    pub fn set_namespace(&self, path: &str, namespace: Namespace) {
        let mut state = self.lock();
        let id = state.find(path);
        state.rooms.entry(id).and_modify(|r| r.namespace = namespace);
    }

    /// Sets what a folder is for.
    pub fn set_role(&self, path: &str, role: Role) {
        let mut state = self.lock();
        let id = state.find(path);
        state.rooms.entry(id).and_modify(|r| r.role = Some(role));
    }

    /// A message arrives; its number in the folder.
    pub fn deliver(&self, path: &str, body: &str, flags: Flags) -> u32 {
        let date = Some(Date { seconds: 1_700_000_000, zone: 60 });
        let mail = Mail { body: Bytes::from(body.to_owned()), flags, date, changed: 0 };
        let mut state = self.lock();
        let id = state.find(path);
        state.add(&id, mail)
    }

    /// A message arrives at a moment, in seconds since 1970.
    pub fn deliver_on(&self, path: &str, body: &str, seconds: i64) -> u32 {
        let date = Some(Date { seconds, zone: 60 });
        let mail = Mail { body: Bytes::from(body.to_owned()), flags: Flags::default(), date, changed: 0 };
        let mut state = self.lock();
        let id = state.find(path);
        state.add(&id, mail)
    }

    /// When the messages of a folder arrived, in seconds since 1970, sorted.
    pub fn dates(&self, path: &str) -> Vec<i64> {
        let state = self.lock();
        let items = state.rooms.get(&state.find(path)).into_iter().flat_map(|room| room.items.values());
        let mut dates: Vec<i64> = items.filter_map(|mail| mail.date).map(|date| date.seconds).collect();
        dates.sort_unstable();
        dates
    }

    /// A person sets flags.
    pub fn flag(&self, path: &str, number: u32, flags: Flags) {
        let mut state = self.lock();
        let id = state.find(path);
        state.set_flags(&id, number, flags);
    }

    /// A person removes an item.
    pub fn remove(&self, path: &str, number: u32) {
        let mut state = self.lock();
        let id = state.find(path);
        state.take(&id, number);
    }

    /// A person moves an item; its new number.
    pub fn shift(&self, from: &str, number: u32, to: &str) -> Option<u32> {
        let mut state = self.lock();
        let (from, to) = (state.find(from), state.find(to));
        let mail = state.take(&from, number)?;
        Some(state.add(&to, mail))
    }

    /// A person subscribes to a folder, or ends that.
    pub fn subscribe(&self, path: &str, on: Subscribed) {
        let mut state = self.lock();
        let id = state.find(path);
        state.rooms.entry(id).and_modify(|r| r.subscribed = on == Subscribed::Yes);
    }

    /// The folders that their owner is subscribed to.
    pub fn subscribed(&self) -> Vec<String> {
        let state = self.lock();
        let rooms = state.rooms.values().filter(|r| r.subscribed);
        let mut names: Vec<String> = rooms.map(|r| r.path.to_string()).collect();
        names.sort();
        names
    }

    /// A person renames a folder.
    pub fn rename(&self, from: &str, to: &str) {
        let mut state = self.lock();
        let id = state.find(from);
        let Ok(to) = to.parse();
        state.rename(&id, &to);
    }

    /// A person removes a folder.
    pub fn drop_folder(&self, path: &str) {
        let mut state = self.lock();
        let id = state.find(path);
        state.rooms.remove(&id);
    }

    /// The server forgets its numbers: a new epoch, items numbered anew.
    pub fn new_epoch(&self, path: &str) {
        let mut state = self.lock();
        let id = state.find(path);
        let epoch = state.next_epoch;
        state.next_epoch += 1;
        state.change += 1;
        if let Some(room) = state.rooms.get_mut(&id) {
            room.epoch = epoch;
            room.gone.clear();
            let items: Vec<Mail> = std::mem::take(&mut room.items).into_values().collect();
            room.next = 1;
            for mail in items {
                room.items.insert(room.next, mail);
                room.next += 1;
            }
        }
    }

    /// The whole store is made anew: an empty INBOX under its old name, and nothing else.
    pub fn make_anew(&self) {
        let mut state = self.lock();
        let inbox = state.find("INBOX");
        state.rooms.retain(|id, _| *id == inbox);
        let epoch = state.next_epoch;
        (state.next_epoch, state.change) = (epoch + 1, state.change + 1);
        if let Some(room) = state.rooms.get_mut(&inbox) {
            (room.epoch, room.next) = (epoch, 1);
            room.items.clear();
            room.gone.clear();
        }
    }

    /// The target refuses messages that contain `word`.
    pub fn refuse(&self, word: &str) {
        self.lock().refuses.push(word.to_owned());
    }

    /// The target refuses nothing any more.
    pub fn relent(&self) {
        self.lock().refuses.clear();
        self.lock().unmade.clear();
        self.lock().fakes.clear();
        self.lock().refuses_renames = None;
    }

    /// The target says OK to messages that contain `word`, and stores nothing.
    pub fn swallow(&self, word: &str) {
        self.lock().swallows.push(word.to_owned());
    }

    /// The target keeps the next message that contains `word`, says NO, and asks for an hour of rest.
    pub fn deny(&self, word: &str) {
        self.lock().denies.push(word.to_owned());
    }

    /// The target takes so long for each put.
    pub fn slow_down(&self, put_takes: std::time::Duration) {
        self.lock().put_takes = put_takes;
    }

    /// The target takes so long to make each folder.
    pub fn make_slowly(&self, folder_takes: std::time::Duration) {
        self.lock().folder_takes = folder_takes;
    }

    /// The answer to every second put comes so long after what was put lies there: later puts overtake it.
    pub fn answer_late(&self, answer_takes: std::time::Duration) {
        self.lock().answer_takes = answer_takes;
    }

    /// The source lists this folder and does not open it.
    pub fn close(&self, path: &str) {
        self.lock().closed.push(path.to_owned());
    }

    /// The source opens this folder again.
    pub fn open(&self, path: &str) {
        self.lock().closed.retain(|closed| closed != path);
    }

    /// The target lists this folder and does not open it: nobody sees what lies in it, nor how much.
    pub fn shut(&self, path: &str) {
        self.lock().shut.push(path.to_owned());
    }

    /// The target opens all folders again.
    pub fn unlock(&self) {
        self.lock().shut.clear();
    }

    /// The target refuses folders with this name.
    pub fn refuse_name(&self, name: &str) {
        self.lock().refused_names.push(name.to_owned());
    }

    /// The target makes no folder whose name begins so.
    pub fn refuse_to_make(&self, name: &str, why: Kind) {
        self.lock().unmade.push((name.to_owned(), why));
    }

    /// The target renames no folder.
    pub fn refuse_renames(&self, why: Kind) {
        self.lock().refuses_renames = Some(why);
    }

    /// The target says to have made the folder of this name, and has not.
    pub fn fake(&self, name: &str) {
        self.lock().fakes.push(name.to_owned());
    }

    /// The target does not take this keyword.
    pub fn refuse_keyword(&self, keyword: &str) {
        self.lock().refused_keywords.push(keyword.to_owned());
    }

    /// The target replaces 8-bit characters in the heads of what it is given.
    pub fn munge(&self) {
        self.lock().munges = true;
    }

    /// The target shows another date than the one that it is given.
    pub fn redate(&self) {
        self.lock().redates = true;
    }

    /// The source's connection ends, once, when it comes to a message that contains `word`.
    pub fn hang_up(&self, word: &str) {
        self.lock().hang_ups.push(word.to_owned());
    }

    /// The source lists messages that contain `word`, and leaves them out when their bodies are asked for.
    pub fn leave_out(&self, word: &str) {
        self.lock().left_out.push(word.to_owned());
    }

    /// Messages of the source that contain `word` are deleted while they are asked for.
    pub fn vanish(&self, word: &str) {
        self.lock().vanishing.push(word.to_owned());
    }

    /// The folder of a message that contains `word` is deleted while it is asked for.
    pub fn vanish_with_folder(&self, word: &str) {
        self.lock().folders_vanishing.push(word.to_owned());
    }

    /// The source leaves nothing out any more.
    pub fn give_all(&self) {
        self.lock().left_out.clear();
    }

    /// The first item of a folder whose bytes contain `word`.
    pub fn find(&self, path: &str, word: &str) -> Option<u32> {
        let state = self.lock();
        let holds = |mail: &Mail| String::from_utf8_lossy(&mail.body).contains(word);
        state.rooms.get(&state.find(path))?.items.iter().find(|(_, m)| holds(m)).map(|(n, _)| *n)
    }

    /// Numbers of the items in a folder, oldest first.
    pub fn numbers(&self, path: &str) -> Vec<u32> {
        let state = self.lock();
        state.rooms.get(&state.find(path)).map(|r| r.items.keys().copied().collect()).unwrap_or_default()
    }

    /// Everything, for comparison: by folder, sorted.
    pub fn seen(&self) -> Seen {
        let state = self.lock();
        let show = |m: &Mail| (String::from_utf8_lossy(&m.body).into_owned(), m.flags.to_string());
        let rooms = state.rooms.values().map(|r| {
            let mut items: Vec<_> = r.items.values().map(show).collect();
            items.sort();
            (r.path.to_string(), items)
        });
        rooms.collect()
    }

    /// Bodies read and changes made so far: "one more run changes nothing" compares these.
    pub fn traffic(&self) -> (u64, u64) {
        let state = self.lock();
        (state.reads, state.writes)
    }

    /// Calls so far that asked for digests: with most servers each opens a folder anew.
    pub fn digest_calls(&self) -> u64 {
        self.lock().digest_calls
    }

    /// Puts that were left hanging arrive now.
    pub fn land(&self) {
        self.lock().land();
    }
}

impl State {
    pub fn find(&self, path: &str) -> FolderId {
        let Ok(path) = path.parse::<FolderPath>();
        let found = self.rooms.iter().find(|(_, r)| r.path == path);
        found.map_or_else(|| FolderId::from_bytes("none"), |(id, _)| id.clone())
    }

    pub fn create(&mut self, path: FolderPath, role: Option<Role>) -> FolderId {
        if let Some((id, _)) = self.rooms.iter().find(|(_, r)| r.path == path) {
            return id.clone();
        }
        let id = FolderId::from_bytes(format!("f{}", self.next_folder));
        let role = if path.is_inbox() { Some(Role::Inbox) } else { role };
        let epoch = self.next_epoch;
        (self.next_folder, self.next_epoch, self.change) = (self.next_folder + 1, epoch + 1, self.change + 1);
        let room = Room {
            path,
            role,
            namespace: Namespace::Personal,
            epoch,
            next: 1,
            items: BTreeMap::new(),
            gone: Vec::new(),
            subscribed: false,
        };
        self.rooms.insert(id.clone(), room);
        id
    }

    pub fn add(&mut self, folder: &FolderId, mail: Mail) -> u32 {
        self.change += 1;
        let change = self.change;
        let Some(room) = self.rooms.get_mut(folder) else { return 0 };
        let number = room.next;
        room.next += 1;
        room.items.insert(number, Mail { changed: change, ..mail });
        number
    }

    pub fn take(&mut self, folder: &FolderId, number: u32) -> Option<Mail> {
        self.change += 1;
        let change = self.change;
        let room = self.rooms.get_mut(folder)?;
        let mail = room.items.remove(&number)?;
        room.gone.push((number, change));
        Some(mail)
    }

    pub fn set_flags(&mut self, folder: &FolderId, number: u32, flags: Flags) {
        self.change += 1;
        let change = self.change;
        if let Some(mail) = self.rooms.get_mut(folder).and_then(|r| r.items.get_mut(&number)) {
            (mail.flags, mail.changed) = (flags, change);
        }
    }

    pub fn rename(&mut self, id: &FolderId, to: &FolderPath) {
        let Some(from) = self.rooms.get(id).map(|r| r.path.clone()) else { return };
        let moved: Vec<FolderId> =
            self.rooms.iter().filter(|(_, r)| r.path.is_within(&from)).map(|(id, _)| id.clone()).collect();
        for id in moved {
            let Some(mut room) = self.rooms.remove(&id) else { continue };
            let below = room.path.0[from.0.len()..].to_vec();
            room.path = FolderPath(to.0.iter().cloned().chain(below).collect());
            let id = FolderId::from_bytes(format!("f{}", self.next_folder));
            self.next_folder += 1;
            self.rooms.insert(id, room);
        }
        self.change += 1;
    }

    pub fn land(&mut self) {
        for (folder, mail) in std::mem::take(&mut self.landing) {
            self.add(&folder, mail);
        }
    }

    pub fn is_shut(&self, room: &Room) -> bool {
        self.shut.contains(&room.path.to_string())
    }

    pub fn list(&self) -> Vec<Folder> {
        let mut folders: Vec<Folder> = self
            .rooms
            .iter()
            .map(|(id, room)| Folder {
                id: id.clone(),
                path: room.path.clone(),
                role: room.role,
                namespace: room.namespace,
                selectable: true,
                subscribed: Some(room.subscribed),
                identity: self
                    .abilities
                    .contains(&Ability::Identities)
                    .then(|| format!("{}", room.epoch).into()),
                epoch: Some(format!("{}", room.epoch).into()),
                items: (!self.is_shut(room)).then_some(room.items.len() as u64),
            })
            .collect();
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        folders
    }
}
