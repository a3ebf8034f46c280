//! The mail systems that mailferry talks to.
