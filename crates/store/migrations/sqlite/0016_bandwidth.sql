-- How much may be moved when; empty: no limit, and UTC.

ALTER TABLE config ADD COLUMN bandwidth TEXT NOT NULL DEFAULT '';
ALTER TABLE config ADD COLUMN bandwidth_zone TEXT NOT NULL DEFAULT '';
