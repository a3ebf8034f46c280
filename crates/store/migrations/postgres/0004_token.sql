-- Tokens for programs. `used` is null until a token is used.

CREATE TABLE token (
    workspace BYTEA   NOT NULL,
    id        BYTEA   NOT NULL,
    account   BYTEA   NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    hash      BYTEA   NOT NULL,
    used      BIGINT,
    doc       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, hash),
    UNIQUE (workspace, account, name_key),
    FOREIGN KEY (workspace, account) REFERENCES account (workspace, id)
);
