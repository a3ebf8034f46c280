//! `worker`: passes, tests and verifications of an installation on PostgreSQL, beside any number of other workers and
//! services, until a signal. It listens nowhere.

use std::sync::Arc;

use clap::Args;
use mailferry_model::{
    cancel::Cancel,
    outward::{Guard, Outward},
};
use serde_json::json;

use super::{Asked, run_options::PaceArgs, serve::beside};
use crate::{
    args::Form,
    database,
    exit::{self, Failure},
    instance::Instance,
    signals,
};

/// The flags of `worker`.
#[derive(Args)]
pub struct WorkerArgs {
    /// Connect to mail systems on this machine too
    #[arg(long)]
    pub allow_loopback: bool,
    /// Connect to no mail system in a private network
    #[arg(long)]
    pub deny_private: bool,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// Works until a signal.
pub async fn run(asked: Asked<'_>, args: WorkerArgs) -> Result<u8, Failure> {
    crate::reach::check_local(&asked, "worker")?;
    let Some(url) = database::url(asked.global)? else {
        let text = "a worker needs the store that it shares with others: --database-url-file FILE or MAILFERRY_DATABASE_URL";
        return Err(Failure::Usage("WORKER_NEEDS_DATABASE", text.to_owned()));
    };
    let mut instance = Instance::open(asked.global, asked.connectors.clone()).await?;
    instance.outward = Arc::new(Outward::Guarded(Guard {
        loopback: args.allow_loopback,
        private: !args.deny_private,
        listeners: Vec::new(),
    }));
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let worker = instance.worker(args.pace.pace());
    let subject = format!("worker {}", worker.name());
    // Who cannot write ends here, before anybody is told that it works.
    beside::told(&*instance.store, "worker.start", &subject).await?;
    let working = beside::run(&worker, &instance, &cancel);
    let place = database::shown(&url);
    match asked.out.form {
        Form::Jsonl => {
            asked.out.event(&json!({ "type": "working", "store": place, "worker": worker.name() }))
        }
        _ => asked.out.note(&format!("working on {place}")),
    }
    working.await.map_err(|e| Failure::own(format!("the worker: {e}")))??;
    beside::told(&*instance.store, "worker.stop", &subject).await?;
    asked.out.note("ended in order");
    Ok(exit::OK)
}
