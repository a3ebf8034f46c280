//! Moves mailboxes; knows no protocol and no SQL.
