//! What is logged once for each endpoint and process, not once for each connection. Remembers, says nothing.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use mailferry_model::Side;

/// The side, the host, and what was said of it.
type Saying = (Side, String, &'static str);

static SAID: LazyLock<Mutex<HashSet<Saying>>> = LazyLock::new(Mutex::default);

/// Whether it is the first time that this process says such a thing of this host at this side.
pub fn is_first(side: Side, host: &str, what: &'static str) -> bool {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert((side, host.to_owned(), what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_is_no_first() {
        let first = |side, host| is_first(side, host, "of a test");
        assert!(first(Side::Source, "a:1") && first(Side::Target, "a:1") && first(Side::Source, "b:1"));
        assert!(!first(Side::Source, "a:1"));
    }
}
