-- Approvals of items that stay behind. `item` is a digest of folder, id, Message-ID and code: together they may be longer
-- than a key can be.

CREATE TABLE approval (
    workspace BLOB   NOT NULL,
    mailbox   BLOB   NOT NULL,
    item      BLOB   NOT NULL,
    doc       TEXT NOT NULL,
    PRIMARY KEY (workspace, mailbox, item)
);
