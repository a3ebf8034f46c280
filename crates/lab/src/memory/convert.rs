//! Converters that know one form: one without repairs, which is all that the memory connector needs, and one with
//! those of messages.

use mailferry_codec::mime::{Fault, Rewriting, faults, mend, rewritings};
use mailferry_model::{
    Result,
    item::{Chunks, Form, Item},
    key::Digest,
    ledger::Repair,
    port::{Convert, convert::Repaired},
};

use super::world::keys;

/// Hands items on as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainConvert;

impl Convert for PlainConvert {
    fn convert(&self, item: Item, _to: Form) -> Result<Item> {
        Ok(item)
    }

    fn repairs(&self, _body: &Chunks, _refusal: &str) -> Vec<Repair> {
        Vec::new()
    }

    fn repair(&self, _body: &Chunks, _repair: Repair) -> Option<Repaired> {
        None
    }

    fn rewrites(&self, _body: &Chunks) -> Vec<(&'static str, Digest)> {
        Vec::new()
    }
}

/// Repairs messages too, in the order in which their faults are found.
#[derive(Clone, Copy, Debug, Default)]
pub struct MendingConvert;

const REPAIRS: [(Fault, Repair); 4] = [
    (Fault::Nul, Repair::Nul),
    (Fault::BareLf, Repair::BareLf),
    (Fault::EightBitHeader, Repair::EightBitHeader),
    (Fault::NoHeaderLine, Repair::NoHeaderLine),
];

impl Convert for MendingConvert {
    fn convert(&self, item: Item, to: Form) -> Result<Item> {
        PlainConvert.convert(item, to)
    }

    fn repairs(&self, body: &Chunks, _refusal: &str) -> Vec<Repair> {
        let named = |fault| REPAIRS.into_iter().find(|(known, _)| *known == fault).map(|(_, repair)| repair);
        faults(&body.to_bytes()).into_iter().filter_map(named).collect()
    }

    fn repair(&self, body: &Chunks, repair: Repair) -> Option<Repaired> {
        let (fault, _) = REPAIRS.into_iter().find(|(_, known)| *known == repair)?;
        let mended = mend(&body.to_bytes(), fault)?;
        let (key, digest) = keys(&mended);
        Some(Repaired { body: Chunks::from(bytes::Bytes::from(mended)), key, digest })
    }

    fn rewrites(&self, body: &Chunks) -> Vec<(&'static str, Digest)> {
        let form = munged(&body.to_bytes());
        form.into_iter().map(|bytes| ("8-bit characters in the head are X", keys(&bytes).1)).collect()
    }
}

/// A message with an X for each 8-bit character of its head, if there is any.
pub(super) fn munged(body: &[u8]) -> Option<Vec<u8>> {
    let known = rewritings(body).into_iter();
    known.into_iter().find(|(rewriting, _)| *rewriting == Rewriting::MungedHead).map(|(_, bytes)| bytes)
}
