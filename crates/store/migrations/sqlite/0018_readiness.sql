-- What people have ticked of the readiness checklist: of a batch, or of the whole project (`batch` is empty then).

CREATE TABLE readiness_tick (
    workspace   BLOB NOT NULL,
    batch       BLOB NOT NULL,
    point       TEXT NOT NULL,
    doc         TEXT NOT NULL,
    PRIMARY KEY (workspace, batch, point)
);
