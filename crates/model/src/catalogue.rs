//! Codes with title, cause and fix. Filled with the catalogue.
