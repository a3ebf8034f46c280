-- Tokens for programs. `used` is null until a token is used.

CREATE TABLE token (
    workspace BLOB   NOT NULL,
    id        BLOB   NOT NULL,
    account   BLOB   NOT NULL,
    name_key  TEXT   NOT NULL,
    hash      BLOB   NOT NULL,
    used      BIGINT,
    doc       TEXT   NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, hash),
    UNIQUE (workspace, account, name_key),
    FOREIGN KEY (workspace, account) REFERENCES account (workspace, id)
);
