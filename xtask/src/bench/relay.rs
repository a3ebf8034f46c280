//! A relay between two ports of this machine that adds round-trip time and takes no bandwidth.
//!
//! Every byte arrives half a round trip later; what is sent meanwhile flows on. So pipelining pays
//! and waiting for each answer costs, as over a real distance. The same for all that is measured.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::peers::process::local;

/// Bytes that may be under way in one direction: far more than any window that is measured.
const WINDOW: usize = 16 << 20;
const PIECE: usize = 256 << 10;

/// Listens until the process ends; the port on which it does.
pub fn start(target: u16, round_trip: Duration) -> Result<u16> {
    let listener = TcpListener::bind(local(0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || accept(&listener, target, round_trip / 2));
    Ok(port)
}

/// Listens on a port for ever.
pub fn run(listen: u16, target: u16, round_trip: Duration) -> Result<()> {
    let listener = TcpListener::bind(local(listen))?;
    println!("127.0.0.1:{listen} → 127.0.0.1:{target}, round trip {} ms", round_trip.as_millis());
    accept(&listener, target, round_trip / 2);
    Ok(())
}

fn accept(listener: &TcpListener, target: u16, half: Duration) {
    for client in listener.incoming().flatten() {
        thread::spawn(move || {
            // Connecting costs a round trip too: one half here, the other before the greeting.
            thread::sleep(half);
            let Ok(server) = TcpStream::connect(local(target)) else { return };
            let _ = link(&client, &server, half);
        });
    }
}

fn link(client: &TcpStream, server: &TcpStream, half: Duration) -> std::io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        from.set_nodelay(true)?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || pump(from, to, half));
    }
    Ok(())
}

/// How full a direction is.
#[derive(Default)]
struct Level {
    bytes: Mutex<usize>,
    changed: Condvar,
}

impl Level {
    fn rise(&self, by: usize) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while *bytes > WINDOW {
            bytes = self.changed.wait(bytes).unwrap_or_else(PoisonError::into_inner);
        }
        *bytes += by;
    }

    fn fall(&self, by: usize) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= by;
        self.changed.notify_one();
    }
}

fn pump(mut from: TcpStream, to: TcpStream, half: Duration) {
    let level = Arc::new(Level::default());
    let (queue, waiting) = mpsc::channel::<(Instant, Vec<u8>)>();
    let falling = Arc::clone(&level);
    let sender = thread::spawn(move || deliver(to, &waiting, &falling));
    let mut piece = vec![0; PIECE];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        let Some(bytes) = piece.get(..n) else { break };
        level.rise(n);
        if queue.send((Instant::now() + half, bytes.to_vec())).is_err() {
            break;
        }
    }
    drop(queue);
    let _ = sender.join();
}

fn deliver(mut to: TcpStream, waiting: &mpsc::Receiver<(Instant, Vec<u8>)>, level: &Level) {
    let mut broken = false;
    while let Ok((due, bytes)) = waiting.recv() {
        if !broken {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            broken = to.write_all(&bytes).is_err();
        }
        level.fall(bytes.len());
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use crate::peers::process::local;

    #[test]
    fn a_round_trip_takes_its_time_and_bytes_stay_the_same() {
        let server = TcpListener::bind(local(0)).unwrap();
        let port = server.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(&all).unwrap();
        });
        let relay = super::start(port, Duration::from_millis(40)).unwrap();
        let (began, sent) = (Instant::now(), vec![7; 3 << 20]);
        let mut stream = TcpStream::connect(local(relay)).unwrap();
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert!(got == sent && began.elapsed() >= Duration::from_millis(60));
    }
}
