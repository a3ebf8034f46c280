-- Who may sign in, and the code with which the first of them is made.

CREATE TABLE account (
    workspace BLOB   NOT NULL,
    id        BLOB   NOT NULL,
    version   BIGINT NOT NULL,
    name_key  TEXT   NOT NULL,
    doc       TEXT   NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key)
);

CREATE TABLE setup (
    workspace BLOB NOT NULL,
    hash      BLOB NOT NULL,
    PRIMARY KEY (workspace)
);
