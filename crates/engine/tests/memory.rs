//! The memory source and target keep the contracts: the double of all engine tests is held to the same suite
//! as real connectors.

use std::sync::Arc;

use async_trait::async_trait;
use mailferry_lab::{
    fault::Faults,
    memory::{Ability, MemorySource, MemoryTarget, World, keys},
};
use mailferry_model::{
    flags::Flags,
    key::{Digest, HeaderKey},
    port::{Source, Target},
};
use mailferry_suite::{source, source_suite, target, target_suite};

struct Stage(World);

#[async_trait]
impl source::Stage for Stage {
    async fn open(&self) -> Arc<dyn Source> {
        Arc::new(MemorySource::open(&self.0))
    }

    async fn create(&self, folder: &str) {
        self.0.create(folder);
    }

    async fn deliver(&self, folder: &str, body: &[u8], flags: Flags) {
        self.0.deliver(folder, &String::from_utf8_lossy(body), flags);
    }

    async fn flag(&self, folder: &str, word: &str, flags: Flags) {
        self.0.flag(folder, self.0.find(folder, word).unwrap_or_default(), flags);
    }

    async fn remove(&self, folder: &str, word: &str) {
        self.0.remove(folder, self.0.find(folder, word).unwrap_or_default());
    }

    async fn drop_folder(&self, folder: &str) {
        self.0.drop_folder(folder);
    }

    async fn renumber(&self, folder: &str) -> bool {
        self.0.new_epoch(folder);
        true
    }

    async fn picture(&self) -> String {
        format!("{:?}", self.0.seen())
    }
}

#[async_trait]
impl target::Stage for Stage {
    async fn open(&self) -> Arc<dyn Target> {
        Arc::new(MemoryTarget::open(&self.0, &Faults::default()))
    }

    fn keys(&self, body: &[u8]) -> (HeaderKey, Digest) {
        keys(body)
    }

    async fn renumber(&self, folder: &str) -> bool {
        self.0.new_epoch(folder);
        true
    }

    fn refused(&self) -> Option<Vec<u8>> {
        Some(source::message("POISON"))
    }
}

async fn able() -> Stage {
    Stage(World::able())
}

async fn unable() -> Stage {
    let world = World::with([]);
    world.refuse("POISON");
    Stage(world)
}

async fn halfway() -> Stage {
    let world = World::with([Ability::TellsIds, Ability::FlagFingerprints]);
    world.refuse("POISON");
    Stage(world)
}

#[tokio::test]
async fn the_memory_source_keeps_the_contract() {
    source_suite!(able());
    source_suite!(unable());
    source_suite!(halfway());
}

#[tokio::test]
async fn the_memory_target_keeps_the_contract() {
    target_suite!(halfway());
    target_suite!(unable());
}
