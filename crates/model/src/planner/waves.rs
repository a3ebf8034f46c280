//! Which mailboxes move together. Those who share mailboxes (a `Group`) are never parted, departments stay beside each
//! other, and the waves are about equally large. The same each time.

use std::collections::BTreeMap;

/// What a sheet or a scan says of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its address.
    pub address: String,
    /// Its items.
    pub items: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Whose it is: the column `Department`.
    pub department: Option<String>,
    /// Who shares mailboxes: the column `Group`.
    pub group: Option<String>,
}

/// How a project is cut into waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Into so many, of about as many bytes each; of as many mailboxes where sizes are not known.
    Count(usize),
    /// Of at most so many mailboxes each; a group that is larger is a wave of its own.
    Size(usize),
}

/// The waves: each is the places of its members, in the order of the sheet. None is empty.
pub fn split(members: &[Member], how: Split) -> Vec<Vec<usize>> {
    let units = units(members);
    let waves = match how {
        Split::Count(count) => by_weight(members, units, count.max(1)),
        Split::Size(size) => by_size(units, size.max(1)),
    };
    let sorted = waves.into_iter().map(|mut wave: Vec<usize>| {
        wave.sort_unstable();
        wave
    });
    sorted.filter(|wave| !wave.is_empty()).collect()
}

/// What is not parted, departments beside each other in the order in which the sheet first names them.
fn units(members: &[Member]) -> Vec<Vec<usize>> {
    let mut first: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    let mut units: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        let department = *first.entry(member.department.as_deref()).or_insert(at);
        match member.group.as_deref() {
            None => units.push((department, vec![at])),
            Some(group) => match groups.get(group).and_then(|unit| units.get_mut(*unit)) {
                Some((_, unit)) => unit.push(at),
                None => {
                    groups.insert(group, units.len());
                    units.push((department, vec![at]));
                }
            },
        }
    }
    // Stable: within a department they stay in their order.
    units.sort_by_key(|(department, _)| *department);
    units.into_iter().map(|(_, unit)| unit).collect()
}

/// A unit belongs to the wave in which its middle lies.
fn by_weight(members: &[Member], units: Vec<Vec<usize>>, count: usize) -> Vec<Vec<usize>> {
    let knows_sizes = members.iter().any(|member| member.bytes > 0);
    let weight = |unit: &[usize]| -> u128 {
        let of = |at: &usize| members.get(*at).map_or(0, |m| if knows_sizes { m.bytes.max(1) } else { 1 });
        unit.iter().map(|at| u128::from(of(at))).sum()
    };
    let total = units.iter().map(|unit| weight(unit)).sum::<u128>().max(1);
    let mut waves = vec![Vec::new(); count];
    let mut before = 0;
    for unit in units {
        let own = weight(&unit);
        let middle = (before * 2 + own) * count as u128 / (total * 2);
        let wave = usize::try_from(middle).unwrap_or(0).min(count - 1);
        waves[wave].extend(unit);
        before += own;
    }
    waves
}

fn by_size(units: Vec<Vec<usize>>, size: usize) -> Vec<Vec<usize>> {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for unit in units {
        match waves.last_mut().filter(|wave| wave.len() + unit.len() <= size) {
            Some(wave) => wave.extend(unit),
            None => waves.push(unit),
        }
    }
    waves
}
