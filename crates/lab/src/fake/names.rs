//! A DNS server that knows a few names and fails on others in one way.

use std::{collections::HashMap, io, net::Ipv4Addr, net::SocketAddr, sync::Arc};

use tokio::{net::UdpSocket, task::JoinHandle};

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// These addresses.
    Addresses(Vec<Ipv4Addr>),
    /// A service: host and port.
    Service(&'static str, u16),
    /// The host that takes the domain's mail.
    Mail(&'static str),
    /// MX and TXT records by their numbers, 15 and 16, as zone files write them.
    Zone(Vec<(u16, &'static str)>),
    /// Another name for this one.
    Alias(&'static str),
    /// The name, and nothing of it.
    Nothing,
    /// Its own servers fail.
    Fails,
    /// It is not for us.
    Refused,
    /// The question is not understood.
    NotImplemented,
    /// No answer at all.
    Silence,
}

/// A DNS server; it ends with this handle. What it does not know does not exist.
pub struct NameServer {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NameServer {
    /// Starts it on a port of its own.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(known: &[(&str, Known)]) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let known: HashMap<String, Known> = known.iter().map(|(n, k)| ((*n).to_owned(), k.clone())).collect();
        let known = Arc::new(known);
        let task = tokio::spawn(async move {
            let mut question = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                if let Some(answer) = answer(&known, &question[..length]) {
                    _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Ok(Self { address, task })
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const MX: u16 = 15;
const SRV: u16 = 33;

/// The answer to a question with one name.
// RFC 1035 §4.1
fn answer(known: &HashMap<String, Known>, question: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name_at(question, 12)?;
    let kind = u16::from_be_bytes([*question.get(end)?, *question.get(end + 1)?]);
    let (code, records): (u8, Vec<Vec<u8>>) = match known.get(&name) {
        None => (3, Vec::new()),
        Some(Known::Silence) => return None,
        Some(Known::Fails) => (2, Vec::new()),
        Some(Known::Refused) => (5, Vec::new()),
        Some(Known::NotImplemented) => (4, Vec::new()),
        Some(Known::Alias(other)) => (0, vec![record(CNAME, &name_of(other))]),
        Some(Known::Addresses(all)) if kind == A => (0, all.iter().map(|a| record(A, &a.octets())).collect()),
        Some(Known::Service(host, port)) if kind == SRV => (0, vec![record(SRV, &service(host, *port))]),
        Some(Known::Mail(host)) if kind == MX => {
            (0, vec![record(MX, &[&[0, 10], &name_of(host)[..]].concat())])
        }
        Some(Known::Zone(all)) => {
            let asked = all.iter().filter(|(of, _)| *of == kind);
            (0, asked.map(|(of, text)| record(*of, &written(*of, text))).collect())
        }
        Some(_) => (0, Vec::new()),
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1]);
    answer.extend((records.len() as u16).to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(question.get(12..end + 4)?);
    records.iter().for_each(|record| answer.extend(record));
    Some(answer)
}

/// A name and where it ends.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

/// A record about the name that was asked for.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 12];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend((data.len() as u16).to_be_bytes());
    record.extend(data);
    record
}

/// What a zone file writes of an MX or a TXT record.
fn written(kind: u16, text: &str) -> Vec<u8> {
    match text.split_once(' ').filter(|_| kind == MX) {
        Some((preference, host)) => {
            [&preference.parse::<u16>().unwrap_or(0).to_be_bytes()[..], &name_of(host)].concat()
        }
        None => text.as_bytes().chunks(255).flat_map(|part| [&[part.len() as u8], part].concat()).collect(),
    }
}

// RFC 2782
fn service(host: &str, port: u16) -> Vec<u8> {
    let mut data = vec![0, 1, 0, 1];
    data.extend(port.to_be_bytes());
    data.extend(name_of(host));
    data
}

fn name_of(host: &str) -> Vec<u8> {
    let labels = host.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}
