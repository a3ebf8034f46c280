-- Verifications that were ordered. `state` is 0 ordered, 1 running, 2 done, 3 interrupted; what came of one lies apart
-- from the rest, because it may be long and lists leave it out.

CREATE TABLE verification (
    workspace   BLOB   NOT NULL,
    id          BLOB   NOT NULL,
    state       BIGINT NOT NULL,
    owner       BLOB,
    lease_until BIGINT NOT NULL,
    looked_at   BIGINT NOT NULL,
    asked       BIGINT NOT NULL,
    doc         TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX verification_state ON verification (workspace, state, id);
