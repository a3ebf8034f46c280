-- What several workers share: turns between batches, duties that one of them does, reports, and the fingerprint of the
-- master key that all of them need. The status of a user stands beside its document, so that it is counted and chosen
-- without reading documents.

ALTER TABLE member ADD COLUMN status TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE member SET status = COALESCE(CAST(doc AS JSON) ->> 'status', '');
CREATE INDEX member_status ON member (workspace, batch, status, id);

-- 0 low, 1 normal, 2 high.
ALTER TABLE batch ADD COLUMN priority BIGINT NOT NULL DEFAULT 1;

-- When a batch was last given a permit. Written by claims alone, which are made one at a time.
CREATE TABLE turn (
    workspace BYTEA  NOT NULL,
    batch     BYTEA  NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (workspace, batch)
);

DROP INDEX job_waiting;
DROP INDEX job_claimed;
CREATE INDEX job_due ON job (workspace, batch, pool, run_at, id) WHERE owner IS NULL;
CREATE INDEX job_held ON job (workspace, source, target, pool, batch) WHERE owner IS NOT NULL;
CREATE INDEX job_lease ON job (workspace, lease_until) WHERE owner IS NOT NULL;
CREATE INDEX job_owner ON job (workspace, owner) WHERE owner IS NOT NULL;

CREATE TABLE duty (
    workspace   BYTEA  NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    owner       BYTEA  NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- `body` is a packed document.
CREATE TABLE report (
    workspace BYTEA NOT NULL,
    mailbox   BYTEA NOT NULL,
    user_key  TEXT COLLATE "C" NOT NULL,
    body      BYTEA NOT NULL,
    PRIMARY KEY (workspace, mailbox)
);
ALTER TABLE report ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE key_check (
    workspace   BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    PRIMARY KEY (workspace)
);
