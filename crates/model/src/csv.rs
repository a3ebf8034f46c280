//! The CSV of a batch.
