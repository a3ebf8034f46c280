//! Bodies of messages: octets kept, or grown from a seed whenever they are read, so that size costs no memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Octets of a line of grown text, its end included.
const LINE: u64 = 64;

/// What is read at once where bodies are passed on.
pub(super) const PIECE: u64 = 64 << 10;

/// The octets of a message.
#[derive(Clone, Debug)]
pub struct Body(Form);

#[derive(Clone, Debug)]
enum Form {
    Kept(Bytes),
    Grown { seed: u64, size: u64 },
}

impl Body {
    /// A well-formed message of plain text, different for each seed, that costs no memory; a little larger than
    /// asked where `size` leaves no room for its head.
    pub fn grown(seed: u64, size: u64) -> Self {
        let mut size = size.max(300);
        // The head names the size, so that its own length must be taken again; one octet more than whole lines
        // would leave a lone CR.
        loop {
            match size.checked_sub(Self::grown_head(seed, size).len() as u64) {
                Some(text) if text >= 2 && text % LINE != 1 => break,
                _ => size += 1,
            }
        }
        Self(Form::Grown { seed, size })
    }

    /// How many octets there are.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Form::Kept(bytes) => bytes.len() as u64,
            Form::Grown { size, .. } => *size,
        }
    }

    /// The octets of a range, which is cut to what there is.
    pub fn read(&self, range: Range<u64>) -> Bytes {
        let range = range.start.min(self.size())..range.end.min(self.size());
        match &self.0 {
            _ if range.is_empty() => Bytes::new(),
            Form::Kept(bytes) => bytes.slice(range.start as usize..range.end as usize),
            Form::Grown { seed, size } => grow(*seed, *size, range),
        }
    }

    /// All octets.
    pub fn to_bytes(&self) -> Bytes {
        self.read(0..self.size())
    }

    /// Where the head ends: behind its empty line, or at the end where there is none.
    pub(super) fn head_size(&self) -> u64 {
        match &self.0 {
            Form::Kept(bytes) => head_size(bytes) as u64,
            Form::Grown { seed, size } => Self::grown_head(*seed, *size).len() as u64,
        }
    }

    /// Whether it is made anew for each reading.
    pub fn is_grown(&self) -> bool {
        matches!(self.0, Form::Grown { .. })
    }

    /// The grown message whose octets begin so, where they do.
    pub(super) fn recognize(start: &[u8]) -> Option<Self> {
        let start = std::str::from_utf8(&start[..start.len().min(128)]).ok()?;
        let (seed, size) = start.strip_prefix(MARK)?.split_once("\r\n")?.0.split_once(' ')?;
        let size: u64 = size.parse().ok()?;
        Some(Self::grown(seed.parse().ok()?, size)).filter(|body| body.size() == size)
    }

    fn grown_head(seed: u64, size: u64) -> String {
        let (day, hour, minute) = (seed % 28 + 1, seed / 28 % 24, seed / 672 % 60);
        format!(
            "{MARK}{seed} {size}\r\nDate: {day} Mar 2025 {hour:02}:{minute:02}:07 +0000\r\n\
             From: Lab <lab@example.org>\r\nTo: You <you@example.org>\r\nSubject: Message {seed}\r\n\
             Message-ID: <{seed}.{size}@lab.example.org>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        )
    }
}

const MARK: &str = "X-Lab-Grown: ";

fn grow(seed: u64, size: u64, range: Range<u64>) -> Bytes {
    let head = Body::grown_head(seed, size);
    let head_size = head.len() as u64;
    let mut out = BytesMut::with_capacity((range.end - range.start) as usize + 2 * LINE as usize);
    if range.start < head_size {
        out.extend_from_slice(&head.as_bytes()[range.start as usize..(range.end.min(head_size)) as usize]);
    }
    let (from, to) = (range.start.max(head_size) - head_size, range.end.max(head_size) - head_size);
    let mut at = from;
    while at < to {
        let line = text_line(seed, at / LINE);
        let skip = at % LINE;
        let count = (LINE - skip).min(to - at);
        out.extend_from_slice(&line[skip as usize..(skip + count) as usize]);
        at += count;
    }
    for (place, octet) in [(size - 2, b'\r'), (size - 1, b'\n')] {
        if range.contains(&place) {
            out[(place - range.start) as usize] = octet;
        }
    }
    out.freeze()
}

fn text_line(seed: u64, number: u64) -> [u8; LINE as usize] {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,";
    // SplitMix64: one number for each line is enough to tell messages apart.
    let mut mixed = (seed ^ number.wrapping_mul(0x2545_F491_4F6C_DD1D)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let mut word = [0; 8];
    for (i, letter) in word.iter_mut().enumerate() {
        *letter = LETTERS[(mixed >> (6 * i)) as usize & 63];
    }
    let mut line = [0; LINE as usize];
    for part in line.chunks_exact_mut(8) {
        part.copy_from_slice(&word);
    }
    // No line begins with a letter that would change in transport.
    line[0] = b'|';
    line[LINE as usize - 3] = b'|';
    line[LINE as usize - 2] = b'\r';
    line[LINE as usize - 1] = b'\n';
    line
}

/// Where the head of a message ends; line ends may be CRLF or LF.
pub(super) fn head_size(bytes: &[u8]) -> usize {
    let mut start = 0;
    for (i, octet) in bytes.iter().enumerate() {
        if *octet == b'\n' {
            if matches!(&bytes[start..i], b"" | b"\r") {
                return i + 1;
            }
            start = i + 1;
        }
    }
    bytes.len()
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Kept(a), Form::Kept(b)) => a == b,
            (Form::Grown { seed: a, size: n }, Form::Grown { seed: b, size: m }) => (a, n) == (b, m),
            _ => self.size() == other.size() && self.to_bytes() == other.to_bytes(),
        }
    }
}

impl Eq for Body {}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Form::Kept(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole() {
        for (seed, size) in [(1, 0), (2, 900), (3, 100_001), (77, 64_000), (5, 999), (6, 1000)] {
            let body = Body::grown(seed, size);
            let whole = body.to_bytes();
            assert!(whole.len() as u64 == body.size() && body.size() >= size);
            let pieces: Vec<u8> =
                (0..body.size()).step_by(37).flat_map(|at| body.read(at..at + 37)).collect();
            assert_eq!(pieces, whole);
            assert!(whole.ends_with(b"\r\n") && !whole.windows(2).any(|w| w == b"\r\r"));
            assert_eq!(head_size(&whole) as u64, body.head_size());
            assert_eq!(Body::recognize(&whole), Some(body));
        }
        assert_ne!(Body::grown(1, 5000), Body::grown(2, 5000));
        assert_eq!(Body::recognize(b"Subject: x\r\n"), None);
    }
}
