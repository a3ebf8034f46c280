//! What a client says: commands, and their encoding into segments that can be written without copying bodies.
//!
//! `encode` has the segments and literals; `session`, `mailbox` and `message` have the commands by what they touch.

mod encode;
mod mailbox;
mod message;
mod session;

pub use encode::{Command, Literals, Payload, Segment, Tag};
pub use mailbox::{ListQuery, ListReturn, QResync, SelectMode};
pub use message::{AppendForm, AppendMessage, FetchModifier, SearchKey, StoreAction};
pub use session::Initial;
