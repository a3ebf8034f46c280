-- Sign-ins. `seen` and `until` stand apart from `doc`, because they are written and compared alone.

CREATE TABLE session (
    workspace BLOB   NOT NULL,
    id        BLOB   NOT NULL,
    account   BLOB   NOT NULL,
    hash      BLOB   NOT NULL,
    seen      BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    doc       TEXT   NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, hash),
    FOREIGN KEY (workspace, account) REFERENCES account (workspace, id)
);
CREATE INDEX session_account ON session (workspace, account);
