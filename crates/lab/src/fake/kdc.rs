//! A KDC that gives no ticket: one answer for each question, in their order. It counts the proofs of a password that it
//! was shown.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// A refusal by its number.
    No(u8),
    /// A proof is wanted, with one of these keys.
    Prove(Vec<u8>),
    /// These octets, with their length in front.
    Octets(Vec<u8>),
    /// An answer of so many octets, none of which come.
    Announces(u32),
    /// The connection ends.
    Close,
    /// Nothing, for ever.
    Silence,
}

/// A KDC; it ends with this handle.
pub struct Kdc {
    /// Where it listens.
    pub address: SocketAddr,
    proofs: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kdc {
    /// Starts it on a port of its own; its clock always shows `now`, and its last answer is said again and again.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(now: Timestamp, answers: &[Says]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (answers, proofs) = (answers.to_vec(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&proofs);
        let task = tokio::spawn(async move {
            let mut asked = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                let Ok(question) = read(&mut client).await else { continue };
                if question.windows(5).any(|w| w == PA_ENC_TIMESTAMP) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                let answer = answers.get(asked).or(answers.last()).cloned();
                asked += 1;
                tokio::spawn(async move {
                    // A client that hangs up is no fault of a fake.
                    _ = say(client, now, answer.unwrap_or(Says::Close)).await;
                });
            }
        });
        Ok(Self { address, proofs, task })
    }

    /// How often it was shown a proof of the password.
    pub fn proofs(&self) -> usize {
        self.proofs.load(Ordering::Relaxed)
    }
}

/// `[1] INTEGER 2`, which no question without a proof has.
// RFC 4120 §7.5.2
const PA_ENC_TIMESTAMP: [u8; 5] = [0xa1, 3, 2, 1, 2];

async fn read(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut question = vec![0; usize::try_from(length.min(1 << 20)).unwrap_or_default()];
    client.read_exact(&mut question).await?;
    Ok(question)
}

async fn say(mut client: TcpStream, now: Timestamp, answer: Says) -> io::Result<()> {
    let octets = match answer {
        Says::No(code) => error(now, code, None),
        Says::Prove(keys) => error(now, 25, Some(&wanted(&keys))),
        Says::Octets(octets) => octets,
        Says::Announces(length) => return client.write_u32(length).await,
        Says::Close => return Ok(()),
        Says::Silence => return std::future::pending().await,
    };
    client.write_u32(u32::try_from(octets.len()).unwrap_or_default()).await?;
    client.write_all(&octets).await
}

/// KRB-ERROR.
// RFC 4120 §5.9.1
fn error(now: Timestamp, code: u8, data: Option<&[u8]>) -> Vec<u8> {
    let time = now.strftime("%Y%m%d%H%M%SZ").to_string();
    let service =
        [field(0, &number(2)), field(1, &element(0x30, &[text("krbtgt"), text("EXAMPLE.ORG")].concat()))];
    let mut fields = vec![
        field(0, &number(5)),
        field(1, &number(30)),
        field(4, &element(0x18, time.as_bytes())),
        field(5, &number(0)),
        field(6, &number(code)),
        field(9, &text("EXAMPLE.ORG")),
        field(10, &element(0x30, &service.concat())),
    ];
    fields.extend(data.map(|data| field(12, &element(0x04, data))));
    element(0x7e, &element(0x30, &fields.concat()))
}

/// METHOD-DATA with ETYPE-INFO2.
// RFC 4120 §5.2.7.5
fn wanted(keys: &[u8]) -> Vec<u8> {
    let entry =
        |key: &u8| element(0x30, &[field(0, &number(*key)), field(1, &text("EXAMPLE.ORGsvc"))].concat());
    let entries = element(0x30, &keys.iter().flat_map(entry).collect::<Vec<u8>>());
    let hint = |kind, value: &[u8]| {
        element(0x30, &[field(1, &number(kind)), field(2, &element(0x04, value))].concat())
    };
    element(0x30, &[hint(19, &entries), hint(2, &[])].concat())
}

/// Tag, length, value.
fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or_default();
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), value].concat()
}

fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    element(0xa0 | tag, value)
}

/// A number up to 127.
fn number(value: u8) -> Vec<u8> {
    element(0x02, &[value])
}

fn text(value: &str) -> Vec<u8> {
    element(0x1b, value.as_bytes())
}
