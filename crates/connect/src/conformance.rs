//! The suite's stage for any connector that is source and target at once: mail is planted through the target.
//! It proves that both sides of a connector agree; what they share in error is found by the interop tests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use mailferry_codec::mime;
use mailferry_model::{
    Side,
    flags::Flags,
    folder::FolderSpec,
    id::{FolderId, ItemId},
    item::{Body, Chunks, Date, Form, Item, ItemDigest, Trace},
    key::{Digest, HeaderKey},
    port::{Connector, Edit, EditKind, Outcome, Put, Source, Target},
    settings::{MailboxAddress, Settings},
};
use mailferry_suite::{source, target};

use crate::testing::cx;

/// One mailbox of a connector.
pub struct Stage {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// How it is reached.
    pub settings: Settings,
    /// Whose it is.
    pub mailbox: MailboxAddress,
    /// A body that it refuses, if there is one.
    pub refuses: Option<Vec<u8>>,
}

impl Stage {
    async fn target(&self) -> Arc<dyn Target> {
        self.connector.target(&cx(Side::Target), &self.settings, &self.mailbox).await.unwrap().into()
    }

    async fn folder(&self, target: &dyn Target, path: &str) -> FolderId {
        let spec = FolderSpec { path: path.parse().unwrap(), role: None };
        target.ensure_folder(&spec).await.unwrap().id
    }

    async fn all(&self, target: &dyn Target, folder: &FolderId) -> Vec<Trace<mailferry_model::id::TargetId>> {
        target.traces(folder, None).try_collect().await.unwrap()
    }

    async fn find(&self, target: &dyn Target, path: &str, word: &str) -> (FolderId, Edit) {
        let folder = self.folder(target, path).await;
        let wanted = mime::head(&source::message(word)).key;
        let found = self.all(target, &folder).await.into_iter().find(|t| t.key == HeaderKey(wanted)).unwrap();
        (folder, Edit { id: found.id, kind: EditKind::Remove })
    }
}

#[async_trait]
impl source::Stage for Stage {
    async fn open(&self) -> Arc<dyn Source> {
        self.connector.source(&cx(Side::Source), &self.settings, &self.mailbox).await.unwrap().into()
    }

    async fn create(&self, folder: &str) {
        let target = self.target().await;
        self.folder(&*target, folder).await;
    }

    async fn deliver(&self, folder: &str, body: &[u8], flags: Flags) {
        let target = self.target().await;
        let folder = self.folder(&*target, folder).await;
        let (key, digest) = target::Stage::keys(self, body);
        let put = Put::Item(Item {
            short_of: None,
            id: ItemId::from_bytes("1"),
            form: Form::Mime,
            key,
            message_id: None,
            date: Some(Date { seconds: 1_600_000_000, zone: 0 }),
            flags,
            body: Body::Bytes(Chunks::from(Bytes::copy_from_slice(body))),
            digest: ItemDigest::Known(digest),
        });
        let outcomes = target.put(&folder, vec![put]).await;
        assert!(matches!(outcomes[..], [Outcome::Placed(_)]), "{outcomes:?}");
    }

    async fn flag(&self, folder: &str, word: &str, flags: Flags) {
        let target = self.target().await;
        let (folder, edit) = self.find(&*target, folder, word).await;
        let difference = Flags::default().difference(&flags);
        target
            .edit(&folder, vec![Edit { kind: EditKind::Flags(difference), ..edit }])
            .await
            .remove(0)
            .unwrap();
    }

    async fn remove(&self, folder: &str, word: &str) {
        let target = self.target().await;
        let (folder, edit) = self.find(&*target, folder, word).await;
        target.edit(&folder, vec![edit]).await.remove(0).unwrap();
    }

    async fn drop_folder(&self, folder: &str) {
        let target = self.target().await;
        let folder = self.folder(&*target, folder).await;
        target.remove_folder(&folder).await.unwrap();
    }

    async fn renumber(&self, folder: &str) -> bool {
        // A folder made anew is another life of the same name, where the system tells them apart.
        let target = self.target().await;
        let before =
            target.folders().await.unwrap().into_iter().find(|f| f.path.to_string() == folder).unwrap();
        let all = self.all(&*target, &before.id).await;
        let edits = all.into_iter().map(|t| Edit { id: t.id, kind: EditKind::Remove }).collect();
        target.edit(&before.id, edits).await;
        target.remove_folder(&before.id).await.unwrap();
        let target = self.target().await;
        self.folder(&*target, folder).await;
        let after =
            target.folders().await.unwrap().into_iter().find(|f| f.path.to_string() == folder).unwrap();
        before.epoch.is_some() && after.epoch != before.epoch
    }

    async fn picture(&self) -> String {
        let target = self.target().await;
        let mut picture = format!("{:?}", target.folders().await.unwrap());
        for folder in target.folders().await.unwrap() {
            picture.push_str(&format!("{:?}", self.all(&*target, &folder.id).await));
        }
        picture
    }
}

#[async_trait]
impl target::Stage for Stage {
    async fn open(&self) -> Arc<dyn Target> {
        self.target().await
    }

    fn keys(&self, body: &[u8]) -> (HeaderKey, Digest) {
        let mut digester = mime::Digester::default();
        digester.update(body);
        (HeaderKey(mime::head(body).key), Digest(digester.finish()))
    }

    async fn renumber(&self, folder: &str) -> bool {
        source::Stage::renumber(self, folder).await
    }

    fn refused(&self) -> Option<Vec<u8>> {
        self.refuses.clone()
    }
}
