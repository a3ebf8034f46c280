//! IMAP without sockets: what both ends of a connection say, cut, read and written.
//!
//! The client cuts with [`ResponseFramer`], reads with [`Reply::parse`] and writes [`Command`]s; an emulator cuts with
//! [`CommandFramer`], reads with [`Request::parse`] and writes with [`Answer`]. No side opens a socket, keeps state of
//! a session, or judges an answer.
//!
//! ```
//! use mailferry_wire::imap::*;
//! // The client writes a command as segments: octets, a wait for `+`, or a body to forward.
//! let set = UidSet::from_iter([1, 2, 3, 7]);
//! let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::peek("")];
//! let segments = Command::uid_fetch(&(&set).into(), &items, FetchModifier::None).encode(Tag(1), Literals::Plus);
//!
//! // The server cuts and reads it (with sockets: `stream.read_buf(&mut server.spare())`) …
//! let mut server = CommandFramer::default();
//! for segment in &segments {
//!     if let Segment::Bytes(octets) = segment { server.feed(octets) }
//! }
//! let Some(Arrival::Command(frame)) = server.next()? else { panic!("Asked, Literal…: see Arrival") };
//! let request = Request::parse(&frame)?;
//! assert!(matches!(request.verb, Verb::Fetch { by: Numbering::Uid, .. }));
//!
//! // … and answers; bodies are passed on, not copied.
//! let mut answer = Answer::default();
//! answer.text("* 1 FETCH (UID 7 FLAGS ").flags(&[Flag::Seen]).text(" BODY[] ").literal("Hi\r\n".into()).text(")").end();
//! answer.status(&request.tag, Condition::Ok, "", "done");
//!
//! // The client cuts responses. Literals from `Limits::stream_min` on come as events in front of their response.
//! let mut client = ResponseFramer::with_limits(Limits::default());
//! answer.take().iter().for_each(|octets| client.feed(octets));
//! let mut uids = Vec::new();
//! while let Some(event) = client.next()? {
//!     let Event::Response(frame) = event else { continue };
//!     match Reply::parse(&frame)? {
//!         Reply::Fetch(fetch) => uids.extend(fetch.uid.zip(fetch.body().cloned())),
//!         Reply::Done { tag, status } => assert!(Tag::parse(&tag) == Some(Tag(1)) && status.is_ok()),
//!         _ => {} // answers come unasked: EXISTS, FETCH of other clients, BYE
//!     }
//! }
//! assert_eq!(uids, [(7, Data::Bytes("Hi\r\n".into()))]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
pub mod base64;
mod capabilities;
mod command;
mod cursor;
mod cutter;
mod date;
mod fetch;
mod flags;
mod frame;
mod framer;
mod items;
mod line;
mod list;
mod mailbox;
pub mod mutf7;
mod reply;
mod request;
mod sasl;
mod sequence_set;
mod server;
mod status;
mod string;
mod uid_set;

pub use answer::Answer;
pub use capabilities::{AppendLimit, Capabilities, Capability};
pub use command::*;
pub use cursor::{Data, Malformed, Value};
pub use cutter::{FrameError, Limits};
pub use date::InternalDate;
pub use fetch::{Fetch, Section};
pub use flags::Flag;
pub use frame::Frame;
pub use framer::{Event, ResponseFramer};
pub use items::{Access, FetchItem, SectionForm, SectionItem, StatusItem};
pub use list::{Listed, MailboxName, NameEncoding, Namespace, Namespaces};
pub use mailbox::{Esearch, MailboxStatus, Numbering, Quota, Search, Vanished, When};
pub use reply::Reply;
pub use request::{Appended, Asked, Mailboxes, Request, RequestedModifier, Resync, StoreRequest, Verb};
pub use sasl::{Plain, Sasl, parse_bearer, parse_plain};
pub use sequence_set::{Edge, SequenceSet};
pub use server::{Arrival, CommandFramer};
pub use status::{Code, Condition, PlainCode, Status};
pub use uid_set::{UidSet, Unbounded};

#[cfg(test)]
mod tests;
