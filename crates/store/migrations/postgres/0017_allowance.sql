-- How many mailboxes may be under way at an endpoint beside its limits (`allowed`, 0: no other bound), its incremental limit
-- while a batch completes (`raised`, 0: as configured), and what each worker last saw of it. `adaptive` is 1 where the
-- first is judged by what was seen.

CREATE TABLE allowance (
    workspace   BYTEA NOT NULL,
    endpoint    BYTEA NOT NULL,
    allowed     BIGINT NOT NULL,
    raised      BIGINT NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, endpoint)
);

CREATE TABLE pulse (
    workspace   BYTEA NOT NULL,
    endpoint    BYTEA NOT NULL,
    worker      BYTEA NOT NULL,
    at          BIGINT NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, endpoint, worker)
);

ALTER TABLE config ADD COLUMN adaptive BIGINT NOT NULL DEFAULT 1;
