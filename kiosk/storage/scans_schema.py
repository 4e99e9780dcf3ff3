"""The tables of the templates that wait for the server; a number is never changed once shipped."""

MIGRATIONS = (
    """
    CREATE TABLE state (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
    INSERT INTO state (name, value) VALUES ('owner', '');
    CREATE TABLE scan (
        id TEXT PRIMARY KEY,
        event_id TEXT NOT NULL,
        person_id TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX scan_by_age ON scan (at_ms, id);
    CREATE TABLE made (
        person_id TEXT NOT NULL,
        day TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (person_id, day)
    ) STRICT;
    """,
)
