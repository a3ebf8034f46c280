//! What people and programs are shown. Fields are only ever added; no secret is among them.

mod batch;
mod endpoint;
mod item;
mod user;

pub(crate) use batch::{BatchReport, BatchView};
pub(crate) use endpoint::{EndpointView, signs_in_for_all};
pub(crate) use item::{ItemView, kinds};
pub(crate) use user::{JobView, UserView};
