-- What holds for the whole tenant.

CREATE TABLE config (
    workspace      BLOB NOT NULL PRIMARY KEY,
    tenant_ceiling BIGINT NOT NULL
);
