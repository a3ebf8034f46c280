//! The digest of a message with its line ends normalised, computed while it passes by in pieces.
//!
//! Nearly all mail has clean CRLF line ends: such pieces are hashed as they are, without a copy.

/// BLAKE3-128 over the bytes with every line end (CRLF, bare LF, bare CR) as CRLF.
#[derive(Default)]
pub struct Digester {
    hasher: blake3::Hasher,
    /// The last byte was a CR whose meaning the next byte decides.
    open_cr: bool,
}

impl Digester {
    /// The next piece, of any length.
    pub fn update(&mut self, mut piece: &[u8]) {
        if self.open_cr && !piece.is_empty() {
            self.open_cr = false;
            self.hasher.update(b"\r\n");
            if piece[0] == b'\n' {
                piece = &piece[1..];
            }
        }
        if piece.last() == Some(&b'\r') {
            self.open_cr = true;
            piece = &piece[..piece.len() - 1];
        }
        if is_clean(piece) {
            self.hasher.update(piece);
        } else {
            self.normalised(piece);
        }
    }

    /// The digest of all pieces.
    pub fn finish(mut self) -> [u8; 16] {
        if self.open_cr {
            self.hasher.update(b"\r\n");
        }
        let mut digest = [0; 16];
        self.hasher.finalize_xof().fill(&mut digest);
        digest
    }

    fn normalised(&mut self, piece: &[u8]) {
        let mut from = 0;
        for at in memchr::memchr2_iter(b'\r', b'\n', piece) {
            if at < from {
                continue;
            }
            self.hasher.update(&piece[from..at]);
            self.hasher.update(b"\r\n");
            from = at + 1;
            if piece[at] == b'\r' && piece.get(from) == Some(&b'\n') {
                from += 1;
            }
        }
        self.hasher.update(&piece[from..]);
    }
}

/// Whether every CR is followed by LF and every LF preceded by CR. Written so that it compiles to vector code.
fn is_clean(piece: &[u8]) -> bool {
    const STEP: usize = 64;
    let Some(last) = piece.len().checked_sub(1) else { return true };
    if piece[0] == b'\n' {
        return false;
    }
    let odd = |here: &[u8], next: &[u8]| {
        let pairs = here.iter().zip(next);
        pairs.fold(0u8, |odd, (a, b)| odd | (u8::from(*a == b'\r') ^ u8::from(*b == b'\n'))) != 0
    };
    let (here, next) = (piece[..last].chunks_exact(STEP), piece[1..].chunks_exact(STEP));
    !odd(here.remainder(), next.remainder()) && !here.zip(next).any(|(a, b)| odd(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(pieces: &[&[u8]]) -> [u8; 16] {
        let mut digester = Digester::default();
        pieces.iter().for_each(|p| digester.update(p));
        digester.finish()
    }

    proptest! {
        #[test]
        fn any_split_and_any_line_end_give_the_same(
            lines in prop::collection::vec("[ab]{0,5}", 0..8), cut in 0usize..60, ends in prop::collection::vec(0usize..2, 8)
        ) {
            let join = |pick: &dyn Fn(usize) -> &'static str| {
                lines.iter().enumerate().map(|(i, l)| format!("{l}{}", pick(i))).collect::<String>().into_bytes()
            };
            let clean = join(&|_| "\r\n");
            let mixed = join(&|i| ["\r\n", "\n"][ends[i % ends.len()]]);
            let cut = cut.min(mixed.len());
            prop_assert_eq!(digest(&[&clean]), digest(&[&mixed[..cut], &mixed[cut..]]));
        }
    }

    #[test]
    fn bodies_that_differ_have_different_digests() {
        assert_ne!(digest(&[b"a\r\n"]), digest(&[b"a"]));
        assert_ne!(digest(&[b"a\r\n\r\n"]), digest(&[b"a\r\n"]));
        assert_eq!(digest(&[b"a\rb"]), digest(&[b"a\r", b"b"]));
    }
}
