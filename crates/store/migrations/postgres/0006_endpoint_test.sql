-- Tests of endpoints that were ordered. `state` is 0 ordered, 1 running, 2 done, 3 interrupted.

CREATE TABLE endpoint_test (
    workspace   BYTEA  NOT NULL,
    id          BYTEA  NOT NULL,
    state       BIGINT NOT NULL,
    owner       BYTEA,
    lease_until BIGINT NOT NULL,
    asked       BIGINT NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX endpoint_test_state ON endpoint_test (workspace, state, id);
