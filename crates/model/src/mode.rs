//! What the passes of a batch are for: all of it, a few items of each folder, what is old, or whether people can sign in.
//!
//! Pure. A mode narrows what moves; it never widens it. Only what was synced in full is completed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mapping::RunOptions;

/// Items of each folder that a trial moves.
pub const TRIAL_ITEMS: u32 = 10;
/// The largest item that a trial moves, bytes.
pub const TRIAL_BYTES: u64 = 5 << 20;
/// The detail of a mailbox that could be opened at both sides.
pub const CREDENTIALS_VERIFIED: &str = "CredentialsVerified";

/// What passes are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum RunMode {
    /// Everything that its options let through.
    #[default]
    Full,
    /// Both sides of each mailbox are opened; nothing moves.
    VerifyCredentials,
    /// Of each folder the first [`TRIAL_ITEMS`] items of at most [`TRIAL_BYTES`].
    Trial,
    /// What arrived before a time; the rest comes with a full run.
    PreStage {
        /// Before when.
        before: Timestamp,
    },
}

impl RunMode {
    /// As flags and the API call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::VerifyCredentials => "verify-credentials",
            Self::Trial => "trial",
            Self::PreStage { .. } => "pre-stage",
        }
    }

    /// Before when items arrived that move, where it asks for that.
    pub fn before(self) -> Option<Timestamp> {
        match self {
            Self::PreStage { before } => Some(before),
            Self::Full | Self::VerifyCredentials | Self::Trial => None,
        }
    }

    /// Whether it moves all that there is to move.
    pub fn is_full(self) -> bool {
        self == Self::Full
    }

    /// The options as passes of this mode go by them.
    pub fn on(self, mut options: RunOptions) -> RunOptions {
        let filter = &mut options.filter;
        match self {
            Self::Full | Self::VerifyCredentials => {}
            Self::Trial => {
                filter.per_folder = Some(TRIAL_ITEMS);
                filter.max_size = Some(filter.max_size.map_or(TRIAL_BYTES, |most| most.min(TRIAL_BYTES)));
            }
            Self::PreStage { before } => {
                filter.before = Some(filter.before.map_or(before, |earlier| earlier.min(before)));
            }
        }
        // What a part of a mailbox does not show is not gone.
        options.delete &= self.is_full();
        options
    }

    /// What it means, in a sentence; nothing of a full run.
    pub fn sentence(self, batch: &str) -> Option<String> {
        let what = match self {
            Self::Full => return None,
            Self::VerifyCredentials => "It was only verified that its mailboxes can be opened".to_owned(),
            Self::Trial => format!(
                "It ran as a trial: of each folder at most {TRIAL_ITEMS} items, none above {} MB",
                TRIAL_BYTES >> 20
            ),
            Self::PreStage { before } => format!("It moved what arrived before {before}"),
        };
        Some(format!("{what}. mailferry batch start {batch} moves all."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn a_mode_narrows_what_moves_and_never_widens_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let own = Filter { before: Some(at(50)), max_size: Some(7), ..Filter::default() };
        let options = RunOptions { filter: own.clone(), delete: true, ..RunOptions::default() };
        assert_eq!(RunMode::Full.on(options.clone()), options);
        let trial = RunMode::Trial.on(options.clone());
        assert_eq!((trial.filter.per_folder, trial.filter.max_size), (Some(10), Some(7)));
        assert!(!trial.delete, "what a trial does not list is not gone");
        assert_eq!(RunMode::PreStage { before: at(90) }.on(options.clone()).filter.before, Some(at(50)));
        assert_eq!(RunMode::PreStage { before: at(9) }.on(options.clone()).filter.before, Some(at(9)));
        let hashes = [RunMode::Full, RunMode::Trial, RunMode::PreStage { before: at(9) }]
            .map(|mode| mode.on(options.clone()).filter.item_hash());
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2], "another mode lists every folder anew");
        let kept = serde_json::to_value(RunMode::PreStage { before: at(0) }).unwrap();
        assert_eq!(kept, serde_json::json!({ "mode": "pre-stage", "before": "1970-01-01T00:00:00Z" }));
    }
}
