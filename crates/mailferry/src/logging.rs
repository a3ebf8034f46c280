//! What is said on standard error beside the command's own words. Ids only: no address, subject or secret.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::args::{Global, LogForm};

/// Begins to log as the flags say.
pub fn start(global: &Global) {
    let (ours, others) = match global.verbose {
        _ if global.quiet => (LevelFilter::ERROR, LevelFilter::OFF),
        0 => (LevelFilter::WARN, LevelFilter::ERROR),
        1 => (LevelFilter::INFO, LevelFilter::WARN),
        2 => (LevelFilter::DEBUG, LevelFilter::INFO),
        _ => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    // What a handshake or a sign-in says in its libraries is said by us in words that help; messages of a sign-in are
    // nobody's business.
    let filter = Targets::new()
        .with_default(others)
        .with_target("mailferry", ours)
        .with_target("rustls_platform_verifier", LevelFilter::OFF)
        .with_target("sspi", LevelFilter::OFF);
    // What cannot be written is lost: to say so on standard error as well would end the task that wanted to say it.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = lines.log_internal_errors(false);
    let layer = match global.log_format {
        LogForm::Text => lines.with_target(false).boxed(),
        LogForm::Json => lines.json().boxed(),
    };
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
