//! The command line as scripts use it: the real binary, its exit codes, its output.

mod batches;
mod copies;
mod ferry;
mod said;
