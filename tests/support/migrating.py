"""Move a database to one revision of its schema, up or down."""

from alembic import command
from alembic.script import ScriptDirectory

from server.db.engine import Database
from server.migrations import runner


def migrate(database: Database, revision: str) -> None:
    """Upgrade or downgrade to a revision, whichever way it lies."""
    with runner._exclusive_connection(database) as connection:
        config = runner._config(connection)
        known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
        current = runner.current_revision(connection)
        is_down = revision != "head" and known.index(revision) > known.index(current or known[-1])
        (command.downgrade if is_down else command.upgrade)(config, revision)
