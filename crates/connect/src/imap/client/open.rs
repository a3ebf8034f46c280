//! From an account to a signed-in connection: name, connection, security, sign-in.

use std::{pin::pin, sync::Arc, time::Duration};

use mailferry_model::{Error, Kind, Result, Side, port::Cx};
use mailferry_wire::imap::{Capability, Command, NameEncoding, SelectMode};

use super::{
    account::{Security, Server, SignIn},
    conn::{Conn, Prepared, Rank},
    pipe::{Answers, Ask, Wants},
    talk::Talk,
};
use crate::net::{Pacer, Plain, Stream, once, tcp, tls};

/// How long a server may say nothing before it is tried whether it waits for TLS.
const SILENCE: Duration = Duration::from_secs(3);
/// How long that handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What to sign in to and as whom.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where.
    pub server: Server,
    /// Who.
    pub who: SignIn,
}

/// A connection with the answers to what was sent right behind the sign-in.
pub struct Fresh {
    /// The connection.
    pub conn: Conn,
    /// To ENABLE, where something is enabled.
    pub enabled: Option<Answers>,
    /// To NAMESPACE, where the server has it.
    pub namespaces: Option<Answers>,
}

/// Connects and greets; secured as the settings say.
///
/// # Errors
/// `Unreachable`, `Tls`, `Timeout`, or what the greeting says.
pub async fn greet(cx: &Cx, server: &Server) -> Result<Talk> {
    let addresses = tcp::resolve(cx, &server.reach, &server.host, server.port).await?;
    let tcp = tcp::connect(cx, &server.reach, &addresses).await?;
    match server.security {
        Security::Ssl => {
            let secured = tls::secure(cx, &server.trust, &server.host, tcp).await?;
            Talk::begin(cx, Stream::Tls(Box::new(secured))).await
        }
        Security::StartTls => welcome(cx, server, tcp).await?.start_tls(server).await,
        Security::None => {
            let place = format!("{}:{}", server.host, server.port);
            if once::is_first(cx.side, &place, "not encrypted") {
                tracing::warn!(side = ?cx.side, "the connection is not encrypted, as the settings say");
            }
            welcome(cx, server, tcp).await
        }
    }
}

/// Takes a connection without TLS and reads the greeting. A port for TLS says nothing before a handshake begins: where
/// nothing comes, a handshake is tried meanwhile on a connection of its own.
///
/// # Errors
/// As [`Talk::begin`], and `Tls` where the port wants TLS from the start.
pub async fn welcome(cx: &Cx, server: &Server, tcp: Plain) -> Result<Talk> {
    let mut greeted = pin!(Talk::begin(cx, Stream::Plain(tcp)));
    tokio::select! {
        talk = &mut greeted => return talk,
        () = cx.clock.sleep(SILENCE) => {}
    }
    tokio::select! {
        talk = &mut greeted => talk,
        true = takes_tls(cx, server) => {
            let text = format!("port {} says nothing until TLS begins", server.port);
            let code = if cx.side == Side::Target { "TARGET_TLS_EXPECTED" } else { "SOURCE_TLS_EXPECTED" };
            Err(Error::new(Kind::Tls, cx.side, "secure connection", text).code_of(code))
        }
    }
}

/// Whether a handshake succeeds on a connection of its own; no secret is sent on it.
async fn takes_tls(cx: &Cx, server: &Server) -> bool {
    let Ok(addresses) = tcp::resolve(cx, &server.reach, &server.host, server.port).await else {
        return false;
    };
    let Ok(tcp) = tcp::connect(cx, &server.reach, &addresses).await else { return false };
    tls::shake(cx, &server.trust, &server.host, HANDSHAKE.min(cx.put_timeout), tcp).await.is_ok()
}

/// Signs in and starts the connection; ENABLE, ID and NAMESPACE follow in one go.
///
/// # Errors
/// As [`greet`], and what the sign-in says.
pub async fn open(cx: &Cx, pacer: &Arc<Pacer>, account: &Account, rank: Rank) -> Result<Fresh> {
    let mut talk = greet(cx, &account.server).await?;
    talk.sign_in(&account.server, &account.who).await?;
    let (stream, framer, tag, caps, mask) = talk.into_parts();
    let utf8 = caps.has(Capability::Utf8Only);
    let mode = if cx.side == Side::Source { SelectMode::ReadOnly } else { SelectMode::ReadWrite };
    let encoding = if utf8 { NameEncoding::Utf8 } else { NameEncoding::ModifiedUtf7 };
    let mut enable = Vec::new();
    if cx.side == Side::Source && caps.has(Capability::QResync) {
        enable.push("QRESYNC");
    }
    if utf8 {
        enable.push("UTF8=ACCEPT");
    }
    let (cx, pacer) = (cx.clone(), pacer.clone());
    let conn = Conn::start(Prepared { cx, pacer, rank, stream, framer, tag, caps, mask, encoding, mode });
    let can = |capability| conn.caps().has(capability);
    let enabled = (can(Capability::Enable) && !enable.is_empty())
        .then(|| conn.send(Ask::of(Command::enable(&enable), Wants::Session)));
    if can(Capability::Id) {
        let fields = [("name", "mailferry"), ("version", env!("CARGO_PKG_VERSION"))];
        drop(conn.send(Ask::of(Command::id(&fields), Wants::Session)));
    }
    let namespaces =
        can(Capability::Namespace).then(|| conn.send(Ask::of(Command::namespace(), Wants::List)));
    Ok(Fresh { conn, enabled, namespaces })
}
