-- What people have ticked of the readiness checklist: of a batch, or of the whole project (`batch` is empty then).

CREATE TABLE readiness_tick (
    workspace   BYTEA NOT NULL,
    batch       BYTEA NOT NULL,
    point       TEXT COLLATE "C" NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, batch, point)
);
