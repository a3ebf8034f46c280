//! Who should be in a pilot: few mailboxes that differ as much as all of them do. Pure, and the same each time.
//!
//! Picked are the largest, a middling and the smallest mailbox, a shared one, one with delegates, and then one department
//! after the other, the largest first. What the sheet does not tell is said, not guessed.

use std::collections::BTreeMap;

/// What the sheet says of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its address.
    pub address: String,
    /// Whose it is.
    pub department: Option<String>,
    /// Bytes of it.
    pub size: Option<u64>,
    /// Whether several people use it.
    pub is_shared: bool,
    /// Whether others may act in it.
    pub has_delegates: bool,
}

/// A mailbox that was picked, by its place among the candidates, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which.
    pub at: usize,
    /// Why.
    pub why: String,
}

/// Who is picked, at most so many, in the order of the sheet; and what is not known of the sheet, a sentence each.
pub fn suggest(candidates: &[Candidate], most: usize) -> (Vec<Pick>, Vec<String>) {
    let mut picks: Vec<Pick> = Vec::new();
    let mut pick = |at: Option<usize>, why: String| {
        if let Some(at) = at.filter(|at| picks.len() < most && picks.iter().all(|pick| pick.at != *at)) {
            picks.push(Pick { at, why });
        }
    };
    let mut by_size: Vec<(u64, usize)> =
        candidates.iter().enumerate().filter_map(|(at, one)| Some((one.size?, at))).collect();
    by_size.sort_unstable();
    let at_size = |at: usize| by_size.get(at).map(|(_, at)| *at);
    let of_size = |fits: &dyn Fn(&Candidate) -> bool| {
        // The largest of them; the first of the sheet where no size is known.
        let all = candidates.iter().enumerate().filter(|(_, one)| fits(one));
        all.max_by_key(|(at, one)| (one.size, std::cmp::Reverse(*at))).map(|(at, _)| at)
    };
    pick(by_size.len().checked_sub(1).and_then(at_size), "the largest mailbox".to_owned());
    pick(of_size(&|one| one.is_shared), "a shared mailbox".to_owned());
    pick(of_size(&|one| one.has_delegates), "a mailbox with delegates".to_owned());
    pick(at_size(by_size.len() / 2), "of middling size".to_owned());
    pick(at_size(0), "the smallest mailbox".to_owned());
    for (at, department) in in_turns(candidates) {
        let why = match department {
            Some(name) => format!("of {name}"),
            None => "of the sheet's order".to_owned(),
        };
        pick(Some(at), why);
    }
    picks.sort_by_key(|pick| pick.at);
    let unknown = [
        (
            candidates.iter().all(|one| one.department.is_none()),
            "no column Department: it is not picked across departments",
        ),
        (by_size.is_empty(), "no column bytes, as scan show -o csv has it: it is not picked by size"),
        (!candidates.iter().any(|one| one.is_shared), "no shared mailbox is told by a column MailboxType"),
        (!candidates.iter().any(|one| one.has_delegates), "no delegates are told by a column Delegates"),
    ];
    let unknown = unknown.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned());
    (picks, unknown.collect())
}

/// One mailbox of each department after the other, the department with most mailboxes first.
fn in_turns(candidates: &[Candidate]) -> Vec<(usize, Option<&str>)> {
    let mut departments: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (at, one) in candidates.iter().enumerate() {
        departments.entry(one.department.as_deref()).or_default().push(at);
    }
    let mut departments: Vec<_> = departments.into_iter().collect();
    departments.sort_by_key(|(name, members)| (std::cmp::Reverse(members.len()), *name));
    let rounds = departments.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
    let round = |n: usize| {
        let of = departments.iter().filter_map(move |(name, members)| Some((*members.get(n)?, *name)));
        of.collect::<Vec<_>>()
    };
    (0..rounds).flat_map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(n: usize, department: &str, size: u64) -> Candidate {
        Candidate {
            address: format!("u{n}@x"),
            department: Some(department.to_owned()),
            size: Some(size),
            ..Candidate::default()
        }
    }

    #[test]
    fn those_who_differ_are_picked_each_with_its_reason() {
        let mut all: Vec<Candidate> =
            (0..20).map(|n| one(n, ["Sales", "Sales", "IT", "Law"][n % 4], 100 + n as u64)).collect();
        all[7].is_shared = true;
        all[9].has_delegates = true;
        let (picks, unknown) = suggest(&all, 8);
        assert_eq!(unknown, [""; 0]);
        let told: Vec<(usize, &str)> = picks.iter().map(|pick| (pick.at, pick.why.as_str())).collect();
        let wanted = [
            (0, "the smallest mailbox"),
            (1, "of Sales"),
            (2, "of IT"),
            (3, "of Law"),
            (7, "a shared mailbox"),
            (9, "a mailbox with delegates"),
            (10, "of middling size"),
            (19, "the largest mailbox"),
        ];
        assert_eq!(told, wanted);
        assert_eq!(suggest(&all, 8).0, picks, "the same each time");
    }

    #[test]
    fn never_more_than_asked_for_none_twice_and_what_is_not_known_is_said() {
        let bare: Vec<Candidate> =
            (0..5).map(|n| Candidate { address: format!("u{n}@x"), ..Candidate::default() }).collect();
        for most in 0..8 {
            let (picks, unknown) = suggest(&bare, most);
            let mut places: Vec<usize> = picks.iter().map(|pick| pick.at).collect();
            assert_eq!(picks.len(), most.min(5));
            places.dedup();
            assert_eq!(places.len(), picks.len());
            assert_eq!(unknown.len(), 4);
        }
    }
}
