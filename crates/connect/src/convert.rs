//! `Convert` over the formats of `codec`: one form so far, and the named repairs of messages.
//!
//! Which repair is tried first is read from the refusal's words; a repair that changes nothing is never offered.

use mailferry_codec::mime::{Digester, Fault, Rewriting, faults, head, mend, rewritings};
use mailferry_model::{
    Error, Kind, Result, Side,
    item::{Chunks, Form, Item},
    key::{Digest, HeaderKey},
    ledger::Repair,
    port::{Convert, convert::Repaired},
};

/// Conversions between forms.
#[derive(Clone, Copy, Debug, Default)]
pub struct MimeConvert;

impl Convert for MimeConvert {
    fn convert(&self, item: Item, to: Form) -> Result<Item> {
        if item.form == to {
            return Ok(item);
        }
        let text = format!("no way from {:?} to {to:?}", item.form);
        Err(Error::new(Kind::Unsupported, Side::Us, "convert", text).scope_of(mailferry_model::Scope::Item))
    }

    fn repairs(&self, body: &Chunks, refusal: &str) -> Vec<Repair> {
        let refusal = refusal.to_ascii_lowercase();
        let named = |repair: Repair| match repair {
            Repair::Nul => refusal.contains("nul"),
            Repair::BareLf => {
                ["bare newline", "bare lf", "bare cr", "line end"].iter().any(|w| refusal.contains(w))
            }
            Repair::NoHeaderLine => refusal.contains("invalid header") || refusal.contains("header line"),
            Repair::EightBitHeader => refusal.contains("8bit") || refusal.contains("8-bit"),
        };
        let mut found: Vec<Repair> = faults(&body.to_bytes()).into_iter().map(repair_of).collect();
        // Stable: what the refusal names comes first, the rest as the faults were found, worst first.
        found.sort_by_key(|repair| !named(*repair));
        found
    }

    fn repair(&self, body: &Chunks, repair: Repair) -> Option<Repaired> {
        let mended = bytes::Bytes::from(mend(&body.to_bytes(), fault_of(repair))?);
        let (key, body) = (key(&mended).0, Chunks::from(mended));
        Some(Repaired { digest: digest(&body), body, key })
    }

    fn rewrites(&self, body: &Chunks) -> Vec<(&'static str, Digest)> {
        let known = rewritings(&body.to_bytes());
        let digest = |bytes: Vec<u8>| digest(&Chunks::from(bytes::Bytes::from(bytes)));
        known.into_iter().map(|(rewriting, bytes)| (words(rewriting), digest(bytes))).collect()
    }
}

/// Header key and Message-ID of a message that begins with these bytes.
pub(crate) fn key(start: &[u8]) -> (HeaderKey, Option<Box<str>>) {
    let head = head(start);
    (HeaderKey(head.key), head.message_id.map(Into::into))
}

/// The digest of a body in memory.
pub(crate) fn digest(body: &Chunks) -> Digest {
    let mut digester = Digester::default();
    body.pieces().iter().for_each(|piece| digester.update(piece));
    Digest(digester.finish())
}

fn words(rewriting: Rewriting) -> &'static str {
    match rewriting {
        Rewriting::MungedHead => "the target replaced 8-bit characters in the head by X",
        Rewriting::MaskedNul => "the target shows NUL bytes as 0x80",
        Rewriting::Both => {
            "the target replaced 8-bit characters in the head by X and shows NUL bytes as 0x80"
        }
    }
}

fn repair_of(fault: Fault) -> Repair {
    match fault {
        Fault::Nul => Repair::Nul,
        Fault::BareLf => Repair::BareLf,
        Fault::EightBitHeader => Repair::EightBitHeader,
        Fault::NoHeaderLine => Repair::NoHeaderLine,
    }
}

fn fault_of(repair: Repair) -> Fault {
    match repair {
        Repair::Nul => Fault::Nul,
        Repair::BareLf => Fault::BareLf,
        Repair::EightBitHeader => Fault::EightBitHeader,
        Repair::NoHeaderLine => Fault::NoHeaderLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_words_order_the_repairs() {
        let body = Chunks::from(bytes::Bytes::from_static(b"A: b\nno header\r\nS: \xc3\xa4\r\n\r\n\0"));
        for (refusal, first) in [
            ("Message contains NUL characters", Repair::Nul),
            ("Message contains bare newlines", Repair::BareLf),
            ("Message contains invalid header", Repair::NoHeaderLine),
            ("8bit character in header", Repair::EightBitHeader),
            ("something else", Repair::Nul),
        ] {
            assert_eq!(MimeConvert.repairs(&body, refusal)[0], first, "{refusal}");
            let mended = MimeConvert.repair(&body, first).unwrap();
            assert!(!MimeConvert.repairs(&mended.body, refusal).contains(&first));
        }
        let clean = Chunks::from(bytes::Bytes::from_static(b"A: b\r\n\r\nx"));
        assert!(MimeConvert.repairs(&clean, "NUL").is_empty());
        assert!(MimeConvert.repair(&clean, Repair::Nul).is_none());
    }
}
