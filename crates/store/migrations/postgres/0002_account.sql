-- Who may sign in, and the code with which the first of them is made.

CREATE TABLE account (
    workspace BYTEA   NOT NULL,
    id        BYTEA   NOT NULL,
    version   BIGINT NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    doc       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key)
);

CREATE TABLE setup (
    workspace BYTEA NOT NULL,
    hash      BYTEA NOT NULL,
    PRIMARY KEY (workspace)
);
