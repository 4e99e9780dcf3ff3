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
    """
    ALTER TABLE event ADD COLUMN at_ms INTEGER;
    ALTER TABLE event ADD COLUMN delivered_ms INTEGER;
    ALTER TABLE event DROP COLUMN renumbered;
    UPDATE event SET at_ms = CAST(round(
        (julianday(json_extract(body, '$.occurred_at')) - 2440587.5) * 86400000) AS INTEGER)
        WHERE json_extract(body, '$.clock.source') IN ('ntp', 'server');
    INSERT OR IGNORE INTO event (seq, id, body) SELECT seq, id, body FROM refused
        WHERE reason IN ('fork', 'unknown_kiosk', 'revoked_kiosk');
    DELETE FROM refused WHERE id IN (SELECT id FROM event);
    CREATE INDEX event_waiting ON event (seq) WHERE delivered_ms IS NULL;
    CREATE INDEX event_kept ON event (seq) WHERE delivered_ms IS NOT NULL;
    ALTER TABLE chain ADD COLUMN is_event INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE chain ADD COLUMN heard_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chain ADD COLUMN begun_seq INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE gone (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL CHECK (last >= first),
        from_ms INTEGER,
        through_ms INTEGER,
        reason TEXT NOT NULL,
        is_open INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE stated (
        seq INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL CHECK (last >= first)
    ) STRICT;
    CREATE TABLE examined (name TEXT PRIMARY KEY) STRICT;
    INSERT INTO gone (first, last, reason, is_open)
        SELECT 1, coalesce((SELECT min(seq) FROM event), seq + 1) - 1, 'expired', 0
        FROM chain WHERE coalesce((SELECT min(seq) FROM event), seq + 1) > 1;
    """,
    """
    ALTER TABLE day_mark ADD COLUMN direction TEXT;
    """,
    """
    ALTER TABLE chain ADD COLUMN claim INTEGER;
    """,
)
"""Tables and columns of the third step:

- `event.delivered_ms`: when the server said that it has the event (Unix ms, by a trusted clock
  here, else by the server's); NULL while the event waits. `event.at_ms`: the time it counts at;
  NULL where its clock was not trusted.
- `chain.is_event`: whether `hash` is that of the event `seq`, not of an earlier one.
  `chain.heard_ms`: the newest ack's server time. `chain.begun_seq`: this file says something about
  every number above it.
- `gone`: numbers whose events are not here any more; reason `moved`: they have other numbers, and
  `damaged`: they are lost only where an event states it. `is_open`: no ack was heard about them.
- `stated`: spans that the event `seq` stated as gone.
- `examined`: renamed damaged files whose events were taken over.

The fifth step: `chain.claim` is the claim that the file was last opened with; NULL: not known.
"""
