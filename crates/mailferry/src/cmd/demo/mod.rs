//! `demo`: a whole migration on this machine, from two throw-away servers to an independent reading of the result.
//!
//! It does nothing that a person could not type: every step runs this very binary. What was planted and whether it
//! arrived is said by Python scripts that know no mailferry ([`town`]).

mod child;
mod play;
mod servers;
mod stage;
mod summary;
mod town;

use std::path::PathBuf;

use clap::Args;
use mailferry_model::cancel::Cancel;

use super::Asked;
use crate::{
    exit::{self, Failure},
    signals,
};

use self::{servers::Servers, stage::Stage, town::Scripts};

/// The flags of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep servers and mailboxes, to try more
    #[arg(long)]
    pub keep: bool,
    /// The scripts that plant mail and read it back [default: tests/interop beside the build folder]
    #[arg(long, value_name = "DIR")]
    pub scripts: Option<PathBuf>,
}

/// Shows a migration. Exit code 0 says that an independent reading of the target found what was planted, that what
/// was refused is exactly what was listed, and that the migration looks good.
pub async fn run(asked: Asked<'_>, args: DemoArgs) -> Result<u8, Failure> {
    let scripts = Scripts::find(args.scripts.as_deref());
    let mut stage = Stage::build(asked.global.no_color)?;
    stage.stays = args.keep;
    let cancel = Cancel::default();
    signals::watch(&cancel);
    // Not interrupted: a server that is half up is known to nobody.
    let started = Servers::start(&stage, scripts.as_ref()).await;
    let (servers, played) = match started {
        Ok(servers) => {
            let played = tokio::select! {
                played = play::play(&stage, &servers, scripts.as_ref()) => played,
                () = cancel.cancelled() => Err(Failure::Interrupted("The demo was interrupted.".to_owned())),
            };
            (Some(servers), played)
        }
        Err(failure) => (None, Err(failure)),
    };
    let kept = args.keep && !cancel.is_cancelled();
    let cleared = match servers {
        Some(servers) if kept => servers.keep(&stage, &cancel).await,
        Some(servers) => servers.stop(&stage).await,
        None => Ok(()),
    };
    // Servers of this process were kept until the interrupt.
    if !kept || cancel.is_cancelled() {
        stage.clear();
    }
    let well = played?;
    cleared?;
    Ok(if well { exit::OK } else { exit::OTHER })
}
