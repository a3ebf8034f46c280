//! Secrets, sealed: each under a key of its own (XChaCha20-Poly1305), which the master key wraps.
//!
//! Owner, name and version are part of the seal: a sealed secret that was copied to another row does not open.

use std::collections::HashMap;

use async_trait::async_trait;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use mailferry_model::{
    Error, Kind, Result,
    port::{Sealing, Secrets, Together, Write},
    secret::Secret,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    SqlStore,
    key::MasterKey,
    row::name_key,
    sql::{Tx, args, refuse},
};

/// The format: version, fingerprint of the master key, nonce, wrapped key, nonce, sealed text.
const VERSION: u8 = 1;
const FINGERPRINT: usize = 8;
const NONCE: usize = 24;
const TAG: usize = 16;
const WRAPPED: usize = 32 + TAG;

/// Goes before rows of secrets.
const INSERT: &str = "INSERT INTO secret (workspace, owner, name, version, body)";

#[async_trait]
impl Secrets for SqlStore {
    async fn seal(&self, owner: Uuid, name: &str, secret: &Secret<String>) -> Result<()> {
        self.seal_all(&[(owner, name, secret)]).await
    }

    async fn seal_all(&self, secrets: &[Sealing<'_>]) -> Result<()> {
        self.together(&[Write::Seal(secrets)]).await
    }

    async fn unseal(&self, owner: Uuid) -> Result<Vec<(String, Secret<String>)>> {
        let op = "open secret";
        let mut tx = self.db.read(op).await?;
        let rows = tx
            .rows(
                "SELECT name, version, body FROM secret WHERE workspace = $1 AND owner = $2 ORDER BY name",
                args![self.workspace, owner],
            )
            .await?;
        let mut secrets = Vec::with_capacity(rows.len());
        for row in rows {
            let name = row.text(0)?;
            let whose = whose(self.workspace, owner, &name, row.int(1)?);
            let plain = unseal(&self.key, &whose, &row.bytes(2)?)?;
            let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
            secrets.push((name, Secret::new(text.to_owned())));
        }
        Ok(secrets)
    }

    async fn forget_secrets(&self, owner: Uuid) -> Result<()> {
        self.together(&[Write::ForgetSecrets(owner)]).await
    }
}

impl SqlStore {
    /// As the port's `seal_all`, within a transaction.
    pub(crate) async fn seal_all_in(&self, tx: &mut Tx, secrets: &[Sealing<'_>]) -> Result<()> {
        let op = tx.at("seal secret");
        let mut plain = HashMap::with_capacity(secrets.len());
        for (owner, name, secret) in secrets {
            name_key(op, name)?;
            plain.insert((*owner, *name), *secret);
        }
        let row = |(owner, name): &(Uuid, &str), version: i64, body: Vec<u8>| {
            args![self.workspace, *owner, (*name).to_owned(), version, body]
        };
        let places = plain.keys().map(|place| row(place, 1, Vec::new())).collect();
        // The rows are locked by this, so that two versions never have one number.
        let count = "ON CONFLICT (workspace, owner, name) DO UPDATE SET version = secret.version + 1
                     RETURNING owner, name, version";
        let mut sealed = Vec::with_capacity(plain.len());
        for told in tx.inserted(INSERT, count, places).await? {
            let (owner, name, version) = (told.id(0)?, told.text(1)?, told.int(2)?);
            let Some((place, secret)) = plain.get_key_value(&(owner, name.as_str())) else { continue };
            let whose = whose(self.workspace, owner, &name, version);
            sealed.push(row(place, version, seal(&self.key, &whose, secret.expose().as_bytes())?));
        }
        let replace = "ON CONFLICT (workspace, owner, name) DO UPDATE SET body = excluded.body";
        tx.insert(INSERT, replace, sealed).await?;
        Ok(())
    }

    /// Forgets one secret, within a transaction.
    pub(crate) async fn forget_secret_in(&self, tx: &mut Tx, owner: Uuid, name: &str) -> Result<()> {
        let op = tx.at("forget secret");
        name_key(op, name)?;
        let sql = "DELETE FROM secret WHERE workspace = $1 AND owner = $2 AND name = $3";
        match tx.run(sql, args![self.workspace, owner, name.to_owned()]).await? {
            0 => Err(tx.refuse(Kind::NotFound, format!("there is no secret {name}"))),
            _ => Ok(()),
        }
    }

    /// As the port's `forget_secrets`, within a transaction.
    pub(crate) async fn forget_secrets_in(&self, tx: &mut Tx, owner: Uuid) -> Result<()> {
        tx.at("forget secrets");
        tx.run("DELETE FROM secret WHERE workspace = $1 AND owner = $2", args![self.workspace, owner])
            .await?;
        Ok(())
    }
}

/// What a seal is bound to. The name comes last: nothing after it can be mistaken for a part of it.
fn whose(workspace: Uuid, owner: Uuid, name: &str, version: i64) -> Vec<u8> {
    [workspace.as_bytes(), owner.as_bytes(), &version.to_be_bytes()[..], name.as_bytes()].concat()
}

fn seal(master: &MasterKey, whose: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let mut random = Zeroizing::new([0; 32 + 2 * NONCE]);
    getrandom::fill(&mut random[..]).map_err(|e| refuse(Kind::Bug, "seal secret", e.to_string()))?;
    let (key, nonces) = random.split_at(32);
    let (outer, inner) = nonces.split_at(NONCE);
    let mut body = vec![VERSION];
    body.extend_from_slice(&master.fingerprint());
    body.extend_from_slice(outer);
    body.extend(encrypt(master.bytes(), outer, whose, key)?);
    body.extend_from_slice(inner);
    body.extend(encrypt(key, inner, whose, plain)?);
    Ok(body)
}

fn unseal(master: &MasterKey, whose: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let (version, body) = body.split_at_checked(1).ok_or_else(damaged)?;
    if version[0] != VERSION {
        return Err(refuse(Kind::Malformed, "open secret", "it was sealed in an unknown format"));
    }
    let (fingerprint, body) = body.split_at_checked(FINGERPRINT).ok_or_else(damaged)?;
    if fingerprint != master.fingerprint() {
        let words = "it was sealed with another master key; give the key file that this store was made with";
        return Err(refuse(Kind::Forbidden, "open secret", words).code_of("STORE_OTHER_KEY"));
    }
    let (outer, body) = body.split_at_checked(NONCE).ok_or_else(damaged)?;
    let (wrapped, body) = body.split_at_checked(WRAPPED).ok_or_else(damaged)?;
    let (inner, sealed) = body.split_at_checked(NONCE).ok_or_else(damaged)?;
    let key = decrypt(master.bytes(), outer, whose, wrapped)?;
    decrypt(&key, inner, whose, sealed)
}

/// Whether that master key sealed it, as far as can be told without opening it.
pub(crate) fn is_sealed_with(master: &MasterKey, body: &[u8]) -> bool {
    body.get(1..=FINGERPRINT) == Some(&master.fingerprint()[..])
}

fn encrypt(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>> {
    let failed = || refuse(Kind::Bug, "seal secret", "the cipher refuses");
    let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| failed())?;
    let nonce = XNonce::try_from(nonce).map_err(|_| failed())?;
    cipher.encrypt(&nonce, Payload { msg, aad }).map_err(|_| failed())
}

fn decrypt(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| damaged())?;
    let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
    cipher.decrypt(&nonce, Payload { msg, aad }).map(Zeroizing::new).map_err(|_| damaged())
}

fn damaged() -> Error {
    refuse(Kind::Malformed, "open secret", "it is damaged or was moved to another row")
}
