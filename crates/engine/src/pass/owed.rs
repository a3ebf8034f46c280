//! What has to be put, in the order of its listing: gathered from pages, and found again when its body comes.
//!
//! Keeps order and finds by id. Decides nothing about any of it.

use std::collections::HashMap;

use mailferry_model::id::ItemId;

use super::shared::Owed;

/// Items of one folder that have to be put, each once, in the order in which they were first named.
#[derive(Default)]
pub(super) struct OwedItems {
    items: Vec<Option<Owed>>,
    places: HashMap<ItemId, usize>,
}

impl OwedItems {
    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.items.reserve(more);
        self.places.reserve(more);
    }

    /// Adds an item at the end, or replaces what was known of it; whether it is new.
    pub fn insert(&mut self, owed: Owed) -> bool {
        let next = self.items.len();
        let place = *self.places.entry(owed.stub.id.clone()).or_insert(next);
        if place == next {
            self.items.push(Some(owed));
        } else {
            self.items[place] = Some(owed);
        }
        place == next
    }

    /// One of them.
    pub fn get(&self, id: &ItemId) -> Option<&Owed> {
        self.items[*self.places.get(id)?].as_ref()
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, id: &ItemId) -> Option<&mut Owed> {
        self.items[*self.places.get(id)?].as_mut()
    }

    /// Takes one of them out.
    pub fn remove(&mut self, id: &ItemId) -> Option<Owed> {
        self.items[self.places.remove(id)?].take()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Owed> {
        self.items.iter().flatten()
    }

    /// Puts others in the place of some of them: what `now` answers for each, nothing for those that go.
    pub fn replace(&mut self, mut now: impl FnMut(Owed) -> Option<Owed>) {
        for owed in self.take() {
            now(owed).into_iter().for_each(|owed| _ = self.insert(owed));
        }
    }

    /// All of them; none is left.
    pub fn take(&mut self) -> Vec<Owed> {
        self.places = HashMap::new();
        std::mem::take(&mut self.items).into_iter().flatten().collect()
    }
}

/// Items whose bodies were asked for. Answers mostly come in the order of the question: only where they do not, an
/// index is made.
pub(super) struct Awaited {
    items: Vec<Option<Owed>>,
    /// The first that may be next.
    next: usize,
    places: Option<HashMap<ItemId, usize>>,
}

impl Awaited {
    /// All of these.
    pub fn of(items: Vec<Owed>) -> Self {
        Self { items: items.into_iter().map(Some).collect(), next: 0, places: None }
    }

    /// The item that is answered; `None` if nobody asked for it, or if it was answered before.
    pub fn take(&mut self, id: &ItemId) -> Option<Owed> {
        while self.items.get(self.next).is_some_and(Option::is_none) {
            self.next += 1;
        }
        if let Some(first) = self.items.get_mut(self.next)
            && first.as_ref().is_some_and(|owed| owed.stub.id == *id)
        {
            self.next += 1;
            return first.take();
        }
        let items = &self.items;
        let places = self.places.get_or_insert_with(|| {
            let there = items.iter().enumerate();
            there.filter_map(|(at, owed)| Some((owed.as_ref()?.stub.id.clone(), at))).collect()
        });
        self.items[*places.get(id)?].take()
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{item::Stub, ledger::FolderNo};

    use super::*;

    fn owed(id: u8, size: u64) -> Owed {
        let id = ItemId::from_bytes([id]);
        let stub = Stub { id, size, date: None, flags: Default::default(), identity: None };
        Owed { folder: FolderNo(1), stub, entry: None }
    }

    fn ids<'a>(items: impl Iterator<Item = &'a Owed>) -> Vec<u8> {
        items.map(|owed| owed.stub.id.as_bytes()[0]).collect()
    }

    #[test]
    fn what_is_named_again_keeps_its_place() {
        let mut items = OwedItems::default();
        assert!([3, 1, 2].into_iter().all(|id| items.insert(owed(id, 1))));
        assert!(!items.insert(owed(1, 9)));
        assert_eq!(items.get(&ItemId::from_bytes([1])).map(|o| o.stub.size), Some(9));
        assert!(items.remove(&ItemId::from_bytes([3])).is_some_and(|o| o.stub.size == 1));
        assert!(items.remove(&ItemId::from_bytes([3])).is_none());
        items.insert(owed(3, 4));
        assert_eq!(ids(items.iter()), [1, 2, 3]);
        items.replace(|o| (o.stub.id.as_bytes()[0] != 2).then_some(o));
        assert_eq!(ids(items.take().iter()), [1, 3]);
        assert!(items.insert(owed(1, 1)), "nothing is left of what was taken");
    }

    #[test]
    fn answers_are_found_in_any_order_and_once() {
        let mut awaited = Awaited::of((1..=6).map(|id| owed(id, 1)).collect());
        for id in [1, 2, 5, 3, 4, 6] {
            let found = awaited.take(&ItemId::from_bytes([id]));
            assert_eq!(found.map(|o| o.stub.id), Some(ItemId::from_bytes([id])));
            assert!(awaited.take(&ItemId::from_bytes([id])).is_none(), "{id}");
        }
        assert!(awaited.take(&ItemId::from_bytes([7])).is_none());
    }
}
