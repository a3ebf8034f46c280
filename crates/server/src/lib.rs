//! One router for command line, API and admin centre.
