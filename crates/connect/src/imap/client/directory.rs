//! All folders with their states, in as few commands as the server allows.
//!
//! Folders and states asked for at the same moment share one listing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mailferry_model::{
    Kind, Result,
    folder::{Folder, Namespace, Role},
};
use mailferry_wire::imap::{
    Capability, Command, ListQuery, ListReturn, Listed, MailboxName, MailboxStatus, Reply, StatusItem,
};

use super::{
    classify::{Op, classify},
    conn::Conn,
    ids,
    layout::Layout,
    names,
    pipe::{Answers, Ask, Wants},
    pool::Pool,
    quirk::{Quirk, Quirks},
};

/// A listing younger than this answers both questions of a pass.
const SAME_MOMENT: Duration = Duration::from_secs(5);
/// STATUS commands sent ahead of their answers.
const STATUS_AHEAD: usize = 256;

/// One listing.
#[derive(Debug, Default)]
pub struct Directory {
    /// All folders, parents first.
    pub folders: Vec<Folder>,
    /// States of selectable folders, by raw name.
    pub states: HashMap<MailboxName, MailboxStatus>,
    /// The separator, as most names have it.
    pub separator: Option<u8>,
}

/// Who asks for a listing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// `folders`
    Folders,
    /// `state`, `marks`
    States,
}

/// The last listing, and who has had it.
#[derive(Default)]
struct Last {
    at: Duration,
    had: [bool; 2],
    directory: Option<Arc<Directory>>,
}

/// Listings of one account.
#[derive(Default)]
pub struct Directories {
    /// One listing at a time. Nothing else waits for it: a call that is not polled may hold it for long.
    listing: tokio::sync::Mutex<()>,
    last: Mutex<Last>,
    /// Answers to a listing that was sent with the sign-in.
    early: Mutex<Option<Answers>>,
}

impl Directories {
    /// With a listing on its way.
    pub fn with_early(early: Option<Answers>) -> Self {
        Self { early: Mutex::new(early), ..Self::default() }
    }

    /// A listing that this asker has not seen yet, made now or within the same moment for the other asker.
    ///
    /// # Errors
    /// What listing says.
    pub async fn get(&self, pool: &Arc<Pool>, asker: Asker) -> Result<Arc<Directory>> {
        let _one = self.listing.lock().await;
        let now = pool.cx.clock.elapsed();
        if let Some(directory) = self.locked().give(now, asker) {
            return Ok(directory);
        }
        let early = self.early.lock().unwrap_or_else(PoisonError::into_inner).take();
        let directory = Arc::new(match early {
            Some(answers) => match read_extended(pool, answers).await {
                Ok(directory) => directory,
                Err(_) => pool.retried(|| list(pool)).await?,
            },
            None => pool.retried(|| list(pool)).await?,
        });
        let mut last = self.locked();
        *last = Last { at: now, had: [false; 2], directory: Some(directory.clone()) };
        last.had[asker as usize] = true;
        Ok(directory)
    }

    /// The listing that was sent with the sign-in, or a new one; both askers may still have it.
    ///
    /// # Errors
    /// What listing says.
    pub async fn peek(&self, pool: &Arc<Pool>) -> Result<Arc<Directory>> {
        let directory = self.get(pool, Asker::Folders).await?;
        self.locked().had = [false; 2];
        Ok(directory)
    }

    /// The last listing, however old.
    pub fn last(&self) -> Option<Arc<Directory>> {
        self.locked().directory.clone()
    }

    /// Forgets what it knows: folders were made or renamed.
    pub fn forget(&self) {
        self.locked().directory = None;
    }

    fn locked(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    /// The listing, if it is of this moment and the asker has not had it yet.
    fn give(&mut self, now: Duration, asker: Asker) -> Option<Arc<Directory>> {
        let fresh = now.saturating_sub(self.at) < SAME_MOMENT;
        let directory = self.directory.clone().filter(|_| fresh)?;
        let had = std::mem::replace(&mut self.had[asker as usize], true);
        (!had).then_some(directory)
    }
}

fn status_items(conn: &Conn) -> Vec<StatusItem> {
    let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
    if conn.caps().has(Capability::CondStore) || conn.caps().has(Capability::QResync) {
        items.push(StatusItem::HighestModSeq);
    }
    if conn.caps().has(Capability::ObjectId) {
        items.push(StatusItem::MailboxId);
    }
    items
}

/// One LIST for everything, where the server has it.
// RFC 5258 §3, RFC 5819 §2, RFC 6154 §3
pub fn extended(conn: &Conn) -> Option<Ask> {
    extended_without(conn, &Quirks::default())
}

fn extended_without(conn: &Conn, quirks: &Quirks) -> Option<Ask> {
    let has = |capability| conn.caps().has(capability);
    if !has(Capability::ListStatus) || !has(Capability::ListExtended) {
        return None;
    }
    let mut returns = vec![ListReturn::Subscribed, ListReturn::Children];
    if has(Capability::SpecialUse) {
        returns.insert(0, ListReturn::SpecialUse);
    }
    let mut items = status_items(conn);
    items.retain(|item| *item != StatusItem::MailboxId || !quirks.has(Quirk::GarbledMailboxId));
    returns.push(ListReturn::Status(items));
    let query = ListQuery { patterns: vec![b"*".to_vec()], returns, ..ListQuery::default() };
    Some(Ask::of(Command::list(&query), Wants::List))
}

async fn list(pool: &Arc<Pool>) -> Result<Directory> {
    let conn = pool.conn(None).await?;
    conn.refresh().await;
    if pool.can(Capability::ListStatus)
        && let Some(ask) = extended_without(&conn, &pool.quirks)
    {
        match read_extended(pool, conn.send(ask)).await {
            Err(e) if matches!(e.kind(), Kind::Malformed | Kind::Unsupported) => {
                pool.quirks.note(Quirk::ExtendedListRefused);
            }
            other => return other,
        }
    }
    list_plainly(pool, &conn).await
}

async fn read_extended(pool: &Arc<Pool>, answers: Answers) -> Result<Directory> {
    let (replies, status) = answers.all().await.map_err(|lost| lost.error)?;
    if !status.is_ok() {
        return Err(classify(pool.cx.side, Op::List, &status));
    }
    let mut listed = Vec::new();
    let mut states = HashMap::new();
    for reply in replies {
        match reply {
            Reply::List(one) => listed.push(one),
            Reply::MailboxStatus(status) => _ = states.insert(status.mailbox.clone(), status),
            _ => {}
        }
    }
    // RFC 8474 §4: letters, digits, `_` and `-`. A wrong identity would make one folder of two.
    let sound = |id: &bytes::Bytes| id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let ids: Vec<&bytes::Bytes> =
        states.values().filter_map(|s: &MailboxStatus| s.mailbox_id.as_ref()).collect();
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    if distinct.len() < ids.len() || !ids.iter().all(|id| sound(id)) {
        pool.quirks.note(Quirk::GarbledMailboxId);
    }
    if pool.quirks.has(Quirk::GarbledMailboxId) {
        states.values_mut().for_each(|s| s.mailbox_id = None);
    }
    let subscribed = Subscribed::InAttributes;
    let mut directory = build(&pool.layout, listed, states, &subscribed);
    complete(pool, &mut directory).await?;
    Ok(directory)
}

/// States that the listing left out. A folder that is listed and does not exist is none: Dovecot lists what was deleted
/// while it has folders below it, and only STATUS tells.
async fn complete(pool: &Arc<Pool>, directory: &mut Directory) -> Result<()> {
    let known = |f: &Folder| directory.states.contains_key(&ids::folder_name(&f.id));
    let missing: Vec<MailboxName> = directory
        .folders
        .iter()
        .filter(|f| f.selectable && f.namespace == Namespace::Personal && !known(f))
        .map(|f| ids::folder_name(&f.id))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let conn = pool.conn(None).await?;
    let mut items = status_items(&conn);
    items.retain(|item| *item != StatusItem::MailboxId);
    for names in missing.chunks(STATUS_AHEAD) {
        let asked: Vec<_> =
            names.iter().map(|name| conn.send(Ask::of(Command::status(name, &items), Wants::List))).collect();
        for (name, answers) in names.iter().zip(asked) {
            let (replies, status) = answers.all().await.map_err(|lost| lost.error)?;
            if !status.is_ok() && classify(pool.cx.side, Op::Open, &status).kind() == Kind::NotFound {
                let ghost = directory.folders.iter_mut().find(|f| ids::folder_name(&f.id) == *name);
                ghost.into_iter().for_each(|folder| folder.selectable = false);
            }
            for reply in replies {
                if let Reply::MailboxStatus(status) = reply {
                    directory.states.insert(status.mailbox.clone(), status);
                }
            }
        }
    }
    directory.take_states();
    Ok(())
}

/// LIST and LSUB side by side, then STATUS for each folder.
async fn list_plainly(pool: &Arc<Pool>, conn: &Conn) -> Result<Directory> {
    let mut query = ListQuery { patterns: vec![b"*".to_vec()], ..ListQuery::default() };
    if pool.can(Capability::ListExtended) && pool.can(Capability::SpecialUse) {
        query.returns.push(ListReturn::SpecialUse);
    }
    let list = conn.send(Ask::of(Command::list(&query), Wants::List));
    let lsub = conn.send(Ask::of(Command::lsub(b"", b"*"), Wants::List));
    let (replies, status) = list.all().await.map_err(|lost| lost.error)?;
    if !status.is_ok() {
        return Err(classify(pool.cx.side, Op::List, &status));
    }
    let only = |reply| match reply {
        Reply::List(one) | Reply::Lsub(one) => Some(one),
        _ => None,
    };
    let listed = replies.into_iter().filter_map(only).collect();
    let subscribed = match lsub.all().await.map_err(|lost| lost.error)? {
        (replies, status) if status.is_ok() => {
            Subscribed::Named(replies.into_iter().filter_map(only).map(|l| l.name).collect())
        }
        _ => Subscribed::Unknown,
    };
    let mut directory = build(&pool.layout, listed, HashMap::new(), &subscribed);
    complete(pool, &mut directory).await?;
    Ok(directory)
}

/// How the listing tells subscriptions.
enum Subscribed {
    InAttributes,
    Named(std::collections::HashSet<MailboxName>),
    Unknown,
}

const USES: [(&str, Role); 8] = [
    ("\\Drafts", Role::Drafts),
    ("\\Sent", Role::Sent),
    ("\\Trash", Role::Trash),
    ("\\Junk", Role::Junk),
    ("\\Archive", Role::Archive),
    ("\\All", Role::All),
    ("\\Flagged", Role::Flagged),
    ("\\Important", Role::Important),
];

fn build(
    layout: &Layout,
    listed: Vec<Listed>,
    states: HashMap<MailboxName, MailboxStatus>,
    subscribed: &Subscribed,
) -> Directory {
    layout.learn(&listed);
    let mut folders: Vec<Folder> = Vec::with_capacity(listed.len());
    let mut seen = std::collections::HashSet::new();
    let separator = listed.iter().find_map(|l| l.separator).or(layout.personal().1);
    for one in listed {
        if !seen.insert(one.name.clone()) {
            continue;
        }
        let (mut namespace, path) = layout.path(&one.name, one.separator);
        let role = match path.is_inbox() {
            true => Some(Role::Inbox),
            false => USES.iter().find(|(name, _)| one.has(name)).map(|(_, role)| *role),
        };
        if role.is_some_and(Role::is_virtual) {
            namespace = Namespace::Virtual;
        }
        folders.push(Folder {
            id: ids::folder_id(&one.name),
            path,
            role,
            namespace,
            selectable: one.is_selectable(),
            subscribed: match subscribed {
                Subscribed::InAttributes => Some(one.has("\\Subscribed")),
                Subscribed::Named(names) => Some(names.contains(&one.name)),
                Subscribed::Unknown => None,
            },
            identity: None,
            epoch: None,
            items: None,
        });
    }
    guess_roles(&mut folders);
    folders.sort_by(|a, b| a.path.cmp(&b.path));
    let mut directory = Directory { folders, states, separator };
    directory.take_states();
    directory
}

/// Roles by name, where the server assigned none at all.
fn guess_roles(folders: &mut [Folder]) {
    if folders.iter().any(|f| f.role.is_some_and(|r| r != Role::Inbox)) {
        return;
    }
    let mut taken = Vec::new();
    for folder in folders.iter_mut() {
        let top = folder.path.0.len() == 1 || (folder.path.0.len() == 2 && folder.path.0[0] == "INBOX");
        if folder.role.is_some() || !top || folder.namespace != Namespace::Personal || !folder.selectable {
            continue;
        }
        if let Some(role) = names::role(folder.path.name())
            && !taken.contains(&role)
        {
            taken.push(role);
            folder.role = Some(role);
        }
    }
}

impl Directory {
    fn take_states(&mut self) {
        for folder in &mut self.folders {
            let Some(status) = self.states.get(&ids::folder_name(&folder.id)) else { continue };
            folder.epoch = status.uid_validity.map(|n| n.to_string().into());
            folder.items = status.messages;
            let id = status.mailbox_id.as_ref().map(|id| String::from_utf8_lossy(id).into_owned().into());
            folder.identity = id;
        }
    }

    /// The state of one folder.
    pub fn state(&self, name: &MailboxName) -> Option<&MailboxStatus> {
        self.states.get(name)
    }
}
