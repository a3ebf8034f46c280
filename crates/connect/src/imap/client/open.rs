//! From an account to a signed-in connection: name, connection, security, sign-in.

use std::sync::Arc;

use mailferry_model::{Result, Side, port::Cx};
use mailferry_wire::imap::{Capability, Command, NameEncoding, SelectMode};

use super::{
    account::{Security, Server, SignIn},
    conn::{Conn, Prepared, Rank},
    pipe::{Answers, Ask, Wants},
    talk::Talk,
};
use crate::net::{Pacer, Stream, once, tcp, tls};

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
        Security::StartTls => Talk::begin(cx, Stream::Plain(tcp)).await?.start_tls(server).await,
        Security::None => {
            let place = format!("{}:{}", server.host, server.port);
            if once::is_first(cx.side, &place, "not encrypted") {
                tracing::warn!(side = ?cx.side, "the connection is not encrypted, as the settings say");
            }
            Talk::begin(cx, Stream::Plain(tcp)).await
        }
    }
}

/// Signs in and starts the connection; ENABLE, ID and NAMESPACE follow in one go.
///
/// # Errors
/// As [`greet`], and what the sign-in says.
pub async fn open(cx: &Cx, pacer: &Arc<Pacer>, account: &Account, rank: Rank) -> Result<Fresh> {
    let mut talk = greet(cx, &account.server).await?;
    talk.sign_in(&account.server, &account.who).await?;
    let (stream, framer, tag, caps) = talk.into_parts();
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
    let conn = Conn::start(Prepared { cx, pacer, rank, stream, framer, tag, caps, encoding, mode });
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
