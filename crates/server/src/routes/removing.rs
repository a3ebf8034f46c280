//! How something is removed.

use serde::Deserialize;
use utoipa::IntoParams;

/// How it is wanted.
#[derive(Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Removing {
    /// Only judge: whether it could be removed; nothing is.
    #[serde(default)]
    pub dry_run: bool,
}
