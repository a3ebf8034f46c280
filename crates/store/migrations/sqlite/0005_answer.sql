-- Answers to requests that must not be carried out twice. `status` is 0 while a request is carried out.

CREATE TABLE answer (
    workspace   BLOB   NOT NULL,
    request_key BLOB   NOT NULL,
    request     BLOB   NOT NULL,
    began       BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    body        BLOB   NOT NULL,
    PRIMARY KEY (workspace, request_key)
);
CREATE INDEX answer_began ON answer (workspace, began);
