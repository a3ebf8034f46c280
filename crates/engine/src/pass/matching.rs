//! Which owed item is which trace: by count, by header key and size, ties by digest. Pure.
//!
//! Equal keys are counted, never merged: n equal messages need n traces.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use mailferry_model::{
    caps::Fidelity,
    key::{Digest, HeaderKey},
};

use crate::seeded::Bug;

/// An item looked for, in each form in which it may have been sent (as it is, or under a repair).
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Header key and size of each form.
    pub forms: Vec<(HeaderKey, u64)>,
}

/// A trace that nobody claims yet.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its header key.
    pub key: HeaderKey,
    /// Its size.
    pub size: u64,
}

/// Whether one wanted item and one trace of equal key and size are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Yes: what lies beyond a mark and looks like ours is ours.
    BeyondMark,
    /// No: what was there before may have another body.
    Nothing,
}

/// What can be said without digests, and what cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Pairs of indexes (wanted, found).
    pub sure: Vec<(usize, usize)>,
    /// Candidates that only digests can tell apart.
    pub ask: Vec<(Vec<usize>, Vec<usize>)>,
}

/// Pairs wanted items with traces by header key, size and count.
pub fn pair(wanted: &[Wanted], found: &[Found], trust: Trust, fidelity: Fidelity) -> Pairing {
    let mut classes: BTreeMap<HeaderKey, (BTreeSet<usize>, BTreeSet<usize>)> = BTreeMap::new();
    for (at, item) in wanted.iter().enumerate() {
        for (key, _) in &item.forms {
            classes.entry(*key).or_default().0.insert(at);
        }
    }
    for (at, trace) in found.iter().enumerate() {
        if let Some(class) = classes.get_mut(&trace.key) {
            class.1.insert(at);
        }
    }
    let mut pairing = Pairing::default();
    let mut done = BTreeSet::new();
    for (key, (mut items, mut traces)) in classes {
        items.retain(|w| !done.contains(w));
        let same = |w: usize, f: usize| wanted[w].forms.contains(&(key, found[f].size));
        let mut sure = Vec::new();
        if Bug::EqualKeysMerged.is_on() {
            sure = traces.iter().flat_map(|f| items.iter().map(|w| (*w, *f))).collect();
        } else if fidelity == Fidelity::Rewritten || Bug::BodyIgnored.is_on() {
            let mut left: Vec<usize> = traces.iter().copied().collect();
            for &w in &items {
                let at =
                    left.iter().position(|f| same(w, *f)).or(if left.is_empty() { None } else { Some(0) });
                sure.extend(at.map(|at| (w, left.remove(at))));
            }
        } else if let (1, 1, Trust::BeyondMark) = (items.len(), traces.len(), trust) {
            let one = items.iter().flat_map(|w| traces.iter().map(|f| (*w, *f)));
            sure = one.filter(|(w, f)| same(*w, *f)).collect();
        }
        for &(w, f) in &sure {
            items.remove(&w);
            traces.remove(&f);
            done.insert(w);
        }
        pairing.sure.append(&mut sure);
        let exact = fidelity == Fidelity::Exact;
        if exact && !items.is_empty() && !traces.is_empty() {
            pairing.ask.push((items.into_iter().collect(), traces.into_iter().collect()));
        }
    }
    pairing
}

/// Pairs by equal digests, by count. A wanted item has one digest for each form. Of those that are equal, rather such
/// as fit otherwise too.
pub fn pair_by_digest(
    wanted: &[(usize, Vec<Digest>)],
    found: &[(usize, Digest)],
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut free: HashMap<Digest, VecDeque<usize>> = HashMap::new();
    found.iter().for_each(|(at, digest)| free.entry(*digest).or_default().push_back(*at));
    let (mut pairs, mut left) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (at, digests) in wanted {
        let fitting = digests.iter().find_map(|digest| {
            let alike = free.get_mut(digest)?;
            let place = alike.iter().position(|found| fits(*at, *found))?;
            alike.remove(place)
        });
        match fitting {
            Some(found) => pairs.push((*at, found)),
            None => left.push((*at, digests)),
        }
    }
    let mut next = |digest| free.get_mut(digest)?.pop_front();
    pairs
        .extend(left.into_iter().filter_map(|(at, digests)| Some((at, digests.iter().find_map(&mut next)?))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HeaderKey = HeaderKey([1; 16]);

    fn wanted(sizes: &[u64]) -> Vec<Wanted> {
        sizes.iter().map(|s| Wanted { forms: vec![(KEY, *s)] }).collect()
    }

    fn found(sizes: &[u64]) -> Vec<Found> {
        sizes.iter().map(|s| Found { key: KEY, size: *s }).collect()
    }

    fn ask(wanted: &[u64], there: &[u64], trust: Trust) -> (usize, usize) {
        let pairing = pair(&self::wanted(wanted), &found(there), trust, Fidelity::Exact);
        (pairing.sure.len(), pairing.ask.len())
    }

    #[test]
    fn one_of_each_is_sure_only_beyond_a_mark() {
        assert_eq!(ask(&[5], &[5], Trust::BeyondMark), (1, 0));
        assert_eq!(ask(&[5], &[5], Trust::Nothing), (0, 1));
        assert_eq!(ask(&[5], &[6], Trust::BeyondMark), (0, 1), "another size: by digest");
    }

    #[test]
    fn equal_keys_are_counted_never_merged() {
        assert_eq!(ask(&[5, 5], &[5], Trust::BeyondMark), (0, 1));
        let (a, b) = (Digest([1; 16]), Digest([2; 16]));
        let any = |_, _| true;
        assert_eq!(pair_by_digest(&[(0, vec![a]), (1, vec![a])], &[(7, a)], any), [(0, 7)]);
        assert_eq!(pair_by_digest(&[(0, vec![a]), (1, vec![b])], &[(7, b)], any), [(1, 7)]);
        assert_eq!(pair_by_digest(&[(0, vec![a, b])], &[(7, b)], any), [(0, 7)], "under a repair");
        let (twins, there) = ([(0, vec![a]), (1, vec![a])], [(7, a), (8, a)]);
        let crossed = |w, f| (w, f) == (1, 7);
        assert_eq!(pair_by_digest(&twins, &there, crossed), [(1, 7), (0, 8)], "rather what fits");
        assert_eq!(pair_by_digest(&twins, &there, |_, _| false), [(0, 7), (1, 8)], "but all");
    }

    #[test]
    fn a_target_that_rewrites_is_matched_by_key_and_count() {
        let pairing = pair(&wanted(&[5, 6, 7]), &found(&[60, 5]), Trust::Nothing, Fidelity::Rewritten);
        assert_eq!(pairing.sure, [(0, 1), (1, 0)]);
        assert_eq!(pairing.ask, []);
    }
}
