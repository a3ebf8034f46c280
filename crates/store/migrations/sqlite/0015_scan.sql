-- Scans that were ordered, and their mailboxes. `state` is 0 ordered, 1 running, 2 done, 3 stopped. What came of a mailbox
-- is kept as soon as it is known, so that a scan that was cut off goes on with what is left; it is empty until then. `secrets`
-- is the id of secrets that are the mailbox's own, or empty.

CREATE TABLE scan (
    workspace   BLOB NOT NULL,
    id          BLOB NOT NULL,
    state       BIGINT NOT NULL,
    owner       BLOB,
    lease_until BIGINT NOT NULL,
    mailboxes   BIGINT NOT NULL,
    looked_at   BIGINT NOT NULL,
    doc         TEXT NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX scan_state ON scan (workspace, state, id);

CREATE TABLE scan_mailbox (
    workspace   BLOB NOT NULL,
    scan        BLOB NOT NULL,
    number      BIGINT NOT NULL,
    secrets     BLOB NOT NULL,
    doc         TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    PRIMARY KEY (workspace, scan, number)
);
