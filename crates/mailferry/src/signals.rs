//! Ctrl-C and SIGTERM: the first asks to stop in order, the second ends at once.

use mailferry_model::cancel::Cancel;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit;

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
            eprintln!("stopping in order; once more: at once");
            cancel.cancel();
        }
    });
}
