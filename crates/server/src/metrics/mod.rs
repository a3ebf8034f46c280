//! Numbers for monitoring, as Prometheus reads them. No label holds an address, and nothing in them is a secret.
//!
//! They are read from the store when somebody asks; what is not written there (requests, throttling) is not among them.

mod exposition;
mod gather;
mod tally;

use std::time::Duration;

use mailferry_model::Result;

pub(crate) use self::exposition::Syntax;
pub use self::tally::Tally;
use self::{exposition::Family, gather::gathered};
use crate::Context;

/// Whoever asks again before is told the same: reading all mailboxes is not free.
const FRESH: Duration = Duration::from_secs(5);

/// All numbers, in that syntax.
pub(crate) async fn metrics(context: &Context, syntax: Syntax) -> Result<String> {
    // One at a time: counters are counted once.
    let mut counts = context.tally.counts().await;
    let now = context.clock.elapsed();
    let told = counts.told.take().filter(|(at, _)| now.saturating_sub(*at) < FRESH);
    let (at, families) = match told {
        Some(told) => told,
        None => (now, gathered(context, &mut counts).await?),
    };
    let text = exposition::written(&families, syntax);
    counts.told = Some((at, families));
    Ok(text)
}

/// What was told, and when by the clock's count.
type Told = Option<(Duration, Vec<Family>)>;
