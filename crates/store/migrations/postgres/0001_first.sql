-- The first schema. Same tables and columns as ../sqlite/0001_first.sql (a test compares them).
-- Times are microseconds since 1970, ids 16 bytes; `doc` is JSON, `body` a packed or sealed blob.

CREATE TABLE endpoint (
    workspace       BYTEA    NOT NULL,
    id              BYTEA    NOT NULL,
    version         BIGINT  NOT NULL,
    name_key        TEXT COLLATE "C" NOT NULL,
    max_initial     BIGINT  NOT NULL,
    max_incremental BIGINT  NOT NULL,
    doc             TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key)
);

CREATE TABLE batch (
    workspace BYTEA   NOT NULL,
    id        BYTEA   NOT NULL,
    version   BIGINT NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    source    BYTEA   NOT NULL,
    target    BYTEA   NOT NULL,
    doc       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key),
    FOREIGN KEY (workspace, source) REFERENCES endpoint (workspace, id),
    FOREIGN KEY (workspace, target) REFERENCES endpoint (workspace, id)
);
CREATE INDEX batch_source ON batch (workspace, source);
CREATE INDEX batch_target ON batch (workspace, target);

-- One mailbox of a batch (`user` is a reserved word).
CREATE TABLE member (
    workspace   BYTEA   NOT NULL,
    id          BYTEA   NOT NULL,
    version     BIGINT NOT NULL,
    batch       BYTEA   NOT NULL,
    address_key TEXT COLLATE "C" NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    FOREIGN KEY (workspace, batch) REFERENCES batch (workspace, id)
);
CREATE INDEX member_batch ON member (workspace, batch, address_key);
CREATE INDEX member_address ON member (workspace, address_key);

-- The head of a ledger and the lease on it. `holder` is null when nobody holds it.
CREATE TABLE mailbox (
    workspace    BYTEA   NOT NULL,
    id           BYTEA   NOT NULL,
    identity_key BYTEA   NOT NULL,
    identity     BYTEA   NOT NULL,
    epoch        BIGINT NOT NULL,
    holder       BYTEA,
    lease_until  BIGINT NOT NULL,
    writes       BIGINT NOT NULL,
    passes       BIGINT,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, identity_key)
);

CREATE TABLE ledger_folder (
    workspace BYTEA   NOT NULL,
    mailbox   BYTEA   NOT NULL,
    no        BIGINT NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (workspace, mailbox, no)
);

CREATE TABLE ledger_window (
    workspace  BYTEA NOT NULL,
    mailbox    BYTEA NOT NULL,
    folder_key BYTEA NOT NULL,
    folder     BYTEA NOT NULL,
    mark       BYTEA NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder_key)
);

CREATE TABLE ledger_journal (
    workspace BYTEA   NOT NULL,
    mailbox   BYTEA   NOT NULL,
    folder    BIGINT NOT NULL,
    seq       BIGINT NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder, seq)
);

-- A folder's packed entries in parts that do not overlap; `low` is the lowest item id of a part.
CREATE TABLE ledger_segment (
    workspace BYTEA   NOT NULL,
    mailbox   BYTEA   NOT NULL,
    folder    BIGINT NOT NULL,
    part      BIGINT NOT NULL,
    low       BYTEA   NOT NULL,
    items     BIGINT NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (workspace, mailbox, folder, part)
);

-- `owner` is null while a job waits. A claimed job holds its slots until it is ended or claimed anew.
CREATE TABLE job (
    workspace   BYTEA   NOT NULL,
    id          BYTEA   NOT NULL,
    member      BYTEA   NOT NULL,
    batch       BYTEA   NOT NULL,
    source      BYTEA   NOT NULL,
    target      BYTEA   NOT NULL,
    pool        BIGINT NOT NULL,
    kind        BIGINT NOT NULL,
    run_at      BIGINT NOT NULL,
    epoch       BIGINT NOT NULL,
    owner       BYTEA,
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
    workspace BYTEA   NOT NULL,
    owner     BYTEA   NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (workspace, owner, name)
);

CREATE TABLE audit (
    workspace BYTEA   NOT NULL,
    no        BIGINT NOT NULL,
    body      BYTEA   NOT NULL,
    hash      BYTEA   NOT NULL,
    PRIMARY KEY (workspace, no)
);

-- Hashes do not compress: store packed bodies as they are.
ALTER TABLE ledger_journal ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE ledger_segment ALTER COLUMN body SET STORAGE EXTERNAL;
