//! What mailferry remembers: SQLite inside, PostgreSQL when one machine is not enough.
