//! A web server in a table: what is answered to which path, with and without a sign-in.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::ntlm::{Acceptor, Account, Step};

/// A status that is none: the connection is closed without a word.
pub const HANGS_UP: &str = "hangs up";

/// Whom a route answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    Anybody,
    /// Who signs in with exactly this Authorization header.
    Known(String),
    /// Whoever signed in by NTLM on this connection, under this word (`NTLM`, `Negotiate`).
    Windows(&'static str, Account),
}

/// One route: the first that fits answers.
#[derive(Clone, Debug)]
pub struct Route {
    /// The beginning of the path, without case.
    pub path: String,
    /// What the body must hold; nothing: whatever.
    pub holds: String,
    /// Whom it answers.
    pub whom: Whom,
    /// Status and reason, such as `401 Unauthorized`; nothing: no answer ever comes; or [`HANGS_UP`].
    pub status: String,
    /// Headers; `{port}` in one is the port of the server itself.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
    /// Whether the connection ends behind it.
    pub ends: Ends,
}

/// Whether the connection ends behind an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// It stays.
    #[default]
    Never,
    /// It ends, and the answer says so.
    Said,
    /// It ends without a word.
    Unsaid,
}

impl Route {
    /// An answer to everybody.
    pub fn to(path: &str, status: &str) -> Self {
        Self {
            path: path.to_owned(),
            holds: String::new(),
            whom: Whom::Anybody,
            status: status.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            ends: Ends::Never,
        }
    }

    /// The same, and then the connection ends.
    #[must_use]
    pub fn ending(self, ends: Ends) -> Self {
        let route = Self { ends, ..self };
        if ends == Ends::Said { route.with("Connection: close") } else { route }
    }

    /// The same for who signs in.
    #[must_use]
    pub fn known(self, authorization: &str) -> Self {
        Self { whom: Whom::Known(authorization.to_owned()), ..self }
    }

    /// The same for who signed in by NTLM on the connection.
    #[must_use]
    pub fn windows(self, word: &'static str, account: &Account) -> Self {
        Self { whom: Whom::Windows(word, account.clone()), ..self }
    }

    /// The same for bodies that hold this.
    #[must_use]
    pub fn holding(self, words: &str) -> Self {
        Self { holds: words.to_owned(), ..self }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn saying(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }
}

/// A web server; it ends with this handle. Several lists of routes are the servers behind a balancer, one after the
/// other, a connection each.
pub struct Web {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Web {
    /// Starts it, with TLS or without.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(tls: Option<TlsAcceptor>, servers: Vec<Vec<Route>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (servers, turn) = (Arc::new(servers), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let at = turn.fetch_add(1, Ordering::Relaxed) % servers.len().max(1);
                let (servers, tls) = (servers.clone(), tls.clone());
                tokio::spawn(async move {
                    let Some(routes) = servers.get(at) else { return };
                    // A client that hangs up is no fault of a fake.
                    _ = serve(routes, tls, tcp).await;
                });
            }
        });
        Ok(Self { address, task })
    }
}

async fn serve(routes: &[Route], tls: Option<TlsAcceptor>, tcp: TcpStream) -> io::Result<()> {
    let port = tcp.local_addr()?.port();
    match tls {
        Some(tls) => answer_all(routes, port, tls.accept(tcp).await?).await,
        None => answer_all(routes, port, tcp).await,
    }
}

async fn answer_all(
    routes: &[Route],
    port: u16,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut acceptor, mut signed_in): (Option<Acceptor>, bool) = (None, false);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_lowercase();
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
                break;
            }
            let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => value.trim().clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let body = String::from_utf8_lossy(&body);
        let windows = routes.iter().find_map(|route| match &route.whom {
            Whom::Windows(word, account) => Some((*word, account)),
            _ => None,
        });
        if let Some((word, account)) = windows
            && let Some(message) = authorization.strip_prefix(&format!("{word} "))
        {
            let message = STANDARD.decode(message).unwrap_or_default();
            if acceptor.is_none() {
                acceptor = Acceptor::of(account);
            }
            match acceptor.as_mut().map_or(Step::Refused, |acceptor| acceptor.take(&message)) {
                Step::Challenge(token) => {
                    let told = format!("WWW-Authenticate: {word} {}", STANDARD.encode(token));
                    write(&mut stream, port, &Route::to("", "401 Unauthorized").with(&told)).await?;
                    continue;
                }
                Step::Known => signed_in = true,
                Step::Refused => acceptor = None,
            }
        }
        let fits = |route: &&Route| {
            let known = match &route.whom {
                Whom::Anybody => true,
                Whom::Known(wanted) => *wanted == authorization,
                Whom::Windows(..) => signed_in,
            };
            known && path.starts_with(&route.path.to_lowercase()) && body.contains(&route.holds)
        };
        let nothing = Route::to("", "404 Not Found");
        let route = routes.iter().find(fits).unwrap_or(&nothing);
        if route.status.is_empty() {
            return std::future::pending().await;
        }
        if route.status == HANGS_UP {
            return Ok(());
        }
        write(&mut stream, port, route).await?;
        if route.ends != Ends::Never {
            return stream.shutdown().await;
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), port: u16, route: &Route) -> io::Result<()> {
    let mut answer = format!("HTTP/1.1 {}\r\nContent-Length: {}\r\n", route.status, route.body.len());
    let own = port.to_string();
    route.headers.iter().for_each(|header| answer += &format!("{}\r\n", header.replace("{port}", &own)));
    answer += "\r\n";
    answer += &route.body;
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}
