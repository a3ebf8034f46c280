//! The digest of a message with its line ends normalised, computed while it passes by in pieces.
//!
//! Nearly all mail has clean CRLF line ends: such pieces are hashed as they are, without a copy.

/// BLAKE3-128 over the bytes with every line end (CRLF, bare LF, bare CR) as CRLF, and without those at the
/// very end: some servers add or drop them, and no reader sees a difference.
#[derive(Default)]
pub struct Digester {
    hasher: blake3::Hasher,
    /// Line ends that are hashed only if something follows them.
    held: u64,
    /// The last byte was a CR, counted already; an LF that follows belongs to it.
    open_cr: bool,
}

impl Digester {
    /// The next piece, of any length.
    pub fn update(&mut self, piece: &[u8]) {
        let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
        let (body, tail) = piece.split_at(piece.iter().rposition(|b| !is_end(b)).map_or(0, |at| at + 1));
        if !body.is_empty() {
            (0..std::mem::take(&mut self.held)).for_each(|_| _ = self.hasher.update(b"\r\n"));
            let joined = std::mem::take(&mut self.open_cr) && body[0] == b'\n';
            let body = if joined { &body[1..] } else { body };
            if is_clean(body) {
                self.hasher.update(body);
            } else {
                self.normalised(body);
            }
        }
        for byte in tail {
            let ends_cr = std::mem::replace(&mut self.open_cr, *byte == b'\r');
            self.held += u64::from(!(ends_cr && *byte == b'\n'));
        }
    }

    /// The digest of all pieces.
    pub fn finish(mut self) -> [u8; 16] {
        self.take()
    }

    /// The digest of all pieces until now, and a new beginning. Large as it is, a digester is rather used again
    /// than moved.
    pub fn take(&mut self) -> [u8; 16] {
        let mut digest = [0; 16];
        self.hasher.finalize_xof().fill(&mut digest);
        self.hasher.reset();
        (self.held, self.open_cr) = (0, false);
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
    fn line_ends_at_the_very_end_do_not_count() {
        for end in [&b""[..], b"\r", b"\n", b"\r\n\r\n"] {
            assert_eq!(digest(&[b"a\r\nb", end]), digest(&[b"a\r\nb"]), "{end:?}");
        }
        assert_eq!(digest(&[b"a\r", b"\n", b"\r\nb"]), digest(&[b"a\n\nb"]));
    }

    #[test]
    fn bodies_that_differ_have_different_digests() {
        assert_ne!(digest(&[b"a\r\nb"]), digest(&[b"ab"]));
        assert_ne!(digest(&[b"a\r\n\r\nb"]), digest(&[b"a\r\nb"]));
        assert_eq!(digest(&[b"a\rb"]), digest(&[b"a\r", b"b"]));
    }

    #[test]
    fn one_digester_serves_many_bodies() {
        let mut digester = Digester::default();
        for body in [&b"a\r"[..], b"", b"\nb\r\n", b"a"] {
            digester.update(body);
            assert_eq!(digester.take(), digest(&[body]), "{body:?}");
        }
    }
}
