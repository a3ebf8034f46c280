-- Approvals of items that stay behind. `item` is a digest of folder, id, Message-ID and code: together they may be longer
-- than a key can be.

CREATE TABLE approval (
    workspace BYTEA  NOT NULL,
    mailbox   BYTEA  NOT NULL,
    item      BYTEA  NOT NULL,
    doc       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, mailbox, item)
);
