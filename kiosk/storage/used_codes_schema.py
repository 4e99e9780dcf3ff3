"""The table of codes that counted once; a number is never changed once shipped."""

MIGRATIONS = (
    """
    CREATE TABLE used (
        code_id TEXT PRIMARY KEY,
        until_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX used_by_age ON used (until_ms);
    """,
)
