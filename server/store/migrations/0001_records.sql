-- Every resource is one record; what its payload means is no concern of the store.
CREATE TABLE records (
    kind        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    revision    INTEGER NOT NULL, -- of the commit that wrote it last
    payload     BLOB    NOT NULL, -- encoded protobuf message, without secrets
    secret      BLOB,             -- sealed or hashed
    key_version INTEGER,          -- version of the master key, where the secret is sealed
    PRIMARY KEY (kind, id),
    CHECK (key_version IS NULL OR secret IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Numbers about the store itself.
CREATE TABLE meta (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts the commits.
INSERT INTO meta (name, value) VALUES ('revision', 0);
