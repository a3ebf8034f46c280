//! Typed identifiers. Rows of ours have 16-byte ids; what a mail system calls its own stays opaque bytes.
//!
//! Ids are made by the store (UUID version 7, RFC 9562), never here: the model draws no random numbers. Opaque ids
//! of up to 16 bytes, as IMAP has them, need no memory of their own: a pass clones them all the time.

use std::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use uuid::Uuid;

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

row_ids! {
    /// An endpoint.
    EndpointId,
    /// A batch.
    BatchId,
    /// A user (one mailbox) of a batch.
    UserId,
    /// One source mailbox into one target mailbox: what a ledger belongs to.
    MailboxId,
    /// A row of work.
    JobId,
    /// A sealed secret.
    SecretId,
    /// Somebody who may sign in.
    AccountId,
    /// A sign-in.
    SessionId,
    /// A token for programs.
    TokenId,
    /// A test of an endpoint that was ordered.
    EndpointTestId,
    /// A verification that was ordered.
    VerificationId,
    /// A scan that was ordered.
    ScanId,
    /// A channel for notices.
    ChannelId,
    /// A notice on its way to a channel.
    DeliveryId,
}

macro_rules! opaque_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(SmallVec<[u8; 16]>);

        impl $name {
            /// Takes any bytes as they are.
            pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Self {
                Self(SmallVec::from_slice(bytes.as_ref()))
            }

            /// The bytes as the mail system's connector wrote them.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.escape_ascii())
            }
        }
    )+};
}

opaque_ids! {
    /// A folder as its mail system knows it: stable over a session, in most systems over a rename too.
    FolderId,
    /// An item of the source, unique within its folder for ever: after a folder was numbered anew (another IMAP
    /// UIDVALIDITY) no id of before means another item. So an IMAP id holds UIDVALIDITY and UID.
    ItemId,
    /// An item of the target, unique within its folder for ever, as an [`ItemId`] is.
    TargetId,
    /// Where a source's list of changes was left. Opaque; made and read by one connector.
    Cursor,
    /// Where a target folder stood at one moment: everything put later lies beyond it.
    Mark,
    /// Equal fingerprints of a folder mean that nothing in it changed.
    Fingerprint,
}
