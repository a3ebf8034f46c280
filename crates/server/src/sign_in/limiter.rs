//! How often signing in may be tried: by name and address together, by address, by name. In memory; what the audit
//! trail tells of the last minutes is taken up at a start.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// As many are remembered; then the ones that are over are forgotten, and at worst the oldest.
const MOST: usize = 10_000;
/// The longest pause.
pub(super) const LONGEST: Duration = Duration::from_secs(900);

/// What was tried without success.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<HashMap<Key, Tries>>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Somebody who guesses a password.
    Both(String, String),
    /// Somebody who tries many names.
    Address(String),
    /// Many addresses that try one name: generous, because it also locks out whose name it is.
    Name(String),
}

#[derive(Clone, Copy)]
struct Tries {
    failed: u32,
    last: Duration,
}

impl Key {
    /// All keys of an attempt.
    fn of(name: &str, address: &str) -> [Self; 3] {
        // A long name is not kept: it is nobody's.
        let name: String = name.to_lowercase().chars().take(80).collect();
        let address = network(address);
        [Self::Both(name.clone(), address.clone()), Self::Address(address), Self::Name(name)]
    }

    /// Attempts without a pause.
    fn free(&self) -> u32 {
        match self {
            Self::Both(..) => 5,
            Self::Address(_) => 20,
            Self::Name(_) => 50,
        }
    }
}

impl Tries {
    /// The pause after so many failures: doubles from a second on.
    fn pause(self, free: u32) -> Duration {
        match self.failed.checked_sub(free) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1u64 << beyond.min(10)).min(LONGEST),
        }
    }
}

impl Limiter {
    /// Begins an attempt, which counts as failed until it is known better: so many at once are no way around. Or says
    /// how long to wait.
    pub fn begin(&self, now: Duration, name: &str, address: &str) -> Result<(), Duration> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = Key::of(name, address);
        let waits = keys.iter().filter_map(|key| {
            let known = tries.get(key)?;
            (known.last + known.pause(key.free())).checked_sub(now).filter(|w| !w.is_zero())
        });
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        if tries.len() >= MOST {
            make_room(&mut tries, now);
        }
        for key in keys {
            let known = tries.entry(key).or_insert(Tries { failed: 0, last: now });
            // After a quiet quarter of an hour it begins anew.
            let failed = if known.last + LONGEST < now { 1 } else { known.failed.saturating_add(1) };
            *known = Tries { failed, last: now };
        }
        Ok(())
    }

    /// Counts failures of before, as of now: of a name where that is known, and from an address.
    pub fn recall(&self, now: Duration, name: Option<&str>, address: &str, count: u32) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = Key::of(name.unwrap_or_default(), address);
        for key in keys.into_iter().filter(|key| name.is_some() || matches!(key, Key::Address(_))) {
            let known = tries.entry(key).or_insert(Tries { failed: 0, last: now });
            known.failed = known.failed.saturating_add(count);
        }
    }

    /// Somebody signed in under that name, from wherever: what was tried with it before is over.
    pub fn recall_success(&self, name: &str) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name: String = name.to_lowercase().chars().take(80).collect();
        tries.retain(|key, _| !matches!(key, Key::Both(n, _) | Key::Name(n) if *n == name));
    }

    /// The attempt that was begun was none after all.
    pub fn take_back(&self, name: &str, address: &str) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in Key::of(name, address) {
            if let Some(known) = tries.get_mut(&key) {
                known.failed = known.failed.saturating_sub(1);
            }
        }
    }

    /// The attempt succeeded. What the address tried with other names stays remembered.
    pub fn succeeded(&self, name: &str, address: &str) {
        self.take_back(name, address);
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [both, _, name] = Key::of(name, address);
        tries.remove(&both);
        tries.remove(&name);
    }
}

/// Forgets what is over, and at worst the older half.
fn make_room(tries: &mut HashMap<Key, Tries>, now: Duration) {
    tries.retain(|_, t| t.last + LONGEST > now);
    if tries.len() >= MOST {
        let mut ages: Vec<Duration> = tries.values().map(|t| t.last).collect();
        ages.sort_unstable();
        let middle = ages.get(MOST / 2).copied().unwrap_or_default();
        tries.retain(|_, t| t.last > middle);
    }
}

/// One IPv4 address, or the network of 64 bits that an IPv6 customer has to himself.
pub(super) fn network(address: &str) -> String {
    match address.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V6(ip)) => format!("{:x?}", &ip.segments()[..4]),
        Ok(ip) => ip.to_string(),
        Err(_) => address.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_and_others_are_not() {
        let limiter = Limiter::default();
        let at = Duration::from_secs;
        let anna = |second| limiter.begin(at(second), "anna", "10.0.0.1");
        assert!((0..5).all(|_| anna(0).is_ok()), "five attempts are free, also at the same moment");
        assert_eq!(anna(0), Err(at(1)));
        assert_eq!(limiter.begin(at(1), "ANNA", "10.0.0.1"), Ok(()), "the pause is over");
        assert_eq!(anna(2), Err(at(1)), "the next is longer");
        assert_eq!(limiter.begin(at(2), "anna", "10.0.0.2"), Ok(()), "she herself, elsewhere");
        assert_eq!(limiter.begin(at(2), "ben", "10.0.0.1"), Ok(()));
        limiter.succeeded("anna", "10.0.0.1");
        assert_eq!(anna(2), Ok(()), "what she mistyped is forgotten");
        for n in 0..20 {
            _ = limiter.begin(at(3), &format!("name{n}"), "10.0.0.1");
        }
        assert!(limiter.begin(at(3), "carl", "10.0.0.1").is_err(), "many names from one address");
        let (mut now, mut longest) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..60 {
            if let Err(wait) = limiter.begin(now, "dora", "10.0.0.9") {
                longest = longest.max(wait);
                now += wait;
            }
        }
        assert_eq!(longest, LONGEST);
    }

    #[test]
    fn what_was_no_attempt_counts_for_nothing() {
        let limiter = Limiter::default();
        for _ in 0..100 {
            assert_eq!(limiter.begin(Duration::ZERO, "anna", "10.0.0.1"), Ok(()));
            limiter.take_back("anna", "10.0.0.1");
        }
    }

    #[test]
    fn what_is_recalled_counts_and_a_success_ends_it() {
        let limiter = Limiter::default();
        let anna = || limiter.begin(Duration::ZERO, "anna", "10.0.0.1");
        limiter.recall(Duration::ZERO, Some("Anna"), "10.0.0.1", 7);
        assert!(anna().is_err());
        assert_eq!(limiter.begin(Duration::ZERO, "ben", "10.0.0.1"), Ok(()));
        limiter.recall_success("ANNA");
        assert_eq!(anna(), Ok(()));
        limiter.recall(Duration::ZERO, None, "10.0.0.1", 30);
        assert!(limiter.begin(Duration::ZERO, "carl", "10.0.0.1").is_err(), "many names from one address");
    }

    #[test]
    fn memory_is_bounded_and_networks_count_as_one() {
        let limiter = Limiter::default();
        for n in 0..30_000u64 {
            _ = limiter.begin(Duration::from_millis(n), &format!("n{n}"), &format!("a{n}"));
        }
        assert!(limiter.0.lock().unwrap().len() <= MOST + 3);
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff"));
        assert_ne!(network("2001:db8::1"), network("2001:db9::1"));
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
    }
}
