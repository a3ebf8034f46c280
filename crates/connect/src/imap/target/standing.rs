//! How a name stands at the server once CREATE or RENAME was refused.

use mailferry_model::Result;
use mailferry_wire::imap::{Command, ListQuery, MailboxName, Reply};

use super::ImapTarget;
use crate::imap::client::{
    classify::Op,
    ids,
    pipe::{Ask, Wants},
};

/// How a name stands at the server.
pub(super) enum Standing {
    Exact,
    OtherCase(String),
    Missing,
}

/// Whether a name means itself in LIST. `%` and `*` stand for others, and at a brace Cyrus hangs up.
fn is_plain(name: &MailboxName) -> bool {
    !name.raw().iter().any(|b| matches!(b, b'%' | b'*' | b'{' | b'}' | b'"' | b'\\'))
}

impl ImapTarget {
    /// Whether a folder of exactly this name exists, or one that differs only in case.
    pub(super) async fn standing(&self, name: &MailboxName) -> Result<Standing> {
        let alone = match is_plain(name) {
            true => self.standing_alone(name).await?,
            false => Standing::Missing,
        };
        match alone {
            Standing::Missing => self.standing_among_all(name).await,
            found => Ok(found),
        }
    }

    /// The same as far as a listing of this name tells.
    async fn standing_alone(&self, name: &MailboxName) -> Result<Standing> {
        let query = ListQuery { patterns: vec![name.raw().to_vec()], ..ListQuery::default() };
        let conn = self.pool.conn(None).await?;
        let answers = conn.send(Ask::of(Command::list(&query), Wants::List));
        let mut standing = Standing::Missing;
        for reply in answers.done(self.pool.cx.side, Op::List).await? {
            let Reply::List(listed) = reply else { continue };
            if listed.name == *name && listed.is_selectable() {
                return Ok(Standing::Exact);
            }
            if listed.name != *name && listed.name.raw().eq_ignore_ascii_case(name.raw()) {
                standing = Standing::OtherCase(listed.name.to_text(self.pool.encoding));
            }
        }
        Ok(standing)
    }

    /// The same as the listing of all folders tells.
    async fn standing_among_all(&self, name: &MailboxName) -> Result<Standing> {
        self.directories.forget();
        let directory = self.directories.peek(&self.pool).await?;
        let lower = name.to_text(self.pool.encoding).to_lowercase();
        let mut standing = Standing::Missing;
        for folder in &directory.folders {
            let other = ids::folder_name(&folder.id);
            if other == *name {
                match folder.selectable {
                    true => return Ok(Standing::Exact),
                    false => continue,
                }
            }
            let other = other.to_text(self.pool.encoding);
            if matches!(standing, Standing::Missing) && other.to_lowercase() == lower {
                standing = Standing::OtherCase(other);
            }
        }
        Ok(standing)
    }
}
