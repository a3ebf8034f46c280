//! On which connection the bodies of a folder go, while some go.
//!
//! A server opens a folder anew on each connection that asks for it, and where two write into one folder, each has
//! to read what the other wrote. So what belongs to one folder stays together, and folders keep apart.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mailferry_model::Result;
use mailferry_wire::imap::MailboxName;

use super::{conn::Conn, pool::Pool};

/// So long a folder keeps its place after the last call for it ended: the next is often on its way.
const LINGERS: Duration = Duration::from_millis(250);

/// Which folders go where.
#[derive(Default)]
pub struct Homes(Mutex<HashMap<MailboxName, Place>>);

struct Place {
    conn: Conn,
    calls: usize,
    left: Duration,
}

/// A connection, taken for a folder until this is dropped.
pub struct Home {
    conn: Conn,
    folder: MailboxName,
    pool: Arc<Pool>,
}

impl std::ops::Deref for Home {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let now = self.pool.cx.clock.elapsed();
        if let Some(place) = self.pool.homes.lock().get_mut(&self.folder) {
            (place.calls, place.left) = (place.calls.saturating_sub(1), now);
        }
    }
}

impl Homes {
    fn lock(&self) -> MutexGuard<'_, HashMap<MailboxName, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home {
    /// The connection on which the folder's bodies go already, unless it has to be shared and another is free; else
    /// the one that the fewest folders have. Nothing if all ended.
    pub fn find(pool: &Arc<Pool>, folder: &MailboxName) -> Option<Self> {
        let now = pool.cx.clock.elapsed();
        let mut homes = pool.homes.lock();
        homes.retain(|_, place| {
            place.conn.is_alive() && (place.calls > 0 || now.saturating_sub(place.left) < LINGERS)
        });
        let conn = pool.pick_by(Some(folder), |conn| {
            let others = homes.iter().filter(|(name, place)| *name != folder && place.conn.is(conn)).count();
            let elsewhere = homes.get(folder).is_some_and(|place| !place.conn.is(conn));
            (others, elsewhere)
        })?;
        Some(Self::enter(pool, folder, conn, &mut homes))
    }

    fn enter(
        pool: &Arc<Pool>,
        folder: &MailboxName,
        conn: Conn,
        homes: &mut HashMap<MailboxName, Place>,
    ) -> Self {
        let calls = homes.get(folder).map_or(0, |place| place.calls) + 1;
        homes.insert(folder.clone(), Place { conn: conn.clone(), calls, left: Duration::ZERO });
        Self { conn, folder: folder.clone(), pool: pool.clone() }
    }

    /// The same, connecting anew if all ended.
    ///
    /// # Errors
    /// What connecting says.
    pub async fn take(pool: &Arc<Pool>, folder: &MailboxName) -> Result<Self> {
        match Self::find(pool, folder) {
            Some(home) => Ok(home),
            None => {
                let conn = pool.conn(Some(folder)).await?;
                Ok(Self::enter(pool, folder, conn, &mut pool.homes.lock()))
            }
        }
    }
}
