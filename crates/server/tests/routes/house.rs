//! A router over a fresh store, and requests to it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Method, Request},
};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Result,
    account::{Account, Role, Token},
    cancel::Cancel,
    id::{AccountId, MailboxId, TokenId},
    port::{Clock, Reports, Store},
    report::Kept,
    settings::{Manifest, SettingSpec, Takes},
};
use mailferry_server::{Context, Door, Keeper, PREFIX, Transport, Trouble, router};
use mailferry_store::{Location, MasterKey, SqlStore};
use serde_json::Value;
use tower::ServiceExt;

const fn setting(name: &'static str, takes: Takes) -> SettingSpec {
    SettingSpec::optional(name, takes, None, "For tests.")
}

/// A kind with passwords.
pub static POST: Manifest = Manifest {
    kind: "post",
    title: "Post",
    naming: "Endpoint",
    source: true,
    target: true,
    moves: true,
    schemes: &["post"],
    settings: &[
        SettingSpec { required: true, ..setting("remote-server", Takes::Host) },
        setting("port", Takes::Port),
        setting("security", Takes::OneOf(&["ssl", "none"])).aiming(),
        setting("username", Takes::Text),
        setting("password", Takes::Secret),
        setting("proxy", Takes::Proxy),
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
    moves: true,
    schemes: &["shelf"],
    settings: &[setting("path", Takes::Path)],
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

/// A clock that stands until it is moved.
#[derive(Default)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// Moves it on.
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_767_225_600).unwrap()
            + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

pub struct House {
    pub store: Arc<dyn Store>,
    pub reports: Arc<MemoryReports>,
    pub clock: Arc<HandClock>,
    pub trouble: Trouble,
    /// Why nothing more can be written.
    pub full: Arc<Mutex<Option<String>>>,
    /// Ends streams.
    pub closing: Cancel,
    router: axum::Router,
    _folder: tempfile::TempDir,
}

/// An answer with everything.
pub struct Told {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        (self.status, problem["code"].as_str().unwrap().to_owned())
    }
}

impl House {
    /// As the command line reaches it in its own process.
    pub async fn fresh() -> Self {
        Self::behind(|_| Door::Inside).await
    }

    /// As a service.
    pub async fn listening() -> Self {
        Self::behind(|closing| {
            let keeper = Keeper::new(Transport::Tls, closing).with_folders(vec!["/srv/mail".into()]);
            Door::Listening(Arc::new(keeper))
        })
        .await
    }

    /// As a service that tells anybody its numbers.
    pub async fn with_open_metrics() -> Self {
        Self::behind(|closing| {
            Door::Listening(Arc::new(Keeper::new(Transport::Tls, closing).with_open_metrics()))
        })
        .await
    }

    /// As a service that waits so long for bodies.
    pub async fn with_patience(patience: Duration) -> Self {
        Self::behind(|closing| {
            Door::Listening(Arc::new(Keeper::new(Transport::Tls, closing).with_patience(patience)))
        })
        .await
    }

    async fn behind(door: impl FnOnce(Cancel) -> Door) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_text(&"ab".repeat(32)).unwrap();
        let store = SqlStore::open(&Location::Sqlite(folder.path().to_owned()), key).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let reports = Arc::new(MemoryReports::default());
        let (clock, closing) = (Arc::new(HandClock::default()), Cancel::default());
        let full: Arc<Mutex<Option<String>>> = Arc::default();
        let looked = full.clone();
        let trouble = Trouble::of(move || looked.lock().unwrap().clone());
        let router = router(Context {
            store: store.clone(),
            reports: reports.clone(),
            clock: clock.clone(),
            manifests: vec![&POST, &SHELF],
            judges: Arc::new(judge),
            actor: "test".to_owned(),
            bell: Arc::new(|| {}),
            door: door(closing.clone()),
            trouble: trouble.clone(),
            tally: mailferry_server::Tally::default(),
        });
        Self { store, reports, clock, closing, router, trouble, full, _folder: folder }
    }

    /// The service ends and begins anew on the same store.
    pub async fn restart(&mut self) {
        let keeper = Keeper::new(Transport::Tls, self.closing.clone());
        mailferry_server::recall_refusals(&keeper, &*self.store, &*self.clock).await.unwrap();
        self.router = router(Context {
            store: self.store.clone(),
            reports: self.reports.clone(),
            clock: self.clock.clone(),
            manifests: vec![&POST, &SHELF],
            judges: Arc::new(judge),
            actor: "test".to_owned(),
            bell: Arc::new(|| {}),
            door: Door::Listening(Arc::new(keeper)),
            trouble: self.trouble.clone(),
            tally: mailferry_server::Tally::default(),
        });
    }

    /// An account without a password and a token of it.
    pub async fn token_of(&self, role: Role) -> String {
        use sha2::Digest;
        let now = self.clock.now();
        let text = format!("mft_{}{}", role.word(), self.store.new_id().simple());
        let account = Account {
            id: AccountId(self.store.new_id()),
            version: 1,
            name: format!("{}-{}", role.word(), self.store.new_id().simple()),
            role,
            disabled: false,
            password: None,
            second_factor: false,
            second_factor_step: 0,
            created: now,
            modified: now,
            last_sign_in: None,
        };
        self.store.add_account(&account).await.unwrap();
        let token = Token {
            id: TokenId(self.store.new_id()),
            account: account.id,
            name: "t".into(),
            role,
            hash: mailferry_model::account::Hashed(sha2::Sha256::digest(text.as_bytes()).into()),
            created: now,
            expires: None,
            last_used: None,
        };
        self.store.add_token(&token).await.unwrap();
        text
    }

    /// Sends a request with these headers to any path.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Told { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// The same below the prefix, with a token and a JSON body.
    pub async fn as_token(&self, token: &str, method: &str, path: &str, body: Value) -> Told {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("{PREFIX}{path}"), &headers, body).await
    }

    /// A file, as it is.
    pub async fn file(&self, path: &str) -> (u16, Vec<u8>) {
        let request = Request::builder().uri(format!("{PREFIX}{path}")).body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// The same by nobody.
    pub async fn as_nobody(&self, method: &str, path: &str, body: Value) -> Told {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("{PREFIX}{path}"), &[("content-type", "application/json")], body).await
    }

    /// What a stream says first.
    pub async fn stream(&self, token: &str, path: &str, headers: &[(&str, &str)], until: &str) -> String {
        let mut request = Request::builder().uri(format!("{PREFIX}{path}"));
        request = request.header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let (mut text, mut body) = (String::new(), answer.into_body());
        while !text.contains(until) {
            let Some(frame) = body.frame().await else { break };
            text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
        text
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let told = self.send(method.as_str(), &format!("{PREFIX}{path}"), &headers, body).await;
        (told.status, if told.text.is_empty() { Value::Null } else { told.json() })
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, body).await
    }
}

/// What the kinds of this house say of settings beyond their manifests.
fn judge(_kind: &str, settings: &mailferry_model::settings::Settings) -> Vec<String> {
    let odd = settings.values.values().any(|value| value.as_str() == "odd");
    odd.then(|| "that is odd".to_owned()).into_iter().collect()
}
