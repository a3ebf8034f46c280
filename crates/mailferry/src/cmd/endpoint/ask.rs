//! Asking a mail system: in this process, or by the service that the command speaks to, whose worker makes the test.

use std::time::Duration;

use mailferry_engine::probing::{self, keep, with_secrets};
use mailferry_model::{
    cancel::Cancel,
    finding::{Finding, TestResult},
    port::Cx,
    settings::{MailboxAddress, Settings},
};
use mailferry_server::Problem;
use serde_json::{Value, json};

use super::{Asked, Role, test::connector};
use crate::{
    api::{Api, segment},
    exit::Failure,
    instance::{Instance, Pace},
    reach::Reach,
    signals,
};

/// Between two looks at a test that a service makes.
const LOOK: Duration = Duration::from_millis(200);

/// What is asked.
pub(crate) enum Subject {
    /// An endpoint, by its name.
    Stored(String),
    /// A kind with settings and secrets, which are stored nowhere.
    AdHoc(&'static str, Settings),
}

/// How it is asked.
#[derive(Clone)]
pub(crate) struct How {
    /// The side that it will play.
    pub role: Role,
    /// A mailbox to open, instead of the settings' own.
    pub mailbox: Option<MailboxAddress>,
    /// For so long it is connected to again and again afterwards.
    pub repeats: Option<Duration>,
    /// Whether an endpoint keeps what was found.
    pub keeps: bool,
}

impl How {
    /// As that side, as the settings say.
    pub(crate) fn of(role: Role) -> Self {
        Self { role, mailbox: None, repeats: None, keeps: true }
    }
}

/// What came of it.
pub(crate) struct Came {
    /// The rows.
    pub result: TestResult,
    /// The service's id of the test.
    pub id: Option<String>,
}

impl Subject {
    /// Whether mailboxes need no password of their own.
    pub(crate) async fn signs_in_for_all(&self, api: &Api) -> Result<bool, Failure> {
        match self {
            Self::AdHoc(_, settings) => Ok(settings.sign_in()),
            Self::Stored(name) => {
                let endpoint = api.get(&format!("/endpoints/{}", segment(name))).await?;
                Ok(endpoint["signsInForAll"] == true)
            }
        }
    }
}

/// Asks everything that its connector asks before trusting a system.
pub(crate) async fn ask(
    asked: &Asked<'_>,
    reach: &Reach,
    subject: &Subject,
    how: &How,
) -> Result<Came, Failure> {
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let mut came = match reach {
        Reach::Here(instance) => {
            let result = here(asked, instance, subject, (how, &cancel)).await?;
            Came { result, id: None }
        }
        Reach::There(_) => {
            let test = there(&reach.api(), order(subject, how), &cancel).await?;
            let result = serde_json::from_value(test["result"].clone());
            let result = result.map_err(|e| Failure::own(format!("the service's test: {e}")))?;
            Came { result, id: test["id"].as_str().map(str::to_owned) }
        }
    };
    came.result.speak_of(match subject {
        Subject::Stored(name) => Some(name),
        Subject::AdHoc(..) => None,
    });
    Ok(came)
}

async fn here(
    asked: &Asked<'_>,
    instance: &Instance,
    subject: &Subject,
    (how, cancel): (&How, &Cancel),
) -> Result<TestResult, Failure> {
    let store = &*instance.store;
    let endpoint = match subject {
        // As the router says it.
        Subject::Stored(name) => {
            let refused = |error| Failure::Problem(Box::new(Problem::from(error)));
            Some(store.endpoint(name).await.map_err(refused)?)
        }
        Subject::AdHoc(..) => None,
    };
    let (kind, settings) = match (subject, &endpoint) {
        (Subject::AdHoc(kind, settings), _) => (*kind, settings.clone()),
        (_, Some(e)) => (e.kind.as_str(), with_secrets(store, e.settings.clone(), e.id.0).await?),
        (Subject::Stored(_), None) => return Err(Failure::own("an endpoint is missing".to_owned())),
    };
    let connector = &**connector(asked, kind)?;
    let cx = cx(instance, how.role, cancel);
    let asked = (how.mailbox.as_ref(), how.repeats);
    let mut result = probing::test(connector, &settings, asked, &cx).await;
    check_not(cancel)?;
    if let Some(endpoint) = endpoint.filter(|_| how.keeps) {
        keep(store, &endpoint, how.mailbox.as_ref(), &mut result).await?;
    }
    Ok(result)
}

/// The settings with what they leave open found out, or the row that says what was tried.
pub(crate) async fn discover(
    asked: &Asked<'_>,
    reach: &Reach,
    (kind, settings): (&'static str, Settings),
) -> Result<Result<Settings, Box<Finding>>, Failure> {
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let instance = match reach {
        Reach::Here(instance) => instance,
        Reach::There(_) => {
            let mut order = order(&Subject::AdHoc(kind, settings.clone()), &How::of(Role::Source));
            order["discovery"] = json!(true);
            let test = there(&reach.api(), order, &cancel).await?;
            if let Ok(row) = serde_json::from_value::<Finding>(test["result"]["steps"][0].clone()) {
                return Ok(Err(Box::new(row)));
            }
            let found: Settings = serde_json::from_value(test["settings"].clone())
                .map_err(|e| Failure::own(format!("the service's settings: {e}")))?;
            return Ok(Ok(Settings { values: found.values, ..settings }));
        }
    };
    let connector = connector(asked, kind)?;
    let found = connector.discover(&cx(instance, Role::Source, &cancel), &settings).await;
    check_not(&cancel)?;
    Ok(found.map_err(Box::new))
}

fn cx(instance: &Instance, role: Role, cancel: &Cancel) -> Cx {
    instance.house(Pace::default()).0.cx(role.side(), cancel, Some(1))
}

fn check_not(cancel: &Cancel) -> Result<(), Failure> {
    match cancel.is_cancelled() {
        true => Err(Failure::Interrupted("The test was interrupted.".to_owned())),
        false => Ok(()),
    }
}

fn order(subject: &Subject, how: &How) -> Value {
    let mut order = json!({ "as": how.role.word(), "keep": how.keeps });
    match subject {
        Subject::Stored(name) => order["endpoint"] = json!(name),
        Subject::AdHoc(kind, settings) => {
            let secrets = settings.secrets.iter().map(|(name, s)| (name.clone(), json!(s.expose())));
            order["type"] = json!(kind);
            order["settings"] = json!(settings.values);
            order["secrets"] = Value::Object(secrets.collect());
        }
    }
    if let Some(mailbox) = &how.mailbox {
        let password = mailbox.password.as_ref().map(|p| p.expose());
        order["mailbox"] = json!({ "address": mailbox.address, "user": mailbox.user, "password": password });
    }
    if let Some(how_long) = how.repeats {
        order["repeatSeconds"] = json!(how_long.as_secs().max(1));
    }
    order
}

/// Has the service make it, and waits for that.
async fn there(api: &Api, order: Value, cancel: &Cancel) -> Result<Value, Failure> {
    let mut test = api.post("/endpoint-tests", order).await?;
    let path = format!("/endpoint-tests/{}", segment(test["id"].as_str().unwrap_or_default()));
    loop {
        match test["state"].as_str() {
            Some("Done") => return Ok(test),
            Some("Ordered" | "Running") => {}
            _ => {
                let text = "The service ended before the test did; a sign-in may have been tried. Ask again.";
                return Err(Failure::Interrupted(text.to_owned()));
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        check_not(cancel)?;
        test = api.get(&path).await?;
    }
}
