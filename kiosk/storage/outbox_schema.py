"""The tables of the outbox and how they came to be; a number is never changed once shipped."""

MIGRATIONS = (
    """
    CREATE TABLE chain (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        kiosk_id TEXT NOT NULL,
        seq INTEGER NOT NULL CHECK (seq >= 0),
        hash TEXT NOT NULL
    ) STRICT;
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        renumbered INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE refused (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        reason TEXT NOT NULL,
        refused_at TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE day_mark (
        event_id TEXT PRIMARY KEY,
        person_id TEXT NOT NULL,
        lesson_id TEXT NOT NULL,
        status TEXT NOT NULL,
        at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE day_denial (
        person_id TEXT NOT NULL,
        lesson_id TEXT NOT NULL,
        distance REAL NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (person_id, lesson_id)
    ) STRICT;
    """,
)
