//! The routes as a client sees them, over a real store in a folder of its own.

mod batch;
mod endpoint;
mod house;
