"""The tables of the gallery cache; a number is never changed once shipped."""

MIGRATIONS = (
    """
    CREATE TABLE state (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
    INSERT INTO state (name, value) VALUES
        ('key_id', ''), ('since', '0'), ('run', '0'), ('resetting', '0'), ('version', '0');
    CREATE TABLE template (
        id TEXT PRIMARY KEY,
        person_id TEXT NOT NULL,
        model_id TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        sealed TEXT NOT NULL,
        run INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE erasure (
        id TEXT PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT;
    """,
)
