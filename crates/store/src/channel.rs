//! Channels for notices, what is on its way to them, and up to where the audit trail was told.

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Error, Kind, Result,
    channel::{Channel, Delivery, DeliveryState},
    id::ChannelId,
    port::{Channels, Together, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, name_key, number, stale, to_doc, version},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Channels for SqlStore {
    async fn add_channel(&self, channel: &Channel) -> Result<()> {
        self.together(&[Write::AddChannel(channel)]).await
    }

    async fn set_channel(&self, channel: &Channel) -> Result<()> {
        self.together(&[Write::SetChannel(channel)]).await
    }

    async fn channel(&self, name: &str) -> Result<Channel> {
        let op = "read channel";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, version FROM channel WHERE workspace = $1 AND name_key = $2";
        let row = tx.row(sql, args![self.workspace, name_key(op, name)?]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no channel {name:?}")))?)
    }

    async fn channels(&self) -> Result<Vec<Channel>> {
        let mut tx = self.db.read("list channels").await?;
        let sql = "SELECT doc, version FROM channel WHERE workspace = $1 ORDER BY name_key";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn remove_channel(&self, id: ChannelId) -> Result<()> {
        self.together(&[Write::RemoveChannel(id)]).await
    }

    async fn noticed(&self) -> Result<u64> {
        let mut tx = self.db.read("read notices").await?;
        let row = tx.row("SELECT no FROM noticed WHERE workspace = $1", args![self.workspace]).await?;
        Ok(row.map(|row| row.count(0)).transpose()?.unwrap_or(0))
    }

    async fn add_notices(&self, from: u64, upto: u64, deliveries: &[Delivery]) -> Result<()> {
        let op = "add notices";
        let mut tx = self.db.write(op).await?;
        let sql = "UPDATE noticed SET no = $3 WHERE workspace = $1 AND no = $2";
        if tx.run(sql, args![self.workspace, number(from), number(upto)]).await? == 0 {
            return Err(tx.refuse(Kind::Conflict, "somebody else made these notices"));
        }
        for delivery in deliveries {
            self.add_delivery_in(&mut tx, delivery).await?;
        }
        tx.commit().await
    }

    async fn add_delivery(&self, delivery: &Delivery) -> Result<()> {
        self.together(&[Write::AddDelivery(delivery)]).await
    }

    async fn due_deliveries(&self, now: Timestamp, most: usize) -> Result<Vec<Delivery>> {
        let mut tx = self.db.read("list due deliveries").await?;
        let sql = "SELECT doc FROM delivery WHERE workspace = $1 AND state = 0 AND due <= $2
                   ORDER BY due, id LIMIT $3";
        let values = args![self.workspace, now.as_microsecond(), number(most as u64)];
        tx.rows(sql, values).await?.iter().map(under_way).collect()
    }

    async fn deliveries(&self, channel: ChannelId, most: usize) -> Result<Vec<Delivery>> {
        let mut tx = self.db.read("list deliveries").await?;
        let sql = "SELECT doc FROM delivery WHERE workspace = $1 AND channel = $2 ORDER BY id DESC LIMIT $3";
        let values = args![self.workspace, channel.0, number(most as u64)];
        tx.rows(sql, values).await?.iter().map(under_way).collect()
    }

    async fn set_delivery(&self, delivery: &Delivery) -> Result<()> {
        let op = "set delivery";
        let mut tx = self.db.write(op).await?;
        let sql = "UPDATE delivery SET state = $3, due = $4, doc = $5 WHERE workspace = $1 AND id = $2";
        let doc = to_doc(op, delivery)?;
        let at = delivery.at.as_microsecond();
        tx.run(sql, args![self.workspace, delivery.id.0, state(delivery), at, doc]).await?;
        tx.commit().await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<()> {
        let mut tx = self.db.write("forget deliveries").await?;
        let sql = "DELETE FROM delivery WHERE workspace = $1 AND state = 1 AND due < $2";
        tx.run(sql, args![self.workspace, before.as_microsecond()]).await?;
        tx.commit().await
    }
}

impl SqlStore {
    /// As the port's `add_channel`, within a transaction.
    pub(crate) async fn add_channel_in(&self, tx: &mut Tx, channel: &Channel) -> Result<()> {
        let op = tx.at("add channel");
        let any = "SELECT 1 FROM channel WHERE workspace = $1 LIMIT 1";
        if tx.row(any, args![self.workspace]).await?.is_none() {
            // Nobody was to be told of what happened before. Of two first ones at once both begin at the end.
            let sql = "INSERT INTO noticed (workspace, no) VALUES ($1,
                           (SELECT COALESCE(MAX(no), 0) FROM audit WHERE workspace = $1))
                       ON CONFLICT (workspace) DO UPDATE SET no = excluded.no";
            tx.run(sql, args![self.workspace]).await?;
        }
        let sql = "INSERT INTO channel (workspace, id, version, name_key, doc) VALUES ($1, $2, $3, $4, $5)";
        let (version, key) = (version(op, channel.version)?, name_key(op, &channel.name)?);
        let values = args![self.workspace, channel.id.0, version, key, to_doc(op, channel)?];
        tx.run(sql, values).await.map_err(|e| taken(e, op, channel))?;
        Ok(())
    }

    /// As the port's `set_channel`, within a transaction.
    pub(crate) async fn set_channel_in(&self, tx: &mut Tx, channel: &Channel) -> Result<()> {
        let op = tx.at("set channel");
        let sql = "UPDATE channel SET version = version + 1, name_key = $4, doc = $5
                   WHERE workspace = $1 AND id = $2 AND version = $3";
        let (version, key) = (version(op, channel.version)?, name_key(op, &channel.name)?);
        let values = args![self.workspace, channel.id.0, version, key, to_doc(op, channel)?];
        if tx.run(sql, values).await.map_err(|e| taken(e, op, channel))? == 0 {
            let known = "SELECT 1 FROM channel WHERE workspace = $1 AND id = $2";
            let known = tx.row(known, args![self.workspace, channel.id.0]).await?;
            return Err(stale(op, known, "channel", &channel.name));
        }
        Ok(())
    }

    /// As the port's `remove_channel`, within a transaction.
    pub(crate) async fn remove_channel_in(&self, tx: &mut Tx, id: ChannelId) -> Result<()> {
        tx.at("remove channel");
        self.forget_secrets_in(tx, id.0).await?;
        let sql = "DELETE FROM channel WHERE workspace = $1 AND id = $2";
        match tx.run(sql, args![self.workspace, id.0]).await? {
            0 => Err(tx.refuse(Kind::NotFound, format!("there is no channel {id}"))),
            _ => Ok(()),
        }
    }

    /// As the port's `add_delivery`, within a transaction.
    pub(crate) async fn add_delivery_in(&self, tx: &mut Tx, delivery: &Delivery) -> Result<()> {
        let op = tx.at("add delivery");
        let sql = "INSERT INTO delivery (workspace, id, channel, state, due, doc)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (id, channel, at) = (delivery.id.0, delivery.channel.0, delivery.at.as_microsecond());
        let values = args![self.workspace, id, channel, state(delivery), at, to_doc(op, delivery)?];
        tx.run(sql, values).await.map(drop)
    }
}

fn state(delivery: &Delivery) -> i64 {
    i64::from(delivery.state != DeliveryState::Waiting)
}

fn made(row: &Row) -> Result<Channel> {
    let mut channel: Channel = from_doc("read channel", &row.text(0)?)?;
    channel.version = row.count(1)?;
    Ok(channel)
}

fn under_way(row: &Row) -> Result<Delivery> {
    from_doc("read delivery", &row.text(0)?)
}

fn taken(error: Error, op: &'static str, channel: &Channel) -> Error {
    match error.kind() {
        Kind::AlreadyExists => {
            refuse(Kind::AlreadyExists, op, format!("there is a channel {:?} already", channel.name))
        }
        _ => error,
    }
}
