//! Ctrl-C and SIGTERM: the first asks to stop in order, the second ends at once. Limits of files end nothing.

use std::io::Write;

use mailferry_model::cancel::Cancel;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit;

/// A file that may not grow any more (`ulimit -f`) is an error of that write, as a full disk is, not the end of the
/// process.
pub fn outlive_file_limits() {
    // The handler stays when its stream is dropped.
    if let Err(error) = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())) {
        tracing::debug!(%error, "a file that may not grow ends the process");
    }
}

/// Switches `cancel` on at the first signal.
pub fn watch(cancel: &Cancel) {
    let cancel = cancel.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let mut second = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if second {
                std::process::exit(i32::from(exit::INTERRUPTED));
            }
            second = true;
            cancel.cancel();
            // Whoever read it may be gone, or its disk full.
            _ = writeln!(std::io::stderr(), "stopping in order; once more: at once");
        }
    });
}
