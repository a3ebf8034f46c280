-- Channels for notices, what is on its way to them, and up to which audit entry notices were made. `due` is when a
-- delivery is tried next; of one that ended it is when that was. `state` is 0 waiting, 1 ended.

CREATE TABLE channel (
    workspace   BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    version     BIGINT NOT NULL,
    name_key    TEXT COLLATE "C" NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name_key)
);

CREATE TABLE delivery (
    workspace   BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    channel     BYTEA NOT NULL,
    state       BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id),
    FOREIGN KEY (workspace, channel) REFERENCES channel (workspace, id) ON DELETE CASCADE
);
CREATE INDEX delivery_due ON delivery (workspace, state, due, id);
CREATE INDEX delivery_channel ON delivery (workspace, channel, id);

CREATE TABLE noticed (
    workspace   BYTEA NOT NULL,
    no          BIGINT NOT NULL,
    PRIMARY KEY (workspace)
);
