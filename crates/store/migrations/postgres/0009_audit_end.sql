-- The newest entry of the audit trail once more: an end that was cut off does not agree with it.

CREATE TABLE audit_end (
    workspace BYTEA  NOT NULL,
    no        BIGINT NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (workspace)
);
INSERT INTO audit_end (workspace, no, hash)
    SELECT workspace, no, hash FROM audit AS a
    WHERE no = (SELECT MAX(no) FROM audit AS b WHERE b.workspace = a.workspace);
