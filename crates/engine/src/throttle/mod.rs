//! How much may be under way at once: [`adapt`] judges how much an endpoint sustains. Permits themselves are the store's.

pub mod adapt;
