//! `serve`: the router on an address of this machine, and a worker beside it, until a signal ends both in order.

pub mod beside;
mod bounded;
mod certificate;
mod listener;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum_server::Handle;
use clap::Args;
use mailferry_model::{
    cancel::Cancel,
    outward::{Guard, Outward},
};
use mailferry_server::{Door, Keeper, Transport};
use serde_json::json;

use super::{Asked, run_options::PaceArgs};
use crate::{
    args::Form,
    database,
    exit::{self, Failure},
    instance::{Instance, data_folder},
    out, signals,
};

/// How long requests that are under way may take at the end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// An address with a port. Of names only `localhost` is one: where a name leads may change, and with it who may connect.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    port.as_deref().unwrap_or(text).parse().map_err(|_| {
        "not an address with a port, as 127.0.0.1:8443, [::1]:8443, 0.0.0.0:8443 or localhost:8443".to_owned()
    })
}

/// The flags of `serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// The address to listen on; other machines reach it only with TLS and an account that has a password
    #[arg(long, value_name = "ADDRESS:PORT", env = "MAILFERRY_LISTEN", default_value = "127.0.0.1:8443", value_parser = listen)]
    pub listen: SocketAddr,
    /// The certificate and what signed it (PEM); one of our own is made without it
    #[arg(long, value_name = "PEM", requires = "tls_key", conflicts_with_all = ["tls_pfx", "no_tls"])]
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Certificate and key together (PFX, PKCS #12)
    #[arg(long, value_name = "FILE", conflicts_with = "no_tls")]
    pub tls_pfx: Option<PathBuf>,
    /// The password of the PFX, in a file; one line end at its end is dropped
    #[arg(long, value_name = "FILE", requires = "tls_pfx")]
    pub tls_pfx_password_file: Option<PathBuf>,
    /// Without TLS, on this machine alone: for a proxy that speaks TLS
    #[arg(long)]
    pub no_tls: bool,
    /// Endpoints that are made over the network may lie below this folder of this machine (Maildirs, files of
    /// certificate authorities); may be given several times
    #[arg(long, value_name = "DIR")]
    pub allow_folder: Vec<PathBuf>,
    /// Connect to mail systems on this machine too; of itself only where the service listens for this machine alone
    #[arg(long)]
    pub allow_loopback: bool,
    /// Only listen, and move nothing: for an installation on PostgreSQL whose workers are other processes
    #[arg(long)]
    pub no_worker: bool,
    /// Connect to no mail system in a private network
    #[arg(long)]
    pub deny_private: bool,
    /// Tell the numbers at /metrics to anybody who reaches the service; without it a viewer's token is asked for
    #[arg(long)]
    pub metrics: bool,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// Serves until a signal.
pub async fn run(asked: Asked<'_>, args: ServeArgs) -> Result<u8, Failure> {
    if args.no_worker && !database::is_given(asked.global) {
        let text = "without a worker nothing would move: --no-worker is for a store that workers share, see --database-url-file";
        return Err(Failure::Usage("WORKER_NEEDS_DATABASE", text.to_owned()));
    }
    let mut instance = Instance::open(asked.global, asked.connectors.clone()).await?;
    check_address(&instance, &args).await?;
    let listener = listener::bind(args.listen)?;
    let address = listener.local_addr().map_err(|e| Failure::own(format!("{}: {e}", args.listen)))?;
    instance.outward = Arc::new(Outward::Guarded(guard(&args, address)));
    let tls = match args.no_tls {
        true => None,
        false => Some(certificate::of(&args, &data_folder(asked.global)?)?),
    };
    let transport = if args.no_tls { Transport::Plain } else { Transport::Tls };
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let worker = instance.worker(args.pace.pace());
    let folders: Result<Vec<PathBuf>, _> = args.allow_folder.iter().map(std::path::absolute).collect();
    let folders = folders.map_err(|e| Failure::usage(format!("--allow-folder: {e}")))?;
    let keeper = Keeper::new(transport, cancel.clone()).with_folders(folders);
    let keeper = if args.metrics { keeper.with_open_metrics() } else { keeper };
    mailferry_server::recall_refusals(&keeper, &*instance.store, &*instance.clock).await?;
    let (bell, keeper) = (worker.clone(), Arc::new(keeper));
    let router = instance.router(Arc::new(move || bell.ring()), Door::Listening(keeper));
    let code = mailferry_server::fresh_setup_code(&*instance.store).await?;
    // Who cannot write ends here, before anybody is told that it listens.
    beside::told(&*instance.store, "service.start", &format!("service {address}")).await?;
    greet(&asked, address, tls.as_ref(), code.as_ref().map(|c| c.expose().as_str()));

    let working = (!args.no_worker).then(|| beside::run(&worker, &instance, &cancel));
    let handle = Handle::new();
    {
        let handle = handle.clone();
        let cancel = cancel.clone();
        tokio::spawn(async move {
            cancel.cancelled().await;
            handle.graceful_shutdown(Some(LAST_REQUESTS));
        });
    }
    let served = listener::serve(listener, tls.map(|t| t.config), router, handle).await;
    cancel.cancel();
    let worked = match working {
        Some(working) => working.await.map_err(|e| Failure::own(format!("the worker: {e}")))?,
        None => Ok(()),
    };
    served?;
    worked?;
    beside::told(&*instance.store, "service.stop", &format!("service {address}")).await?;
    asked.out.note("ended in order");
    Ok(exit::OK)
}

/// Other machines may come in only with TLS, and when somebody can sign in.
async fn check_address(instance: &Instance, args: &ServeArgs) -> Result<(), Failure> {
    if args.listen.ip().is_loopback() {
        return Ok(());
    }
    let listen = args.listen;
    if args.no_tls {
        let text = format!("{listen} is reached from other machines; without TLS it is not listened on.");
        return Err(Failure::Usage("SERVICE_NEEDS_TLS", text));
    }
    let accounts = instance.store.accounts().await?;
    if !accounts.iter().any(|a| a.password.is_some() && !a.disabled) {
        let text = format!("{listen} is reached from other machines, and no account has a password yet.");
        return Err(Failure::Usage("SERVICE_NEEDS_ACCOUNT", text));
    }
    Ok(())
}

/// Where it may connect to. Whoever reaches a service that listens for this machine alone sits at this machine, and can
/// connect to it without us.
fn guard(args: &ServeArgs, address: SocketAddr) -> Guard {
    Guard {
        loopback: args.allow_loopback || address.ip().is_loopback(),
        private: !args.deny_private,
        listeners: vec![address],
    }
}

/// Says where it is, by what certificate, and how the first account is made.
fn greet(asked: &Asked<'_>, address: SocketAddr, tls: Option<&certificate::Tls>, code: Option<&str>) {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let fingerprint = tls.map(|t| t.fingerprint.as_str());
    if asked.out.form == Form::Jsonl {
        asked.out.event(&json!({
            "type": "listening", "url": url, "fingerprint": fingerprint, "setupCode": code,
        }));
        return;
    }
    asked.out.note(&format!("listening on {url}"));
    if let Some(tls) = tls {
        let whose = if tls.is_our_own { "our own certificate" } else { "certificate" };
        asked.out.note(&format!("{whose}, SHA-256 {}", tls.fingerprint));
    }
    if let Some(code) = code {
        // Also to those who want quiet: it is said once.
        out::complain(&format!("there is no account yet; set-up code, good for one: {code}\n"));
    }
}
