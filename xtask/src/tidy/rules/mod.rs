//! The rules, one a file. Each offers `RULE`; the registry is `tidy::RULES`.

pub mod connector;
pub mod edges;
pub mod file_size;
pub mod function_size;
pub mod generated;
pub mod head;
pub mod licences;
pub mod manifests;
pub mod names;
pub mod spec;
pub mod spread;
pub mod text;
pub mod words;
