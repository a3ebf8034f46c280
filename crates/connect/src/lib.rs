//! The mail systems that mailferry talks to. This file is the registry: one line per connector.
//!
//! A connector uses only the domain, the formats, the protocols and [`net`]; it knows no batch and no store.

use std::sync::Arc;

use mailferry_model::port::Connector;

pub mod checks;
pub mod convert;
pub mod courier;
pub mod domain;
pub mod exchange;
pub mod gworkspace;
pub mod imap;
pub mod m365;
pub mod maildir;
pub mod net;
pub mod outlook_anywhere;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod testing;

pub use convert::MimeConvert;

/// All connectors, in the order in which people are shown them.
pub fn registry() -> Vec<Arc<dyn Connector>> {
    vec![
        Arc::new(exchange::Exchange),
        Arc::new(outlook_anywhere::OutlookAnywhere),
        Arc::new(imap::Imap),
        Arc::new(gworkspace::GoogleWorkspace),
        Arc::new(m365::M365),
        Arc::new(maildir::Maildir),
    ]
}
