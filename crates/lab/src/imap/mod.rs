//! An IMAP server for tests and the demo: many users in memory, every extension with a switch, faults by name.
//!
//! It keeps what RFC 9051 and RFC 3501 say unless a [`Quirk`] tells it otherwise, and remembers what it was asked
//! ([`Log`]). It is no server for people: no IDLE, no COMPRESS, no BODYSTRUCTURE, and nothing is kept on disk.
//!
//! ```
//! use mailferry_lab::imap::{Config, Letter, Quirk, Refused, Server};
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let mut config = Config::for_users(&[("ann", "secret")]);
//! config.quirks.push(Quirk::Refuses(Refused::Nul));
//! let server = Server::start(config).await?;
//! let ann = server.user("ann");
//! let uid = ann.deliver("INBOX", Letter::from_text("Subject: hello\r\n\r\nHi\r\n"));
//! assert_eq!((uid, ann.snapshot()["INBOX"].len()), (1, 1));
//! // … point a client to server.address() …
//! assert_eq!(server.log().count("FETCH"), 0);
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod abilities;
mod append;
mod auth;
mod body;
mod change;
mod collect;
mod config;
mod conn;
mod copy;
mod dispatch;
mod fetch;
mod list;
mod log;
mod mailbox;
mod names;
mod numbers;
mod person;
mod quirk;
mod search;
mod section;
mod select;
mod server;
mod session;
mod store;
mod tell;
mod throttle;
mod tls;
mod verdict;

pub use abilities::Abilities;
pub use body::Body;
pub use config::{Config, LoginRule, Namespaces, Security, Space, User};
pub use log::{Entry, Link, Log};
pub use person::{Held, Letter, Person, Snapshot};
pub use quirk::{Lie, Nth, Quirk, Refused, Renumbered, Words};
pub use server::Server;
