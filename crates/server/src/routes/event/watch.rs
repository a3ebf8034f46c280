//! Where a stream of events stands, and what is new since its last look at the store.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    time::Duration,
};

use axum::response::sse::Event;
use jiff::Timestamp;
use mailferry_model::{
    Result,
    account::Role,
    batch::Batch,
    endpoint_test::{EndpointTest, TestState},
    id::{EndpointTestId, UserId, VerificationId},
    report::Score,
    status::UserStatus,
    user::User,
    verification::{Verification, VerificationState},
};
use serde_json::{Value, json};

use crate::{
    Context,
    door::Door,
    view::{BatchView, UserView},
};

/// How often the store is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// What is done to these is no secret among those who may listen.
const OPEN: [&str; 4] = ["endpoint.", "batch.", "user.", "verification."];

/// Where a stream stands.
pub(super) struct Watch {
    context: Context,
    role: Role,
    /// Behind which entry of the audit trail it is.
    pub after: u64,
    /// The last that was told of each batch.
    batches: HashMap<String, Value>,
    /// What is known of the users of batches that were looked at; of numbers that grow nothing is told one by one.
    users: HashMap<UserId, Standing>,
    tests: Ordered<EndpointTestId, TestState>,
    verifications: Ordered<VerificationId, (VerificationState, u64)>,
    ends: Duration,
}

/// How far those of one kind are that somebody ordered, as it was told. Their list is read only while one is under way.
struct Ordered<Id, Stand> {
    told: HashMap<Id, Stand>,
    is_read: bool,
}

/// One of them: which, how far it is, and whether it is still under way.
type Stands<Id, Stand> = (Id, Stand, bool);

impl<Id: Copy + Eq + Hash, Stand: PartialEq> Ordered<Id, Stand> {
    fn at_first() -> Self {
        Self { told: HashMap::new(), is_read: true }
    }

    /// Those of all that stand otherwise than they were told.
    fn news<T>(&mut self, all: Vec<T>, stands: impl Fn(&T) -> Stands<Id, Stand>) -> Vec<T> {
        let known: HashSet<Id> = all.iter().map(|one| stands(one).0).collect();
        self.told.retain(|id, _| known.contains(id));
        self.is_read = all.iter().any(|one| stands(one).2);
        let mut is_new = |one: &T| {
            let (id, stand, _) = stands(one);
            let is_told = self.told.get(&id) == Some(&stand);
            self.told.insert(id, stand);
            !is_told
        };
        all.into_iter().filter(|one| is_new(one)).collect()
    }
}

/// What a user's event tells anew.
#[derive(Clone, PartialEq)]
struct Standing {
    status: UserStatus,
    reason: Option<(String, Option<Timestamp>)>,
    score: Option<Score>,
}

impl Standing {
    fn of(user: &User) -> Self {
        let reason = user.detail.as_ref().map(|detail| (detail.code.clone(), detail.next_try));
        Self { status: user.status, reason, score: user.score }
    }
}

impl Watch {
    /// Behind that entry of the audit trail; it ends at that time of the clock's count.
    pub fn of(context: Context, role: Role, after: u64, ends: Duration) -> Self {
        Self {
            context,
            role,
            after,
            batches: HashMap::new(),
            users: HashMap::new(),
            tests: Ordered::at_first(),
            verifications: Ordered::at_first(),
            ends,
        }
    }

    /// What is new.
    pub async fn look(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for (no, entry) in self.context.store.audit(self.after).await? {
            self.after = no;
            self.tests.is_read |= entry.action == "endpoint.test";
            self.verifications.is_read |= entry.action == "verification.new";
            // Who signs in and out is for administrators, as the audit trail is.
            let is_open = OPEN.iter().any(|noun| entry.action.starts_with(noun));
            if !is_open && self.role < Role::Administrator {
                continue;
            }
            let told = json!({
                "at": entry.at, "actor": entry.actor, "action": entry.action, "subject": entry.subject,
            });
            events.push(Event::default().event("change").id(no.to_string()).data(told.to_string()));
        }
        for batch in self.context.store.batches().await? {
            self.look_at(batch, &mut events).await?;
        }
        if self.tests.is_read {
            self.look_at_tests(&mut events).await?;
        }
        if self.verifications.is_read {
            self.look_at_verifications(&mut events).await?;
        }
        Ok(events)
    }

    /// A batch and its users, unless it rests and was told so.
    async fn look_at(&mut self, batch: Batch, events: &mut Vec<Event>) -> Result<()> {
        let name = batch.name.clone();
        let quiet = !batch.status.is_active();
        let version = batch.version;
        let same = |told: &Value| quiet && told["version"] == version && told["settled"] == true;
        if self.batches.get(&name).is_some_and(same) {
            return Ok(());
        }
        let users = self.context.store.users(batch.id).await?;
        for user in &users {
            let standing = Standing::of(user);
            let before = self.users.insert(user.id, standing.clone());
            // At first sight it is no event: whoever listens reads how all stand.
            if before.is_some_and(|before| before != standing) {
                let view = serde_json::to_value(UserView::of(user, &name)).unwrap_or_default();
                events.push(Event::default().event("user").data(view.to_string()));
            }
        }
        let view = BatchView::with(&self.context, batch, &users).await?;
        let mut shown = serde_json::to_value(&view).unwrap_or_default();
        let data = shown.to_string();
        shown["settled"] = quiet.into();
        if self.batches.get(&name) != Some(&shown) {
            events.push(Event::default().event("batch").data(data));
            self.batches.insert(name, shown);
        }
        Ok(())
    }

    async fn look_at_tests(&mut self, events: &mut Vec<Event>) -> Result<()> {
        use TestState::{Ordered, Running};
        let all = self.context.store.endpoint_tests().await?;
        let stands = |test: &EndpointTest| (test.id, test.state, matches!(test.state, Ordered | Running));
        for test in self.tests.news(all, stands) {
            let told = json!({ "id": test.id, "state": test.state, "type": test.kind });
            events.push(Event::default().event("endpoint-test").data(told.to_string()));
        }
        Ok(())
    }

    async fn look_at_verifications(&mut self, events: &mut Vec<Event>) -> Result<()> {
        use VerificationState::{Ordered, Running};
        let all = self.context.store.verifications().await?;
        let stands =
            |one: &Verification| (one.id, (one.state, one.looked_at), matches!(one.state, Ordered | Running));
        for one in self.verifications.news(all, stands) {
            let told = json!({ "id": one.id, "state": one.state, "lookedAt": one.looked_at });
            events.push(Event::default().event("verification").data(told.to_string()));
        }
        Ok(())
    }

    /// Waits for the next look; whether there is to be one.
    pub async fn rest(&self) -> bool {
        let wait = self.context.clock.sleep(LOOK);
        match &self.context.door {
            Door::Inside => wait.await,
            Door::Listening(keeper) => {
                futures_util::pin_mut!(wait);
                let closed = std::pin::pin!(keeper.closing.cancelled());
                futures_util::future::select(wait, closed).await;
                if keeper.closing.is_cancelled() {
                    return false;
                }
            }
        }
        self.context.clock.elapsed() < self.ends
    }
}
