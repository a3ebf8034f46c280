-- Who carries a request out, and until when nobody else may; and the headers of its answer (JSON: name and value).

ALTER TABLE answer ADD COLUMN owner BLOB;
ALTER TABLE answer ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE answer ADD COLUMN headers TEXT NOT NULL DEFAULT '[]';
