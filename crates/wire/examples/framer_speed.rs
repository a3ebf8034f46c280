//! Measures the response framer in memory: `cargo run --release -p mailferry-wire --example framer_speed`.
//!
//! Feeds FETCH answers with bodies through reads of the offered size and compares with a plain memcpy of the same
//! octets, which is what the socket read costs at least. Asserts nothing.

use bytes::BufMut;
use mailferry_wire::imap::{Data, Event, Limits, Reply, ResponseFramer};
use std::{hint::black_box, time::Instant};

const MESSAGES: usize = 10_000;
const BODY: usize = 48_700;

fn main() {
    let mut answer = format!(
        "* 1234 FETCH (UID 1234 FLAGS (\\Seen $Forwarded) INTERNALDATE \"01-Sep-2025 10:00:00 +0000\" \
         RFC822.SIZE {BODY} MODSEQ (777) BODY[] {{{BODY}}}\r\n"
    )
    .into_bytes();
    answer.extend((0..BODY).map(|i| if i % 76 == 75 { b'\n' } else { b'x' }));
    answer.extend_from_slice(b")\r\n");
    let total = (answer.len() * MESSAGES) as f64 / 1e9;

    for round in 0..3 {
        let copy = plain_copy(&answer);
        for (name, stream_min, read) in [
            ("whole, 64 KiB reads", 256 << 10, 64 << 10),
            ("whole, 256 KiB reads", 256 << 10, 256 << 10),
            ("streamed, 64 KiB reads", 4 << 10, 64 << 10),
        ] {
            let started = Instant::now();
            let octets = frame(&answer, Limits { stream_min, read, ..Limits::default() });
            let seconds = started.elapsed().as_secs_f64();
            assert_eq!(octets, BODY * MESSAGES);
            println!(
                "{round} {name}: {:.2} GB/s ({seconds:.3} s); memcpy alone {:.2} GB/s",
                total / seconds,
                total / copy
            );
        }
    }
}

fn plain_copy(answer: &[u8]) -> f64 {
    let mut room = vec![0; answer.len()];
    let started = Instant::now();
    for _ in 0..MESSAGES {
        room.copy_from_slice(black_box(answer));
        black_box(&room);
    }
    started.elapsed().as_secs_f64()
}

fn frame(answer: &[u8], limits: Limits) -> usize {
    let mut framer = ResponseFramer::with_limits(limits);
    let (mut octets, mut message, mut at) = (0, 0, 0);
    while message < MESSAGES {
        let mut room = framer.spare();
        while room.has_remaining_mut() && message < MESSAGES {
            let count = room.remaining_mut().min(answer.len() - at);
            room.put_slice(&answer[at..at + count]);
            at += count;
            if at == answer.len() {
                (at, message) = (0, message + 1);
            }
        }
        while let Ok(Some(event)) = framer.next() {
            match event {
                Event::LiteralChunk(chunk) => octets += black_box(&chunk).len(),
                Event::Response(frame) => {
                    if let Ok(Reply::Fetch(fetch)) = Reply::parse(&frame)
                        && let Some(Data::Bytes(body)) = fetch.body()
                    {
                        octets += black_box(body).len();
                    }
                }
                _ => {}
            }
        }
    }
    octets
}
