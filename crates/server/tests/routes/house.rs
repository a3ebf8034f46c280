//! A router over a fresh store, and requests to it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Method, Request},
};
use http_body_util::BodyExt;
use mailferry_lab::clock::LabClock;
use mailferry_model::{
    Result,
    id::MailboxId,
    port::{Reports, Store},
    report::Kept,
    settings::{Manifest, SettingSpec, Takes},
};
use mailferry_server::{Context, Door, PREFIX, router};
use mailferry_store::{Location, MasterKey, SqlStore};
use serde_json::Value;
use tower::ServiceExt;

const fn setting(name: &'static str, takes: Takes) -> SettingSpec {
    SettingSpec { name, takes, required: false, default: None, help: "For tests." }
}

/// A kind with passwords.
pub static POST: Manifest = Manifest {
    kind: "post",
    title: "Post",
    naming: "Endpoint",
    source: true,
    target: true,
    schemes: &["post"],
    settings: &[
        SettingSpec { required: true, ..setting("remote-server", Takes::Host) },
        setting("port", Takes::Port),
        setting("security", Takes::OneOf(&["ssl", "none"])),
        setting("username", Takes::Text),
        setting("password", Takes::Secret),
    ],
    guide: "",
};

/// A kind that can only be read, without passwords.
pub static SHELF: Manifest = Manifest {
    kind: "shelf",
    title: "Shelf",
    naming: "Endpoint",
    source: true,
    target: false,
    schemes: &["shelf"],
    settings: &[],
    guide: "",
};

#[derive(Default)]
pub struct MemoryReports(pub Mutex<Vec<Kept>>);

#[async_trait]
impl Reports for MemoryReports {
    async fn keep_report(&self, kept: &Kept) -> Result<()> {
        let mut all = self.0.lock().unwrap();
        all.retain(|k| k.mailbox != kept.mailbox);
        all.push(kept.clone());
        Ok(())
    }

    async fn report(&self, mailbox: MailboxId) -> Result<Option<Kept>> {
        Ok(self.0.lock().unwrap().iter().find(|k| k.mailbox == mailbox).cloned())
    }

    async fn reports(&self) -> Result<Vec<Kept>> {
        Ok(self.0.lock().unwrap().clone())
    }
}

pub struct House {
    pub store: Arc<dyn Store>,
    pub reports: Arc<MemoryReports>,
    router: axum::Router,
    _folder: tempfile::TempDir,
}

impl House {
    pub async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_text(&"ab".repeat(32)).unwrap();
        let store = SqlStore::open(&Location::Sqlite(folder.path().to_owned()), key).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let reports = Arc::new(MemoryReports::default());
        let router = router(Context {
            store: store.clone(),
            reports: reports.clone(),
            clock: Arc::new(LabClock::default()),
            manifests: vec![&POST, &SHELF],
            actor: "test".to_owned(),
            bell: Arc::new(|| {}),
            door: Door::Inside,
        });
        Self { store, reports, router, _folder: folder }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(format!("{PREFIX}{path}"));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, body).await
    }
}
