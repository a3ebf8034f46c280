//! Whether TLS can be begun at all, and what is on the port if not.

use std::{io, net::SocketAddr, time::Duration};

use mailferry_model::port::Cx;
use rustls::AlertDescription;
use tokio_rustls::client::TlsStream;

use super::{
    Fault, Told,
    legacy::{self, Newest},
    speaks::{self, Asked, Speaks},
};
use crate::net::{
    Plain, Reach, Trust,
    tls::{Broken, Shown, shake},
};

/// How long a handshake may take in a test.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// A handshake that takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(2);

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// With the first octet.
    AtOnce,
    /// After both sides agreed to it in plain text: what the port says first tells nothing more.
    OnRequest,
}

/// Where a handshake is tried.
pub struct Door<'a> {
    /// The way there.
    pub reach: &'a Reach,
    /// Whom the settings trust.
    pub trust: &'a Trust,
    /// The name.
    pub host: &'a str,
    /// The address that took the connection.
    pub address: SocketAddr,
    /// When TLS begins.
    pub begun: Begun,
    /// What is asked for there.
    pub asked: Asked,
}

/// Begins TLS and accepts any certificate; [`super::certificate`] judges it.
///
/// # Errors
/// Why it cannot be begun.
pub async fn ask(cx: &Cx, door: &Door<'_>, tcp: Plain) -> Result<(TlsStream<Plain>, Shown), Fault> {
    let limit = HANDSHAKE.min(cx.put_timeout);
    match shake(cx, door.trust, door.host, limit, tcp).await {
        Ok(shaken) => Ok(shaken),
        Err(broken) => {
            let fault = judge(cx, door, broken).await;
            Err(fault.with("host", door.host).with("port", door.address.port().to_string()))
        }
    }
}

/// The same with a word on a handshake that took long, unless there is a more pressing one.
pub fn timed(told: Told, took: Duration) -> Told {
    if took <= SLOW || told.warning.is_some() {
        return told;
    }
    let milliseconds = took.as_millis().to_string();
    let evidence = format!("the handshake took {milliseconds} ms; {}", told.evidence);
    let warning = Fault::warn("TLS_SLOW").with("milliseconds", milliseconds).shown(evidence);
    told.but(Some(warning))
}

async fn judge(cx: &Cx, door: &Door<'_>, broken: Broken) -> Fault {
    match broken {
        Broken::Cancelled => Fault::fail("TLS_SILENT"),
        Broken::Silent => Fault::fail("TLS_SILENT").shown("no answer to the handshake in time"),
        Broken::Settings(words) => {
            Fault::fail("CERTIFICATE_CA_FILE").with("words", words.clone()).shown(words)
        }
        Broken::Tls(rustls::Error::InvalidMessage(_)) => plain(cx, door).await,
        Broken::Tls(error) => refused(cx, door, &error).await,
        Broken::Io(error) => match error.kind() {
            io::ErrorKind::InvalidData => plain(cx, door).await,
            _ => closed(cx, door, &error).await,
        },
    }
}

/// Hung up: old servers do that to greetings that are too new for them.
async fn closed(cx: &Cx, door: &Door<'_>, error: &io::Error) -> Fault {
    if let Some(Newest::Old(version)) = legacy::ask(cx, door.reach, door.address, door.host).await {
        return Fault::fail("TLS_OLD_VERSIONS").with("version", version).shown(format!("only {version}"));
    }
    if door.begun == Begun::OnRequest {
        return Fault::fail("TLS_CLOSED").shown(error.to_string());
    }
    // Others hang up because they take the greeting for a faulty command of their own.
    let heard = speaks::hear(cx, door.reach, door.address, door.host).await;
    match heard.speaks {
        Speaks::Silent | Speaks::Other | Speaks::Tls => Fault::fail("TLS_CLOSED").shown(error.to_string()),
        known => known.without_tls(door.asked).shown(heard.words),
    }
}

async fn refused(cx: &Cx, door: &Door<'_>, error: &rustls::Error) -> Fault {
    use AlertDescription as Alert;
    let words = error.to_string();
    let may_be_old = matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity
        ) | rustls::Error::PeerIncompatible(_)
    );
    let newest = match may_be_old {
        true => legacy::ask(cx, door.reach, door.address, door.host).await,
        false => None,
    };
    if let Some(Newest::Old(version)) = newest {
        let shown = format!("{words}; only {version}");
        return Fault::fail("TLS_OLD_VERSIONS").with("version", version).shown(shown);
    }
    let code = match error {
        _ if newest == Some(Newest::Tls12) => "TLS_NO_COMMON_CIPHER",
        rustls::Error::AlertReceived(Alert::ProtocolVersion) => {
            return Fault::fail("TLS_OLD_VERSIONS").with("version", "TLS 1.1").shown(words);
        }
        rustls::Error::AlertReceived(Alert::UnrecognisedName) => "TLS_NAME_UNKNOWN",
        rustls::Error::AlertReceived(Alert::CertificateRequired) => "TLS_CLIENT_CERTIFICATE",
        rustls::Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
        | rustls::Error::PeerIncompatible(_) => "TLS_NO_COMMON_CIPHER",
        _ => "TLS_BROKEN",
    };
    Fault::fail(code).with("words", words.clone()).shown(words)
}

/// The port speaks something without TLS: what?
async fn plain(cx: &Cx, door: &Door<'_>) -> Fault {
    if door.begun == Begun::OnRequest {
        let words = "the server went on in plain text after it had agreed to TLS";
        return Fault::fail("TLS_BROKEN").with("words", words).shown(words);
    }
    let heard = speaks::hear(cx, door.reach, door.address, door.host).await;
    heard.speaks.without_tls(door.asked).shown(heard.words)
}
