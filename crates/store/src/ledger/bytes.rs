//! The bytes under the ledger's blobs: varints, length-prefixed bytes, and a frame with version and checksum.
//!
//! Reading never panics and never allocates more than the blob holds: a damaged blob is an error.

/// What is wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged(pub(crate) &'static str);

pub(crate) type Parsed<T> = Result<T, Damaged>;

/// Bytes of the frame: version, checksum.
const FRAME: usize = 9;

/// Puts version and checksum before a payload. `place` (a folder's number) is checked but not stored.
pub(crate) fn frame(version: u8, place: u32, payload: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(FRAME + payload.len());
    blob.push(version);
    blob.extend_from_slice(&checksum(version, place, payload));
    blob.extend_from_slice(payload);
    blob
}

/// The payload of a frame of this version that was written for this place.
pub(crate) fn unframe(version: u8, place: u32, blob: &[u8]) -> Parsed<Reader<'_>> {
    let (head, payload) = blob.split_at_checked(FRAME).ok_or(Damaged("it is cut short"))?;
    if head[0] != version {
        return Err(Damaged("it has an unknown format version"));
    }
    if head[1..] != checksum(version, place, payload) {
        return Err(Damaged("its checksum does not fit"));
    }
    Ok(Reader(payload))
}

fn checksum(version: u8, place: u32, payload: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[version]).update(&place.to_le_bytes()).update(payload);
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    short
}

/// Appends numbers and byte strings.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// LEB128.
    pub(crate) fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    /// Small negative numbers stay short.
    pub(crate) fn signed(&mut self, n: i64) {
        self.number(((n << 1) ^ (n >> 63)) as u64);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A length one too high, or 0 for nothing.
    pub(crate) fn option(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.number(bytes.len() as u64 + 1);
                self.0.extend_from_slice(bytes);
            }
            None => self.number(0),
        }
    }

    /// A number behind a yes, or a no.
    pub(crate) fn optional(&mut self, n: Option<u64>) {
        self.0.push(u8::from(n.is_some()));
        if let Some(n) = n {
            self.number(n);
        }
    }
}

/// Takes them off again.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Parsed<u8> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Damaged("it ends too early"))
    }

    pub(crate) fn number(&mut self) -> Parsed<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            n |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(Damaged("a number is too large"))
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Parsed<T> {
        T::try_from(self.number()?).map_err(|_| Damaged("a number is too large"))
    }

    pub(crate) fn signed(&mut self) -> Parsed<i64> {
        let n = self.number()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    pub(crate) fn bytes(&mut self) -> Parsed<&'a [u8]> {
        let length = self.small()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Parsed<&'a str> {
        text(self.bytes()?)
    }

    pub(crate) fn option(&mut self) -> Parsed<Option<&'a [u8]>> {
        match self.small::<usize>()?.checked_sub(1) {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn option_text(&mut self) -> Parsed<Option<Box<str>>> {
        self.option()?.map(|bytes| text(bytes).map(Box::from)).transpose()
    }

    pub(crate) fn optional(&mut self) -> Parsed<Option<u64>> {
        match self.byte()? {
            0 => Ok(None),
            _ => self.number().map(Some),
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Parsed<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Damaged("something is left over")) }
    }
}

fn text(bytes: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(bytes).map_err(|_| Damaged("a text is not UTF-8"))
}
