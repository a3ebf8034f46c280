//! What people and programs are shown. Fields are only ever added; no secret is among them.

mod account;
mod batch;
mod channel;
mod config;
mod domain;
mod endpoint;
mod endpoint_test;
mod item;
mod scan;
mod user;
mod verification;

pub(crate) use account::{AccountView, SessionView, TokenView};
pub(crate) use batch::{BatchReport, BatchView};
pub(crate) use channel::{ChannelView, DeliveryView};
pub(crate) use config::ConfigView;
pub(crate) use domain::DomainView;
pub(crate) use endpoint::{Around, EndpointView, signs_in_for_all};
pub(crate) use endpoint_test::EndpointTestView;
pub(crate) use item::{ItemView, ReportView, kinds};
pub(crate) use scan::{ScanMailboxView, ScanView};
pub(crate) use user::{JobView, UserView};
pub(crate) use verification::VerificationView;
