//! Protocols to types and back, without sockets.
