-- Domains whose mail flow is looked at, and what the DNS said of them.

CREATE TABLE domain (
    workspace   BLOB NOT NULL,
    name        TEXT NOT NULL,
    version     BIGINT NOT NULL,
    doc         TEXT NOT NULL,
    PRIMARY KEY (workspace, name)
);
