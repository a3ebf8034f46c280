//! A converter that knows one form and no repair: what the memory connector needs.

use mailferry_model::{
    Result,
    item::{Chunks, Form, Item},
    key::Digest,
    ledger::Repair,
    port::{Convert, convert::Repaired},
};

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
