-- The name of the mailbox at the target, in small letters: by it is found who else moves there. Rows of before have none
-- until they are written again, and are looked at each.

ALTER TABLE member ADD COLUMN target_key TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX member_target ON member (workspace, target_key);
