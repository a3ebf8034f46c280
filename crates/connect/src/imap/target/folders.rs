//! Folders of the target: created, renamed, removed, subscribed, and where they stand.

use std::sync::PoisonError;

use mailferry_model::{
    Kind, Result, Scope,
    folder::{FolderPath, FolderSpec, Role},
    id::{FolderId, Mark},
    port::{Ensured, Setting},
};
use mailferry_wire::imap::{
    Capability, Command, Edge, FetchItem, FetchModifier, MailboxName, QResync, Reply, SequenceSet, StatusItem,
};

use super::{ImapTarget, put::PAUSES, standing::Standing};
use crate::imap::client::{
    classify::{Op, classify},
    conn::Conn,
    directory::Asker,
    ids,
    pipe::{Ask, Wants},
};

/// With more folders than that one listing is cheaper than a STATUS for each.
const STATUS_EACH: usize = 8;

fn special_use(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Drafts => "\\Drafts",
        Role::Sent => "\\Sent",
        Role::Trash => "\\Trash",
        Role::Junk => "\\Junk",
        Role::Archive => "\\Archive",
        _ => return None,
    })
}

impl ImapTarget {
    pub(super) async fn create(&self, spec: &FolderSpec) -> Result<Ensured> {
        let name = self.pool.layout.name(self.pool.cx.side, &spec.path, self.separator)?;
        let id = ids::folder_id(&name);
        if spec.path.is_inbox() {
            return Ok(Ensured { id, created: false });
        }
        // Who makes folders is about to fill them.
        self.pool.prepare();
        // Sent before anything is waited for, on the first connection: overlapping calls keep their order.
        let conn = match self.pool.lead() {
            Some(conn) => conn,
            None => self.pool.conn(None).await?,
        };
        let wanted = spec.role.filter(|_| self.pool.can(Capability::CreateSpecialUse));
        let wanted = wanted.filter(|role| {
            let mut taken = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
            let free = !taken.contains(role);
            taken.push(*role);
            free
        });
        let with_use = wanted.and_then(special_use);
        let status = make(&conn, &name, with_use).await?;
        if status.is_ok() {
            self.directories.forget();
            return Ok(Ensured { id, created: true });
        }
        let error = classify(self.pool.cx.side, Op::Folder, &status);
        match self.standing(&name).await? {
            Standing::Exact => Ok(Ensured { id, created: false }),
            Standing::OtherCase(other) => {
                let text = format!("the server takes it for {other}");
                Err(self.error(Kind::AlreadyExists, "create folder", text).scope_of(Scope::Folder))
            }
            Standing::Missing => self.create_below_inbox(&conn, spec, with_use, &name).await?.ok_or(error),
        }
    }

    /// A refused name once more below INBOX, where nobody has told where names begin and nothing lies elsewhere.
    /// What works is remembered for the account.
    // RFC 2342 §1
    async fn create_below_inbox(
        &self,
        conn: &Conn,
        spec: &FolderSpec,
        with_use: Option<&'static str>,
        refused: &MailboxName,
    ) -> Result<Option<Ensured>> {
        let (layout, side) = (&self.pool.layout, self.pool.cx.side);
        let Some(separator) = self.separator else { return Ok(None) };
        let elsewhere = match layout.is_untold() {
            true => self.directories.peek(&self.pool).await?.folders.iter().any(|f| !f.path.is_inbox()),
            false => false,
        };
        // Another folder, or the listing, may have told by now.
        if elsewhere && layout.is_untold() {
            return Ok(None);
        }
        let name = layout.if_below_inbox(separator).name(side, &spec.path, Some(separator))?;
        if name == *refused {
            return Ok(None);
        }
        let created = make(conn, &name, with_use).await?.is_ok();
        if !created && !matches!(self.standing(&name).await?, Standing::Exact) {
            return Ok(None);
        }
        layout.lies_below_inbox(separator);
        self.directories.forget();
        Ok(Some(Ensured { id: ids::folder_id(&name), created }))
    }

    pub(super) async fn rename(&self, folder: &FolderId, to: &FolderPath) -> Result<FolderId> {
        let name = self.pool.layout.name(self.pool.cx.side, to, self.separator)?;
        let from = ids::folder_name(folder);
        let id = ids::folder_id(&name);
        if from == name {
            return Ok(id);
        }
        let conn = self.pool.conn(None).await?;
        let mut pauses = 0;
        let error = loop {
            let rename = Ask::of(Command::rename(&from, &name), Wants::Nothing);
            let status = answers_status(conn.send(rename)).await?;
            self.directories.forget();
            if status.is_ok() {
                return Ok(id);
            }
            let error = classify(self.pool.cx.side, Op::Folder, &status);
            if pauses == PAUSES || !self.pool.worth_waiting(&error) {
                break error;
            }
            pauses += 1;
            self.pool.wait_for(&error).await;
        };
        let there = matches!(self.standing(&name).await?, Standing::Exact);
        let left = matches!(self.standing(&from).await?, Standing::Missing | Standing::OtherCase(_));
        if there && left { Ok(id) } else { Err(error) }
    }

    pub(super) async fn remove(&self, folder: &FolderId) -> Result<()> {
        let name = ids::folder_name(folder);
        let conn = self.pool.conn(None).await?;
        conn.refresh().await;
        let items = [StatusItem::Messages];
        let (replies, status) = conn
            .send(Ask::of(Command::status(&name, &items), Wants::List))
            .all()
            .await
            .map_err(|l| l.error)?;
        if !status.is_ok() {
            let gone = matches!(self.standing(&name).await?, Standing::Missing | Standing::OtherCase(_));
            return if gone { Ok(()) } else { Err(classify(self.pool.cx.side, Op::Open, &status)) };
        }
        let holds = |r: &Reply| matches!(r, Reply::MailboxStatus(s) if s.messages != Some(0));
        if replies.iter().any(holds) {
            return Err(self.error(Kind::Conflict, "remove folder", "the folder holds items"));
        }
        let status = answers_status(conn.send(Ask::of(Command::delete(&name), Wants::Nothing))).await?;
        self.directories.forget();
        match classify(self.pool.cx.side, Op::Folder, &status) {
            _ if status.is_ok() => Ok(()),
            error if error.kind() == Kind::NotFound => Ok(()),
            error => Err(error),
        }
    }

    pub(super) async fn subscribe(&self, settings: Vec<Setting>) -> Vec<Result<()>> {
        let conn = match self.pool.conn(None).await {
            Ok(conn) => conn,
            Err(error) => return settings.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut asked = Vec::with_capacity(settings.len());
        for Setting::Subscription { folder, on } in &settings {
            let name = ids::folder_name(folder);
            let command = if *on { Command::subscribe(&name) } else { Command::unsubscribe(&name) };
            asked.push(conn.send(Ask::of(command, Wants::Nothing)));
        }
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked {
            answers.push(asked.done(self.pool.cx.side, Op::Subscribe).await.map(drop));
        }
        answers
    }

    pub(super) async fn read_marks(&self, folders: &[FolderId]) -> Result<Vec<Mark>> {
        let mut known = std::collections::HashMap::new();
        if folders.len() > STATUS_EACH && self.pool.can(Capability::ListStatus) {
            let directory = self.directories.get(&self.pool, Asker::States).await?;
            for folder in folders {
                if let Some(status) = directory.state(&ids::folder_name(folder)) {
                    known.insert(folder.clone(), (status.uid_validity, status.uid_next));
                }
            }
        }
        let conn = self.pool.conn(None).await?;
        conn.refresh().await;
        let items = [StatusItem::UidValidity, StatusItem::UidNext];
        let missing: Vec<&FolderId> = folders.iter().filter(|f| !known.contains_key(*f)).collect();
        let asked: Vec<_> = missing
            .iter()
            .map(|f| conn.send(Ask::of(Command::status(&ids::folder_name(f), &items), Wants::List)))
            .collect();
        for (folder, answers) in missing.into_iter().zip(asked) {
            for reply in answers.done(self.pool.cx.side, Op::Open).await? {
                if let Reply::MailboxStatus(status) = reply {
                    known.insert(folder.clone(), (status.uid_validity, status.uid_next));
                }
            }
        }
        let mut marks = Vec::with_capacity(folders.len());
        for folder in folders {
            let (uid_validity, uid_next) = match known.get(folder) {
                Some((Some(uid_validity), Some(uid_next))) => (*uid_validity, *uid_next),
                _ => self.measured(folder).await?,
            };
            self.raise_base(folder, uid_validity, uid_next);
            marks.push(ids::mark(uid_validity, uid_next));
        }
        Ok(marks)
    }

    /// UIDVALIDITY and UIDNEXT of a folder whose server does not tell: the highest UID and one.
    async fn measured(&self, folder: &FolderId) -> Result<(u32, u32)> {
        let name = ids::folder_name(folder);
        let conn = self.pool.conn(Some(&name)).await?;
        let last = SequenceSet::range(Edge::Last, Edge::Last);
        let ask = Ask::of(Command::uid_fetch(&last, &[FetchItem::Uid], FetchModifier::None), Wants::Fetch);
        let (selection, mut answers) = conn.send_afresh(&name, QResync::Plain, [ask]);
        let opened = selection.opened().await?;
        let replies = match answers.pop() {
            Some(answers) => answers.all().await.map_err(|lost| lost.error)?.0,
            None => Vec::new(),
        };
        let uid = |r: &Reply| if let Reply::Fetch(f) = r { f.uid } else { None };
        let highest = replies.iter().filter_map(uid).max().unwrap_or(0);
        Ok((opened.uid_validity, opened.uid_next.unwrap_or(highest + 1)))
    }
}

/// Creates a folder, for a special use where that is taken.
async fn make(
    conn: &Conn,
    name: &MailboxName,
    with_use: Option<&'static str>,
) -> Result<mailferry_wire::imap::Status> {
    let status = answers_status(conn.send(Ask::of(Command::create(name, with_use), Wants::Nothing))).await?;
    if status.is_ok() || with_use.is_none() {
        return Ok(status);
    }
    answers_status(conn.send(Ask::of(Command::create(name, None), Wants::Nothing))).await
}

async fn answers_status(answers: crate::imap::client::pipe::Answers) -> Result<mailferry_wire::imap::Status> {
    answers.all().await.map(|(_, status)| status).map_err(|lost| lost.error)
}
