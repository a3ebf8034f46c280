-- Sign-ins. `seen` and `until` stand apart from `doc`, because they are written and compared alone.

CREATE TABLE session (
    workspace BYTEA   NOT NULL,
    id        BYTEA   NOT NULL,
    account   BYTEA   NOT NULL,
    hash      BYTEA   NOT NULL,
    seen      BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    doc       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, hash),
    FOREIGN KEY (workspace, account) REFERENCES account (workspace, id)
);
CREATE INDEX session_account ON session (workspace, account);
