//! The only code that opens sockets: names, connections, their security, and pauses that the other side asked for.
//!
//! Speaks no protocol above TLS.

pub mod dns;
pub mod heard;
pub mod http;
pub mod kerberos;
pub mod mask;
pub mod ntlm;
pub mod once;
pub mod pacer;
pub mod proxy;
pub mod reach;
pub mod stream;
pub mod tcp;
pub mod tls;

pub use pacer::Pacer;
pub use reach::Reach;
pub use stream::Stream;
pub use tls::{Authorities, Certificate, Trust};
/// A connection that nothing secures yet.
pub use tokio::net::TcpStream as Plain;
