//! The socket of the service, with TLS or without.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use axum_server::{Handle, Server, tls_rustls::RustlsConfig};
use rustls::ServerConfig;

use super::bounded::{Bounded, Peer};
use crate::exit::Failure;

/// How long a client may take for its half of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request; also how long a connection may rest between two.
const HEAD: Duration = Duration::from_secs(10);

/// Takes the address.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let refused = |e: std::io::Error| Failure::Usage("SERVICE_LISTEN", format!("{address}: {e}"));
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// Answers until the handle says otherwise.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    handle: Handle<Peer>,
) -> Result<(), Failure> {
    let app = router.into_make_service_with_connect_info::<SocketAddr>();
    let failed = |e: std::io::Error| Failure::own(format!("listening: {e}"));
    let server = Server::<Peer>::from_listener(Bounded::over(listener).map_err(failed)?).handle(handle);
    let ended = match tls {
        Some(tls) => {
            let acceptor = axum_server::tls_rustls::RustlsAcceptor::new(RustlsConfig::from_config(tls))
                .handshake_timeout(HANDSHAKE);
            let mut server = server.acceptor(acceptor);
            patient(server.http_builder());
            server.serve(app).await
        }
        None => {
            let mut server = server;
            patient(server.http_builder());
            server.serve(app).await
        }
    };
    ended.map_err(failed)
}

/// A client that says nothing is let go.
fn patient(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEAD);
}
