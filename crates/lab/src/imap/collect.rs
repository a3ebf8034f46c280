//! Takes the octets of an arriving message, and keeps none as long as they are those of a grown one.

use bytes::{Bytes, BytesMut};

use super::body::Body;

/// A message that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct Collector {
    kept: BytesMut,
    grown: Option<Body>,
    taken: u64,
}

impl Collector {
    /// The next octets.
    pub(super) fn feed(&mut self, piece: &Bytes) {
        let end = self.taken + piece.len() as u64;
        match &self.grown {
            Some(body) if body.read(self.taken..end) == *piece => {}
            Some(body) => {
                self.kept.extend_from_slice(&body.read(0..self.taken));
                self.kept.extend_from_slice(piece);
                self.grown = None;
            }
            None => {
                self.kept.extend_from_slice(piece);
                // The first piece may be shorter than the line that tells.
                if self.taken < 256
                    && let Some(body) = Body::recognize(&self.kept)
                    && body.read(0..end) == self.kept
                {
                    self.kept.clear();
                    self.grown = Some(body);
                }
            }
        }
        self.taken = end;
    }

    /// What has arrived.
    pub(super) fn finish(self) -> Body {
        match self.grown {
            Some(body) if body.size() == self.taken => body,
            Some(body) => body.read(0..self.taken).into(),
            None => self.kept.freeze().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_what_is_not_grown() {
        let body = Body::grown(9, 300_000);
        let mut whole = Collector::default();
        let mut changed = Collector::default();
        let mut short = Collector::default();
        for at in (0..body.size()).step_by(1000) {
            let piece = body.read(at..at + 1000);
            whole.feed(&piece);
            let mut other = piece.to_vec();
            if at == 5000 {
                other[3] ^= 1;
            }
            changed.feed(&other.into());
            if at < 7000 {
                short.feed(&piece);
            }
        }
        assert!(whole.finish().is_grown());
        let changed = changed.finish();
        assert!(!changed.is_grown() && changed != body && changed.size() == body.size());
        assert_eq!(short.finish().to_bytes(), body.read(0..7000));
    }
}
