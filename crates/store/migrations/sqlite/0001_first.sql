-- The first schema. Same tables and columns as ../postgres/0001_first.sql (a test compares them).
-- Times are microseconds since 1970, ids 16 bytes; `doc` is JSON, `body` a packed or sealed blob.

CREATE TABLE endpoint (
    workspace       BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    version         BIGINT  NOT NULL,
    name_key        TEXT    NOT NULL,
    max_initial     BIGINT  NOT NULL,
    max_incremental BIGINT  NOT NULL,
    doc             TEXT    NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key)
);

CREATE TABLE batch (
    workspace BLOB   NOT NULL,
    id        BLOB   NOT NULL,
    version   BIGINT NOT NULL,
    name_key  TEXT   NOT NULL,
    source    BLOB   NOT NULL,
    target    BLOB   NOT NULL,
    doc       TEXT   NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key),
    FOREIGN KEY (workspace, source) REFERENCES endpoint (workspace, id),
    FOREIGN KEY (workspace, target) REFERENCES endpoint (workspace, id)
);
CREATE INDEX batch_source ON batch (workspace, source);
CREATE INDEX batch_target ON batch (workspace, target);

-- One mailbox of a batch (`user` is a reserved word).
CREATE TABLE member (
    workspace   BLOB   NOT NULL,
    id          BLOB   NOT NULL,
    version     BIGINT NOT NULL,
    batch       BLOB   NOT NULL,
    address_key TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    PRIMARY KEY (workspace, id),
    FOREIGN KEY (workspace, batch) REFERENCES batch (workspace, id)
);
CREATE INDEX member_batch ON member (workspace, batch, address_key);
CREATE INDEX member_address ON member (workspace, address_key);

-- The head of a ledger and the lease on it. `holder` is null when nobody holds it.
CREATE TABLE mailbox (
    workspace    BLOB   NOT NULL,
    id           BLOB   NOT NULL,
    identity_key BLOB   NOT NULL,
    identity     BLOB   NOT NULL,
    epoch        BIGINT NOT NULL,
    holder       BLOB,
    lease_until  BIGINT NOT NULL,
    writes       BIGINT NOT NULL,
    passes       BIGINT,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, identity_key)
) WITHOUT ROWID;

CREATE TABLE ledger_folder (
    workspace BLOB   NOT NULL,
    mailbox   BLOB   NOT NULL,
    no        BIGINT NOT NULL,
    body      BLOB   NOT NULL,
    PRIMARY KEY (workspace, mailbox, no)
) WITHOUT ROWID;

CREATE TABLE ledger_window (
    workspace  BLOB NOT NULL,
    mailbox    BLOB NOT NULL,
    folder_key BLOB NOT NULL,
    folder     BLOB NOT NULL,
    mark       BLOB NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder_key)
) WITHOUT ROWID;

CREATE TABLE ledger_journal (
    workspace BLOB   NOT NULL,
    mailbox   BLOB   NOT NULL,
    folder    BIGINT NOT NULL,
    seq       BIGINT NOT NULL,
    body      BLOB   NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder, seq)
);

-- A folder's packed entries in parts that do not overlap; `low` is the lowest item id of a part.
CREATE TABLE ledger_segment (
    workspace BLOB   NOT NULL,
    mailbox   BLOB   NOT NULL,
    folder    BIGINT NOT NULL,
    part      BIGINT NOT NULL,
    low       BLOB   NOT NULL,
    items     BIGINT NOT NULL,
    body      BLOB   NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder, part)
);

-- `owner` is null while a job waits. A claimed job holds its slots until it is ended or claimed anew.
CREATE TABLE job (
    workspace   BLOB   NOT NULL,
    id          BLOB   NOT NULL,
    member      BLOB   NOT NULL,
    batch       BLOB   NOT NULL,
    source      BLOB   NOT NULL,
    target      BLOB   NOT NULL,
    pool        BIGINT NOT NULL,
    kind        BIGINT NOT NULL,
    run_at      BIGINT NOT NULL,
    epoch       BIGINT NOT NULL,
    owner       BLOB,
    lease_until BIGINT NOT NULL,
    stopping    BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, member)
);
CREATE INDEX job_batch ON job (workspace, batch);
CREATE INDEX job_waiting ON job (workspace, source, target, pool, run_at, id) WHERE owner IS NULL;
CREATE INDEX job_claimed ON job (workspace, source, target, pool, lease_until) WHERE owner IS NOT NULL;

CREATE TABLE secret (
    workspace BLOB   NOT NULL,
    owner     BLOB   NOT NULL,
    name      TEXT   NOT NULL,
    version   BIGINT NOT NULL,
    body      BLOB   NOT NULL,
    PRIMARY KEY (workspace, owner, name)
);

CREATE TABLE audit (
    workspace BLOB   NOT NULL,
    no        BIGINT NOT NULL,
    body      BLOB   NOT NULL,
    hash      BLOB   NOT NULL,
    PRIMARY KEY (workspace, no)
);
