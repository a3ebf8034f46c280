-- What holds for the whole tenant.

CREATE TABLE config (
    workspace      BYTEA NOT NULL PRIMARY KEY,
    tenant_ceiling BIGINT NOT NULL
);
