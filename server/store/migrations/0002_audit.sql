-- The audit log: one row an event, in the order in which they happened. The columns between sequence and payload are
-- copies of what stands in the payload, by which events are found; they are checked with it.
CREATE TABLE audit (
    sequence   INTEGER NOT NULL PRIMARY KEY, -- from 1, without gaps
    time       INTEGER NOT NULL,             -- milliseconds since 1970
    outcome    INTEGER NOT NULL,
    action     TEXT    NOT NULL,
    actor_id   TEXT    NOT NULL,
    actor_name TEXT    NOT NULL,
    resource   TEXT    NOT NULL,             -- KIND:ID
    payload    BLOB    NOT NULL,             -- encoded AuditEvent without its hash
    hash       BLOB    NOT NULL              -- over the hash before, the sequence and the payload
) STRICT;

-- Where the log begins and ends: 'first' is the last event that retention removed, 'last' the newest event.
CREATE TABLE audit_ends (
    name     TEXT    NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    revision INTEGER NOT NULL, -- of the configuration at that event
    hash     BLOB    NOT NULL, -- of that event
    proof    BLOB    NOT NULL  -- that the gateway has written this row
) STRICT, WITHOUT ROWID;
