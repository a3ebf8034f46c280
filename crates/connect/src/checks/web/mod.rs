//! Web services behind a sign-in: the settings that all of them have, a visit row by row, and what a status means.
//!
//! Which service it is, and what is asked there, belongs to the connector.

mod balancer;
mod between;
mod discover;
mod guards;
mod kerberos;
mod published;
mod session;
mod settings;
mod status;
mod visit;
mod windows;

pub use balancer::look as look_behind;
pub use discover::{Discovered, discover};
pub use guards::guarded;
pub use published::published;
pub use session::Session;
pub use settings::{DISCOVERY, Scheme, Site, settings};
pub use status::{Page, judge};
pub use visit::Visit;
