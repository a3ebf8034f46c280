//! What an item is recognised by: header key, digest, marker. Equal keys are counted, never merged.
//!
//! Keys are computed where bytes are read (connectors, over `codec`); here are only their shapes.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! hashes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                self.0[..4].iter().try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("…)")
            }
        }
    )+};
}

hashes! {
    /// BLAKE3-128 over Message-ID, Date, From and Subject (first of each, unfolded, white space folded).
    HeaderKey,
    /// BLAKE3-128 over the whole body with line ends normalised to CRLF, those at the very end left out.
    Digest,
    /// HMAC of mailbox and source id, written as a named property where the target has such.
    Marker,
}
