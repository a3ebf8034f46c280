-- Domains whose mail flow is looked at, and what the DNS said of them.

CREATE TABLE domain (
    workspace   BYTEA NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, name)
);
