//! Fetch → put for one folder: several fetches ahead, several puts in flight, memory within the budget.

mod fetching;
mod lane;
mod left;
mod mending;
mod putting;

pub(super) use fetching::{Batch, FETCH_ITEMS, Hold, cut};
pub(super) use lane::carry;
